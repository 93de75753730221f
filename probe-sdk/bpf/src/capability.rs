//! What a probe wants to see of the kernel, and the hooks that can show it.

/// Something to see, such as changes of a socket's state.
#[derive(Debug)]
pub struct Capability {
    /// Its name in answers, metrics and `doctor`.
    pub name: &'static str,
    /// The items that need it.
    pub items: &'static [&'static str],
    /// The best first; among equals the one that costs least.
    pub hooks: &'static [Hook],
}

/// One way to see it.
#[derive(Debug)]
pub struct Hook {
    /// Names of the programs; all of them are needed.
    pub programs: &'static [&'static str],
    /// How well it shows it.
    pub fidelity: Fidelity,
}

/// How well a hook shows what its capability is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fidelity {
    /// Every occurrence, with its true value.
    Exact,
    /// Something near, for the reason given.
    Approximate(&'static str),
}

/// What became of a capability on this host.
#[derive(Debug)]
pub struct Choice {
    /// Which.
    pub capability: &'static Capability,
    /// The hook in use; none where all are refused.
    pub hook: Option<&'static Hook>,
    /// What it hooks, such as `tp_btf/inet_sock_set_state`.
    pub sections: Vec<String>,
    /// Why the hooks before it are not in use.
    pub refused: Vec<Refusal>,
}

/// A program that is not in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it was to hook.
    pub section: String,
    /// Why it does not.
    pub reason: String,
}

impl Choice {
    /// The hook in use in words: `tp_btf/a + tp_btf/b`; empty where there is none.
    #[must_use]
    pub fn hook_name(&self) -> String {
        self.sections.join(" + ")
    }

    /// `exact`, `approximate: WHY`, or empty where no hook is in use.
    #[must_use]
    pub fn fidelity(&self) -> String {
        match self.hook.map(|hook| hook.fidelity) {
            None => String::new(),
            Some(Fidelity::Exact) => "exact".to_owned(),
            Some(Fidelity::Approximate(why)) => format!("approximate: {why}"),
        }
    }

    /// The refused ones in words: `fentry/a: reason; kprobe/a: reason`.
    #[must_use]
    pub fn refusals(&self) -> String {
        let each = self.refused.iter().map(|refusal| format!("{}: {}", refusal.section, refusal.reason));
        each.collect::<Vec<_>>().join("; ")
    }
}
