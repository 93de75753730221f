//! Queueing disciplines of all devices by one RTNETLINK dump (`RTM_GETQDISC`).

mod message;

use std::io;

use gopher_netlink::{Protocol, Socket};
use gopher_procfs::Root;

use self::message::QdiscStats;
use crate::shared::Reports;

/// What the reports call it.
const WHAT: &str = "queueing disciplines (RTNETLINK)";

/// Totals of a device's queueing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Qdisc {
    /// Packets dropped by the root discipline, which counts for those below it.
    pub(crate) drops: u64,
    /// Times that the root discipline held packets back.
    pub(crate) overlimits: u64,
    /// Bytes waiting now.
    pub(crate) backlog: u64,
    /// Packets marked for congestion, over all disciplines of the device; `None` when none of them can mark.
    pub(crate) ecn_marks: Option<u64>,
}

/// The last dump.
#[derive(Debug)]
pub(crate) struct Qdiscs {
    /// False where this process is in another network namespace than the devices that it reports.
    same_namespace: bool,
    socket: Option<Socket>,
    found: Vec<QdiscStats>,
}

impl Qdiscs {
    pub(crate) fn new(root: &Root) -> Self {
        Self { same_namespace: !root.is_foreign() || is_own_namespace(root), socket: None, found: Vec::new() }
    }

    /// True when indices of devices mean the same here and there.
    pub(crate) fn usable(&self) -> bool {
        self.same_namespace
    }

    /// Takes a dump; after a failure, which is reported once, nothing is known.
    pub(crate) fn read(&mut self, reports: &mut Reports) {
        self.found.clear();
        if !self.same_namespace {
            reports
                .failed(WHAT, &"not in the host's network namespace; start the container with host network");
            return;
        }
        match self.dump() {
            Ok(()) => reports.works(WHAT),
            Err(error) => {
                // Answers to this request may still come: they must not be taken for those of the next.
                self.socket = None;
                self.found.clear();
                reports.refused(WHAT, &error);
            }
        }
    }

    /// The totals of a device.
    pub(crate) fn of(&self, index: u32) -> Option<Qdisc> {
        let all = || self.found.iter().filter(|stats| stats.device == index);
        let root = all().find(|stats| stats.is_root)?;
        let marks = all().filter_map(|stats| stats.ecn_marks).map(u64::from);
        let ecn_marks = marks.reduce(u64::saturating_add);
        Some(Qdisc {
            drops: u64::from(root.drops),
            overlimits: u64::from(root.overlimits),
            backlog: u64::from(root.backlog),
            ecn_marks,
        })
    }

    fn dump(&mut self) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => Socket::open(Protocol::Route)?,
        };
        let (socket, found) = (self.socket.insert(socket), &mut self.found);
        let each = |message: gopher_netlink::message::Message<'_>| found.extend(message::discipline(message));
        Ok(socket.dump(message::RTM_GETQDISC, &message::REQUEST, each)?)
    }
}

/// Compares with the namespace of process 1; when that cannot be told, it is another one.
fn is_own_namespace(root: &Root) -> bool {
    let own = std::fs::read_link("/proc/self/ns/net");
    let host = std::fs::read_link(root.path("/proc/1/ns/net"));
    own.is_ok_and(|own| host.is_ok_and(|host| own == host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(device: u32, is_root: bool, drops: u32, ecn_marks: Option<u32>) -> QdiscStats {
        QdiscStats { device, is_root, drops, overlimits: 0, backlog: 0, ecn_marks }
    }

    #[test]
    fn the_root_counts_drops_and_all_count_marks() {
        let mut qdiscs = Qdiscs::new(&Root::default());
        qdiscs.found = vec![
            stats(2, false, 3, Some(4)),
            stats(2, true, 5, None),
            stats(2, false, 2, Some(6)),
            stats(3, true, 1, None),
        ];
        assert_eq!(qdiscs.of(2), Some(Qdisc { drops: 5, ecn_marks: Some(10), ..Qdisc::default() }));
        assert_eq!(qdiscs.of(3).unwrap().ecn_marks, None);
        assert_eq!(qdiscs.of(4), None);
    }

    #[test]
    fn the_kernel_answers() {
        let mut qdiscs = Qdiscs::new(&Root::default());
        let mut reports = Reports::default();
        for _ in 0..3 {
            qdiscs.read(&mut reports);
            assert!(qdiscs.socket.is_some(), "{reports:?}");
        }
    }
}
