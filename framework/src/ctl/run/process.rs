//! The process of a probe that is run by hand: started, told, listened to, ended with all that it started.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use gopher_protocol::MAX_LINE;
use gopher_protocol::control::ConfigMessage;
use gopher_protocol::manifest::Reconfigure;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;

use crate::catalog::Folder;
use crate::ctl::failure::Failure;
use crate::{contain, supervise};

/// How long the last words of a probe that has ended are awaited, where a child of it keeps its stderr open.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Lines that wait to be checked; a probe that writes faster waits.
const WAITING: usize = 1024;

/// What comes from the process.
#[derive(Debug)]
pub(in crate::ctl) enum Event {
    /// A line of its output, without the newline.
    Line(Vec<u8>),
    /// A line that was longer than a line may be.
    TooLong,
    /// A line of stderr.
    Said(String),
    /// Its output has ended, and so has it: its exit code, if it has one.
    Closed(Option<i32>),
    /// Its stderr has ended.
    Silent,
    /// The deadline, or Ctrl-C.
    Time,
}

/// How a process ended, and until when its last words are awaited.
#[derive(Clone, Copy, Debug)]
struct Ended {
    code: Option<i32>,
    words_until: Instant,
}

/// A running probe.
#[derive(Debug)]
pub(in crate::ctl) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    events: Receiver<Event>,
    /// Whether its stderr has ended.
    silent: bool,
    ended: Option<Ended>,
    /// Holds the configuration where that does not come on stdin.
    _file: Option<tempfile::NamedTempFile>,
}

impl Process {
    /// Starts the program as the agent would, but as this user, without limits, and tells it its configuration.
    pub(in crate::ctl) fn start(folder: &Folder, message: &ConfigMessage) -> Result<Self, Failure> {
        let manifest = &folder.manifest;
        let path = folder.path.canonicalize()?;
        let (program, arguments) =
            manifest.exec.split_first().ok_or_else(|| Failure::Failed("exec is empty".into()))?;
        let mut command = Command::new(path.join(program));
        command.args(arguments).current_dir(&path).process_group(0);
        command.env_clear().envs(contain::common_environment());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut file = None;
        if manifest.reconfigure == Reconfigure::Restart {
            let mut kept = tempfile::NamedTempFile::new()?;
            kept.write_all(message.to_line().as_bytes())?;
            command.envs(supervise::environment_of(message)).env("GOPHER_CONFIG_FILE", kept.path());
            file = Some(kept);
        }
        let mut child = command.spawn().map_err(|error| {
            Failure::Failed(format!("{}: cannot start: {error}", path.join(program).display()))
        })?;
        let (sender, events) = sync_channel(WAITING);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        interrupt(sender.clone())?;
        if let Some(stderr) = stderr {
            listen(stderr, sender.clone(), false);
        }
        if let Some(stdout) = stdout {
            listen(stdout, sender, true);
        }
        let mut process = Self { child, stdin, events, silent: false, ended: None, _file: file };
        if manifest.reconfigure == Reconfigure::Stdin
            && let Some(stdin) = &mut process.stdin
            && let Err(error) = stdin.write_all(message.to_line().as_bytes())
        {
            tracing::debug!(%error, "The probe does not read its configuration.");
        }
        Ok(process)
    }

    /// The next thing that happens, at the latest at the deadline. What it said to stderr comes before its end.
    pub(in crate::ctl) fn next(&mut self, deadline: Instant) -> Event {
        loop {
            if let Some(Ended { code, .. }) = self.ended.filter(|_| self.silent) {
                return Event::Closed(code);
            }
            let until = self.ended.map_or(deadline, |ended| ended.words_until);
            match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Event::Closed(_)) => {
                    let code = self.end(deadline);
                    self.ended = Some(Ended { code, words_until: Instant::now() + LAST_WORDS });
                }
                Ok(Event::Silent) => self.silent = true,
                Ok(event) => return event,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return self.ended.map_or(Event::Time, |ended| Event::Closed(ended.code));
                }
            }
        }
    }

    /// Waits for a process that has closed its output; one that lives on is ended.
    fn end(&mut self, deadline: Instant) -> Option<i32> {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.code(),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                Ok(None) => {
                    self.kill();
                    return self.child.wait().ok().and_then(|status| status.code());
                }
                Err(_) => return None,
            }
        }
    }

    /// Tells it to stop, as the agent does.
    pub(super) fn stop(&mut self) -> Result<(), Failure> {
        self.stdin = None;
        self.signal(Signal::SIGTERM);
        Ok(())
    }

    /// Ends it and all that it started.
    pub(super) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
    }

    fn signal(&self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Err(error) = killpg(Pid::from_raw(pid), signal)
        {
            tracing::debug!(%error, "The probe has gone already.");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if let Err(error) = self.child.wait() {
            tracing::debug!(%error, "The probe's end is not known.");
        }
    }
}

/// Ctrl-C ends the run early. To be called after the start, since a child inherits which signals are blocked.
fn interrupt(sender: SyncSender<Event>) -> Result<(), Failure> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    signals.thread_block().map_err(std::io::Error::from)?;
    thread::spawn(move || while signals.wait().is_ok() && sender.send(Event::Time).is_ok() {});
    Ok(())
}

/// Sends the lines of a pipe on, and its end.
fn listen(pipe: impl Read + Send + 'static, sender: SyncSender<Event>, stdout: bool) {
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        while let Some(line) = next_line(&mut reader) {
            let event = match line {
                Some(line) if stdout => Event::Line(line),
                Some(line) => Event::Said(String::from_utf8_lossy(&line).into_owned()),
                None => Event::TooLong,
            };
            if sender.send(event).is_err() {
                return;
            }
        }
        if sender.send(if stdout { Event::Closed(None) } else { Event::Silent }).is_err() {
            tracing::debug!("Nobody waits for the end of the probe.");
        }
    });
}

/// The next line; inside it nothing where it is over-long; nothing at the end.
fn next_line(reader: &mut impl std::io::BufRead) -> Option<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = reader.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut line).unwrap_or(0);
    if read == 0 {
        return None;
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Some(Some(line));
    }
    if read < MAX_LINE {
        return Some(Some(line));
    }
    let skipped = reader.skip_until(b'\n');
    skipped.is_ok().then_some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_one_line() {
        let text = [b"a\n".to_vec(), vec![b'x'; MAX_LINE * 2], b"\nb".to_vec()].concat();
        let mut reader = text.as_slice();
        assert_eq!(next_line(&mut reader), Some(Some(b"a".to_vec())));
        assert_eq!(next_line(&mut reader), Some(None));
        assert_eq!(next_line(&mut reader), Some(Some(b"b".to_vec())));
        assert_eq!(next_line(&mut reader), None);
    }
}
