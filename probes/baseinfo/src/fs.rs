//! Item `fs`: space and inodes of mounted file systems.

mod select;
mod statfs;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use gopher_procfs::{FileReader, Root};
use probe_sdk::Context;

use self::select::{Chosen, choose};
use self::statfs::{Outcome, Prober, Space};
use crate::alarms::{Alarm, Alarms, Subject};
use crate::collect::Collector;
use crate::shared::{Shared, percent};

/// Table `system_df`.
#[derive(Debug)]
pub(crate) struct Fs {
    mountinfo: FileReader,
    prober: Prober,
    /// What is mounted and how it is reached, kept while the text of mountinfo is the same.
    text: Vec<u8>,
    mounts: Vec<(Arc<Path>, Chosen)>,
}

impl Fs {
    pub(crate) fn new(shared: &Shared) -> Self {
        Self {
            mountinfo: FileReader::new(shared.root.mountinfo()),
            prober: Prober::default(),
            text: Vec::new(),
            mounts: Vec::new(),
        }
    }
}

impl Collector for Fs {
    fn collect(&mut self, shared: &mut Shared, ctx: &mut Context) -> anyhow::Result<()> {
        let alarms = shared.alarms;
        let Some(text) = shared.read(&mut self.mountinfo) else { return Ok(()) };
        if text != self.text {
            self.text.clear();
            self.text.extend_from_slice(text);
            let chosen = choose(&self.text).into_iter();
            self.mounts = chosen.map(|mount| (reach(&shared.root, &mount.mount_point), mount)).collect();
        }
        self.prober.begin_round();
        for (path, mount) in &self.mounts {
            match self.prober.probe(path) {
                Outcome::Space(space) => {
                    shared.reports.works(path);
                    if space.blocks > 0 {
                        send(mount, &space, alarms, ctx)?;
                    }
                }
                Outcome::Failed(error) => shared.reports.refused(path, &error),
                Outcome::Stuck => {
                    shared.reports.failed(path, &"the file system does not answer; left out until it does");
                    labels(mount, "stuck", ctx)?.send()?;
                }
            }
        }
        Ok(())
    }
}

fn reach(root: &Root, mount_point: &[u8]) -> Arc<Path> {
    root.path(Path::new(OsStr::from_bytes(mount_point))).into()
}

fn labels<'a>(mount: &Chosen, status: &str, ctx: &'a mut Context) -> anyhow::Result<probe_sdk::Row<'a>> {
    let mount_point = String::from_utf8_lossy(&mount.mount_point);
    let row = ctx.row("system_df")?.set("MountOn", mount_point.as_ref()).set("MountStatus", status);
    Ok(row.set("Fsname", &mount.source).set("Fstype", &mount.fs_type))
}

fn send(mount: &Chosen, space: &Space, alarms: Alarms, ctx: &mut Context) -> anyhow::Result<()> {
    let usage = usage(space);
    let row = labels(mount, if mount.read_only { "ro" } else { "rw" }, ctx)?;
    let row = row.set("Inodes", usage.inodes.as_ref().map(|inodes| inodes.all));
    let row = row.set("Blocks", kb(space.blocks, space));
    let row = row.set("IUsed", usage.inodes.as_ref().map(|inodes| inodes.used));
    let row = row.set("IFree", usage.inodes.as_ref().map(|inodes| inodes.free));
    let inodes_percent = usage.inodes.as_ref().and_then(|inodes| percent(inodes.used, inodes.all));
    let row = row.set("IUsePer", inodes_percent);
    let row = row.set("Used", usage.used).set("Free", usage.free);
    row.set("UsePer", usage.used_percent).send()?;
    let id = String::from_utf8_lossy(&mount.mount_point);
    let subject = Subject { device: &mount.source, ..Subject::of(&id) };
    alarms.share(Alarm::Inodes, subject, inodes_percent, ctx)?;
    alarms.share(Alarm::Blocks, subject, usage.used_percent, ctx)
}

#[derive(Debug, PartialEq)]
struct Usage {
    used: u64,
    free: u64,
    used_percent: Option<f64>,
    inodes: Option<Inodes>,
}

#[derive(Debug, PartialEq)]
struct Inodes {
    all: u64,
    used: u64,
    free: u64,
}

/// As df counts: space kept back for root is neither free nor part of what users can fill.
fn usage(space: &Space) -> Usage {
    let used = space.blocks.saturating_sub(space.free);
    // File systems without a table of inodes (btrfs, vfat) say zero: they count none.
    let inodes = (space.inodes > 0).then(|| Inodes {
        all: space.inodes,
        used: space.inodes.saturating_sub(space.inodes_free),
        free: space.inodes_free,
    });
    Usage {
        used: kb(used, space),
        free: kb(space.available, space),
        used_percent: percent(used, used.saturating_add(space.available)),
        inodes,
    }
}

fn kb(blocks: u64, space: &Space) -> u64 {
    u64::try_from(u128::from(blocks) * u128::from(space.block_size) / 1024).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
