//! What wakes a probe: a configuration line on stdin, a signal to stop, a deadline.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use gopher_protocol::PROTOCOL;
use gopher_protocol::control::ConfigMessage;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeSpec;

use crate::error::Error;

/// The longest configuration line: about 100,000 processes in scope.
const MAX_CONFIG: usize = 16 << 20;

/// The signals that stop a probe, as a descriptor.
#[derive(Debug)]
pub(crate) struct Stop {
    signals: SignalFd,
}

impl Stop {
    /// Blocks TERM and INT for this thread, and so for the threads that it starts later.
    pub(crate) fn new() -> Result<Self, Error> {
        let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
        signals.thread_block().map_err(Error::system("blocking TERM"))?;
        let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
            .map_err(Error::system("opening a signal descriptor"))?;
        Ok(Self { signals })
    }

    /// Waits until `fd` takes output.
    ///
    /// # Errors
    /// [`Error::Stopped`] when a signal to stop comes first or nobody reads any more.
    pub(crate) fn wait_writable(&self, fd: BorrowedFd<'_>) -> Result<(), Error> {
        let mut fds =
            [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN), PollFd::new(fd, PollFlags::POLLOUT)];
        wait(&mut fds, None)?;
        if ready(&fds[0]) { Err(Error::Stopped) } else { Ok(()) }
    }
}

/// Why [`Input::wait`] returned.
#[derive(Debug)]
pub(crate) enum Event {
    /// Stop: a signal, or stdin has closed.
    Stop,
    /// The newest configuration that has arrived.
    Config(ConfigMessage),
    /// The deadline has passed.
    Deadline,
    /// The watched descriptor is readable.
    Readable,
}

/// Reads stdin without blocking the clock.
#[derive(Debug, Default)]
pub(crate) struct Input {
    pending: Vec<u8>,
}

impl Input {
    /// Waits for whatever comes first.
    pub(crate) fn wait(
        &mut self,
        stop: &Stop,
        watched: Option<BorrowedFd<'_>>,
        deadline: Option<Instant>,
    ) -> Result<Event, Error> {
        let stdin = io::stdin();
        loop {
            let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let mut fds = vec![
                PollFd::new(stop.signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
            ];
            fds.extend(watched.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
            wait(&mut fds, timeout)?;
            if ready(&fds[0]) {
                return Ok(Event::Stop);
            }
            if ready(&fds[1]) {
                if !self.read(stdin.as_fd())? {
                    return Ok(Event::Stop);
                }
                if let Some(message) = self.take() {
                    return Ok(Event::Config(message));
                }
            } else if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(Event::Deadline);
            } else if fds.get(2).is_some_and(ready) {
                return Ok(Event::Readable);
            }
        }
    }

    /// Reads once; false at the end.
    fn read(&mut self, stdin: BorrowedFd<'_>) -> Result<bool, Error> {
        let mut chunk = [0; 64 * 1024];
        let read = match nix::unistd::read(stdin, &mut chunk) {
            Ok(read) => read,
            Err(Errno::EINTR | Errno::EAGAIN) => return Ok(true),
            Err(errno) => return Err(Error::system("reading stdin")(errno)),
        };
        self.pending.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if self.pending.len() > MAX_CONFIG {
            return Err(Error::ConfigTooLong(MAX_CONFIG));
        }
        Ok(read > 0)
    }

    /// The last complete line that is a configuration: each one is the whole desired state.
    fn take(&mut self) -> Option<ConfigMessage> {
        let end = self.pending.iter().rposition(|byte| *byte == b'\n')? + 1;
        let lines: Vec<u8> = self.pending.drain(..end).collect();
        if self.pending.is_empty() {
            // A large scope was read once; its space need not stay.
            self.pending.shrink_to(64 * 1024);
        }
        lines.split(|byte| *byte == b'\n').rev().filter(|line| !line.is_empty()).find_map(parse)
    }
}

/// A line that cannot be used is reported and leaves the configuration as it is.
fn parse(line: &[u8]) -> Option<ConfigMessage> {
    let text = String::from_utf8_lossy(line);
    match ConfigMessage::from_line(&text) {
        Ok(message) if message.version == PROTOCOL => Some(message),
        Ok(message) => {
            crate::log(format_args!(
                "configuration refused: version {} is not spoken here; allowed: {PROTOCOL}",
                message.version
            ));
            None
        }
        Err(error) => {
            crate::log(format_args!("configuration refused: {error}"));
            None
        }
    }
}

fn wait(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> Result<(), Error> {
    match ppoll(fds, timeout.map(TimeSpec::from_duration), None) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(Error::system("waiting for stdin")(errno)),
    }
}

fn ready(fd: &PollFd<'_>) -> bool {
    fd.revents().is_some_and(|events| !events.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(text: &str) -> Input {
        Input { pending: text.as_bytes().to_vec() }
    }

    #[test]
    fn the_newest_complete_line_wins() {
        let mut input = fed(
            "{\"version\":1,\"generation\":1,\"probes\":{}}\n{\"version\":1,\"generation\":2,\"probes\":{}}\n{\"ver",
        );
        assert_eq!(input.take().unwrap().generation, 2);
        assert_eq!(input.pending, b"{\"ver");
        assert!(input.take().is_none());
    }

    #[test]
    fn a_bad_line_does_not_hide_a_good_one() {
        let mut input = fed("{\"version\":1,\"generation\":1,\"probes\":{}}\nnonsense\n");
        assert_eq!(input.take().unwrap().generation, 1);
    }

    #[test]
    fn another_version_is_refused() {
        assert!(fed("{\"version\":2,\"generation\":1,\"probes\":{}}\n").take().is_none());
    }
}
