//! `[export.prometheus]`: the endpoint that Prometheus scrapes.

use std::net::{Ipv4Addr, SocketAddr};

use crate::config::control::{Control, shared};
use crate::config::keys::{Key, PATTERNS, Section, key};
use crate::config::kind::{Field, Kind, Value};
use crate::config::model::Config;
use crate::config::rules::Rule;
use crate::config::setting::{Setting, assign, choice_setting};
use crate::config::tls::{self, Tls};

/// The settings of the scrape endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Prometheus {
    /// Whether the endpoint is served.
    pub enabled: bool,
    /// Address and port; `None` (an empty string) only where the exporter is off.
    pub listen: Option<SocketAddr>,
    /// Form of the metrics.
    pub exposition: Exposition,
    /// Patterns of the metric names that are exported; empty = all.
    pub keep: Vec<String>,
    /// Patterns of the metric names that are left out, after `keep`.
    pub drop: Vec<String>,
    /// Consent to serve without TLS on an address that is not loopback.
    pub plaintext: bool,
    /// With a certificate the endpoint speaks TLS.
    pub tls: Tls,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 8888))),
            exposition: Exposition::Modern,
            keep: Vec::new(),
            drop: Vec::new(),
            plaintext: false,
            tls: Tls::default(),
        }
    }
}

/// Form of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// Today's conventions: `_total`, cumulative values, no time stamps.
    Modern,
    /// The original's exact form.
    Upstream,
}

choice_setting!(Exposition, EXPOSITIONS: Modern = "modern", Upstream = "upstream");

/// The section.
pub const SECTION: Section = Section {
    name: "export.prometheus",
    doc: "The endpoint that Prometheus scrapes: GET /metrics.",
    keys: KEYS,
    check,
};

const KEYS: &[Key<Config>] = &[
    key!("enabled", prometheus.enabled, Kind::Bool, "Whether the endpoint is served."),
    key!("listen", prometheus.listen, Kind::Text(Rule::Listen), "IP address and port."),
    key!(
        "exposition",
        prometheus.exposition,
        Kind::Choice(EXPOSITIONS),
        "\"modern\", or \"upstream\" for the original's exact names and values. A change waits for a restart.",
        restart: true
    ),
    key!("keep", prometheus.keep, PATTERNS, "Metric names to export, * for any characters; empty = all."),
    key!("drop", prometheus.drop, PATTERNS, "Metric names to leave out of what keep selects."),
    key!(
        "plaintext",
        prometheus.plaintext,
        Kind::Bool,
        "Consent to serve without TLS on an address that is not loopback."
    ),
    key!(
        "tls_cert_file",
        prometheus.tls.cert_file,
        tls::FILE,
        "Certificate and chain in PEM; with it the endpoint speaks TLS. Read again when the file changes."
    ),
    key!("tls_key_file", prometheus.tls.key_file, tls::FILE, "The certificate's private key in PEM."),
    key!(
        "tls_client_ca_file",
        prometheus.tls.client_ca_file,
        tls::FILE,
        "Authorities in PEM; with it a client without a certificate of theirs is refused."
    ),
];

/// An address is needed, and one that others reach needs consent.
fn check(config: &Config) -> Vec<(&'static str, String)> {
    let prometheus = &config.prometheus;
    if !prometheus.enabled {
        return Vec::new();
    }
    let tls = prometheus.tls.check();
    let message = match prometheus.listen {
        None => "found \"\" while the exporter is on; expected an address, or enabled = false".to_owned(),
        Some(listen) if tls::is_open(listen) && !prometheus.tls.is_on() && !prometheus.plaintext => format!(
            "{listen} is not a loopback address and would be served without TLS; set tls_cert_file and tls_key_file, \
             or plaintext = true to allow that, or listen on 127.0.0.1"
        ),
        // Whichever of the two was chosen is the one to be changed.
        Some(listen) if shared(config).is_some() && config.control.listen == Control::default().listen => {
            format!("requests are answered at {listen} (control.listen); choose another port")
        }
        Some(_) => return tls.into_iter().collect(),
    };
    tls.into_iter().chain([("listen", message)]).collect()
}
