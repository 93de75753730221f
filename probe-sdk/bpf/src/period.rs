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

    /// Ends the period: all keys of which something happened in it, with their sums. The key that is all zero has what
    /// found no place.
    ///
    /// # Errors
    /// When the kernel refuses to exchange or to read the maps; what was added is then in the next period's sums.
    pub fn end(&mut self) -> libbpf_rs::Result<Vec<(K, V)>> {
        let [first, second] = &self.halves;
        let (ended, next) = if self.active == 0 { (first, second) } else { (second, first) };
        // The kernel returns when no program uses the map any more that was there.
        self.holder.update(&0u32.to_ne_bytes(), &next.as_fd().as_raw_fd().to_ne_bytes(), MapFlags::ANY)?;
        self.active = 1 - self.active;
        let mut sums = Vec::new();
        for (key, value) in ended.lookup_and_delete_batch(BATCH, MapFlags::ANY, MapFlags::ANY)? {
            sums.extend(parsed(&key, &value));
        }
        // A batch that cannot take a whole bucket of the hash ends early.
        let rest: Vec<Vec<u8>> = ended.keys().collect();
        for key in rest {
            if let Some(value) = ended.lookup(&key, MapFlags::ANY)? {
                sums.extend(parsed(&key, &value));
            }
            ended.delete(&key)?;
        }
        make_room(ended)?;
        Ok(sums)
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
