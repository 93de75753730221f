//! A probe that writes more rows than it may.

use crate::agent::{Agent, Home};
use crate::folders::fake;
use crate::machine::{until_none, until_some};

#[test]
fn flood_is_dropped_and_counted_and_another_probe_is_seen() {
    let home = Home::new();
    fake(&home.probes(), "flood", "--flood", 100);
    fake(&home.probes(), "other", "--period 20", 100);
    let agent = Agent::start(&home);
    until_some("rows over the rate are dropped", || {
        let dropped = [("probe", "flood"), ("outcome", "dropped"), ("reason", "rate")];
        (agent.page().sum("gala_gopher_agent_rows_total", &dropped) > 10_000).then_some(())
    });
    until_some("the other probe's row", || agent.page().has("gala_gopher_chaos_other_value").then_some(()));
    let dropped = [("probe", "other"), ("outcome", "dropped")];
    assert_eq!(agent.page().sum("gala_gopher_agent_rows_total", &dropped), 0);
    agent.stop();
    until_none("processes are left", || home.processes());
}
