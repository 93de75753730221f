//! Block devices: `/proc/diskstats`.

use crate::text::{lines, uint, words};

/// Totals of a disk or partition since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Reads completed.
    pub reads: u64,
    /// Sectors of 512 bytes read.
    pub sectors_read: u64,
    /// Milliseconds that reads took, summed over them.
    pub read_ms: u64,
    /// Writes completed.
    pub writes: u64,
    /// Sectors of 512 bytes written.
    pub sectors_written: u64,
    /// Milliseconds that writes took, summed over them.
    pub write_ms: u64,
    /// Milliseconds during which at least one request was pending.
    pub busy_ms: u64,
    /// Milliseconds times requests pending.
    pub queue_ms: u64,
}

/// Calls `each` for every disk and partition with its name as in /dev (without `/dev/`). Lines with fewer than 14 columns are left out.
pub fn diskstats<'a>(bytes: &'a [u8], mut each: impl FnMut(&'a [u8], Disk)) {
    for line in lines(bytes) {
        if let Some((name, disk)) = disk(line) {
            each(name, disk);
        }
    }
}

fn disk(line: &[u8]) -> Option<(&[u8], Disk)> {
    let mut columns = words(line).skip(2);
    let name = columns.next()?;
    let mut next = || columns.next().and_then(uint);
    let [reads, _merged, sectors_read, read_ms] = [next()?, next()?, next()?, next()?];
    let [writes, _merged, sectors_written, write_ms] = [next()?, next()?, next()?, next()?];
    let [_pending, busy_ms, queue_ms] = [next()?, next()?, next()?];
    let disk = Disk { reads, sectors_read, read_ms, writes, sectors_written, write_ms, busy_ms, queue_ms };
    Some((name, disk))
}

#[cfg(test)]
mod tests;
