//! Series in one form whoever shows them, and an agent that has some of every kind.

use std::collections::BTreeMap;

use gopher_tests::agent::{Agent, Home, sum};
use gopher_tests::manifest::demo;

/// A metric's name and its labels.
pub(crate) type Series = (String, BTreeMap<String, String>);

/// Rows of two tables that do not change, one of them with a hostile label.
const KINDS: &str = r#"
[[table]]
name = "kinds"
entity = "kinds"
fields = [
  { name = "key", type = "key", help = "Key." },
  { name = "Zone", type = "label", help = "Zone." },
  { name = "size", type = "gauge", unit = "bytes", help = "A size." },
  { name = "seen", type = "delta", help = "Things seen." },
  { name = "raw", type = "counter", help = "Things counted." },
  { name = "delay", type = "histogram", help = "Delays." },
]
"#;

/// Rows of the table `demo`.
pub(crate) const ROWS: u64 = 60;

/// Folders with one probe that writes some rows once.
pub(crate) fn home() -> Home {
    let home = Home::new();
    let line = r#"|kinds|"a" {b} é|east|-2.5|3|18446744073709551615|3 0.5 1 5 3 20 7 42.5 12|"#;
    let rows = ROWS.to_string();
    let exec = ["fake_probe", "--line", line, "--rows", &rows];
    home.extend("pushed", &format!("{}{KINDS}", demo("pushed", &exec, "")));
    home
}

/// The samples of the page but those of the agent about itself.
pub(crate) fn page(agent: &Agent) -> BTreeMap<Series, f64> {
    let samples = agent.scrape();
    let rows = samples.iter().filter(|(series, _)| !series.starts_with("gala_gopher_agent_"));
    rows.map(|(series, value)| (parse(series), value.parse().unwrap())).collect()
}

/// Waits until the page has all rows of [`home`].
pub(crate) fn filled(agent: &Agent) -> BTreeMap<Series, f64> {
    agent.until("all rows", |samples| {
        let demo = samples.keys().filter(|series| series.starts_with("gala_gopher_pushed_v{")).count();
        demo as u64 == ROWS && samples.keys().any(|series| series.starts_with("gala_gopher_kinds_size"))
    });
    page(agent)
}

/// What the exporter has counted: sent, failed, dropped, and what waits.
pub(crate) fn counts(agent: &Agent) -> [u64; 4] {
    let samples = agent.scrape();
    let of = |outcome| {
        sum(&samples, "gala_gopher_agent_export_rows_total", &[("exporter", "otlp"), ("outcome", outcome)])
    };
    let queued = sum(&samples, "gala_gopher_agent_export_queued", &[("exporter", "otlp")]);
    [of("sent"), of("failed"), of("dropped"), queued]
}

/// Reads `name{a="b"}` with its escapes.
fn parse(series: &str) -> Series {
    let Some((name, mut rest)) = series.split_once('{') else { return (series.to_owned(), BTreeMap::new()) };
    let mut labels = BTreeMap::new();
    while let Some((label, text)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut letters = text.char_indices();
        let end = loop {
            match letters.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => match letters.next().expect("an escaped letter").1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, letter) => value.push(letter),
            }
        };
        labels.insert(label.trim_start_matches(',').to_owned(), value);
        rest = &text[end + 1..];
    }
    (name.to_owned(), labels)
}

#[test]
fn labels_are_read_with_their_escapes() {
    let (name, labels) = parse(r#"a{b="c\"\\,d=\"",e="f"}"#);
    assert_eq!((name.as_str(), labels["b"].as_str(), labels["e"].as_str()), ("a", r#"c"\,d=""#, "f"));
}
