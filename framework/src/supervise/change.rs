//! How much of a configuration changed, which decides what a process must be told.

use gopher_protocol::control::{ConfigMessage, ProbeConfig};

/// What is different between two configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// At most the generation.
    Same,
    /// Only whom to observe.
    Scope,
    /// Probes, items or parameters.
    Settings,
}

/// Compares two configurations of one folder.
#[must_use]
pub fn change(old: &ConfigMessage, new: &ConfigMessage) -> Change {
    let settings = |old: &ProbeConfig, new: &ProbeConfig| old.items == new.items && old.params == new.params;
    let same_settings = old.version == new.version
        && old.probes.len() == new.probes.len()
        && old.probes.iter().zip(&new.probes).all(|((a, old), (b, new))| a == b && settings(old, new));
    if !same_settings {
        Change::Settings
    } else if old.probes.values().zip(new.probes.values()).any(|(old, new)| old.scope != new.scope) {
        Change::Scope
    } else {
        Change::Same
    }
}

#[cfg(test)]
mod tests {
    use gopher_protocol::control::Process;

    use super::*;

    fn message() -> ConfigMessage {
        let probe = ProbeConfig { items: vec!["rtt".to_owned()], ..ProbeConfig::default() };
        ConfigMessage { version: 1, generation: 1, probes: [("tcp".to_owned(), probe)].into() }
    }

    fn changed(edit: impl FnOnce(&mut ConfigMessage)) -> Change {
        let mut new = message();
        edit(&mut new);
        change(&message(), &new)
    }

    fn tcp(message: &mut ConfigMessage) -> &mut ProbeConfig {
        message.probes.get_mut("tcp").expect("the probe")
    }

    #[test]
    fn generation_alone_is_no_change() {
        assert_eq!(changed(|new| new.generation = 2), Change::Same);
    }

    #[test]
    fn scope_alone_is_a_change_of_scope() {
        assert_eq!(changed(|new| tcp(new).scope.processes.push(Process::default())), Change::Scope);
    }

    #[test]
    fn items_are_settings() {
        assert_eq!(changed(|new| tcp(new).items.clear()), Change::Settings);
    }

    #[test]
    fn parameters_are_settings_even_when_the_scope_changed_too() {
        let edit = |new: &mut ConfigMessage| {
            tcp(new).scope.all = true;
            tcp(new).params.insert("report_period".to_owned(), 5.into());
        };
        assert_eq!(changed(edit), Change::Settings);
    }

    #[test]
    fn another_probe_is_a_change_of_settings() {
        let edit =
            |new: &mut ConfigMessage| drop(new.probes.insert("udp".to_owned(), ProbeConfig::default()));
        assert_eq!(changed(edit), Change::Settings);
    }
}
