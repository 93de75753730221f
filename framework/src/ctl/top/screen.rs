//! A terminal that is drawn on and listened to; left as it was found.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

/// Another screen, without a cursor and without the rest of lines that are too long for it, and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// To the first cell; what is below the last line goes.
const HOME: &str = "\x1b[H";
const REST: &str = "\x1b[J";
/// What is right of the cursor goes.
const END_OF_LINE: &str = "\x1b[K\r\n";

/// The terminal while it is ours.
pub(super) struct Screen {
    before: Termios,
    /// Orders to end, so that the terminal is given back before we do.
    orders: SignalFd,
}

impl Screen {
    /// Takes the terminal; `None` where there is none, or one that knows no commands.
    pub(super) fn open() -> io::Result<Option<Self>> {
        let (stdin, stdout) = (io::stdin(), io::stdout());
        let dumb = std::env::var("TERM").map_or(true, |name| name.is_empty() || name == "dumb");
        if dumb || !stdin.is_terminal() || !stdout.is_terminal() {
            return Ok(None);
        }
        let signals: SigSet = [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT].into_iter().collect();
        signals.thread_block()?;
        let orders = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        // Keys come at once and are not shown; Ctrl-C comes as a key, so that the terminal is given back.
        raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        raw.special_codes[SpecialCodeIndex::VMIN] = 0;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        let screen = Self { before, orders };
        write(ENTER)?;
        Ok(Some(screen))
    }

    /// Shows a page, as much of it as fits.
    pub(super) fn draw(&self, page: &str) -> io::Result<()> {
        let (rows, columns) = size();
        let lines: Vec<_> = page.lines().collect();
        let mut text = String::from(HOME);
        for line in lines.iter().take(if lines.len() > rows { rows.saturating_sub(1) } else { rows }) {
            text += &cut(line, columns);
            text += END_OF_LINE;
        }
        text += REST;
        if lines.len() > rows {
            text +=
                &cut(&format!("{} more lines; a higher window shows them", lines.len() + 1 - rows), columns);
        }
        write(&text)
    }

    /// Waits for a key; true where it is q, Ctrl-C or Ctrl-D, or an order to end came, or nobody can press a key any
    /// more.
    pub(super) fn quits(&self, time: Duration) -> io::Result<bool> {
        let stdin = io::stdin();
        let mut watched = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&self.orders, PollFlags::IN)];
        let time = Timespec::try_from(time).ok();
        if poll(&mut watched, time.as_ref())? == 0 {
            return Ok(false);
        }
        if !watched[1].revents().is_empty() {
            return Ok(true);
        }
        let mut keys = [0; 16];
        let read = stdin.lock().read(&mut keys)?;
        Ok(read == 0 || keys.iter().take(read).any(|key| matches!(key, b'q' | b'Q' | 3 | 4)))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let restored = tcsetattr(io::stdin(), OptionalActions::Now, &self.before).map_err(io::Error::from);
        if let Err(error) = restored.and_then(|()| write(LEAVE)) {
            eprintln!("the terminal could not be restored: {error}; `reset` does it");
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Lines and columns of the terminal.
pub(super) fn size() -> (usize, usize) {
    let size = tcgetwinsize(io::stdout()).ok().filter(|size| size.ws_row > 0 && size.ws_col > 0);
    size.map_or((24, 80), |size| (size.ws_row.into(), size.ws_col.into()))
}

/// The first characters of a line; commands for the terminal take no place.
fn cut(line: &str, columns: usize) -> String {
    let (mut text, mut shown, mut command) = (String::new(), 0, false);
    for letter in line.chars() {
        if letter == '\x1b' {
            command = true;
        }
        if command {
            command = letter != 'm';
        } else if shown < columns {
            shown += 1;
        } else {
            continue;
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_line_is_cut_but_not_its_colours() {
        assert_eq!(cut("abcdef", 3), "abc");
        assert_eq!(cut("\x1b[31mabcdef\x1b[0m", 3), "\x1b[31mabc\x1b[0m");
    }
}
