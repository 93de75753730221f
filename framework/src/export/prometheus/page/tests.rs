//! Rows in, pages out, in every exposition and format.

use gopher_protocol::manifest::Manifest;

use super::*;
use crate::enrich::Processes;
use crate::ingest::Intakes;
use crate::store::{GlobalLabels, Limits};
use crate::supervise::LineSink;

const MANIFEST: &str = r#"
protocol = 1
name = "demo"
exec = ["x"]
[[probe]]
name = "demo"
summary = "s"
[[table]]
name = "a"
entity = "demo"
fields = [
  { name = "key", type = "key", help = "h" },
  { name = "state", type = "label", help = "h" },
  { name = "size_bytes", type = "gauge", unit = "bytes", help = "A size \\ in bytes." },
  { name = "seen", type = "delta", help = "Things seen." },
  { name = "delay", type = "histogram", unit = "us", help = "Delays." },
  { name = "old", type = "gauge", upstream_only = true, help = "Gone." },
]
[[table]]
name = "b"
entity = "demo"
fields = [
  { name = "key", type = "key", help = "h" },
  { name = "state", type = "label", help = "h" },
  { name = "size_bytes", type = "gauge", unit = "bytes", help = "A size \\ in bytes." },
]
"#;

const LINES: &str = "|a|k|up|5|2|2 1 1 5 3 9 4|7|\n|b|z|up|6|\n|a|k|up|5|3|2 1 1 5 2 1 1|7|\n";

fn pages(exposition: Exposition, filter: Filter, lines: &str) -> Arc<Pages> {
    let metrics = AgentMetrics::new().unwrap();
    let limits = Limits { record_timeout: 60_000, series_per_table: 100, series_total: 100, event_window: 0 };
    let globals: GlobalLabels = vec![("machine_id".to_owned(), "m".to_owned())].into();
    let processes = Arc::new(Processes::new(std::path::Path::new("/")));
    let store = Arc::new(Store::new(limits, globals, processes, exposition == Exposition::Upstream));
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let intakes = Intakes::new(metrics.clone(), Arc::new(crate::enrich::Feed::default()));
    intakes.set(&manifest, store.folder(&manifest));
    let mut intake = intakes.intake("demo").unwrap();
    intake.accept(lines.as_bytes(), &mut |_| panic!("text"));
    Arc::new(Pages::new(store, metrics, exposition, filter))
}

/// The page's text without the agent's own metrics.
fn text(pages: &Arc<Pages>, format: Format) -> String {
    let text = String::from_utf8(pages.page(format, false).unwrap().into_bytes()).unwrap();
    text.lines().filter(|line| !line.contains("gala_gopher_agent_")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn modern_text_has_types_sums_and_real_histograms() {
    let expected = r#"# HELP gala_gopher_demo_size_bytes A size \\ in bytes.
# TYPE gala_gopher_demo_size_bytes gauge
gala_gopher_demo_size_bytes{key="k",state="up",machine_id="m"} 5
gala_gopher_demo_size_bytes{key="z",state="up",machine_id="m"} 6
# HELP gala_gopher_demo_seen_total Things seen.
# TYPE gala_gopher_demo_seen_total counter
gala_gopher_demo_seen_total{key="k",state="up",machine_id="m"} 5
# HELP gala_gopher_demo_delay Delays. Unit: us.
# TYPE gala_gopher_demo_delay histogram
gala_gopher_demo_delay_bucket{key="k",state="up",machine_id="m",le="1"} 2
gala_gopher_demo_delay_bucket{key="k",state="up",machine_id="m",le="5"} 5
gala_gopher_demo_delay_bucket{key="k",state="up",machine_id="m",le="+Inf"} 5
gala_gopher_demo_delay_sum{key="k",state="up",machine_id="m"} 10
gala_gopher_demo_delay_count{key="k",state="up",machine_id="m"} 5
# HELP gala_gopher_demo_delay_max Delays. The largest value of the last period. Unit: us.
# TYPE gala_gopher_demo_delay_max gauge
gala_gopher_demo_delay_max{key="k",state="up",machine_id="m"} 1
"#;
    assert_eq!(text(&pages(Exposition::Modern, Filter::default(), LINES), Format::Text), expected);
}

#[test]
fn openmetrics_names_counters_without_total_gives_units_and_ends() {
    let text = text(&pages(Exposition::Modern, Filter::default(), LINES), Format::OpenMetrics);
    assert!(text.contains("# TYPE gala_gopher_demo_seen counter\ngala_gopher_demo_seen_total{"), "{text}");
    assert!(text.contains("# UNIT gala_gopher_demo_size_bytes bytes\n"), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn upstream_text_is_row_by_row_with_the_last_period_and_time_stamps() {
    let text = text(&pages(Exposition::Upstream, Filter::default(), LINES), Format::Text);
    let shown: Vec<_> = text.lines().filter_map(|line| line.rsplit_once(' ')).map(|(line, _)| line).collect();
    let labels = r#"{key="k",state="up",machine_id="m""#;
    let delay = |suffix: &str| format!("gala_gopher_demo_delay{suffix}");
    let expected = [
        format!("gala_gopher_demo_size_bytes{labels}}} 5"),
        format!("gala_gopher_demo_seen{labels}}} 3"),
        format!("{}{labels},le=\"1\"}} 1", delay("")),
        format!("{}{labels},le=\"5\"}} 2", delay("")),
        format!("{}{labels},le=\"+Inf\"}} 2", delay("")),
        format!("{}{labels}}} 1", delay("_sum")),
        format!("{}{labels}}} 1", delay("_max")),
        format!("gala_gopher_demo_old{labels}}} 7"),
        r#"gala_gopher_demo_size_bytes{key="z",state="up",machine_id="m"} 6"#.to_owned(),
    ];
    assert_eq!(shown, expected);
    let stamp: u64 = text.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap().parse().unwrap();
    assert!(stamp.abs_diff(unix_ms()) < 60_000, "{stamp}");
}

#[test]
fn filters_take_whole_families_out() {
    let filter = Filter { keep: vec!["*_delay*".into()], drop: vec!["*_max".into()] };
    let text = text(&pages(Exposition::Modern, filter, LINES), Format::Text);
    assert!(text.lines().all(|line| line.contains("demo_delay")) && !text.contains("_max"), "{text}");
}

#[test]
fn an_unchanged_page_is_made_of_the_same_bytes() {
    let pages = pages(Exposition::Modern, Filter::default(), LINES);
    assert!(!pages.is_cached(Format::Text, false));
    let first = pages.page(Format::Text, false).unwrap();
    assert!(pages.is_cached(Format::Text, false) && !pages.is_cached(Format::Text, true));
    let second = pages.page(Format::Text, false).unwrap();
    assert_eq!(first.frames[0].as_ptr(), second.frames[0].as_ptr());
}

#[test]
fn gzip_unpacks_to_the_same_text() {
    use std::io::Read;
    let pages = pages(Exposition::Modern, Filter::default(), LINES);
    for _ in 0..2 {
        let packed = pages.page(Format::OpenMetrics, true).unwrap().into_bytes();
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut unpacked).unwrap();
        let plain = String::from_utf8(pages.page(Format::OpenMetrics, false).unwrap().into_bytes()).unwrap();
        assert_eq!(unpacked, plain);
    }
}

#[test]
fn own_metrics_account_for_every_line() {
    let lines = "|a|k|up|5|2||7|\n|a|k|\n|x|1|\n|a|k|up|bad|2||7|\n";
    let pages = pages(Exposition::Modern, Filter::default(), lines);
    let text = String::from_utf8(pages.page(Format::Text, false).unwrap().into_bytes()).unwrap();
    for expected in [
        r#"gala_gopher_agent_lines_total{probe="demo"} 4"#,
        r#"gala_gopher_agent_rows_total{outcome="accepted",probe="demo"} 2"#,
        r#"gala_gopher_agent_rows_total{outcome="rejected",probe="demo",reason="too_few_fields"} 1"#,
        r#"gala_gopher_agent_rows_total{outcome="rejected",probe="demo",reason="unknown_table"} 1"#,
        r#"gala_gopher_agent_fields_rejected_total{probe="demo",reason="not_a_number"} 1"#,
        "gala_gopher_agent_series 1",
    ] {
        assert!(text.lines().any(|line| line == expected), "{expected} is missing:\n{text}");
    }
}

#[test]
fn another_filter_holds_from_the_next_page_on() {
    let pages = pages(Exposition::Modern, Filter::default(), LINES);
    assert!(text(&pages, Format::Text).contains("gala_gopher_demo_size_bytes{"));
    pages.set_filter(Filter { drop: vec!["*_size_bytes".into()], ..Filter::default() });
    assert!(!text(&pages, Format::Text).contains("gala_gopher_demo_size_bytes{"));
}
