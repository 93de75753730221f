//! `top` on a terminal: what it draws, and how it leaves the terminal.
#![expect(clippy::expect_used, reason = "what goes wrong here fails the test at once")]

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

use gopher_tests::agent::{Agent, Home, until};
use gopher_tests::tree::binary;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use tempfile::TempDir;

/// What a program sends first and last that takes the whole terminal.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

/// A terminal that keeps all that is written to it, and `top` on it.
struct Terminal {
    master: File,
    slave: File,
    written: Arc<Mutex<Vec<u8>>>,
    before: Termios,
    top: Child,
    _link: TempDir,
}

impl Terminal {
    fn top(agent: &Agent) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other end");
        let path = ptsname(&master, Vec::new()).expect("its name").into_string().expect("a path");
        let slave = OpenOptions::new().read(true).write(true).open(path).expect("its other end");
        let end = || slave.try_clone().expect("another handle");
        let before = tcgetattr(&slave).expect("its settings");
        size(&slave, 40, 120);
        // The agent's folder in the arguments would make it a process of the agent to those who look for its processes.
        let link = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::symlink(agent.home.path().join("run"), link.path().join("run")).expect("a link");
        let socket = link.path().join("run/control.sock");
        let mut command = Command::new(binary("gopher-ctl"));
        command.arg("--socket").arg(socket).args(["top", "--every", "100ms"]).env("TERM", "xterm");
        let top = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("gopher-ctl");
        let master = File::from(master);
        let (written, sink) = (Arc::default(), Arc::default());
        let terminal = Self { master, slave, written, before, top, _link: link };
        terminal.keep(sink)
    }

    /// Keeps what is written, which also keeps the writer from waiting.
    fn keep(mut self, sink: Arc<Mutex<Vec<u8>>>) -> Self {
        let mut source = self.master.try_clone().expect("another handle");
        self.written = Arc::clone(&sink);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = source.read(&mut bytes) {
                sink.lock().expect("the text").extend_from_slice(&bytes[..read]);
            }
        });
        self
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().expect("the text")).into_owned()
    }

    /// Waits until all these words have been written since the last call of [`Self::forget`].
    fn shows(&self, words: &[&str]) {
        until(&words.join(", "), || {
            let text = self.text();
            words.iter().all(|word| text.contains(word)).then_some(())
        });
    }

    fn forget(&self) {
        self.written.lock().expect("the text").clear();
    }

    fn press(&mut self, key: &[u8]) {
        self.master.write_all(key).expect("a key");
    }

    /// Waits for the end, and looks at how the terminal was left.
    fn ends_well(&mut self) {
        let status = until("the end of top", || self.top.try_wait().expect("its state"));
        assert!(status.success(), "{status}: {}", self.text());
        until("the other screen", || self.text().trim_end().ends_with(LEAVE).then_some(()));
        let now = tcgetattr(&self.slave).expect("its settings");
        assert_eq!(now.local_modes, self.before.local_modes);
        assert!(self.text().contains("\x1b[?25h"), "the cursor is there again");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.top.kill().and_then(|()| self.top.wait()).is_err() {
            eprintln!("top has gone already");
        }
    }
}

fn size(terminal: &File, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).expect("a size");
}

fn agent() -> Agent {
    let home = Home::new();
    home.fake("demo", &["--period", "20"]);
    home.configure("");
    Agent::start(home)
}

#[test]
fn probes_are_drawn_again_and_again_until_q() {
    let agent = agent();
    let mut terminal = Terminal::top(&agent);
    terminal.shows(&[ENTER, "PROBE", "ROWS/s", "demo", "running"]);
    terminal.forget();
    terminal.shows(&["demo", "running"]);
    terminal.press(b"x");
    terminal.forget();
    terminal.shows(&["demo"]);
    terminal.press(b"q");
    terminal.ends_well();
}

#[test]
fn a_smaller_window_shows_what_fits() {
    let agent = agent();
    let mut terminal = Terminal::top(&agent);
    terminal.shows(&["demo"]);
    size(&terminal.slave, 3, 20);
    terminal.shows(&["2 more lines; a high"]);
    terminal.forget();
    terminal.shows(&["gala-gopher: 1 probe", "2 more lines; a high"]);
    assert!(!terminal.text().contains("RESTARTS"), "{}", terminal.text());
    size(&terminal.slave, 40, 120);
    terminal.shows(&["RESTARTS", "demo"]);
    // Ctrl-C, which is a key here.
    terminal.press(&[3]);
    terminal.ends_well();
}

#[test]
fn an_order_to_end_gives_the_terminal_back() {
    let agent = agent();
    let mut terminal = Terminal::top(&agent);
    terminal.shows(&["demo"]);
    let pid = Pid::from_raw(terminal.top.id().try_into().expect("a process id"));
    kill(pid, Signal::SIGTERM).expect("a signal");
    terminal.ends_well();
}

#[test]
fn an_agent_that_goes_and_comes_back_is_told_and_shown() {
    let mut agent = agent();
    let mut terminal = Terminal::top(&agent);
    terminal.shows(&["demo"]);
    agent.kill();
    terminal.shows(&["no agent answers", "start the agent"]);
    let agent = Agent::start(Arc::clone(&agent.home));
    terminal.forget();
    until("the agent that came back", || {
        terminal.forget();
        terminal.shows(&["demo"]);
        (!terminal.text().contains("no agent answers")).then_some(())
    });
    terminal.press(b"q");
    terminal.ends_well();
    drop(agent);
}
