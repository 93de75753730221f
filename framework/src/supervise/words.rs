//! Why a process ended, in words for an operator.

use nix::sys::signal::Signal;

use super::state::Ending;
use crate::contain::Exit;

/// The exit code by which a process says that it cannot work here.
const CANNOT_WORK: i32 = 78;

/// What is known about the end of a process.
#[derive(Debug)]
pub(super) struct End {
    /// What the kernel says.
    pub(super) exit: Exit,
    /// The kernel killed some of it for want of memory.
    pub(super) out_of_memory: bool,
    /// It was told to end because it had closed its output.
    pub(super) closed: bool,
    /// It did not heed TERM and was sent KILL.
    pub(super) killed: bool,
    /// Its last line on stderr.
    pub(super) last_line: Option<String>,
}

impl End {
    /// What follows from it.
    pub(super) fn ending(&self) -> Ending {
        match self.exit {
            Exit::Code(0) => Ending::Done,
            Exit::Code(CANNOT_WORK) => Ending::Unsupported,
            _ => Ending::Death,
        }
    }

    /// The end in words.
    pub(super) fn reason(&self) -> String {
        let exit = exit(&self.exit);
        if self.out_of_memory {
            return format!("memory limit reached ({exit})");
        }
        if self.closed {
            return format!("output closed while alive ({exit})");
        }
        if self.killed {
            return format!("did not end when told to ({exit})");
        }
        match (&self.exit, &self.last_line) {
            (Exit::Code(CANNOT_WORK), Some(line)) => line.clone(),
            (Exit::Code(CANNOT_WORK), None) => {
                format!("{exit}: it cannot work here, and gave no reason on stderr")
            }
            _ => exit,
        }
    }
}

fn exit(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(number) => match Signal::try_from(*number) {
            Ok(signal) => format!("killed by signal {number} ({signal})"),
            Err(_) => format!("killed by signal {number}"),
        },
        Exit::Lost => "exit status lost".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(exit: Exit) -> End {
        End { exit, out_of_memory: false, closed: false, killed: false, last_line: Some("no BTF".to_owned()) }
    }

    #[test]
    fn ends_are_told_in_words() {
        let rows = [
            (end(Exit::Code(0)), Ending::Done, "exit code 0"),
            (end(Exit::Code(3)), Ending::Death, "exit code 3"),
            (end(Exit::Code(78)), Ending::Unsupported, "no BTF"),
            (end(Exit::Signal(9)), Ending::Death, "killed by signal 9 (SIGKILL)"),
            (end(Exit::Signal(40)), Ending::Death, "killed by signal 40"),
            (end(Exit::Lost), Ending::Death, "exit status lost"),
            (
                End { out_of_memory: true, ..end(Exit::Signal(9)) },
                Ending::Death,
                "memory limit reached (killed by signal 9 (SIGKILL))",
            ),
            (
                End { closed: true, ..end(Exit::Signal(15)) },
                Ending::Death,
                "output closed while alive (killed by signal 15 (SIGTERM))",
            ),
            (
                End { killed: true, ..end(Exit::Signal(9)) },
                Ending::Death,
                "did not end when told to (killed by signal 9 (SIGKILL))",
            ),
        ];
        for (end, ending, reason) in rows {
            assert_eq!((end.ending(), end.reason().as_str()), (ending, reason));
        }
    }

    #[test]
    fn refusal_without_a_word_says_so() {
        let end = End { last_line: None, ..end(Exit::Code(78)) };
        assert!(end.reason().contains("no reason"), "{}", end.reason());
    }
}
