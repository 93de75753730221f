//! What the owner of the supervisor wants of a folder, and what a new wish means beside the old one.

use std::path::PathBuf;
use std::sync::Arc;

use gopher_protocol::control::ConfigMessage;
use gopher_protocol::manifest::Manifest;

use super::change::{Change, change};

/// A probe folder as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Folder {
    /// Its manifest.
    pub manifest: Arc<Manifest>,
    /// Where it is.
    pub path: PathBuf,
    /// Differs when a file in it has changed; only compared.
    pub revision: u64,
}

/// The desired state of a folder.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The folder.
    pub folder: Arc<Folder>,
    /// The configuration of its process; `None`: it is not to run.
    pub config: Option<ConfigMessage>,
}

/// The newest wish; a worker sees the latest and never a queue of them.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) folder: Arc<Folder>,
    pub(super) config: Option<Arc<ConfigMessage>>,
    /// Grows with each call for a restart.
    pub(super) restarts: u64,
    /// The worker is to end.
    pub(super) removed: bool,
}

/// What a new order asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    Start,
    Stop,
    Restart,
    /// The configuration changed; a living process is told.
    Tell(Change),
}

impl Order {
    pub(super) fn new(desired: Desired) -> Self {
        let Desired { folder, config } = desired;
        Self { folder, config: config.map(Arc::new), restarts: 0, removed: false }
    }

    /// Takes the wish over and keeps the count of restarts.
    pub(super) fn set(&mut self, desired: Desired) {
        *self = Self { restarts: self.restarts, ..Self::new(desired) };
    }

    /// The configuration to run with.
    pub(super) fn wanted(&self) -> Option<&Arc<ConfigMessage>> {
        self.config.as_ref().filter(|_| !self.removed)
    }

    /// What this order asks for after `old`.
    pub(super) fn after(&self, old: &Self) -> Step {
        match (old.wanted(), self.wanted()) {
            (None, None) => Step::Nothing,
            (Some(_), None) => Step::Stop,
            (None, Some(_)) => Step::Start,
            _ if self.folder != old.folder || self.restarts != old.restarts => Step::Restart,
            (Some(old), Some(new)) => match change(old, new) {
                Change::Same => Step::Nothing,
                change => Step::Tell(change),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
protocol = 1
name = "demo"
exec = ["run.sh"]

[[probe]]
name = "demo"
summary = "Demonstrates."
scope = []

[[table]]
name = "demo"
entity = "demo"
fields = [{ name = "id", type = "key", help = "Number." }, { name = "v", type = "gauge", help = "Value." }]
"#;

    fn desired(generation: Option<u64>) -> Desired {
        let manifest = Arc::new(Manifest::parse(MANIFEST).expect("a manifest"));
        let folder = Arc::new(Folder { manifest, path: "demo".into(), revision: 0 });
        let config =
            generation.map(|generation| ConfigMessage { version: 1, generation, ..ConfigMessage::default() });
        Desired { folder, config }
    }

    fn order(generation: Option<u64>) -> Order {
        Order::new(desired(generation))
    }

    fn changed(edit: impl FnOnce(&mut Order)) -> Step {
        let mut new = order(Some(2));
        edit(&mut new);
        new.after(&order(Some(1)))
    }

    #[test]
    fn equal_wish_asks_for_nothing() {
        assert_eq!(changed(|_| ()), Step::Nothing);
        assert_eq!(order(None).after(&order(None)), Step::Nothing);
    }

    #[test]
    fn configuration_starts_and_its_absence_stops() {
        assert_eq!(order(Some(1)).after(&order(None)), Step::Start);
        assert_eq!(order(None).after(&order(Some(1))), Step::Stop);
        assert_eq!(changed(|new| new.removed = true), Step::Stop);
    }

    #[test]
    fn changed_package_and_operators_call_restart() {
        let newer = |new: &mut Order| {
            new.folder = Arc::new(Folder { revision: 1, ..Folder::clone(&new.folder) });
        };
        assert_eq!(changed(newer), Step::Restart);
        assert_eq!(changed(|new| new.restarts = 1), Step::Restart);
    }

    #[test]
    fn changed_settings_are_told() {
        let edit = |new: &mut Order| {
            let mut message = ConfigMessage::clone(new.config.as_ref().expect("a configuration"));
            message.probes.insert("demo".to_owned(), gopher_protocol::control::ProbeConfig::default());
            new.config = Some(Arc::new(message));
        };
        assert_eq!(changed(edit), Step::Tell(Change::Settings));
    }

    #[test]
    fn new_wish_keeps_the_count_of_restarts() {
        let mut old = order(Some(1));
        old.restarts = 3;
        let mut new = old.clone();
        new.set(desired(Some(2)));
        assert_eq!(new.after(&old), Step::Nothing);
    }
}
