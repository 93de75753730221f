//! From capabilities to what an item is worth on this host. Pure.

use serde::Serialize;

use crate::supervise::Capability;

/// What an item is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// All of it, exactly.
    Works,
    /// Some of it, or not exactly.
    Degraded,
    /// Nothing.
    Impossible,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Degraded => "degraded",
            Self::Impossible => "impossible",
        }
    }
}

/// The verdict about an item, and why it is not the best one.
pub(super) fn of_item(item: &str, capabilities: &[Capability]) -> (Verdict, String) {
    let names = |said: &Capability| said.items.split(' ').any(|name| name == item);
    let (own, shared): (Vec<_>, Vec<_>) =
        capabilities.iter().filter(|said| said.items.is_empty() || names(said)).partition(|said| names(said));
    let gone = |all: &[&Capability]| !all.is_empty() && all.iter().all(|said| said.hook.is_empty());
    // What is there for all items alone shows nothing of this one.
    let impossible = gone(&own) || own.is_empty() && gone(&shared);
    let needed = [own, shared].concat();
    let (missing, seen): (Vec<_>, Vec<_>) = needed.into_iter().partition(|said| said.hook.is_empty());
    let rough = seen.into_iter().filter(|said| said.fidelity.starts_with("approximate"));
    let reasons = reasons(missing, rough);
    match (impossible, reasons.is_empty()) {
        (true, _) => (Verdict::Impossible, reasons),
        (false, false) => (Verdict::Degraded, reasons),
        (false, true) => (Verdict::Works, reasons),
    }
}

/// What is missing, by the fields that are told to be absent or else by name, and what is only near; each cause once,
/// behind all that it is the cause of.
fn reasons<'a>(missing: Vec<&'a Capability>, rough: impl Iterator<Item = &'a Capability>) -> String {
    let absent = |said: &'a Capability| said.fidelity.strip_prefix("absent: ").unwrap_or(&said.name);
    let missing = gather(missing.into_iter().map(|said| (said.refused.as_str(), absent(said))));
    let near = rough.map(|said| {
        let near = format!("{} by {}, {}", said.name, said.hook, said.fidelity);
        (said.refused.as_str(), near)
    });
    let missing = missing.into_iter().map(|(cause, absent)| (cause, format!("no {}", absent.join(", "))));
    let told = gather(missing.chain(near)).into_iter().map(|(cause, told)| match cause {
        "" => told.join("; "),
        cause => format!("{} ({cause})", told.join("; ")),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Puts together what has the same cause, in the order of the first of each.
pub(super) fn gather<C: PartialEq, T>(all: impl Iterator<Item = (C, T)>) -> Vec<(C, Vec<T>)> {
    let mut gathered: Vec<(C, Vec<T>)> = Vec::new();
    for (cause, one) in all {
        match gathered.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, with)) => with.push(one),
            None => gathered.push((cause, vec![one])),
        }
    }
    gathered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, items: &str, hook: &str, fidelity: &str) -> Capability {
        let refused = if hook.is_empty() { "fentry/x: refused" } else { "" };
        let [name, items, hook, fidelity, refused] =
            [name, items, hook, fidelity, refused].map(str::to_owned);
        Capability { name, items, hook, fidelity, refused }
    }

    #[test]
    fn what_needs_nothing_of_the_kernel_works() {
        assert_eq!(of_item("cpu", &[]).0, Verdict::Works);
        assert_eq!(of_item("cpu", &[said("a", "mem", "", "")]).0, Verdict::Works);
    }

    #[test]
    fn an_item_is_worth_what_its_capabilities_are() {
        let exact = said("state", "tcp", "tp_btf/x", "exact");
        let rough = said("oom", "tcp", "iter/x", "approximate: sampled");
        let none = said("drops", "tcp", "", "");
        let of =
            |all: &[&Capability]| of_item("tcp", &all.iter().map(|one| (*one).clone()).collect::<Vec<_>>());
        assert_eq!(of(&[&exact]).0, Verdict::Works);
        assert_eq!(
            of(&[&exact, &rough]),
            (Verdict::Degraded, "oom by iter/x, approximate: sampled".to_owned())
        );
        assert_eq!(of(&[&exact, &none]), (Verdict::Degraded, "no drops (fentry/x: refused)".to_owned()));
        assert_eq!(of(&[&none]).0, Verdict::Impossible);
    }

    #[test]
    fn an_item_of_which_nothing_is_seen_is_impossible_whatever_all_items_share() {
        let shared = said("state", "", "tp_btf/x", "exact");
        assert_eq!(of_item("tcp", &[shared.clone(), said("drops", "tcp", "", "")]).0, Verdict::Impossible);
        assert_eq!(of_item("tcp", &[shared, said("drops", "udp", "", "")]).0, Verdict::Works);
    }

    #[test]
    fn absent_fields_are_named_and_a_cause_is_told_once() {
        let cause = "eBPF: CAP_BPF is missing";
        let mut all = [
            said("state", "tcp", "inet_diag", "approximate: looks"),
            said("resets", "tcp", "", "absent: send_rsts, receive_rsts"),
            said("oom", "tcp", "", "absent: tcp_oom"),
        ];
        all.iter_mut().for_each(|said| cause.clone_into(&mut said.refused));
        let told = "no send_rsts, receive_rsts, tcp_oom; state by inet_diag, approximate: looks (eBPF: CAP_BPF is missing)";
        assert_eq!(of_item("tcp", &all), (Verdict::Degraded, told.to_owned()));
    }
}
