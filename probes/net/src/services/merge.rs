//! The kernel's sums with the addresses of backends: what was kept connection by connection to tell them apart is added
//! up again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};

use probe_bpf::Period;
use probe_bpf::plain::Plain;

use super::Services;
use crate::rows::ip;
use crate::skeleton::types;

/// Families as the kernel numbers them.
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// Sums of which two can be one.
pub(crate) trait AddUp {
    fn add_up(&mut self, other: &Self);
}

impl AddUp for types::histogram {
    fn add_up(&mut self, other: &Self) {
        for (slot, more) in self.slots.iter_mut().zip(other.slots) {
            *slot = slot.saturating_add(more);
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }
}

/// By process, role, family and both ends; a `flow_key` cannot be hashed.
type Merged<T> = HashMap<(u32, u16, u16, ([u8; 16], u16, [u8; 16], u16)), (types::flow_key, T)>;

/// A count may be below zero for a while, as a wrapped number.
fn add_counts(counts: &mut [u64], more: &[u64]) {
    for (count, more) in counts.iter_mut().zip(more) {
        *count = count.wrapping_add(*more);
    }
}

impl AddUp for types::flow {
    fn add_up(&mut self, other: &Self) {
        add_counts(&mut self.counts, &other.counts);
        self.sacked_max = self.sacked_max.max(other.sacked_max);
        for (measure, more) in self.measures.iter_mut().zip(&other.measures) {
            measure.add_up(more);
        }
    }
}

impl AddUp for types::endpoint {
    fn add_up(&mut self, other: &Self) {
        add_counts(&mut self.counts, &other.counts);
        self.latency.add_up(&other.latency);
    }
}

impl Services {
    /// Ends a period. Where backends are wanted, they take the place of services in its keys before `each` gets them.
    pub(crate) fn end<T: AddUp + Plain + Default + Clone>(
        &mut self,
        period: &mut Period<types::flow_key, T>,
        by_client_port: bool,
        mut each: impl FnMut(&types::flow_key, &T) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if !self.wanted {
            return period.end(each);
        }
        let mut all = Vec::new();
        period.end(|key, sum| {
            all.push((*key, sum.clone()));
            Ok(())
        })?;
        // Only now: of a connection made a moment before the period's end, too, the kernel has told who serves it.
        self.refresh();
        let mut merged = Merged::default();
        for (key, sum) in all {
            self.add(&mut merged, key, sum, by_client_port);
        }
        merged.values().try_for_each(|(key, sum)| each(key, sum))
    }

    fn add<T: AddUp>(
        &mut self,
        merged: &mut Merged<T>,
        mut key: types::flow_key,
        sum: T,
        by_client_port: bool,
    ) {
        self.replace(&mut key);
        if !by_client_port {
            key.client_port = 0;
        }
        let ends = (key.client.bytes, key.client_port, key.server.bytes, key.server_port);
        match merged.entry((key.tgid, key.role, key.family, ends)) {
            Entry::Vacant(place) => drop(place.insert((key, sum))),
            Entry::Occupied(mut place) => place.get_mut().1.add_up(&sum),
        }
    }

    fn replace(&mut self, key: &mut types::flow_key) {
        if u32::from(key.role) != types::role::ROLE_CLIENT.0 || key.client_port == 0 {
            return;
        }
        let client = SocketAddr::new(ip(key.family, &key.client), key.client_port);
        let service = SocketAddr::new(ip(key.family, &key.server), key.server_port);
        let Some(backend) = self.backend(client, service) else { return };
        key.server_port = backend.port();
        match backend.ip() {
            IpAddr::V4(ip) => {
                key.family = AF_INET;
                key.server.bytes = [0; 16];
                for (place, byte) in key.server.bytes.iter_mut().zip(ip.octets()) {
                    *place = byte;
                }
            }
            IpAddr::V6(ip) => (key.family, key.server.bytes) = (AF_INET6, ip.octets()),
        }
    }
}

#[cfg(test)]
mod tests {
    use gopher_procfs::Root;

    use super::*;

    fn sum(port: u16, bytes: u64, max: u64) -> (types::flow_key, types::flow) {
        let key = types::flow_key { tgid: 1, client_port: port, server_port: 80, ..Default::default() };
        let mut flow = types::flow { sacked_max: max, ..Default::default() };
        flow.counts[0] = bytes;
        flow.measures[0] = types::histogram { sum: bytes, max, slots: [1; 16] };
        (key, flow)
    }

    #[test]
    fn connections_to_the_same_backend_are_one_row_again() {
        let mut services = Services::new(Root::default());
        let mut merged = |by_client_port| {
            let mut merged = Merged::default();
            for (key, sum) in [sum(1000, 5, 7), sum(2000, 6, 4)] {
                services.add(&mut merged, key, sum, by_client_port);
            }
            merged.into_values().collect::<Vec<_>>()
        };
        assert_eq!(merged(true).len(), 2, "a row per port was asked for");
        let all = merged(false);
        assert_eq!(all.len(), 1);
        let (key, flow) = &all[0];
        assert_eq!((key.client_port, flow.counts[0], flow.sacked_max), (0, 11, 7));
        assert_eq!((flow.measures[0].sum, flow.measures[0].max, flow.measures[0].slots[3]), (11, 7, 2));
    }
}
