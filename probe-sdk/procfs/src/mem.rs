//! Memory: `/proc/meminfo`, `/proc/vmallocinfo`, `/proc/sys/fs/dentry-state`.

use crate::text::{key_value, lines, uint, words};

macro_rules! meminfo {
    ($($field:ident = $key:literal, $help:literal;)*) => {
        /// What `/proc/meminfo` says, whatever the order of its lines; `None` where this kernel has no such line.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Meminfo {
            $(#[doc = $help] pub $field: Option<u64>,)*
        }

        /// Reads `/proc/meminfo`.
        #[must_use]
        pub fn meminfo(bytes: &[u8]) -> Meminfo {
            let mut meminfo = Meminfo::default();
            for (key, value) in lines(bytes).filter_map(key_value) {
                let place = match std::str::from_utf8(key) {
                    $(Ok($key) => &mut meminfo.$field,)*
                    _ => continue,
                };
                *place = words(value).next().and_then(uint);
            }
            meminfo
        }
    };
}

meminfo! {
    total = "MemTotal", "Usable memory, kB.";
    free = "MemFree", "Unused memory, kB.";
    available = "MemAvailable", "Memory that can be had without swapping, kB.";
    buffers = "Buffers", "Cache of block devices, kB.";
    cached = "Cached", "Page cache, kB.";
    active = "Active", "Recently used, kB.";
    inactive = "Inactive", "First to be reclaimed, kB.";
    active_anon = "Active(anon)", "Recently used, without a file, kB.";
    inactive_anon = "Inactive(anon)", "First to be reclaimed, without a file, kB.";
    active_file = "Active(file)", "Recently used page cache, kB.";
    inactive_file = "Inactive(file)", "Page cache that is first to be reclaimed, kB.";
    mlocked = "Mlocked", "Locked into memory, kB.";
    swap_total = "SwapTotal", "Swap space, kB.";
    swap_free = "SwapFree", "Unused swap space, kB.";
    shmem = "Shmem", "Shared memory and tmpfs, kB.";
    slab = "Slab", "Kernel objects, kB.";
    slab_reclaimable = "SReclaimable", "Kernel objects that can be given back, kB.";
    slab_unreclaimable = "SUnreclaim", "Kernel objects that cannot be given back, kB.";
    kernel_stack = "KernelStack", "Kernel stacks, kB.";
    page_tables = "PageTables", "Page tables, kB.";
    vmalloc_used = "VmallocUsed", "Memory of vmalloc, kB; always 0 before kernel 5.3.";
    huge_pages_total = "HugePages_Total", "Pages in the pool of huge pages.";
    huge_page_size = "Hugepagesize", "Size of a huge page, kB.";
}

/// The pages of an area that is memory of vmalloc: one line of `/proc/vmallocinfo`. `None` for other areas.
#[must_use]
pub fn vmalloc_pages(line: &[u8]) -> Option<u64> {
    let mut pages = None;
    for word in words(line).skip(2) {
        if let Some(count) = word.strip_prefix(b"pages=") {
            pages = uint(count);
        } else if word == b"vmalloc" {
            return pages;
        }
    }
    None
}

/// The cache of directory entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dentries {
    /// Allocated.
    pub allocated: u64,
    /// Allocated but not in use.
    pub unused: u64,
    /// Age in seconds after which they can be reclaimed when memory is short.
    pub age_limit: u64,
}

/// Reads `/proc/sys/fs/dentry-state`.
#[must_use]
pub fn dentry_state(bytes: &[u8]) -> Option<Dentries> {
    let mut columns = words(lines(bytes).next()?).map(uint);
    let mut next = || columns.next().flatten();
    Some(Dentries { allocated: next()?, unused: next()?, age_limit: next()? })
}

#[cfg(test)]
mod tests;
