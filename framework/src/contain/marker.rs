//! Finding descendants by their environment: what has left its group, and its cgroup where there is none.

use std::fs;
use std::time::Duration;

use super::instance::{Instance, VARIABLE};
use super::reaper::send_kill;

/// The environment variable that holds the probe's name.
pub(super) const PROBE: &str = "GOPHER_PROBE";

/// How often and how long the search goes on: a process may fork while it is looked for, and takes a moment to die.
const ROUNDS: u32 = 400;
const PAUSE: Duration = Duration::from_millis(5);

/// Kills every process whose environment is `wanted`, this one excepted, until none is left. Returns how many it
/// found; false when some live on.
pub(super) fn kill_marked(wanted: impl Fn(&[u8]) -> bool) -> (usize, bool) {
    let mut found = std::collections::BTreeSet::new();
    for _ in 0..ROUNDS {
        let living = marked(&wanted);
        if living.is_empty() {
            return (found.len(), true);
        }
        for pid in living {
            send_kill(pid);
            found.insert(pid);
        }
        std::thread::sleep(PAUSE);
    }
    (found.len(), false)
}

/// One round of [`kill_marked`], without waiting; true when there was nobody.
pub(super) fn kill_once(wanted: impl Fn(&[u8]) -> bool) -> bool {
    let living = marked(&wanted);
    living.iter().copied().for_each(send_kill);
    living.is_empty()
}

/// True for the environment of a process of this instance.
pub(super) fn of_instance(environment: &[u8], entry: &[u8]) -> bool {
    entries(environment).any(|found| found == entry)
}

/// True for the environment of a process of this probe of this instance.
pub(super) fn of_probe(environment: &[u8], entry: &[u8], probe: &str) -> bool {
    let named = |found: &[u8]| {
        found.strip_prefix(PROBE.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
            == Some(probe.as_bytes())
    };
    of_instance(environment, entry) && entries(environment).any(named)
}

/// The instance that an environment names.
pub(super) fn instance(environment: &[u8]) -> Option<Instance> {
    let value = |found: &[u8]| Some(found.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"=")?.to_vec());
    Instance::parse(&entries(environment).find_map(value)?)
}

fn entries(environment: &[u8]) -> impl Iterator<Item = &[u8]> {
    environment.split(|byte| *byte == 0)
}

/// The processes with such an environment. A zombie has none any more, so that it is not found for ever.
fn marked(wanted: &impl Fn(&[u8]) -> bool) -> Vec<i32> {
    let own = std::process::id();
    processes()
        .filter(|pid| u32::try_from(*pid).is_ok_and(|pid| pid != own))
        .filter(|pid| fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| wanted(&environment)))
        .collect()
}

/// All processes of this pid namespace.
pub(super) fn processes() -> impl Iterator<Item = i32> {
    let folder = fs::read_dir("/proc").inspect_err(|error| tracing::warn!(%error, "Cannot read /proc."));
    folder.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVIRONMENT: &[u8] = b"A=1\0GOPHER_INSTANCE=/run/g:7:99\0GOPHER_PROBE=net\0";

    #[test]
    fn only_the_exact_instance_and_probe_match() {
        assert!(of_instance(ENVIRONMENT, b"GOPHER_INSTANCE=/run/g:7:99"));
        assert!(!of_instance(ENVIRONMENT, b"GOPHER_INSTANCE=/run/g:7:9"));
        assert!(of_probe(ENVIRONMENT, b"GOPHER_INSTANCE=/run/g:7:99", "net"));
        assert!(!of_probe(ENVIRONMENT, b"GOPHER_INSTANCE=/run/g:7:99", "ne"));
    }

    #[test]
    fn instance_is_read_from_an_environment() {
        let found = instance(ENVIRONMENT).unwrap();
        assert_eq!(found.marker(), "/run/g:7:99");
        assert!(instance(b"GOPHER_INSTANCE=7\0").is_none());
    }
}
