//! From the lines of a probe to samples: accounting, hostile text, the original's form, the end.

use gopher_tests::agent::{Agent, Home, sum};
use gopher_tests::http::samples;

/// Every line that a probe wrote has one fate.
fn assert_accounted(agent: &Agent, probe: &str) {
    let now = agent.scrape();
    let of = [("probe", probe)];
    let lines = sum(&now, "gala_gopher_agent_lines_total", &of);
    assert!(lines > 0, "{probe} wrote nothing");
    assert_eq!(sum(&now, "gala_gopher_agent_rows_total", &of), lines, "rows accounted for of {probe}");
}

#[test]
fn the_original_form_has_time_stamps_and_no_types() {
    let agent = Agent::start(Home::new().upstream().with_built_in("baseinfo"));
    agent.until("the memory", |now| now.keys().any(|series| series.starts_with("gala_gopher_mem_total_kB")));
    let page = agent.get("/metrics", &[]);
    let own = page.text.find("# HELP gala_gopher_agent_").unwrap_or(page.text.len());
    let tables = &page.text[..own];
    assert!(!tables.contains('#'), "{tables}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    for (series, value) in samples(tables).unwrap() {
        let (_, time) = value.split_once(' ').unwrap_or_else(|| panic!("no time: {series} {value}"));
        let time: u128 = time.parse().unwrap();
        // Milliseconds of this day: neither seconds nor the time since the start of the machine.
        assert!(now.abs_diff(time) < 86_400_000, "{series} {value}");
    }
}

#[test]
fn the_stop_signal_ends_everything_with_code_0() {
    let home = Home::new().with_built_in("baseinfo");
    home.fake("stubborn", &["--rows", "1", "--ignore-term", "--setsid-grandchild"]);
    let mut agent = Agent::start(home);
    let status = agent.stop();
    assert_eq!(status.code(), Some(0), "{}", agent.log());
}

#[test]
fn every_line_has_one_fate() {
    let home = Home::new().with_built_in("baseinfo");
    home.fake("good", &["--rows", "5000"]);
    home.fake("garbage", &["--garbage", "--long-line", "70000", "--rows", "10"]);
    let agent = Agent::start(home);
    let accepted =
        |probe: &str| format!("gala_gopher_agent_rows_total{{outcome=\"accepted\",probe=\"{probe}\"}}");
    agent.until("all rows", |now| {
        let count = |probe| now.get(&accepted(probe)).and_then(|value| value.parse::<u64>().ok());
        count("good") == Some(5000) && count("garbage") >= Some(10)
    });
    for probe in ["good", "garbage", "baseinfo"] {
        assert_accounted(&agent, probe);
    }
}

#[test]
fn hostile_text_in_a_key_cannot_forge_a_series() {
    let home = Home::new();
    let key = r#"a"} 1\ngala_gopher_forged{b="c"} 2\n# EOF\n\\\|\\"#;
    home.fake("hostile", &["--line", &format!("|demo|{key}|7|")]);
    let agent = Agent::start(home);
    agent.until("the row", |now| now.keys().any(|series| series.starts_with("gala_gopher_hostile_v{")));
    let escaped = r#"gala_gopher_hostile_v{id="a\"} 1\ngala_gopher_forged{b=\"c\"} 2\n# EOF\n\\|\\","#;
    for accept in ["text/plain", "application/openmetrics-text"] {
        let page = agent.get("/metrics", &[("Accept", accept)]).text;
        assert_eq!(page.lines().filter(|line| *line == "# EOF").count(), usize::from(accept != "text/plain"));
        let mut now = samples(&page).unwrap();
        now.retain(|series, _| !series.starts_with("gala_gopher_agent_"));
        assert_eq!(now.len(), 1, "{now:#?}");
        let (series, value) = now.first_key_value().unwrap();
        assert!(series.starts_with(escaped), "{series}");
        assert_eq!(value, "7");
    }
    assert_accounted(&agent, "hostile");
}
