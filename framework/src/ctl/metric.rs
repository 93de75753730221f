//! `metric`: the series that a scrape would get now.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::failure::Failure;
use super::out::{Out, Style, columns};
use crate::control::client::Client;

/// Time between two looks of `--watch`.
const PERIOD: Duration = Duration::from_secs(2);

/// One sample of a scrape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// The metric.
    pub(super) name: String,
    /// Its labels as text, and the same with their names.
    labels: String,
    /// The value as it was written.
    pub(super) value: String,
}

/// Shows the series whose names have the filter, once or again and again.
pub(super) fn run(client: &Client, filter: Option<&str>, watch: bool, out: &Out) -> Result<(), Failure> {
    loop {
        let text = client.text("/metrics")?;
        let found: Vec<_> =
            samples(&text).filter(|sample| filter.is_none_or(|filter| fits(&sample.name, filter))).collect();
        if watch {
            out.clear()?;
        }
        show(&found, filter, out)?;
        if !watch {
            return Ok(());
        }
        std::thread::sleep(PERIOD);
    }
}

fn show(found: &[Sample], filter: Option<&str>, out: &Out) -> Result<(), Failure> {
    if out.json {
        let all: Vec<_> = found
            .iter()
            .map(|sample| json!({ "name": sample.name, "labels": sample.pairs(), "value": sample.value }))
            .collect();
        return out.value(&all);
    }
    if found.is_empty() {
        let what = filter.map_or_else(
            || "there are no series".to_owned(),
            |filter| format!("no metric is named like {filter}"),
        );
        eprintln!("{what}");
    }
    // A filter that leaves one metric is answered by a table of its labels.
    match found.first() {
        Some(first) if found.len() > 1 && found.iter().all(|sample| sample.name == first.name) => {
            out.line(&out.styled(Style::Bold, &first.name))?;
            out.print(&by_labels(found, out))
        }
        _ => found
            .iter()
            .try_for_each(|sample| out.line(&format!("{}{} {}", sample.name, sample.labels, sample.value))),
    }
}

/// A column for each label that differs.
fn by_labels(found: &[Sample], out: &Out) -> String {
    let all: Vec<BTreeMap<_, _>> = found.iter().map(Sample::pairs).collect();
    let mut names: Vec<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    names.sort();
    names.dedup();
    let first = all.first();
    names.retain(|name| {
        all.iter().any(|labels| labels.get(*name) != first.and_then(|first| first.get(*name)))
    });
    let heading: Vec<&str> = names.iter().map(|name| name.as_str()).chain(["VALUE"]).collect();
    let row = |(labels, sample): (&BTreeMap<String, String>, &Sample)| {
        let cells = names.iter().map(|name| labels.get(*name).cloned().unwrap_or_default());
        cells.chain([sample.value.clone()]).collect()
    };
    let rows: Vec<Vec<String>> = all.iter().zip(found).map(row).collect();
    columns(out, &heading, &rows)
}

/// All samples of a page.
pub(super) fn samples(text: &str) -> impl Iterator<Item = Sample> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let name = line.find(['{', ' '])?;
        let end = if line[name..].starts_with('{') { name + labels_end(&line[name..])? } else { name };
        let value = line[end..].split_ascii_whitespace().next()?;
        Some(Sample {
            name: line[..name].to_owned(),
            labels: line[name..end].to_owned(),
            value: value.to_owned(),
        })
    })
}

/// Where labels end, after the bracket that is in no quotes.
fn labels_end(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.char_indices().find_map(|(at, letter)| {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return Some(at + 1),
            _ => {}
        }
        None
    })
}

impl Sample {
    /// The labels by name, without the escapes.
    pub(super) fn pairs(&self) -> BTreeMap<String, String> {
        let mut pairs = BTreeMap::new();
        let mut rest = self.labels.trim_start_matches('{');
        while let Some((name, after)) = rest.split_once("=\"") {
            let mut value = String::new();
            let mut letters = after.char_indices();
            let mut end = after.len();
            while let Some((at, letter)) = letters.next() {
                match letter {
                    '"' => {
                        end = at + 1;
                        break;
                    }
                    '\\' => value.push(match letters.next() {
                        Some((_, 'n')) => '\n',
                        Some((_, other)) => other,
                        None => '\\',
                    }),
                    other => value.push(other),
                }
            }
            pairs.insert(name.to_owned(), value);
            rest = after.get(end..).unwrap_or_default().trim_start_matches(',');
        }
        pairs
    }
}

/// Whether a name has the filter: `*` stands for any characters; without one the filter may be anywhere in it.
fn fits(name: &str, filter: &str) -> bool {
    if !filter.contains('*') {
        return name.contains(filter);
    }
    let mut parts = filter.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let last = parts.next_back().unwrap_or_default();
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_keep_what_stands_in_quotes() {
        let page = "# HELP a b\na{b=\"c } \\\"d\",e=\"\\\\\\n\"} 1 99\nf 2\n";
        let found: Vec<_> = samples(page).collect();
        assert_eq!((found[0].name.as_str(), found[0].value.as_str()), ("a", "1"));
        let pairs = found[0].pairs();
        assert_eq!((pairs["b"].as_str(), pairs["e"].as_str()), ("c } \"d", "\\\n"));
        assert_eq!((found[1].name.as_str(), found[1].value.as_str()), ("f", "2"));
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (filter, expected) in [
            ("cpu", true),
            ("gala*cpu", false),
            ("gala*cpu*", true),
            ("*_util", true),
            ("a*z", false),
            ("*", true),
        ] {
            assert_eq!(fits("gala_cpu_util", filter), expected, "{filter}");
        }
    }
}
