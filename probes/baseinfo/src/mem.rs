//! Item `mem`: memory and directory entries.

use std::io;
use std::path::{Path, PathBuf};

use gopher_procfs::mem::{Meminfo, dentry_state, meminfo, vmalloc_pages};
use gopher_procfs::{Buffer, FileReader};
use probe_sdk::Context;

use crate::alarms::{Alarm, Subject};
use crate::collect::Collector;
use crate::shared::{Shared, percent};

/// Tables `system_meminfo` and `system_dentry`.
#[derive(Debug)]
pub(crate) struct Mem {
    meminfo: FileReader,
    dentries: FileReader,
    areas: PathBuf,
}

impl Mem {
    pub(crate) fn new(shared: &Shared) -> Self {
        Self {
            meminfo: shared.reader("/proc/meminfo"),
            dentries: shared.reader("/proc/sys/fs/dentry-state"),
            areas: shared.root.path("/proc/vmallocinfo"),
        }
    }
}

impl Collector for Mem {
    fn collect(&mut self, shared: &mut Shared, ctx: &mut Context) -> anyhow::Result<()> {
        if let Some(text) = shared.read(&mut self.meminfo) {
            let found = meminfo(text);
            let known = found.vmalloc_used.filter(|used| *used > 0);
            let vmalloc = known.or_else(|| vmalloc_of_areas(&self.areas, shared));
            send_meminfo(&found, vmalloc, ctx)?;
            let subject = Subject::of("/proc/meminfo");
            shared.alarms.share(Alarm::Memory, subject, used(&found), ctx)?;
            shared.alarms.share(Alarm::Swap, subject, swap_used(&found), ctx)?;
        }
        if let Some(found) = shared.read(&mut self.dentries).and_then(dentry_state) {
            let row = ctx.row("system_dentry")?.set("infos", "fs.dentry-state");
            let row = row.set("dentry", found.allocated).set("unused_dentry", found.unused);
            row.set("age_limit", found.age_limit).send()?;
        }
        Ok(())
    }
}

/// kB of vmalloc where `/proc/meminfo` has none (before kernel 5.3), from the list of areas.
fn vmalloc_of_areas(path: &Path, shared: &mut Shared) -> Option<u64> {
    match sum_areas(path, &mut shared.buffer) {
        Ok(pages) => {
            shared.reports.works(path);
            Some(pages.saturating_mul(shared.system.page_size) / 1024)
        }
        Err(error) => {
            shared.reports.refused(path, &error);
            None
        }
    }
}

/// Read line by line: the list can be as long as the host has threads.
fn sum_areas(path: &Path, buffer: &mut Buffer) -> io::Result<u64> {
    let mut pages = 0u64;
    buffer.each_line(path, |line| pages = pages.saturating_add(vmalloc_pages(line).unwrap_or(0)))?;
    Ok(pages)
}

fn send_meminfo(m: &Meminfo, vmalloc: Option<u64>, ctx: &mut Context) -> anyhow::Result<()> {
    let row = ctx.row("system_meminfo")?.set("infos", "/proc/meminfo");
    let row = row.set("total_kB", m.total).set("free_kB", m.free).set("available_kB", m.available);
    let row = row.set("buffers_kB", m.buffers).set("cache_kB", m.cached);
    let row = row.set("active_kB", m.active).set("inactive_kB", m.inactive);
    let row = row.set("swap_total_kB", m.swap_total).set("swap_free_kB", m.swap_free);
    let row = row.set("slab_kB", m.slab).set("SReclaimable_kB", m.slab_reclaimable);
    let row = row.set("Unreclaim_kB", m.slab_unreclaimable).set("page_kB", m.page_tables);
    let row = row.set("stack_kB", m.kernel_stack).set("active_anon_kB", m.active_anon);
    let row = row.set("inactive_anon_kB", m.inactive_anon).set("active_file_kB", m.active_file);
    let row = row.set("inactive_file_kB", m.inactive_file).set("mlocked", m.mlocked);
    let row = row.set("shmem_kB", m.shmem).set("vmalloc_kB", vmalloc).set("big_page_kB", huge_pages(m));
    row.set("util", used(m)).set("swap_util", swap_used(m)).send()?;
    Ok(())
}

fn huge_pages(m: &Meminfo) -> Option<u64> {
    Some(m.huge_pages_total?.saturating_mul(m.huge_page_size?))
}

fn used(m: &Meminfo) -> Option<f64> {
    let unused = m.free?.saturating_add(m.buffers?).saturating_add(m.cached?);
    percent(m.total?.saturating_sub(unused), m.total?)
}

/// A host without swap uses none of it.
fn swap_used(m: &Meminfo) -> Option<f64> {
    let (total, free) = (m.swap_total?, m.swap_free?);
    Some(percent(total.saturating_sub(free), total).unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Meminfo {
        meminfo(
            b"MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 350 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\nHugePages_Total: 3\nHugepagesize: 2048 kB\n",
        )
    }

    #[test]
    fn free_memory_buffers_and_cache_are_not_used() {
        assert_eq!(used(&sample()), Some(50.0));
        assert_eq!(used(&Meminfo { cached: None, ..sample() }), None);
    }

    #[test]
    fn a_host_without_swap_uses_none() {
        assert_eq!(swap_used(&sample()), Some(0.0));
        let half = Meminfo { swap_total: Some(10), swap_free: Some(5), ..sample() };
        assert_eq!(swap_used(&half), Some(50.0));
    }

    #[test]
    fn huge_pages_are_counted_by_their_size() {
        assert_eq!(huge_pages(&sample()), Some(6144));
    }

    #[test]
    fn areas_of_vmalloc_are_summed_over_all_lines() {
        let fixture = "../../probe-sdk/procfs/testdata/4.19-x86/vmallocinfo";
        assert_eq!(sum_areas(Path::new(fixture), &mut Buffer::new()).unwrap(), 36);
    }
}
