//! What is above its threshold is said, with the numbers that others see too.

use std::fs;
use std::process::Command;

use gopher_protocol::control::ConfigMessage;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::changes::own_mounts;
use crate::running::{Helper, Probe, config};

/// Events on, with a threshold of use in percent.
fn alarmed(items: &[&str], pids: &[u32], upper: u64) -> ConfigMessage {
    let mut configuration = config(1, items, pids);
    let params = &mut configuration.probes.get_mut("baseinfo").unwrap().params;
    params.insert("report_event".to_owned(), 1.into());
    params.insert("res_upper_thr".to_owned(), upper.into());
    configuration
}

/// The number in the brackets of an event's text.
fn number(line: &str) -> f64 {
    let (_, rest) = line.rsplit_once('(').unwrap();
    rest.split_once('%').unwrap().0.parse().unwrap()
}

#[test]
fn a_file_system_that_fills_up_is_said() {
    own_mounts();
    let folder = tempfile::tempdir().unwrap();
    let options = Some("size=1m,nr_inodes=20");
    mount(Some("full"), folder.path(), Some("tmpfs"), MsFlags::empty(), options).unwrap();
    let mut probe = Probe::start(&alarmed(&["fs"], &[], 70));
    fs::write(folder.path().join("file"), vec![1; 800 << 10]).unwrap();
    let id = folder.path().to_str().unwrap();
    let line = probe.event(["fs", id, "UsePer"]);
    assert!(line.contains("|full|WARN|13|Too many Blocks used("), "{line}");
    let df = Command::new("df").args(["--output=pcent", id]).output().unwrap();
    let shown: f64 = String::from_utf8(df.stdout)
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .trim_end_matches('%')
        .parse()
        .unwrap();
    // df rounds up.
    assert!((0.0..=1.0).contains(&(shown - number(&line))), "df {shown}, {line}");
    for name in 0..15 {
        fs::write(folder.path().join(format!("{name}")), "").unwrap();
    }
    let line = probe.event(["fs", id, "IUsePer"]);
    // The root, the large file and fifteen small ones, of twenty.
    assert!(number(&line) > 70.0 && number(&line) <= 85.0, "{line}");
    umount2(folder.path(), MntFlags::MNT_DETACH).unwrap();
}

#[test]
fn a_process_that_runs_out_of_descriptors_is_said() {
    let script = "ulimit -n 30; exec python3 -c 'import time; f = [open(\"/dev/null\") for _ in range(15)]; time.sleep(600)'";
    let process = Helper::start("sh", &["-c", script]);
    let id = process.id().to_string();
    let mut probe = Probe::start(&alarmed(&["proc"], &[process.id()], 50));
    // More while the interpreter starts; it may have inherited some besides its own fifteen and the first three.
    let agrees = |line: &String| {
        let open = fs::read_dir(format!("/proc/{id}/fd")).unwrap().count();
        open < 30 && line.ends_with(&format!("used({:.2}%).|", 100.0 * open as f64 / 30.0))
    };
    let line = (0..50).map(|_| probe.event(["proc", &id, "fd_free_per"])).find(agrees).unwrap();
    assert!(
        line.starts_with(&format!("|event|proc|{id}|fd_free_per|{id}||||||WARN|13|Too many file")),
        "{line}"
    );
}

#[test]
fn a_busy_host_is_said_in_the_language_that_was_asked_for() {
    let configuration = alarmed(&["cpu"], &[], 1);
    let _busy = Helper::start("sh", &["-c", "while :; do :; done"]);
    let mut english = Probe::start(&configuration);
    let mut chinese = Probe::start_with(&configuration, &[("GOPHER_LANGUAGE", "zh")]);
    assert!(english.event(["cpu", "cpu", "total_used_per"]).contains("Too high cpu utilization("));
    assert!(chinese.event(["cpu", "cpu", "total_used_per"]).contains("CPU 使用率过高（"));
}

#[test]
fn without_consent_nothing_is_said() {
    let mut configuration = alarmed(&["cpu", "mem", "fs", "host"], &[], 1);
    let params = &mut configuration.probes.get_mut("baseinfo").unwrap().params;
    params.insert("report_event".to_owned(), 0.into());
    let probe = Probe::start(&configuration);
    for _ in 0..200 {
        let line = probe.line().unwrap();
        assert!(!line.starts_with(b"|event|"), "{}", String::from_utf8_lossy(&line));
    }
}
