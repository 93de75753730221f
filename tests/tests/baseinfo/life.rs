//! Start, configuration and stop of a probe that is built with the SDK.

use std::io::Write;
use std::process::{Command, Stdio};

use gopher_procfs::process::stat;
use gopher_tests::tree::binary;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::running::{Probe, config};

#[test]
fn the_first_rows_follow_the_first_configuration() {
    let mut configuration = config(7, &["mem"], &[]);
    let params = &mut configuration.probes.get_mut("baseinfo").unwrap().params;
    params.insert("report_period".to_owned(), 600.into());
    let mut probe = Probe::start(&configuration);
    assert_eq!(probe.line().unwrap(), b"|applied|7|");
    assert_eq!(probe.row().table, "system_meminfo");
}

#[test]
fn an_item_that_is_switched_on_sends_rows_without_a_restart() {
    let mut probe = Probe::start(&config(1, &["mem"], &[]));
    probe.wait_for("memory", |row| row.table == "system_meminfo");
    probe.configure(&config(2, &["net"], &[]));
    while probe.line().unwrap() != b"|applied|2|" {}
    for _ in 0..10 {
        let table = probe.row().table;
        assert!(table == "system_tcp" || table == "system_udp", "{table}");
    }
}

#[test]
fn closed_stdin_and_term_are_clean_ends() {
    let mut probe = Probe::start(&config(1, &["mem"], &[]));
    probe.row();
    assert_eq!(probe.stop(), (Some(0), String::new()));
    let mut probe = Probe::start(&config(1, &["mem"], &[]));
    probe.row();
    assert_eq!(probe.terminate().code(), Some(0));
}

#[test]
fn a_reader_that_goes_is_a_clean_end() {
    let mut child = Command::new(binary("baseinfo"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(config(1, &["mem"], &[]).to_line().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    drop(stdin);
}

#[test]
fn a_reader_that_does_not_read_does_not_keep_the_probe_from_stopping() {
    let mut child =
        Command::new(binary("baseinfo")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut configuration = config(1, &["mem", "cpu", "proc"], &[]);
    let probe = configuration.probes.get_mut("baseinfo").unwrap();
    probe.params.insert("report_period".to_owned(), 0.001.into());
    child.stdin.as_mut().unwrap().write_all(configuration.to_line().as_bytes()).unwrap();
    // The pipe is full once the probe waits for room in it: it then uses no more CPU time.
    let used = |pid: u32| {
        let bytes = std::fs::read(format!("/proc/{pid}/stat")).unwrap();
        stat(&bytes).map(|stat| stat.utime + stat.stime).unwrap()
    };
    let mut last = u64::MAX;
    while last == u64::MAX || last == 0 || used(child.id()) != last {
        last = used(child.id());
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_line_that_is_no_configuration_changes_nothing() {
    let mut probe = Probe::start(&config(1, &["mem"], &[]));
    probe.row();
    probe.send("{\"version\":9}\nnonsense\n");
    probe.tick("system_dentry");
    let (status, said) = probe.stop();
    assert_eq!((status, said.matches("configuration refused").count()), (Some(0), 2), "{said}");
}
