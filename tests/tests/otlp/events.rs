//! Events and log records of probes arrive at the collector as log records, each once, whatever happens on the way.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use gopher_tests::agent::{Agent, Home, until};
use gopher_tests::manifest::demo;

use super::collector::{Certificates, Collector, Record, Way};
use super::series::counts;

const EVENT: &str = r"|event|tcp|1:2|rtt|42|java|10.0.0.1|abc|uid-1|eth0|WARN|13|Slow \| é.|";
const LOG: &str = r#"|log|1700000000000|"INFO"|9|{"service.name":"shop"}|{"tries":2}|"sold"|"#;

/// A probe that writes what is in a file.
const FILE: &str = "#!/bin/sh\necho '|ready|'\ncat lines\nexec cat\n";

/// A probe that writes numbered events until it ends: ten, then a pause.
const NUMBERED: &str = r#"#!/bin/sh
echo '|ready|'
i=0
while [ ! -e stop ]; do
  for _ in 0 1 2 3 4 5 6 7 8 9; do
    echo "|event|e|$i|m|||||||INFO|9|b|"
    i=$((i + 1))
  done
  sleep 0.02
done
echo "|demo|all|$i|"
exec cat
"#;

/// Folders with one probe that writes these lines and so many rows.
fn home(lines: &str, rows: u64) -> Home {
    let home = Home::new();
    home.extend("pushed", &demo("pushed", &["fake_probe", "--line", lines, "--rows", &rows.to_string()], ""));
    home
}

/// Folders with a script for a probe, and the folder of that.
fn scripted(script: &str) -> (Home, PathBuf) {
    let home = Home::new();
    home.extend("pushed", &demo("pushed", &["run.sh"], ""));
    let folder = home.path().join("extend/pushed");
    let file = folder.join("run.sh");
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    (home, folder)
}

/// So many events, each about another thing.
fn many(events: u64) -> String {
    let lines: Vec<_> = (0..events).map(|id| format!("|event|e|{id}|m|||||||INFO|9|b|")).collect();
    lines.join("\n")
}

/// The records that the collector has once it has as many.
fn records(collector: &Collector, least: usize) -> Vec<Record> {
    until("the records", || Some(collector.records()).filter(|records| records.len() >= least))
}

/// The numbers of events, sorted.
fn numbers(records: &[Record]) -> Vec<u64> {
    let number = |record: &Record| record.attributes["gala_gopher.entity_id"].parse().unwrap();
    let mut numbers: Vec<u64> = records.iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

fn arrive(way: Way, tls: Option<&Certificates>) {
    let collector = Collector::up(tls);
    let home = home(&format!("{EVENT}\n{LOG}"), 1);
    let keys = tls.map_or(String::new(), Certificates::keys);
    home.configure(&collector.configuration(way, &format!("metrics = false\n{keys}")));
    let agent = Agent::start(home);
    let records = records(&collector, 2);
    let [event, log] = &records[..] else { panic!("{records:#?}") };
    assert_eq!(
        (&event.record["severityText"], &event.record["severityNumber"]),
        (&"WARN".into(), &13.into())
    );
    assert_eq!(event.record["body"]["stringValue"], "Slow | é.");
    assert_eq!(event.record["eventName"], "gala_gopher_tcp_rtt");
    assert_eq!(event.resource["service.name"], "gala-gopher");
    assert!(event.attributes["entity_id"].ends_with("_tcp_1:2"));
    assert!(event.attributes["event_id"].ends_with(&event.attributes["entity_id"]));
    assert_eq!(event.attributes["event_type"], "sys");
    assert_eq!(event.attributes["process.pid"], "42");
    assert_eq!(event.attributes["container.id"], "abc");
    assert_eq!(log.resource["service.name"], "shop");
    assert_eq!(log.resource["host.id"], event.resource["host.id"]);
    assert_eq!(log.record["timeUnixNano"], "1700000000000000000");
    assert_eq!(log.attributes["tries"], "2");
    assert_eq!(log.record["body"]["stringValue"], "sold");
    until("the count", || (counts(&agent) == [2, 0, 0, 0]).then_some(()));
    assert!(collector.points().is_empty());
}

#[test]
fn events_and_logs_arrive_over_grpc() {
    arrive(Way::Grpc, None);
}

#[test]
fn events_and_logs_arrive_over_http() {
    arrive(Way::Http, None);
}

#[test]
fn events_and_logs_arrive_over_tls() {
    let tls = Certificates::new();
    arrive(Way::Grpc, Some(&tls));
    arrive(Way::Http, Some(&tls));
}

fn outage(way: Way) {
    let mut collector = Collector::down(None);
    let home = home(&many(3000), 5000);
    home.configure(&collector.configuration(way, "queue = \"1MiB\""));
    let agent = Agent::start(home);
    agent.says("does not take events now");
    agent.says("does not take metrics now");
    until("metrics dropped", || (counts(&agent)[2] > 0).then_some(()));
    collector.start();
    let records = records(&collector, 3000);
    assert_eq!(numbers(&records), (0..3000).collect::<Vec<_>>());
    assert_eq!(counts(&agent)[1], 0, "{}", agent.log());
}

#[test]
fn events_of_an_outage_arrive_once_over_grpc_and_no_backlog_of_metrics_takes_their_place() {
    outage(Way::Grpc);
}

#[test]
fn events_of_an_outage_arrive_once_over_http_and_no_backlog_of_metrics_takes_their_place() {
    outage(Way::Http);
}

#[test]
fn every_event_arrives_once_while_the_exporter_is_changed_again_and_again() {
    let collector = Collector::up(None);
    let (home, folder) = scripted(NUMBERED);
    home.configure(&collector.configuration(Way::Grpc, "metrics = false"));
    let agent = Agent::start(home);
    for change in 0..6 {
        let before = collector.records().len();
        records(&collector, before + 50);
        let way = if change % 2 == 0 { Way::Http } else { Way::Grpc };
        agent.home.configure(&collector.configuration(way, "metrics = false"));
    }
    fs::write(folder.join("stop"), "").unwrap();
    let all =
        agent.until("the last row", |samples| samples.keys().any(|s| s.starts_with("gala_gopher_pushed_v{")));
    let all = all.iter().find(|(series, _)| series.starts_with("gala_gopher_pushed_v{")).unwrap();
    let all: u64 = all.1.parse().unwrap();
    let records = records(&collector, usize::try_from(all).unwrap());
    assert_eq!(numbers(&records), (0..all).collect::<Vec<_>>());
    until("the count", || (counts(&agent) == [all, 0, 0, 0]).then_some(()));
}

#[test]
fn events_over_the_bound_of_the_queue_are_counted_and_all_others_arrive() {
    let mut collector = Collector::down(None);
    let (home, folder) = scripted(FILE);
    fs::write(folder.join("lines"), many(9000) + "\n").unwrap();
    home.configure(&collector.configuration(Way::Http, "metrics = false\nqueue = \"1MiB\""));
    let agent = Agent::start(home);
    let dropped = until("events dropped", || {
        let [sent, failed, dropped, queued] = counts(&agent);
        assert_eq!((sent, failed), (0, 0), "{}", agent.log());
        (dropped > 0 && dropped + queued == 9000).then_some(dropped)
    });
    collector.start();
    let left = usize::try_from(9000 - dropped).unwrap();
    // The oldest go.
    assert_eq!(numbers(&records(&collector, left)), (dropped..9000).collect::<Vec<_>>());
    until("the count", || (counts(&agent) == [9000 - dropped, 0, dropped, 0]).then_some(()));
}

#[test]
fn an_agent_that_ends_sends_its_last_events() {
    let collector = Collector::up(None);
    let home = home(&many(50), 1);
    home.configure(&collector.configuration(Way::Http, "metrics = false"));
    let mut agent = Agent::start(home);
    agent.until("rows", |samples| samples.keys().any(|series| series.starts_with("gala_gopher_pushed_v{")));
    assert!(agent.stop().success());
    assert_eq!(records(&collector, 50).len(), 50);
}
