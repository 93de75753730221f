//! Events through the real agent: what crosses a threshold is said once, in the language that was asked for, with the
//! kernel's number.

use std::collections::BTreeSet;
use std::fs;

use gopher_tests::agent::{Agent, Home, sum, until};
use serde_json::Value;

use crate::case::{Case, meets};

/// What a case makes the agent say: the metric, the text before the number in English and in Chinese, and the field of
/// the case that holds the number; none where it is a share of more than half.
type Said = (&'static str, [&'static str; 2], Option<&'static str>);

const CASES: &[(&str, &[Said])] = &[
    ("faults/segments_out_of_the_window", &[SK_DROPS]),
    (
        "faults/a_backlog_that_is_full",
        &[
            SK_DROPS,
            (
                "tcp_link_backlog_drops",
                ["TCP backlog queue drops(", "TCP 后备队列丢包（"],
                Some("backlog_drops"),
            ),
        ],
    ),
    (
        "cable/a_slow_handshake",
        &[(
            "tcp_link_syn_srtt_max",
            ["TCP connection establish timed out(", "TCP 建连时延过高（"],
            Some("syn_srtt.max"),
        )],
    ),
    (
        "faults/windows_of_zero",
        &[
            ("tcp_link_zero_win_rx_ratio", ["TCP zero receive windows(", "TCP 接收窗口为零（"], None),
            ("tcp_link_zero_win_tx_ratio", ["TCP zero send windows(", "TCP 发送窗口为零（"], None),
        ],
    ),
    (
        "queue_of_accepted_connections_is_full",
        &[
            ("endpoint_tcp_listendrop", ["TCP listen drops(", "TCP 监听队列丢弃（"], Some("listendrop")),
            (
                "endpoint_tcp_accept_overflow",
                ["TCP accept queue overflow(", "TCP 全连接队列溢出（"],
                Some("accept_overflow"),
            ),
        ],
    ),
    (
        "faults/a_request_that_nobody_completes",
        &[
            (
                "endpoint_tcp_retran_synacks",
                ["TCP retransmitted synack packets(", "TCP 重传 SYN+ACK（"],
                Some("retran_synacks"),
            ),
            ("endpoint_tcp_req_drops", ["TCP request drops(", "TCP 连接请求丢弃（"], Some("req_drops")),
        ],
    ),
    ("short_connections", &[]),
];
const SK_DROPS: Said = (
    "tcp_link_sk_drops",
    ["Number of lost packets in the TCP protocol stack(", "TCP 套接字丢包（"],
    Some("sk_drops"),
);

/// How often a case is done again whose number was divided by the end of a period.
const TRIES: u32 = 3;

fn agent(language: &str) -> Agent {
    let home = Home::new().with_built_in("net");
    let directory = home.path().join("logs").display().to_string();
    let probe = |params: &str| {
        format!(
            "state = \"running\"\nscope = {{ all = true }}\n\
             params = {{ report_period = 5, report_event = 1{params} }}\n"
        )
    };
    let tcp = probe(", sample_period = 1000, drops_thr = 10, latency_thr = 40, res_upper_thr = 50");
    home.configure(&format!(
        "[events]\nlanguage = \"{language}\"\n[export.logs]\nenabled = true\ndirectory = \"{directory}\"\n\
         [probe.tcp]\n{tcp}[probe.socket]\n{}",
        probe("")
    ));
    Agent::start(home)
}

/// What has been said of a process: entity, metric, text.
fn events(agent: &Agent, pid: &str) -> Vec<[String; 3]> {
    let text = fs::read_to_string(agent.home.path().join("logs/events.jsonl")).unwrap_or_default();
    // The last line may not be whole yet.
    let whole = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
    let events = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let words = events.filter_map(|event| {
        let body = event["Body"].as_str().unwrap();
        let (entity, text) = body.split_once(" Entity(").unwrap().1.split_once(") ").unwrap();
        let metric = event["Resource"]["metric"].as_str().unwrap().strip_prefix("gala_gopher_").unwrap();
        entity.starts_with(&format!("{pid}_")).then(|| [entity, metric, text].map(str::to_owned))
    });
    words.collect()
}

/// The number after the first words of a text; none where these are others.
fn number(text: &str, before: &str) -> Option<f64> {
    let rest = text.strip_prefix(before)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    rest[..end].parse().ok()
}

/// What the case says of a field.
fn wanted<'a>(case: &'a Case, field: &str) -> impl Iterator<Item = &'a Value> {
    case.wanted.iter().filter_map(move |entry| entry["fields"].get(field))
}

fn is_said(agent: &Agent, case: &Case, said: &Said, language: usize) -> bool {
    let (metric, texts, field) = said;
    events(agent, &case.pid).iter().any(|[_, found, text]| {
        let number = number(text, texts[language]);
        found == metric
            && number.is_some_and(|number| match field {
                Some(field) => wanted(case, field).any(|value| meets(number, value)),
                None => number > 50.0 && number <= 100.0,
            })
    })
}

/// Starts all cases, and waits until something has been said of each metric of theirs.
fn done<'a>(agent: &Agent, cases: &[&'a (&'a str, &'a [Said])]) -> Vec<Case> {
    let running: Vec<_> = cases.iter().map(|(name, _)| Case::start(name)).collect();
    for (case, (name, all)) in running.iter().zip(cases) {
        until(&format!("the events of {name}"), || {
            let found = events(agent, &case.pid);
            let there = |(metric, ..): &Said| found.iter().any(|[_, of, _]| of == metric);
            all.iter().all(there).then_some(())
        });
    }
    running
}

fn all_is_said_once(language: &str, place: usize) {
    let agent = agent(language);
    let mut left: Vec<_> = CASES.iter().collect();
    let mut all = Vec::new();
    for _ in 0..TRIES {
        let running = done(&agent, &left);
        // What goes on is left out, as the windows of zero, which are there again and again.
        let suppressed =
            || sum(&agent.scrape(), "gala_gopher_agent_events_total", &[("outcome", "suppressed")]);
        let before = suppressed();
        until("repetitions", || (suppressed() > before).then_some(()));
        let mut again = Vec::new();
        for (case, wanted) in running.iter().zip(&left) {
            let found = events(&agent, &case.pid);
            let once: BTreeSet<_> = found.iter().map(|[entity, metric, _]| (entity, metric)).collect();
            assert_eq!(once.len(), found.len(), "{found:?}");
            assert!(!wanted.1.is_empty() || found.is_empty(), "{found:?}");
            if !wanted.1.iter().all(|said| is_said(&agent, case, said, place)) {
                eprintln!("{}: {:?} {found:?}", wanted.0, case.wanted);
                again.push(*wanted);
            }
        }
        if again.is_empty() {
            return;
        }
        left = again;
        all.push(running);
    }
    panic!("{left:?} is said with other numbers");
}

#[test]
fn what_crosses_a_threshold_is_said_once_with_the_number_of_the_kernel() {
    all_is_said_once("en", 0);
}

#[test]
fn events_are_said_in_chinese_where_that_is_asked_for() {
    all_is_said_once("zh", 1);
}
