//! What the layer rule finds and what it leaves alone.
use super::*;

fn lines(path: &str, text: &str) -> Vec<usize> {
    rule(&format!("{SOURCES}{path}"), path, text).into_iter().map(|found| found.line).collect()
}

#[test]
fn a_stage_may_name_itself_its_neighbour_and_telemetry() {
    let text = "use crate::ingest::Row;\nuse crate::store::Series;\nuse crate::telemetry::Counters;\n";
    assert_eq!(lines("store/series.rs", text), [0_usize; 0]);
}

#[test]
fn a_stage_may_not_skip_a_neighbour() {
    assert_eq!(lines("store.rs", "use std::fmt;\nuse crate::supervise::Line;\n"), [2]);
    assert_eq!(lines("ingest.rs", "fn f() { crate::store::put() }\n"), [1]);
}

#[test]
fn groups_are_looked_into() {
    assert_eq!(lines("export.rs", "use crate::{\n    store::{Series, Snapshot},\n    control,\n};\n"), [1]);
    assert_eq!(lines("export.rs", "use crate::{store::Snapshot, telemetry};\n"), [0_usize; 0]);
}

#[test]
fn one_module_of_a_stage_may_be_allowed_alone() {
    assert_eq!(lines("catalog.rs", "use crate::contain::trust::check;\n"), [0_usize; 0]);
    assert_eq!(lines("catalog.rs", "use crate::contain::Group;\n"), [1]);
}

#[test]
fn climbing_out_of_the_stage_is_naming_another() {
    assert_eq!(lines("store.rs", "use super::control::Api;\n"), [1]);
    assert_eq!(lines("store/series.rs", "use super::Limits;\n"), [0_usize; 0]);
    assert_eq!(lines("store/series.rs", "//! Text.\nuse super::super::control::Api;\n"), [2]);
}

#[test]
fn comments_and_other_crates_do_not_count() {
    assert_eq!(lines("store.rs", "// see crate::control\nuse mycrate::control;\n"), [0_usize; 0]);
}

#[test]
fn a_module_without_a_place_is_reported() {
    assert_eq!(lines("helpers.rs", ""), [0]);
}

#[test]
fn joints_may_name_all() {
    assert_eq!(lines("app/reload.rs", "use crate::{store, supervise, export};\n"), [0_usize; 0]);
}
