//! Rates agree with those of sysstat under a load of known size.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gopher_tests::probe::Row;
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::running::{Helper, Probe, config};

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The only host's report of this index in sysstat's JSON.
fn statistics(text: &str, index: usize) -> Value {
    let report: Value = serde_json::from_str(text).unwrap();
    report["sysstat"]["hosts"][0]["statistics"][index].clone()
}

fn cpu_time(pid: u32) -> Duration {
    let clock = nix::time::clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).unwrap())).unwrap();
    nix::time::clock_gettime(clock).unwrap().into()
}

/// The mean over the rows of one key.
fn mean(rows: &[Row], (table, key, value): (&str, &str, &str), field: &str) -> f64 {
    let of_key = rows.iter().filter(|row| row.table == table && row.text(key) == value);
    let values: Vec<f64> = of_key.filter_map(|row| row.number(field)).collect();
    values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap())
}

/// Of three seconds, the rows may contain a fifth of one before and miss one at the end: so much in points of percent.
fn assert_near(what: &str, ours: f64, theirs: f64) {
    assert!((ours - theirs).abs() < 10.0, "{what}: {ours} % here, {theirs} % there");
}

#[test]
fn utilisation_agrees_with_mpstat_and_with_the_clock_of_a_busy_process() {
    let busy = Helper::start("sh", &["-c", "while :; do :; done"]);
    let mut probe = Probe::start(&config(1, &["cpu", "proc", "host"], &[busy.id()]));
    probe.tick("system_os");
    let (begun, before) = (Instant::now(), cpu_time(busy.id()));
    let report = run("mpstat", &["-P", "ALL", "-o", "JSON", "3", "1"]);
    let used = (cpu_time(busy.id()) - before).as_secs_f64() / begun.elapsed().as_secs_f64();
    let rows = probe.queued();
    let pid = busy.id().to_string();
    let shown = mean(&rows, ("system_proc", "tgid", &pid), "cpu_util");
    assert_near("the busy process", shown, 100.0 * used);
    for cpu in statistics(&report, 0)["cpu-load"].as_array().unwrap() {
        let name = cpu["cpu"].as_str().unwrap();
        let theirs = 100.0 - cpu["idle"].as_f64().unwrap() - cpu["iowait"].as_f64().unwrap();
        let ours = match name {
            "all" => mean(&rows, ("system_cpu_util", "cpu", "cpu"), "total_used_per"),
            index => mean(&rows, ("system_cpu", "cpu", index), "util_per"),
        };
        assert_near(&format!("CPU {name}"), ours, theirs);
    }
}

/// A disk that nobody else uses.
struct LoopDisk {
    path: String,
    /// Kept open: the last writer that closes a disk makes udev read it.
    device: File,
    _backing: NamedTempFile,
}

impl LoopDisk {
    fn new() -> Self {
        let backing = NamedTempFile::new_in("/var/tmp").unwrap();
        backing.as_file().set_len(256 << 20).unwrap();
        let path = run("losetup", &["--find", "--show", backing.path().to_str().unwrap()]).trim().to_owned();
        let device = File::options().read(true).write(true).open(&path).unwrap();
        Self { path, device, _backing: backing }
    }

    fn name(&self) -> &str {
        self.path.trim_start_matches("/dev/")
    }

    /// Writes of 64 KiB, then reads of 16 KiB, one at a time and past the cache.
    fn load(&self, writes: u32, reads: u32) {
        let count = |number: u32| format!("count={number}");
        let mut dd = Command::new("dd");
        dd.args(["if=/dev/zero", "bs=64K", "oflag=direct", "status=none"]).arg(count(writes));
        let status = dd.stdout(self.device.try_clone().unwrap()).status();
        assert!(status.unwrap().success());
        let input = format!("if={}", self.path);
        run("dd", &[&input, "of=/dev/null", "bs=16K", "iflag=direct", "status=none", &count(reads)]);
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        Command::new("losetup").args(["--detach", &self.path]).status().ok();
    }
}

const WRITES: u32 = 2000;
const READS: u32 = 4000;

/// Seconds of a period of the probe and of iostat. The load falls into one of each, or into two of the probe.
const PERIOD: f64 = 2.0;
const INTERVAL: f64 = 3.0;

/// Ours and theirs of what is per second; times their periods, both are totals of the load. The true length of a
/// period differs from its nominal one by how late a busy machine wakes the probe.
const PER_SECOND: [(&str, &str); 6] = [
    ("rspeed", "r/s"),
    ("wspeed", "w/s"),
    ("rspeed_kB", "rkB/s"),
    ("wspeed_kB", "wkB/s"),
    ("aqu", "aqu-sz"),
    ("util", "util"),
];

/// Ours, theirs and how many there were of what is per request, which no period goes into.
const PER_REQUEST: [(&str, &str, &str); 4] = [
    ("r_await", "r_await", "rspeed"),
    ("w_await", "w_await", "wspeed"),
    ("rareq", "rareq-sz", "rspeed"),
    ("wareq", "wareq-sz", "wspeed"),
];

/// Puts the load on the disk within one interval of iostat; what iostat says of that.
fn iostat(disk: &LoopDisk) -> Value {
    let seconds = INTERVAL.to_string();
    let mut command = Command::new("iostat");
    command.args(["-dx", "-o", "JSON", disk.name(), &seconds, "2"]).env("LC_ALL", "C");
    let mut child = Helper::spawn(command.stdout(Stdio::piped()));
    let mut stdout = child.0.stdout.take().unwrap();
    let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
    // The interval begins with the first report, which is about the time since boot.
    while !text.windows(4).any(|bytes| bytes == b"util") {
        let read = stdout.read(&mut chunk).unwrap();
        assert!(read > 0, "iostat has ended");
        text.extend_from_slice(&chunk[..read]);
    }
    disk.load(WRITES, READS);
    stdout.read_to_end(&mut text).unwrap();
    statistics(&String::from_utf8(text).unwrap(), 1)["disk"][0].clone()
}

#[test]
fn a_disk_agrees_with_iostat_and_with_the_load() {
    let disk = LoopDisk::new();
    // Disks that were never used are not shown.
    disk.load(1, 1);
    let mut configuration = config(1, &["disk"], &[]);
    let params = &mut configuration.probes.get_mut("baseinfo").unwrap().params;
    params.insert("report_period".to_owned(), PERIOD.into());
    let mut probe = Probe::start(&configuration);
    let number = |row: &Row, field: &str| row.number(field).unwrap_or_else(|| panic!("{field}: {row:?}"));
    let is_it = |row: &Row| row.text("disk_name") == disk.name();
    let is_idle = |row: &Row| number(row, "rspeed") + number(row, "wspeed") == 0.0;
    // The second tick comes early; from the third one on, periods have their length.
    for _ in 0..2 {
        probe.wait_for("a quiet disk", |row| is_it(row) && is_idle(row));
    }
    let theirs = iostat(&disk);
    let mut rows: Vec<Row> = Vec::new();
    // Reads come last.
    while !rows.iter().any(|row| number(row, "rspeed") > 0.0) || !rows.last().is_some_and(is_idle) {
        rows.push(probe.wait_for("the disk", is_it));
    }
    let total = |field: &str| rows.iter().map(|row| number(row, field)).sum::<f64>() * PERIOD;
    let of_theirs = |field: &str| theirs[field].as_f64().unwrap_or_else(|| panic!("no {field}: {theirs}"));
    for (field, their_field) in PER_SECOND {
        let (ours, expected) = (total(field), of_theirs(their_field) * INTERVAL);
        // Half of their last digit, and the lengths of both periods.
        let slack = 0.005 * INTERVAL + 0.15 * expected;
        assert!(
            (ours - expected).abs() <= slack,
            "{field}: {ours} here, {expected} there\n{rows:?}\n{theirs}"
        );
    }
    for (field, their_field, weight) in PER_REQUEST {
        let weighted: f64 = rows.iter().map(|row| number(row, field) * number(row, weight)).sum();
        let (ours, expected) = (weighted * PERIOD / total(weight), of_theirs(their_field));
        let slack = 0.005 + 0.02 * expected;
        assert!(
            (ours - expected).abs() <= slack,
            "{field}: {ours} here, {expected} there\n{rows:?}\n{theirs}"
        );
    }
    for (field, known) in [("wspeed", WRITES), ("rspeed", READS)] {
        let (ours, known) = (total(field), f64::from(known));
        assert!((ours - known).abs() <= 0.15 * known, "{field}: {ours} requests, in truth {known}");
    }
    for (row, kb, speed, size) in rows
        .iter()
        .flat_map(|row| [(row, "rspeed_kB", "rspeed", "rareq"), (row, "wspeed_kB", "wspeed", "wareq")])
    {
        let product = number(row, speed) * number(row, size);
        assert!(
            (number(row, kb) - product).abs() <= 1e-6 * product,
            "{kb} is not {speed} times {size}: {row:?}"
        );
    }
}
