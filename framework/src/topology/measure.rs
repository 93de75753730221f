//! What is known of a flow from one of its ends, or from several rows together.

use super::seen::{FAILED, OPENED, RESENT, RTT, RX, Row, SENT, TABLES, TX};

/// Numbers of a flow in its last period; none where no row has them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Measure {
    /// Bytes a second from the client to the server, and back.
    pub(super) to_server: Option<f64>,
    pub(super) to_client: Option<f64>,
    /// Sum, in seconds, and count of round-trip times.
    rtt: Option<(f64, f64)>,
    /// Segments sent, and those of them that were sent again.
    segments: Option<(f64, f64)>,
    /// Connections a second.
    pub(super) opened: Option<f64>,
    /// Connections that failed in the period.
    pub(super) failed: Option<f64>,
    /// Seconds that the numbers are about.
    pub(super) period: Option<f64>,
    /// When the last row came, in milliseconds of the monotonic clock.
    pub(super) updated: u64,
}

fn plus(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        _ => one.or(other),
    }
}

fn plus_both(one: Option<(f64, f64)>, other: Option<(f64, f64)>) -> Option<(f64, f64)> {
    match (one, other) {
        (Some((a, b)), Some((c, d))) => Some((a + c, b + d)),
        _ => one.or(other),
    }
}

impl Measure {
    /// What a row of one of [`TABLES`] says; `server`: it is of the server's end.
    pub(super) fn of(row: &Row, source: usize, server: bool, period: u64) -> Self {
        let known = |at: usize| row.added.get(at).copied().filter(|number| !number.is_nan());
        let seconds = row.seconds(period);
        let rate = |at: usize| known(at).zip(seconds).map(|(number, seconds)| number / seconds);
        let base = Self { period: seconds, updated: row.updated, ..Self::default() };
        if TABLES[source].table != TABLES[0].table {
            return Self {
                opened: rate(OPENED[usize::from(server)]),
                failed: known(FAILED[usize::from(server)]),
                ..base
            };
        }
        let (own, others) = (rate(TX), rate(RX));
        let (to_server, to_client) = if server { (others, own) } else { (own, others) };
        Self {
            to_server,
            to_client,
            rtt: known(RTT).zip(known(RTT + 1)),
            segments: known(SENT).zip(known(RESENT)),
            ..base
        }
    }

    /// Both together: traffic of other connections.
    pub(super) fn add(&mut self, other: &Self) {
        *self = Self {
            to_server: plus(self.to_server, other.to_server),
            to_client: plus(self.to_client, other.to_client),
            rtt: plus_both(self.rtt, other.rtt),
            segments: plus_both(self.segments, other.segments),
            opened: plus(self.opened, other.opened),
            failed: plus(self.failed, other.failed),
            ..self.beside(other)
        };
    }

    /// What the client's end says together with what the server's says of the same connections: segments are each
    /// end's own, all else is told twice and the client's word is taken.
    pub(super) fn with_server(&self, server: &Self) -> Self {
        Self {
            to_server: self.to_server.or(server.to_server),
            to_client: self.to_client.or(server.to_client),
            rtt: self.rtt.filter(|(_, count)| *count > 0.0).or(server.rtt),
            segments: plus_both(self.segments, server.segments),
            opened: self.opened.or(server.opened),
            failed: plus(self.failed, server.failed),
            ..self.beside(server)
        }
    }

    fn beside(&self, other: &Self) -> Self {
        let longest = |one: f64, two: f64| one.max(two);
        let period = match (self.period, other.period) {
            (Some(one), Some(two)) => Some(longest(one, two)),
            (one, two) => one.or(two),
        };
        Self { period, updated: self.updated.max(other.updated), ..Self::default() }
    }

    /// Mean round-trip time in seconds.
    pub(super) fn rtt(&self) -> Option<f64> {
        self.rtt.filter(|(_, count)| *count > 0.0).map(|(sum, count)| sum / count)
    }

    /// The share of segments that were sent again, 0 to 1.
    pub(super) fn loss(&self) -> Option<f64> {
        self.segments.filter(|(sent, _)| *sent > 0.0).map(|(sent, again)| (again / sent).min(1.0))
    }
}
