//! Values lie between what independent sources said before and after.

use std::collections::BTreeSet;
use std::process::Command;

use crate::running::{Helper, Probe, Rows, config};
use crate::sources::{self, Fact, Facts, NodeExporter};

const ITEMS: [&str; 8] = ["cpu", "mem", "nic", "net", "disk", "fs", "proc", "host"];

fn all_facts(exporter: &NodeExporter, pid: u32) -> Facts {
    let mut facts = Facts::new();
    sources::cpus(&mut facts);
    sources::memory(&mut facts);
    sources::root_file_system(&mut facts);
    sources::process(&mut facts, pid);
    sources::devices(&mut facts);
    exporter.facts(&mut facts);
    facts
}

#[test]
fn values_agree_with_independent_sources() {
    let exporter = NodeExporter::start();
    // A process that holds memory and does nothing, so that its values stand still.
    let idle = Helper::start("python3", &["-c", "held = b'x' * (64 << 20); import time; time.sleep(600)"]);
    let mut probe = Probe::start(&config(1, &ITEMS, &[idle.id()]));
    let shown = probe.tick("system_os");
    assert!(shown.keys().any(|(table, _)| table == "nic"), "no device is shown");
    let mut pending: BTreeSet<Fact> = all_facts(&exporter, idle.id()).into_keys().collect();
    pending.retain(|(table, key, _)| table != "nic" || shown.contains_key(&(table.clone(), key.clone())));
    let (all, mut wrong) = (pending.len(), Vec::new());
    // Memory moves while it is looked at, so that every value has some rounds to agree in. One that is wrong by its
    // unit never does: what slack there is, is a small part of the value.
    for _ in 0..20 {
        let before = all_facts(&exporter, idle.id());
        let rows = probe.tick("system_os");
        let after = all_facts(&exporter, idle.id());
        wrong = pending.iter().filter_map(|fact| disagreement(fact, &before, &rows, &after)).collect();
        pending.retain(|fact| disagreement(fact, &before, &rows, &after).is_some());
        if wrong.is_empty() {
            break;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(all >= 40, "only {all} values were compared");
}

/// Why the probe's value does not lie between those of before and after; `None` when it does.
fn disagreement(fact: &Fact, before: &Facts, rows: &Rows, after: &Facts) -> Option<String> {
    let (table, key, field) = fact;
    let ((first, slack), (last, _)) = (before[fact], after[fact]);
    let value = rows.get(&(table.clone(), key.clone())).and_then(|row| row.number(field));
    let range = first.min(last) - slack..=first.max(last) + slack;
    let agrees = value.is_some_and(|value| range.contains(&value));
    (!agrees).then(|| format!("{table} {key} {field}: {value:?} is not in {range:?}"))
}

#[test]
fn the_operating_system_is_described() {
    let mut probe = Probe::start(&config(1, &["host"], &[]));
    let row = probe.row();
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(row.text("kversion"), said("uname", &["-r"]));
    assert_eq!(row.text("hostname"), said("uname", &["-n"]));
    assert_eq!(row.text("cpu_num"), said("nproc", &["--all"]));
    assert_eq!(row.text("clock_ticks"), said("getconf", &["CLK_TCK"]));
    let release = said("sh", &["-c", ". /etc/os-release; echo $PRETTY_NAME"]);
    assert_eq!(row.text("os_version"), release);
    assert_eq!(row.number("value"), Some(1.0));
}
