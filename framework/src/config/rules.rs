//! Rules for strings: what a name, a path, a pattern or an address must look like.

use std::net::SocketAddr;
use std::path::{Component, Path};

use super::names::{is_label_name, is_probe_name};

/// What a string must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Anything, the empty string too.
    Any,
    /// An absolute path without `..`.
    Path,
    /// As [`Rule::Path`], or empty for none.
    OptionalPath,
    /// An IP address with a port; empty is checked where it is known whether it may be.
    Listen,
    /// A URL over HTTP or HTTPS; empty is checked where it is known whether it may be.
    HttpUrl,
    /// The name of an HTTP header, in lower case.
    HeaderName,
    /// The value of an HTTP header.
    HeaderValue,
    /// A host name, or empty for the machine's own.
    Hostname,
    /// A user's name.
    User,
    /// The name of a custom label.
    Label,
    /// A pattern of metric names.
    MetricPattern,
    /// The name of a Linux capability.
    Capability,
    /// The name of a probe's item.
    Item,
    /// A regular expression that is not empty.
    Regex,
    /// The id of a container, or its beginning.
    ContainerId,
    /// The name of a container.
    ContainerName,
    /// The uid of a pod.
    PodId,
    /// The key of a pod's label.
    PodLabel,
    /// A host name or address, and a port.
    HostPort,
    /// The name of a Kafka topic.
    KafkaTopic,
}

impl Rule {
    /// What such a string is, for "expected ...".
    pub fn expects(self) -> &'static str {
        match self {
            Rule::Any => "a string",
            Rule::Path => "an absolute path without \"..\"",
            Rule::OptionalPath => "an absolute path without \"..\", or \"\" for none",
            Rule::Listen => "an IP address and a port such as \"127.0.0.1:8888\" or \"[::1]:8888\"",
            Rule::HttpUrl => "a URL such as \"https://host:9090/path\", without user and password",
            Rule::HeaderName => "a header's name in lower case ([a-z0-9-]+)",
            Rule::HeaderValue => "a header's value (printable ASCII)",
            Rule::Hostname => {
                "a host name of letters, digits, '.', '_' and '-', or \"\" for the machine's own"
            }
            Rule::User => "a user name",
            Rule::Label => "a label name ([a-zA-Z_][a-zA-Z0-9_]*, not le, quantile, machine_id or __*)",
            Rule::MetricPattern => "a metric name in which * stands for any characters",
            Rule::Capability => "a capability such as \"CAP_BPF\"",
            Rule::Item => "an item's name ([a-z][a-z0-9_-]*, at most 32 characters)",
            Rule::Regex => "a regular expression that is not empty",
            Rule::ContainerId => "12 to 64 lower-case hexadecimal digits",
            Rule::ContainerName => "a container's name (letters, digits, '_', '.' and '-', at most 255)",
            Rule::PodId => {
                "a pod's uid, such as \"0f3c5b2e-1111-4222-8333-444455556666\", with or without dashes"
            }
            Rule::HostPort => "a host and a port such as \"kafka1:9092\" or \"[::1]:9092\"",
            Rule::KafkaTopic => "a topic's name (letters, digits, '.', '_' and '-', at most 249)",
            Rule::PodLabel => "the key of a pod label, such as \"app.kubernetes.io/name\"",
        }
    }

    /// Whether the string follows the rule; on refusal a detail where there is one worth telling.
    pub(super) fn check(self, text: &str) -> Result<(), Option<String>> {
        let fits = match self {
            Rule::Any => true,
            Rule::Path => is_clean_path(text),
            Rule::OptionalPath => text.is_empty() || is_clean_path(text),
            Rule::Listen => text.is_empty() || text.parse::<SocketAddr>().is_ok(),
            Rule::HttpUrl => text.is_empty() || is_http_url(text),
            Rule::HeaderName => {
                !text.is_empty()
                    && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            }
            Rule::HeaderValue => text.bytes().all(|b| (b' '..=b'~').contains(&b)),
            Rule::Hostname => {
                text.len() <= 253 && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
            }
            Rule::User => {
                (1..=32).contains(&text.len())
                    && !text.starts_with('-')
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            }
            Rule::Label => is_label_name(text) && !is_reserved_label(text),
            Rule::MetricPattern => {
                !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_:*".contains(c))
            }
            Rule::Capability => text.strip_prefix("CAP_").is_some_and(|rest| {
                !rest.is_empty()
                    && rest.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            }),
            Rule::Item => is_probe_name(text),
            Rule::Regex => return check_regex(text),
            Rule::ContainerId => (12..=64).contains(&text.len()) && text.bytes().all(is_hex),
            Rule::ContainerName => is_of(text, 255, "_.-"),
            Rule::PodId => is_pod_id(text),
            Rule::HostPort => is_host_port(text),
            Rule::KafkaTopic => {
                (1..=249).contains(&text.len())
                    && !matches!(text, "." | "..")
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            }
            Rule::PodLabel => is_of(text, 317, "_.-/"),
        };
        if fits { Ok(()) } else { Err(None) }
    }
}

/// Letters, digits and these others, the first a letter or digit.
fn is_of(text: &str, most: usize, others: &str) -> bool {
    text.len() <= most
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn is_pod_id(text: &str) -> bool {
    let dashed = text.len() == 36 && [8, 13, 18, 23].iter().all(|at| text.as_bytes()[*at] == b'-');
    let digits: Vec<_> = text.bytes().filter(|byte| *byte != b'-').collect();
    digits.len() == 32 && digits.iter().all(|byte| is_hex(*byte)) && (dashed || text.len() == 32)
}

fn is_http_url(text: &str) -> bool {
    text.parse::<hyper::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    })
}

fn is_host_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let name = || !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    port.parse::<u16>().is_ok_and(|port| port > 0) && (name() || text.parse::<SocketAddr>().is_ok())
}

fn is_clean_path(text: &str) -> bool {
    let path = Path::new(text);
    path.is_absolute() && !text.contains('\0') && !path.components().any(|c| c == Component::ParentDir)
}

fn is_reserved_label(text: &str) -> bool {
    matches!(text, "le" | "machine_id" | "quantile") || text.starts_with("__")
}

/// Most bytes that one compiled pattern takes, and its cache when it searches: names are short, and so are patterns for
/// them. Without a bound a few bytes of pattern take megabytes and seconds.
const PATTERN: usize = 64 << 10;

/// A pattern of the configuration, compiled.
///
/// # Errors
/// What is wrong with it, or that it takes too much when it is compiled.
pub fn pattern(text: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(text).size_limit(PATTERN).dfa_size_limit(PATTERN).nest_limit(50).build()
}

fn check_regex(text: &str) -> Result<(), Option<String>> {
    if text.is_empty() {
        return Err(None);
    }
    pattern(text).map(|_| ()).map_err(|error| {
        if matches!(error, regex::Error::CompiledTooBig(_)) {
            return Some(format!("takes more than {PATTERN} bytes when compiled"));
        }
        // The library draws the pattern with a marker over several lines; its last line is the reason.
        let reason = error.to_string();
        reason.lines().last().map(|line| line.trim_start_matches("error: ").to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_for_names_fit_and_those_that_take_megabytes_do_not() {
        for good in ["^nginx$", r"\w+", r"(?i)^(java|postgres).*\d{1,5}$", r"^[^ ]+ worker \d+$", "日本"] {
            assert!(pattern(good).is_ok(), "{good}");
        }
        for bad in [r"(?i)\w{90}N", "(a{1000}){1000}"] {
            assert_eq!(check_regex(bad), Err(Some("takes more than 65536 bytes when compiled".to_owned())));
        }
    }
}
