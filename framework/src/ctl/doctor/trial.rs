//! Starts a probe for a moment to hear what it can do here.

use std::time::{Duration, Instant};

use gopher_protocol::decode::{Decoder, Line};

use crate::catalog::Folder;
use crate::ctl::failure::Failure;
use crate::ctl::run::{Event, Process, everything};
use crate::supervise::Capability;

/// The longest that a probe may take to show that it works. On a host whose processors are busy or emulated the kernel
/// needs many seconds to verify its programs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a probe said.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) capabilities: Vec<Capability>,
    /// Why it does not work here.
    pub(super) unsupported: Option<String>,
}

/// Runs the probe with all its items until it shows that it works, or ends.
pub(super) fn run(folder: &Folder) -> Result<Found, Failure> {
    let mut process = Process::start(folder, &everything(folder)?)?;
    let tables = folder.manifest.tables();
    let mut decoder = Decoder::new();
    let mut found = Found::default();
    let mut words = String::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        match process.next(deadline) {
            Event::Line(line) => match decoder.decode(&tables, &line) {
                Ok(Line::Capability(said)) => found.capabilities.push((&said).into()),
                Ok(Line::Ready | Line::Row(_) | Line::Event(_)) => return Ok(found),
                _ => {}
            },
            Event::Said(text) => words = text,
            Event::TooLong | Event::Silent => {}
            Event::Closed(Some(0)) => return Ok(found),
            Event::Closed(code) => {
                let code = code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
                found.unsupported = Some(if words.is_empty() { format!("ended by {code}") } else { words });
                return Ok(found);
            }
            Event::Time => {
                let seconds = PATIENCE.as_secs();
                found.unsupported = Some(format!("did not show within {seconds} s that it works; {words}"));
                return Ok(found);
            }
        }
    }
}
