//! What the fallback can tell, capability by capability, in place of the programs.

use probe_sdk::Context;
use probe_sdk::protocol::notice::Capability;

use crate::hooks::CAPABILITIES;

/// What stands in the place of a hook.
pub(crate) const SOURCE: &str = "inet_diag";

const BETWEEN: &str = "connections that begin and end between two looks are not seen, but counted as lost";
const LATEST: &str = "what a connection does after the last look at it is missing";
const SHARED: &str = "told where it can be divided among the listeners of a network namespace";
const COUNT: &str = "datagrams are counted, not their bytes";

/// How well a capability is served; `None` where it is not.
fn served(name: &str) -> Option<&'static str> {
    match name {
        "connections" => Some(BETWEEN),
        "open_sockets" | "counters" => Some(LATEST),
        "overflows" => Some(SHARED),
        "datagram_drops" => Some(COUNT),
        _ => None,
    }
}

/// Tells the agent. `why`: for what reason there is no eBPF.
pub(crate) fn tell(ctx: &mut Context, why: &str) -> Result<(), probe_sdk::Error> {
    CAPABILITIES.iter().try_for_each(|capability| {
        let served = served(capability.name);
        ctx.capability(&Capability {
            name: capability.name,
            items: &capability.items.join(" "),
            hook: served.map_or("", |_| SOURCE),
            fidelity: &served.map(|reason| format!("approximate: {reason}")).unwrap_or_default(),
            refused: &format!("eBPF: {why}"),
        })
    })
}
