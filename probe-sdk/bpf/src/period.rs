//! Sums per key over a period, of which none is lost: the maps of `gopher/period.h`.

use std::marker::PhantomData;
use std::os::fd::{AsFd as _, AsRawFd as _};

use libbpf_rs::{MapCore, MapFlags, MapHandle, MapImpl};
use plain::Plain;

/// Entries read by one call into the kernel.
const BATCH: u32 = 256;

/// What `PERIOD(name, …)` of a program defines.
pub struct Period<K, V> {
    holder: MapHandle,
    halves: [MapHandle; 2],
    /// The half that programs add to.
    active: usize,
    of: PhantomData<(K, V)>,
}

impl<K: Plain + Default, V: Plain + Default> Period<K, V> {
    /// Takes the maps `name`, `name_0` and `name_1`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn new(holder: &MapImpl<'_>, first: &MapImpl<'_>, second: &MapImpl<'_>) -> libbpf_rs::Result<Self> {
        let halves = [MapHandle::try_from(first)?, MapHandle::try_from(second)?];
        let period = Self { holder: MapHandle::try_from(holder)?, halves, active: 0, of: PhantomData };
        for half in &period.halves {
            make_room(half)?;
        }
        Ok(period)
    }

    /// Returns when all programs that have begun to add to a sum have ended: those that begin later see what user space has
    /// set before.
    ///
    /// # Errors
    /// When the kernel refuses to exchange the maps.
    pub fn wait(&self) -> anyhow::Result<()> {
        self.hold(&self.halves[self.active])
    }

    /// Has programs add to this half; returns when none uses the other one any more.
    fn hold(&self, half: &MapHandle) -> anyhow::Result<()> {
        Ok(self.holder.update(&0u32.to_ne_bytes(), &half.as_fd().as_raw_fd().to_ne_bytes(), MapFlags::ANY)?)
    }

    /// Ends the period: gives away each key of which something happened in it with its sums, as they are read, so that
    /// never more than a few hundred are held. The key that is all zero has what found no place.
    ///
    /// # Errors
    /// When the kernel refuses to exchange the maps: what was added is then in the next period's sums. When it refuses to
    /// read them, and when `each` fails: what was not yet given away is lost with the map.
    pub fn end(&mut self, mut each: impl FnMut(&K, &V) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let [first, second] = &self.halves;
        let (ended, next) = if self.active == 0 { (first, second) } else { (second, first) };
        self.hold(next)?;
        self.active = 1 - self.active;
        let mut give = |key: &[u8], value: &[u8]| match parsed(key, value) {
            Some((key, value)) => each(&key, &value),
            None => Ok(()),
        };
        for (key, value) in ended.lookup_and_delete_batch(BATCH, MapFlags::ANY, MapFlags::ANY)? {
            give(&key, &value)?;
        }
        // A batch that cannot take a whole bucket of the hash ends early.
        let rest: Vec<Vec<u8>> = ended.keys().collect();
        for key in rest {
            if let Some(value) = ended.lookup(&key, MapFlags::ANY)? {
                give(&key, &value)?;
            }
            ended.delete(&key)?;
        }
        Ok(make_room(ended)?)
    }
}

/// The key that is all zero is always there: it takes what finds no place.
fn make_room(half: &MapHandle) -> libbpf_rs::Result<()> {
    let zeros = |size: u32| vec![0; size as usize];
    half.update(&zeros(half.key_size()), &zeros(half.value_size()), MapFlags::ANY)
}

/// `None` for values that are all zero.
fn parsed<K: Plain + Default, V: Plain + Default>(key: &[u8], value: &[u8]) -> Option<(K, V)> {
    if value.iter().all(|byte| *byte == 0) {
        return None;
    }
    let (mut to_key, mut to_value) = (K::default(), V::default());
    to_key.copy_from_bytes(key).ok()?;
    to_value.copy_from_bytes(value).ok()?;
    Some((to_key, to_value))
}
