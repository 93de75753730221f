//! The sums of a period: per process, role and peer; per endpoint; per datagram socket.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use crate::skeleton::types;

/// The most keys of each kind in one period.
const MOST: usize = 10_240;

/// Which end of the connection the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Client,
    Server,
}

/// Whose connections are added up. A listener has no client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) tgid: u32,
    pub(crate) role: Role,
    pub(crate) client: Option<IpAddr>,
    /// 0 unless asked for.
    pub(crate) client_port: u16,
    pub(crate) server: IpAddr,
    pub(crate) server_port: u16,
}

/// Whose datagrams are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DatagramKey {
    pub(crate) tgid: u32,
    pub(crate) local: IpAddr,
    /// 0 where the peer is fixed, and where the kernel has chosen it.
    pub(crate) local_port: u16,
    /// `None` where it is not fixed.
    pub(crate) remote: Option<IpAddr>,
    pub(crate) remote_port: u16,
}

/// What grows in a connection; `None` where the kernel does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) rx_bytes: Option<u64>,
    pub(crate) tx_bytes: Option<u64>,
    pub(crate) segs_in: Option<u32>,
    pub(crate) segs_out: Option<u32>,
    pub(crate) retrans: Option<u32>,
    pub(crate) drops: Option<u32>,
    /// It also shrinks; only growth counts.
    pub(crate) lost: Option<u32>,
}

/// A flow in a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    pub(crate) rx_bytes: Option<u64>,
    pub(crate) tx_bytes: Option<u64>,
    pub(crate) segs_in: Option<u64>,
    pub(crate) segs_out: Option<u64>,
    pub(crate) retrans: Option<u64>,
    pub(crate) drops: Option<u64>,
    pub(crate) lost: Option<u64>,
    pub(crate) sacked: Option<u32>,
    /// By `types::measure`.
    pub(crate) measures: [types::histogram; 14],
    /// Looks that found a window told of, and those among them that found none left; of ours and of the peer's.
    pub(crate) rcv_looks: Looks,
    pub(crate) snd_looks: Looks,
}

/// Looks at a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looks {
    pub(crate) all: u64,
    pub(crate) zero: u64,
}

/// Handshakes of a period, or what happened to a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) listen_drops: Option<u64>,
    pub(crate) accept_overflow: Option<u64>,
    pub(crate) syn_overflow: Option<u64>,
    pub(crate) passive_open: Option<u64>,
    pub(crate) active_open: Option<u64>,
    pub(crate) retran_syn: Option<u64>,
}

/// All of a period.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) flows: HashMap<Key, Flow>,
    pub(crate) endpoints: HashMap<Key, Endpoint>,
    /// Datagrams dropped.
    pub(crate) datagrams: HashMap<DatagramKey, u64>,
    /// What found no room, since the start.
    pub(crate) no_room: u64,
}

impl Sums {
    /// `None`, and counted, where there is no room.
    pub(crate) fn flow(&mut self, key: Key) -> Option<&mut Flow> {
        place(&mut self.flows, key, &mut self.no_room)
    }

    pub(crate) fn endpoint(&mut self, key: Key) -> Option<&mut Endpoint> {
        let key = Key { client_port: 0, ..key };
        place(&mut self.endpoints, key, &mut self.no_room)
    }

    pub(crate) fn datagrams(&mut self, key: DatagramKey) -> Option<&mut u64> {
        place(&mut self.datagrams, key, &mut self.no_room)
    }

    /// Begins the next period.
    pub(crate) fn clear(&mut self) {
        self.flows.clear();
        self.endpoints.clear();
        self.datagrams.clear();
    }
}

fn place<'a, K: Eq + Hash, V: Default>(
    map: &'a mut HashMap<K, V>,
    key: K,
    no_room: &mut u64,
) -> Option<&'a mut V> {
    if map.len() >= MOST && !map.contains_key(&key) {
        *no_room += 1;
        return None;
    }
    Some(map.entry(key).or_default())
}

/// Adds to a sum that is unknown until something is known of it.
pub(crate) fn add(sum: &mut Option<u64>, more: Option<u64>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or(0).saturating_add(more));
    }
}
