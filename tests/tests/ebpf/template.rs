//! The probe that new ones are copied from: what it tells agrees with who sent the signals.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use gopher_tests::probe::{Output, Probe, manifest_text, number};
use gopher_tests::tree::{binary, source_root};

/// Sends itself signals that queue, once a line comes.
const SCRIPT: &str = "import os, signal, sys\n\
    signal.signal(signal.SIGRTMIN, lambda *_: None)\n\
    signal.signal(signal.SIGRTMIN + 1, signal.SIG_IGN)\n\
    print(os.getpid(), flush=True)\n\
    sys.stdin.readline()\n\
    for _ in range(100): os.kill(os.getpid(), signal.SIGRTMIN)\n\
    for _ in range(7): os.kill(os.getpid(), signal.SIGRTMIN + 1)\n\
    sys.stdin.readline()";

#[test]
fn every_signal_is_counted_for_who_gets_it() {
    let mut command = Command::new("python3");
    let mut child =
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut pid = String::new();
    // Signals of its start are none of the test's.
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut pid).unwrap();
    let text = manifest_text(&source_root().join("probes/_template")).unwrap();
    let command = Command::new(binary("template"));
    let mut probe =
        Probe::start_command(command, &text, &["signals"], &[("report_period", 1.into())]).unwrap();
    while !matches!(probe.next_output().unwrap(), Output::Applied(_)) {}
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"\n").unwrap();
    let (mut delivered, mut discarded) = (0.0, 0.0);
    while delivered < 100.0 || discarded < 7.0 {
        let row = probe.row_where(|row| row.text("tgid") == pid.trim()).unwrap();
        delivered += number(&row, "delivered").unwrap();
        discarded += number(&row, "discarded").unwrap();
    }
    drop(input);
    child.wait().unwrap();
    assert_eq!((delivered, discarded), (100.0, 7.0));
}
