//! Rows through a context in memory, checked as the agent would.

use gopher_protocol::control::{ConfigMessage, ProbeConfig};
use proptest::prelude::*;

use super::*;
use crate::Value;

const MANIFEST: &str = include_str!("../../doc/example.toml");

fn config(items: &[&str]) -> ConfigMessage {
    let items = items.iter().map(ToString::to_string).collect();
    let probe = ProbeConfig { items, ..ProbeConfig::default() };
    ConfigMessage { version: 1, generation: 3, probes: [("load".to_owned(), probe)].into() }
}

fn harness(items: &[&str]) -> Harness {
    Harness::new(MANIFEST, config(items)).unwrap()
}

#[test]
fn fields_may_be_set_in_any_order() {
    let mut harness = harness(&["load"]);
    harness.ctx.row("load").unwrap().set("load1", 0.5).set("host", "a|b").send().unwrap();
    let rows = harness.rows().unwrap();
    assert_eq!((rows[0].text("host"), rows[0].number("load1")), ("a|b", Some(0.5)));
}

#[test]
fn an_unknown_field_is_an_error() {
    let mut harness = harness(&["load"]);
    let outcome = harness.ctx.row("load").unwrap().set("load2", 1u64).send();
    assert!(matches!(outcome, Err(Error::NoField { field, .. }) if field == "load2"));
    assert!(matches!(harness.ctx.row("lod"), Err(Error::NoTable(_))));
}

#[test]
fn a_row_without_any_value_that_is_on_is_not_sent() {
    let mut harness = harness(&[]);
    harness.ctx.row("load").unwrap().set("host", "a").set("load1", 1u64).send().unwrap();
    assert_eq!(harness.rows().unwrap(), []);
}

#[test]
fn a_probe_that_is_not_configured_sends_nothing() {
    let mut harness = harness(&["load"]);
    harness.ctx.configure(ConfigMessage { version: 1, ..ConfigMessage::default() });
    harness.ctx.row("load").unwrap().set("host", "a").set("load1", 1u64).send().unwrap();
    assert_eq!(harness.rows().unwrap(), []);
}

#[test]
fn a_configuration_is_answered_at_the_next_call() {
    let mut harness = harness(&["load"]);
    assert_eq!(harness.ctx.next().unwrap(), None);
    assert_eq!(harness.ctx.take_lines().unwrap(), b"|applied|3|\n");
}

#[test]
fn a_number_that_is_not_finite_is_absent() {
    let mut harness = harness(&["load"]);
    harness.ctx.row("load").unwrap().set("host", "a").set("load1", f64::NAN).send().unwrap();
    assert_eq!(harness.rows().unwrap()[0].fields.get("load1"), None);
}

proptest! {
    #[test]
    fn any_text_comes_back_as_it_was(host in "\\PC{1,40}|[|\\\\\n]{1,5}", load in any::<Option<f64>>()) {
        prop_assume!(host != "(null)");
        let mut harness = harness(&["load"]);
        let row = harness.ctx.row("load").unwrap().set("host", host.as_str());
        row.set("load1", Value::from(load)).send().unwrap();
        let rows = harness.rows().unwrap();
        prop_assert_eq!(rows[0].text("host"), &host);
        prop_assert_eq!(rows[0].number("load1"), load.filter(|load| load.is_finite()));
    }
}
