//! The connections of one listener: how many there may be, and whose end makes room for another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use crate::clock::mono_ms;
use crate::sync::lock;

/// Connections of one listener at a time. For one more, the one ends that has been silent longest: nobody can keep
/// others out by holding connections open.
const CONNECTIONS: usize = 256;

/// What a connection shows of itself.
#[derive(Debug)]
pub(super) struct Signs {
    /// When bytes last moved.
    moved: AtomicU64,
    /// Whether it has been answered anything.
    answered: AtomicBool,
}

impl Signs {
    pub(super) fn read(&self) {
        self.moved.store(mono_ms(), Ordering::Relaxed);
    }

    pub(super) fn wrote(&self) {
        self.read();
        self.answered.store(true, Ordering::Relaxed);
    }

    pub(super) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Rises with what there is to lose.
    fn worth(&self) -> (bool, u64) {
        (self.answered.load(Ordering::Relaxed), self.moved())
    }
}

/// The open connections.
#[derive(Debug, Default)]
pub(super) struct Places {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    places: HashMap<u64, (Arc<Signs>, CancellationToken)>,
}

/// The place of one connection, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    places: Arc<Places>,
    pub(super) signs: Arc<Signs>,
    /// Cancelled when the connection is to make room.
    pub(super) end: CancellationToken,
}

impl Places {
    /// A place for a new connection; one that has asked nothing, else the one that has been silent longest, makes room.
    pub(super) fn take(self: &Arc<Self>) -> Place {
        let signs = Arc::new(Signs { moved: mono_ms().into(), answered: false.into() });
        let end = CancellationToken::new();
        let mut open = lock(&self.open);
        if open.places.len() >= CONNECTIONS {
            let least = open.places.iter().min_by_key(|(number, (signs, _))| (signs.worth(), **number));
            let number = least.map(|(number, _)| *number).unwrap_or_default();
            if let Some((_, end)) = open.places.remove(&number) {
                tracing::debug!("A silent connection was ended for a new one.");
                end.cancel();
            }
        }
        let number = open.next;
        open.next += 1;
        open.places.insert(number, (Arc::clone(&signs), end.clone()));
        drop(open);
        Place { number, places: Arc::clone(self), signs, end }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.places.open).places.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_nothing_makes_room_for_who_comes() {
        let places = Arc::<Places>::default();
        let answered = places.take();
        answered.signs.wrote();
        let silent: Vec<_> = (1..CONNECTIONS).map(|_| places.take()).collect();
        let more = [places.take(), places.take()];
        assert!(silent[0].end.is_cancelled() && silent[1].end.is_cancelled());
        assert!(!silent[2].end.is_cancelled() && !answered.end.is_cancelled());
        assert!(more.iter().all(|place| !place.end.is_cancelled()));
        drop(silent);
        drop(more);
        assert_eq!(lock(&places.open).places.len(), 1);
    }
}
