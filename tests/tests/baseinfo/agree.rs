//! Values lie between what independent sources said before and after.

use std::process::Command;

use crate::running::{Probe, config};
use crate::sources::{self, Facts, NodeExporter};

const ITEMS: [&str; 8] = ["cpu", "mem", "nic", "net", "disk", "fs", "proc", "host"];

/// A process that does nothing, so that its values stand still.
struct Idle(std::process::Child);

impl Idle {
    fn start() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

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
    let idle = Idle::start();
    let mut probe = Probe::start(&config(1, &ITEMS, &[idle.0.id()]));
    // The idle process has settled once its program has been loaded.
    probe.tick("system_os");
    let before = all_facts(&exporter, idle.0.id());
    let rows = probe.tick("system_os");
    let after = all_facts(&exporter, idle.0.id());
    let mut compared = 0;
    for ((table, key, field), (first, slack)) in &before {
        let (last, _) = after[&(table.clone(), key.clone(), field.clone())];
        let Some(row) = rows.get(&(table.clone(), key.clone())) else {
            assert_eq!(table, "nic", "no row of {table} for {key}");
            continue;
        };
        let value = row.number(field).unwrap_or_else(|| panic!("{table} {key}: no {field}"));
        let (low, high) = (first.min(last) - slack, first.max(last) + slack);
        assert!((low..=high).contains(&value), "{table} {key} {field}: {value} is not in {low}..={high}");
        compared += 1;
    }
    assert!(compared >= 40, "only {compared} values were compared");
    assert!(rows.keys().any(|(table, _)| table == "nic"), "no device is shown");
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

#[test]
fn utilisation_follows_the_load() {
    let mut probe = Probe::start(&config(1, &["cpu", "proc", "host"], &[std::process::id()]));
    let busy = std::thread::spawn(|| {
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_secs(3) {
            std::hint::black_box(0);
        }
    });
    let own = std::process::id().to_string();
    probe.wait_for("CPU time of this process", |row| {
        row.text("tgid") == own && row.number("cpu_user_util").is_some_and(|share| share > 20.0)
    });
    probe
        .wait_for("CPU time of the host", |row| row.number("total_used_per").is_some_and(|used| used > 20.0));
    busy.join().unwrap();
}

#[test]
fn writing_to_a_disk_shows() {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let mut probe = Probe::start(&config(1, &["disk", "host"], &[]));
    let file = folder.path().join("file");
    for _ in 0..20 {
        let written =
            std::fs::write(&file, vec![b'x'; 4 << 20]).and_then(|()| std::fs::File::open(&file)?.sync_all());
        written.unwrap();
    }
    let row = probe.wait_for("writes", |row| row.number("wspeed_kB").is_some_and(|rate| rate > 0.0));
    assert!(row.number("wspeed").unwrap() > 0.0 && row.number("wareq").unwrap() > 0.0, "{row:?}");
    assert!((0.0..=100.0).contains(&row.number("util").unwrap()), "{row:?}");
}
