//! A probe that writes more rows than it may.

use gopher_tests::agent::{Agent, Home, names, sum};

use crate::folders::fake;

const ROWS: &str = "gala_gopher_agent_rows_total";

#[test]
fn flood_is_dropped_and_counted_and_another_probe_is_seen() {
    let home = Home::new();
    fake(&home, "flood", "--flood", 100);
    fake(&home, "other", "--period 20", 100);
    let mut agent = Agent::start(home);
    let dropped = [("probe", "flood"), ("outcome", "dropped"), ("reason", "rate")];
    agent.until("rows over the rate are dropped", |now| sum(now, ROWS, &dropped) > 10_000);
    let now = agent.until("the other probe's row", |now| names(now).contains("gala_gopher_other_v"));
    assert_eq!(sum(&now, ROWS, &[("probe", "other"), ("outcome", "dropped")]), 0);
    agent.stop();
}
