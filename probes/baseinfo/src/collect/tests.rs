//! All items against this host: every row fits its table.

use gopher_procfs::Root;
use probe_sdk::protocol::control::{ConfigMessage, ProbeConfig, Scope};
use probe_sdk::testing::{CheckedRow, Harness};

use super::*;
use crate::allocations::allocations;

fn message(items: &[&str], all: bool) -> ConfigMessage {
    let items = items.iter().map(ToString::to_string).collect();
    let scope = Scope { all, ..Scope::default() };
    let probe = ProbeConfig { items, scope, ..ProbeConfig::default() };
    ConfigMessage { version: 1, generation: 1, probes: [("baseinfo".to_owned(), probe)].into() }
}

fn collected(root: Root, items: &[&str], rounds: usize) -> Vec<CheckedRow> {
    let mut harness = Harness::new(crate::MANIFEST, message(items, true)).unwrap();
    let mut collectors = Collectors::new(Shared::new(root).unwrap());
    collectors.configure(&harness.ctx);
    for _ in 0..rounds {
        harness.rows().unwrap();
        collectors.tick(&mut harness.ctx).unwrap();
    }
    harness.rows().unwrap()
}

#[test]
fn every_item_sends_rows_that_fit_their_tables() {
    for (item, tables) in [
        ("cpu", &["system_cpu_util", "system_cpu"][..]),
        ("mem", &["system_meminfo", "system_dentry"]),
        ("nic", &["nic"]),
        ("net", &["system_tcp", "system_udp"]),
        ("fs", &["system_df"]),
        ("proc", &["system_proc"]),
        ("host", &["system_os"]),
    ] {
        let rows = collected(Root::default(), &[item], 2);
        for table in tables {
            assert!(rows.iter().any(|row| row.table == *table), "{item}: no row of {table}");
        }
    }
}

/// The fewest allocations of a period, after two that find out what there is. Others may start processes meanwhile,
/// for which there must be room: the cost of a period as such shows in each of them.
fn allocated(root: Root, item: &str) -> u64 {
    let mut harness = Harness::new(crate::MANIFEST, message(&[item], true)).unwrap();
    let mut collectors = Collectors::new(Shared::new(root).unwrap());
    collectors.configure(&harness.ctx);
    let mut period = || {
        let count = allocations(|| collectors.tick(&mut harness.ctx).unwrap());
        harness.rows().unwrap();
        count
    };
    period();
    period();
    (0..10).map(|_| period()).min().unwrap()
}

#[test]
fn a_period_without_news_allocates_nothing() {
    for (item, _) in ITEMS {
        assert_eq!(allocated(Root::default(), item), 0, "{item}");
    }
}

#[test]
fn a_failure_that_lasts_allocates_nothing() {
    for (item, _) in ITEMS {
        assert_eq!(allocated(Root::new("/nonexistent"), item), 0, "{item}");
    }
}

#[test]
fn an_item_that_is_off_sends_nothing() {
    let rows = collected(Root::default(), &["net"], 1);
    assert!(rows.iter().all(|row| row.table == "system_tcp" || row.table == "system_udp"), "{rows:?}");
}

#[test]
fn a_host_without_any_file_leaves_the_probe_running() {
    let items: Vec<&str> = ITEMS.iter().map(|(name, _)| *name).collect();
    let rows = collected(Root::new("/nonexistent"), &items, 2);
    let tables: Vec<&str> = rows.iter().map(|row| row.table.as_str()).collect();
    assert_eq!(tables, ["system_os"]);
}

#[test]
fn the_items_are_those_of_the_manifest() {
    let manifest = probe_sdk::protocol::manifest::Manifest::parse(crate::MANIFEST).unwrap();
    let names: Vec<&str> = manifest.probes[0].items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ITEMS.map(|(name, _)| name));
}
