//! Whether everything that is to run has shown that it does, or has said why it cannot.

use crate::export::prometheus::Readiness;
use crate::supervise::{Brief, StateName, Supervisor};

/// Asks the supervisor; before the probe folders have been read nothing is ready.
pub(super) fn readiness(supervisor: &Supervisor, started: bool) -> Readiness {
    if started {
        of(&supervisor.briefs())
    } else {
        Readiness { ready: false, detail: "starting\n".to_owned() }
    }
}

fn of(briefs: &[Brief]) -> Readiness {
    let settled = |brief: &Brief| !matches!(brief.state, StateName::Starting | StateName::Backoff);
    let line = |brief: &Brief| format!("{} {}\n", brief.folder, brief.state.as_str());
    Readiness { ready: briefs.iter().all(settled), detail: briefs.iter().map(line).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief(folder: &str, state: StateName) -> Brief {
        Brief { folder: folder.into(), state, restarts: 0 }
    }

    #[test]
    fn a_probe_that_cannot_work_does_not_keep_the_agent_unready() {
        let briefs = [brief("a", StateName::Running), brief("b", StateName::Unsupported)];
        let expected = Readiness { ready: true, detail: "a running\nb unsupported\n".into() };
        assert_eq!(of(&briefs), expected);
    }

    #[test]
    fn a_probe_that_is_starting_does() {
        assert!(!of(&[brief("a", StateName::Running), brief("b", StateName::Starting)]).ready);
    }
}
