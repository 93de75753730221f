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

/// The events of one item over two periods, with a file of the kernel as it was and then is; everything above 50 % and
/// above 10 errors in a period is said.
fn said(item: &str, file: &str, [before, now]: [&str; 2]) -> Vec<String> {
    let mut message = message(&[item], true);
    let params = [("report_event", 1), ("res_upper_thr", 50), ("drops_thr", 10)];
    let params = params.map(|(name, value)| (name.to_owned(), value.into()));
    message.probes.get_mut("baseinfo").unwrap().params = params.into();
    let mut harness = Harness::new(crate::MANIFEST, message).unwrap();
    let host = tempfile::tempdir().unwrap();
    let file = host.path().join(file);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, before).unwrap();
    let mut collectors = Collectors::new(Shared::new(Root::new(host.path())).unwrap());
    collectors.configure(&harness.ctx);
    collectors.tick(&mut harness.ctx).unwrap();
    harness.lines().unwrap();
    std::fs::write(&file, now).unwrap();
    collectors.tick(&mut harness.ctx).unwrap();
    let lines = harness.lines().unwrap().into_iter();
    lines.filter(|line| line.starts_with("|event|")).collect()
}

#[test]
fn a_device_that_loses_packets_and_counts_errors_is_said() {
    let dev = |name: &str, [rx_errors, rx_drops, tx_errors, tx_drops]: [u64; 4]| {
        format!(
            "Inter-|   Receive                                                |  Transmit\n \
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n\
             {name:>6}: 1298  15 {rx_errors} {rx_drops} 0 0 0 0 2596 31 {tx_errors} {tx_drops} 0 0 0 0\n"
        )
    };
    let before = dev("eth0", [5, 6, 7, 8]);
    assert_eq!(
        said("nic", "proc/1/net/dev", [&before, &dev("eth0", [16, 18, 20, 22])]),
        [
            "|event|nic|eth0|rx_dropped||||||eth0|WARN|13|Net device rx queue drops(12).|",
            "|event|nic|eth0|tx_dropped||||||eth0|WARN|13|Net device tx queue drops(14).|",
            "|event|nic|eth0|rx_errs||||||eth0|WARN|13|Net device rx queue errors(11).|",
            "|event|nic|eth0|tx_errs||||||eth0|WARN|13|Net device tx queue errors(13).|",
        ]
    );
    assert_eq!(said("nic", "proc/1/net/dev", [&before, &dev("eth0", [15, 16, 17, 18])]), [""; 0]);
    assert_eq!(
        said("nic", "proc/1/net/dev", [&before, &dev("eth1", [99, 99, 99, 99])]),
        [""; 0],
        "a new one"
    );
    assert_eq!(
        said("nic", "proc/1/net/dev", [&before, &dev("eth0", [0, 0, 0, 0])]),
        [""; 0],
        "a driver anew"
    );
}

#[test]
fn a_disk_that_is_busy_all_the_time_is_said() {
    let sda = |busy: u64| {
        format!(
            "   8       0 sda 101741 27949 6718082 63761 15453 35041 3491240 13084 0 {busy} 77470\n \
             253       0 dm-0 5 0 40 1 6 0 48 2 0 3 3\n"
        )
    };
    let saturated = "|event|disk|sda|util||||||sda|WARN|13|Disk device saturated(100.00%).|";
    assert_eq!(said("disk", "proc/diskstats", [&sda(18_668), &sda(18_668 + 3_600_000)]), [saturated]);
    assert_eq!(said("disk", "proc/diskstats", [&sda(18_668), &sda(18_668)]), [""; 0]);
}

#[test]
fn memory_and_swap_that_fill_up_are_said() {
    let meminfo = |free: u64, swap: u64| {
        format!(
            "MemTotal:       32857032 kB\nMemFree:        {free} kB\nMemAvailable:   30000000 kB\n\
             Buffers:               0 kB\nCached:                0 kB\nSwapTotal:       8388604 kB\nSwapFree:        {swap} kB\n"
        )
    };
    let calm = meminfo(32_857_032, 8_388_604);
    assert_eq!(
        said("mem", "proc/meminfo", [&calm, &meminfo(8_214_258, 2_097_151)]),
        [
            "|event|mem|/proc/meminfo|util|||||||WARN|13|Too high mem utilization(75.00%).|",
            "|event|mem|/proc/meminfo|swap_util|||||||WARN|13|Too high swap utilization(75.00%).|",
        ]
    );
    assert_eq!(said("mem", "proc/meminfo", [&calm, &calm]), [""; 0]);
}

#[test]
fn the_items_are_those_of_the_manifest() {
    let manifest = probe_sdk::protocol::manifest::Manifest::parse(crate::MANIFEST).unwrap();
    let names: Vec<&str> = manifest.probes[0].items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ITEMS.map(|(name, _)| name));
}
