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
    let needs = |said: &&Capability| said.items.is_empty() || said.items.split(' ').any(|name| name == item);
    let needed: Vec<_> = capabilities.iter().filter(needs).collect();
    let missing: Vec<_> = needed.iter().filter(|said| said.hook.is_empty()).collect();
    let reasons = |of: &[&&Capability]| {
        let each = of.iter().map(|said| match said.hook.as_str() {
            "" => format!("no {} ({})", said.name, said.refused),
            hook => format!("{} by {hook}, {}", said.name, said.fidelity),
        });
        each.collect::<Vec<_>>().join("; ")
    };
    let rough: Vec<_> = needed.iter().filter(|said| said.fidelity.starts_with("approximate")).collect();
    if !missing.is_empty() && missing.len() == needed.len() {
        (Verdict::Impossible, reasons(&missing))
    } else if !missing.is_empty() || !rough.is_empty() {
        (Verdict::Degraded, reasons(&[missing, rough].concat()))
    } else {
        (Verdict::Works, String::new())
    }
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
}
