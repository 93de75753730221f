//! Whose process ids the agent uses.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// Inode of the first pid namespace of every host (`PROC_PID_INIT_INO` of include/linux/proc_ns.h).
const FIRST: u64 = 0xEFFF_FFFC;

/// The pid namespace whose numbers the agent uses, 0 for the host's: with the host's files below a mount of their own
/// it reads the host's /proc, else that of its own namespace.
///
/// For the constant `namespace` of `gopher/task.h`.
///
/// # Errors
/// When /proc does not tell.
pub fn namespace() -> anyhow::Result<u32> {
    if std::env::var("GOPHER_HOST_PATH").is_ok_and(|path| path != "/") {
        return Ok(0);
    }
    let inode = fs::metadata("/proc/self/ns/pid")?.ino();
    Ok(if inode == FIRST { 0 } else { u32::try_from(inode)? })
}
