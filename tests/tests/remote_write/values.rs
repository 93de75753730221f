//! The receiver holds what a scrape shows, and series end when they end here.

use std::collections::BTreeMap;
use std::fs;

use gopher_tests::agent::{Agent, Home, until};

use crate::receiver::{Labels, Receiver, section};

/// A table with every kind of field.
const MANIFEST: &str = r#"protocol = 1
name = "kinds"
exec = ["fake_probe", "--line", LINES]

[[probe]]
name = "kinds"
summary = "Has a field of every kind."
autostart = true

[[table]]
name = "kinds"
entity = "kinds"
fields = [
  { name = "id", type = "key", help = "Number." },
  { name = "Zone", type = "label", help = "Sorted before the name." },
  { name = "size", type = "gauge", help = "Size." },
  { name = "seen", type = "counter", help = "Seen." },
  { name = "lost", type = "delta", help = "Lost." },
  { name = "delay", type = "histogram", help = "Delay." },
]
"#;

/// Two rows of one key, one with hostile text, one with fields left out.
const LINES: &str = concat!(
    "|kinds|a|north|1.5|10|3|2 0.5 1 2.5 3 9 4|\n",
    "|kinds|a|north|-2.25|18446744073709551615|4|2 0.5 1 2.5 2 1 1|\n",
    "|kinds|q\"\\\\\\n}, {|x=y|0.1||7||\n",
    "|kinds|bare||1||||",
);

/// The samples of the probes in a scrape as Prometheus would read them.
fn shown(agent: &Agent) -> BTreeMap<Labels, f64> {
    let samples = agent.scrape().into_iter().filter(|(name, _)| !name.starts_with("gala_gopher_agent_"));
    samples.map(|(series, value)| (labels(&series), value.parse().unwrap())).collect()
}

/// The labels of a sample, without those that are empty.
fn labels(series: &str) -> Labels {
    let (name, mut rest) = series.split_once('{').unwrap();
    let mut labels = Labels::from([("__name__".to_owned(), name.to_owned())]);
    while let Some((label, after)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => match letters.next().unwrap().1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, letter) => value.push(letter),
            }
        };
        if !value.is_empty() {
            labels.insert(label.trim_start_matches(',').to_owned(), value);
        }
        rest = &after[end + 1..];
    }
    labels
}

fn kinds(home: &Home) {
    home.extend("kinds", &MANIFEST.replace("LINES", &serde_json::to_string(LINES).unwrap()));
}

#[test]
fn every_sample_of_a_scrape_is_at_the_receiver_with_its_value() {
    let receiver = Receiver::start();
    let home = Home::new();
    kinds(&home);
    home.fake("many", &["--rows", "12000"]);
    home.configure(&format!(
        "[agent.labels]\nsite = \"north\"\nempty = \"\"\n{}",
        section(&receiver.url(), "")
    ));
    let agent = Agent::start(home);
    let expected = until("all rows in the scrape", || {
        Some(shown(&agent)).filter(|all| {
            let of = |name: &str| all.keys().filter(|labels| labels["__name__"] == name).count();
            of("gala_gopher_many_v") == 12_000 && of("gala_gopher_kinds_size") == 3
        })
    });
    let mut found = BTreeMap::new();
    let query = "{__name__=~\"gala_gopher_.+\"}";
    until("all of them at the receiver", || {
        found = receiver.query(query)?;
        (found.len() >= expected.len()).then_some(())
    });
    let differs: Vec<_> = expected
        .iter()
        .filter(|(labels, value)| found.get(*labels).map(|f| f.to_bits()) != Some(value.to_bits()))
        .collect();
    assert!(differs.is_empty(), "{differs:#?}");
    assert_eq!(found.len(), expected.len());
    let of = |name: &str| expected.keys().filter(|labels| labels["__name__"] == name).count();
    assert_eq!(of("gala_gopher_kinds_delay_bucket"), 3, "with the infinite one");
    assert_eq!(of("gala_gopher_kinds_seen_total"), 1);
}

#[test]
fn series_of_a_removed_probe_end_at_the_receiver_and_others_go_on() {
    let receiver = Receiver::start();
    let home = Home::new();
    kinds(&home);
    home.fake("stays", &["--rows", "1"]);
    home.configure(&section(&receiver.url(), ""));
    let agent = Agent::start(home);
    receiver.has("count(gala_gopher_kinds_delay_bucket)");
    receiver.has("gala_gopher_stays_v");
    fs::remove_dir_all(agent.home.path().join("extend/kinds")).unwrap();
    // Without a marker the last value would be found for five minutes more.
    until("the end of the series", || {
        let found = receiver.query("{__name__=~\"gala_gopher_kinds_.+\"}")?;
        found.is_empty().then_some(())
    });
    assert!(receiver.value("gala_gopher_stays_v").is_some());
}

#[test]
fn series_of_a_stopped_probe_end_with_their_rows() {
    let receiver = Receiver::start();
    let home = Home::new();
    home.fake("short", &["--period", "100"]);
    let lines = format!("[store]\nrecord_timeout = \"1s\"\n{}", section(&receiver.url(), ""));
    home.configure(&lines);
    let agent = Agent::start(home);
    receiver.has("gala_gopher_short_v");
    agent.home.configure(&format!("{lines}[probe.short]\nstate = \"stopped\"\n"));
    until("the end of the series", || receiver.query("gala_gopher_short_v")?.is_empty().then_some(()));
}

#[test]
fn the_last_values_are_pushed_when_the_agent_stops() {
    let receiver = Receiver::start();
    let home = Home::new();
    home.fake("last", &["--rows", "1"]);
    home.configure(&section(&receiver.url(), "").replace("1s", "1h"));
    let mut agent = Agent::start(home);
    agent.until("the row", |now| now.keys().any(|series| series.starts_with("gala_gopher_last_v")));
    agent.stop();
    receiver.has("gala_gopher_last_v");
}
