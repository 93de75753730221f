//! Who listens where, and what their queues have refused.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use gopher_netlink::sock_diag::Sock;

use crate::fallback::sums::{Key, Role, Sums, add};

/// What the queues of all listeners of a namespace have refused since the last look; `None` where it is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queues {
    /// Accepted connections.
    pub(crate) accept: Option<u64>,
    /// Requests.
    pub(crate) requests: Option<u64>,
}

/// The listeners of a look.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_port: HashMap<u16, Vec<Listener>>,
    /// Refused while the last look was made, after the listeners' drops were read: these come with the next look.
    early: Queues,
}

#[derive(Debug)]
struct Listener {
    at: IpAddr,
    only_v6: bool,
    owner: Option<u32>,
    drops: Option<u64>,
}

impl Listener {
    fn takes(&self, address: IpAddr) -> bool {
        match self.at {
            IpAddr::V4(at) if at.is_unspecified() => address.is_ipv4(),
            IpAddr::V6(at) if at.is_unspecified() => address.is_ipv6() || !self.only_v6,
            at => at == address,
        }
    }
}

impl Listeners {
    pub(super) fn clear(&mut self) {
        self.by_port.clear();
    }

    pub(super) fn add(&mut self, sock: &Sock, owner: Option<u32>, drops: Option<u64>) {
        let listener = Listener { at: sock.local.ip(), only_v6: sock.only_v6, owner, drops };
        self.by_port.entry(sock.local.port()).or_default().push(listener);
    }

    /// The owner of the listener at a local address, where there is a listener; one with that very address comes first.
    pub(super) fn of(&self, local: SocketAddr) -> Option<Option<u32>> {
        let taking = || {
            let at_port = self.by_port.get(&local.port()).into_iter().flatten();
            at_port.filter(|listener| listener.takes(local.ip()))
        };
        let exact = taking().find(|listener| listener.at == local.ip());
        exact.or_else(|| taking().next()).map(|listener| listener.owner)
    }

    /// Adds what they have dropped, and for which reason as far as that can be told.
    pub(super) fn tell(&mut self, new: Queues, sums: &mut Sums) {
        let all = || self.by_port.iter().flat_map(|(port, all)| all.iter().map(move |one| (*port, one)));
        let total = all().filter_map(|(_, listener)| listener.drops).sum();
        let queues = Queues {
            accept: with(new.accept, self.early.accept),
            requests: with(new.requests, self.early.requests),
        };
        for (port, listener) in all() {
            let Some((tgid, drops)) = listener.owner.zip(listener.drops) else { continue };
            let key = Key {
                tgid,
                role: Role::Server,
                client: None,
                client_port: 0,
                server: listener.at,
                server_port: port,
            };
            if let Some(endpoint) = sums.endpoint(key) {
                add(&mut endpoint.listen_drops, Some(drops));
                add(&mut endpoint.accept_overflow, part(queues.accept, drops, total));
                add(&mut endpoint.syn_overflow, part(queues.requests, drops, total));
            }
        }
        self.early = Queues {
            accept: beyond(queues.accept, new.accept, total),
            requests: beyond(queues.requests, new.requests, total),
        };
    }
}

fn with(new: Option<u64>, early: Option<u64>) -> Option<u64> {
    new.map(|new| new.saturating_add(early.unwrap_or(0)))
}

/// What was refused of which no drop is seen yet: of this look's, as older drops went with their listeners.
fn beyond(refused: Option<u64>, new: Option<u64>, total: u64) -> Option<u64> {
    Some(refused?.saturating_sub(total).min(new?))
}

/// How much of what all listeners together refused is one's: of `total` drops it had `drops`. `None` where others
/// dropped too, for several reasons.
fn part(refused: Option<u64>, drops: u64, total: u64) -> Option<u64> {
    match refused? {
        _ if drops == 0 && total > 0 => Some(0),
        0 => Some(0),
        refused if drops == total || refused >= total => Some(refused.min(drops)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_before_its_drop_was_seen_belongs_to_the_next_look() {
        assert_eq!(beyond(Some(7), Some(7), 5), Some(2));
        assert_eq!(with(Some(0), Some(2)), Some(2));
        assert_eq!(beyond(Some(2), Some(0), 0), Some(0));
        assert_eq!(beyond(Some(3), Some(3), 5), Some(0));
        assert_eq!(with(None, Some(2)), None);
    }

    #[test]
    fn what_a_queue_refused_is_that_of_who_dropped() {
        // Nobody else dropped, or all drops have that reason.
        assert_eq!(part(Some(3), 5, 5), Some(3));
        assert_eq!(part(Some(9), 4, 9), Some(4));
        assert_eq!(part(Some(0), 4, 9), Some(0));
        assert_eq!(part(Some(5), 0, 9), Some(0));
        // It cannot be told whose they are.
        assert_eq!(part(Some(5), 4, 9), None);
        assert_eq!(part(None, 5, 5), None);
    }
}
