//! Processes: `/proc/PID/{stat,io,smaps_rollup,limits,fd}`.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::Folder;
use crate::text::{int, key_value, lines, uint, uint32, words};

/// `/proc/PID/stat`. Times are clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Process id.
    pub pid: u32,
    /// Name; it may hold blanks, brackets and line ends.
    pub comm: &'a [u8],
    /// `R`, `S`, `D`, `Z` …
    pub state: u8,
    /// Parent's process id.
    pub ppid: u32,
    /// Process group; -1 where it is in another pid namespace.
    pub pgid: i64,
    /// Page faults that needed no disk.
    pub minor_faults: u64,
    /// Page faults that needed a disk.
    pub major_faults: u64,
    /// Time in user mode, guests included.
    pub utime: u64,
    /// Time in the kernel.
    pub stime: u64,
    /// Time in user mode of children that were waited for.
    pub cutime: u64,
    /// Time in the kernel of children that were waited for.
    pub cstime: u64,
    /// Priority of the scheduler; below zero for real time.
    pub priority: i64,
    /// Niceness, -20 to 19.
    pub nice: i64,
    /// Threads.
    pub num_threads: u64,
    /// Start, since boot.
    pub start_time: u64,
    /// Address space, bytes.
    pub vm_size: u64,
    /// Resident pages.
    pub rss: u64,
    /// CPU it ran on last.
    pub cpu: Option<u64>,
    /// Time of virtual machines, part of `utime`.
    pub guest_time: Option<u64>,
}

/// Reads `/proc/PID/stat`.
#[must_use]
pub fn stat(bytes: &[u8]) -> Option<Stat<'_>> {
    let open = memchr::memchr(b'(', bytes)?;
    // A name can hold brackets itself; nothing after it can.
    let close = memchr::memrchr(b')', bytes)?;
    let pid = uint32(bytes.get(..open)?.trim_ascii())?;
    let comm = bytes.get(open + 1..close)?;
    let mut columns = words(bytes.get(close + 1..)?.trim_ascii_end());
    let state = *columns.next()?.first()?;
    let ppid = uint32(columns.next()?)?;
    let pgid = int(columns.next()?)?;
    // Session, terminal, its group, flags.
    let minor_faults = uint(columns.nth(4)?)?;
    let major_faults = uint(columns.nth(1)?)?;
    let utime = uint(columns.nth(1)?)?;
    let stime = uint(columns.next()?)?;
    let cutime = time(columns.next()?)?;
    let cstime = time(columns.next()?)?;
    let priority = int(columns.next()?)?;
    let nice = int(columns.next()?)?;
    let num_threads = uint(columns.next()?)?;
    let start_time = uint(columns.nth(1)?)?;
    let vm_size = uint(columns.next()?)?;
    let rss = time(columns.next()?)?;
    // Addresses, signals, exit signal: columns 25 to 38.
    let cpu = columns.nth(14).and_then(uint);
    let guest_time = columns.nth(3).and_then(uint);
    Some(Stat {
        pid,
        comm,
        state,
        ppid,
        pgid,
        minor_faults,
        major_faults,
        utime,
        stime,
        cutime,
        cstime,
        priority,
        nice,
        num_threads,
        start_time,
        vm_size,
        rss,
        cpu,
        guest_time,
    })
}

/// A number that the kernel prints as signed although it never is meant below zero.
fn time(word: &[u8]) -> Option<u64> {
    int(word).map(|value| u64::try_from(value).unwrap_or(0)).or_else(|| uint(word))
}

macro_rules! key_values {
    ($name:ident, $function:ident, $file:literal, $($field:ident = $key:literal, $help:literal;)*) => {
        #[doc = concat!("What `/proc/PID/", $file, "` says; `None` where this kernel has no such line.")]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $(#[doc = $help] pub $field: Option<u64>,)*
        }

        #[doc = concat!("Reads `/proc/PID/", $file, "`.")]
        #[must_use]
        pub fn $function(bytes: &[u8]) -> $name {
            let mut found = $name::default();
            for (key, value) in lines(bytes).filter_map(key_value) {
                let place = match std::str::from_utf8(key) {
                    $(Ok($key) => &mut found.$field,)*
                    _ => continue,
                };
                *place = words(value).next().and_then(uint);
            }
            found
        }
    };
}

key_values! { Io, io, "io",
    rchar = "rchar", "Bytes that reads returned, caches included.";
    wchar = "wchar", "Bytes that writes took.";
    syscr = "syscr", "Read calls.";
    syscw = "syscw", "Write calls.";
    read_bytes = "read_bytes", "Bytes fetched from storage.";
    write_bytes = "write_bytes", "Bytes sent to storage.";
    cancelled_write_bytes = "cancelled_write_bytes", "Bytes of dirty pages that never reached storage.";
}

key_values! { Smaps, smaps_rollup, "smaps_rollup",
    shared_clean = "Shared_Clean", "Clean pages that others map too, kB.";
    shared_dirty = "Shared_Dirty", "Dirty pages that others map too, kB.";
    private_clean = "Private_Clean", "Clean pages of this process alone, kB.";
    private_dirty = "Private_Dirty", "Dirty pages of this process alone, kB.";
    referenced = "Referenced", "Pages marked as used, kB.";
    lazy_free = "LazyFree", "Pages given back by madvise and not yet taken, kB.";
    swap = "Swap", "Pages on swap, kB.";
    swap_pss = "SwapPss", "Pages on swap, shared ones by their share, kB.";
}

/// A resource limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// None.
    Unlimited,
    /// At most this.
    AtMost(u64),
}

/// The soft limit of open files: `/proc/PID/limits`.
#[must_use]
pub fn open_files_limit(bytes: &[u8]) -> Option<Limit> {
    let soft = lines(bytes).find_map(|line| words(line.strip_prefix(b"Max open files")?).next())?;
    if soft == b"unlimited" { Some(Limit::Unlimited) } else { uint(soft).map(Limit::AtMost) }
}

/// Calls `each` with the inode of every open socket of a process, as often as it is open: `/proc/PID/fd`.
///
/// # Errors
/// Those of reading the folder.
pub fn sockets(folder: &mut Folder, path: &Path, mut each: impl FnMut(u64)) -> io::Result<()> {
    folder.links(path, |target| {
        let inode = target.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]")).and_then(uint);
        inode.into_iter().for_each(&mut each);
    })
}

/// Counts the open descriptors of a process: the entries of `/proc/PID/fd`.
#[derive(Debug)]
pub struct FdCounter {
    /// Since kernel 6.2 the folder's size is the number of its entries.
    by_size: bool,
    folder: Folder,
}

impl Default for FdCounter {
    /// Asks the kernel which way it counts, by the descriptors of this process, which has some.
    fn default() -> Self {
        let by_size = std::fs::metadata("/proc/self/fd").is_ok_and(|folder| folder.size() > 0);
        Self { by_size, folder: Folder::default() }
    }
}

impl FdCounter {
    /// How many descriptors are open.
    ///
    /// # Errors
    /// Those of reading the folder.
    pub fn count(&mut self, folder: &Path) -> io::Result<u64> {
        if self.by_size {
            return Ok(std::fs::metadata(folder)?.size());
        }
        let mut count = 0;
        self.folder.names(folder, |_| count += 1)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
