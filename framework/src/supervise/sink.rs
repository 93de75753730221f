//! What the supervisor hands a process's output to; `ingest` implements it.

use gopher_protocol::notice;

/// Takes the output of one process life.
pub trait LineSink: Send {
    /// Takes one or more whole lines, each ending in a newline. `text` gets each line, without its newline, that is
    /// not of the protocol because it does not start with a bar.
    fn accept(&mut self, lines: &[u8], text: &mut dyn FnMut(&[u8])) -> Progress;
    /// A line longer than the protocol allows was skipped.
    fn overlong(&mut self);
    /// The output ended within this line.
    fn truncated(&mut self, part: &[u8]);
}

/// What some lines said about the process that wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows and events that were kept.
    pub accepted: u64,
    /// The process said that it works.
    pub ready: bool,
    /// The process said that the configuration of this generation is in force.
    pub applied: Option<u64>,
    /// What it said of its capabilities.
    pub capabilities: Vec<Capability>,
}

/// How one capability of a process works on this host; see [`notice::Capability`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Capability {
    /// Its name.
    pub name: String,
    /// The items that need it, joined by blanks.
    pub items: String,
    /// The hook in use; empty where there is none.
    pub hook: String,
    /// `exact`, or `approximate: WHY`; empty without a hook.
    pub fidelity: String,
    /// The better hooks that are not in use, each with its reason.
    pub refused: String,
}

impl From<&notice::Capability<'_>> for Capability {
    fn from(said: &notice::Capability<'_>) -> Self {
        let [name, items, hook, fidelity, refused] = said.fields().map(str::to_owned);
        Self { name, items, hook, fidelity, refused }
    }
}

/// Opens a sink for each process that is started.
pub trait Sinks: Send + Sync {
    /// The sink for a new process of this folder.
    fn open(&self, folder: &str) -> Box<dyn LineSink>;
}
