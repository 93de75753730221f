//! The keeper: a small process that ends an agent's probes when the agent dies without having done so.
//!
//! It reads what it needs to know from a pipe whose other end only the agent holds: records that end in a zero byte,
//! the first byte says what follows. The pipe's end without a farewell is the agent's death. The keeper has its own
//! session and ignores TERM, INT and HUP, so that what stops the agent does not stop it first.

mod guard;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

pub(super) use self::guard::Keeper;
use super::cgroup::{kill_all, remove};
use super::marker;
use super::reaper::send;

/// The environment entry of the agent's probes follows.
const INSTANCE: u8 = b'i';
/// The folder of one of the agent's cgroups follows.
const CGROUP: u8 = b'c';
/// The process group of a new probe follows.
const BEGUN: u8 = b'+';
/// A process group that is gone follows.
const GONE: u8 = b'-';
/// The agent has ended its probes itself.
const BYE: u8 = b'q';
/// Ends a record.
const END: u8 = 0;

/// How long the keeper goes on killing what does not die.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

/// What the agent has told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    entry: Vec<u8>,
    cgroups: Vec<PathBuf>,
    groups: BTreeSet<i32>,
    bye: bool,
}

/// The keeper's main: for the agent's binary to call when its first argument is `keeper`.
#[must_use]
pub fn keeper_main() -> ExitCode {
    // A name is for people who look at the list of processes.
    if nix::sys::prctl::set_name(c"gopher-keeper").is_err() {
        return ExitCode::FAILURE;
    }
    let told = match listen(&mut io::stdin().lock()) {
        Ok(told) => told,
        Err(error) => return complain(&format!("cannot read from the agent: {error}")),
    };
    if told.bye || end_all(&told) {
        return ExitCode::SUCCESS;
    }
    complain("the agent died, and some process of its probes does not die of KILL")
}

fn complain(problem: &str) -> ExitCode {
    // Without a stderr there is nobody to tell.
    writeln!(io::stderr(), "gala-gopher keeper: {problem}").map_or(ExitCode::from(2), |()| ExitCode::FAILURE)
}

/// Reads until the agent closes the pipe.
fn listen(pipe: &mut impl io::Read) -> io::Result<Told> {
    let mut told = Told::default();
    let mut record = Vec::new();
    for byte in io::BufReader::with_capacity(4096, pipe).bytes() {
        match byte? {
            END => {
                told.hear(&record);
                record.clear();
            }
            byte => record.push(byte),
        }
    }
    Ok(told)
}

impl Told {
    fn hear(&mut self, record: &[u8]) {
        let Some((kind, rest)) = record.split_first() else { return };
        let group = || std::str::from_utf8(rest).ok().and_then(|text| text.parse::<i32>().ok());
        match *kind {
            INSTANCE => self.entry = rest.to_vec(),
            CGROUP => self.cgroups.push(OsString::from_vec(rest.to_vec()).into()),
            BEGUN => self.groups.extend(group()),
            GONE => {
                group().map(|group| self.groups.remove(&group));
            }
            BYE => self.bye = true,
            _ => {}
        }
    }
}

/// Kills everything of this instance, until nothing is left; false when something does not die.
fn end_all(told: &Told) -> bool {
    for group in &told.groups {
        send(-group, libc::SIGKILL);
    }
    let begun = Instant::now();
    loop {
        told.cgroups.iter().for_each(|folder| kill_all(folder));
        let none = told.entry.is_empty()
            || marker::kill_once(|environment| marker::of_instance(environment, &told.entry));
        let removed = told.cgroups.iter().filter(|folder| !remove(folder)).count() == 0;
        if none && removed {
            return true;
        }
        if begun.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hears_what_was_told() {
        let told = listen(&mut &b"iA=b\0c/x\0+12\0+13\0-12\0?\0"[..]).unwrap();
        let groups = BTreeSet::from([13]);
        let expected = Told { entry: b"A=b".to_vec(), cgroups: vec!["/x".into()], groups, bye: false };
        assert_eq!(told, expected);
    }

    #[test]
    fn half_a_farewell_is_none() {
        assert!(!listen(&mut &b"q"[..]).unwrap().bye);
        assert!(listen(&mut &b"q\0"[..]).unwrap().bye);
    }
}
