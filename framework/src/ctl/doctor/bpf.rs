//! The requests of bpf(2) that `doctor --measure` makes; the framework links no library for eBPF.
//!
//! Numbers and layouts are of include/uapi/linux/bpf.h, which only grows at its ends.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

const PROG_GET_FD_BY_ID: libc::c_long = 13;
const OBJ_GET_INFO_BY_FD: libc::c_long = 15;
const ENABLE_STATS: libc::c_long = 32;

/// `bpf_attr` of `BPF_ENABLE_STATS`; `BPF_STATS_RUN_TIME` is 0.
#[repr(C)]
struct Statistics {
    kind: u32,
}

/// `bpf_attr` of `BPF_PROG_GET_FD_BY_ID`.
#[repr(C)]
struct ById {
    id: u32,
    next: u32,
    flags: u32,
}

/// `bpf_attr` of `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
struct InfoOf {
    file: RawFd,
    size: u32,
    info: u64,
}

/// The begin of `bpf_prog_info`, up to the name.
#[repr(C)]
#[derive(Default)]
struct Info {
    before: [u64; 8],
    name: [u8; 16],
}

const INFO_SIZE: u32 = 80;
const _: () = assert!(size_of::<Info>() == 80);

/// Has the kernel count the runs of all programs and take their times, until the descriptor is closed (Linux 5.8).
pub(super) fn statistics() -> io::Result<OwnedFd> {
    let file = request(ENABLE_STATS, &mut Statistics { kind: 0 })?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(file) })
}

/// The name of a loaded program; the kernel keeps 15 bytes of it.
pub(super) fn name(id: u32) -> io::Result<String> {
    let file = request(PROG_GET_FD_BY_ID, &mut ById { id, next: 0, flags: 0 })?;
    // SAFETY: the kernel has just made this descriptor for us.
    let file = unsafe { OwnedFd::from_raw_fd(file) };
    let mut info = Info::default();
    let address = &raw mut info as u64;
    request(OBJ_GET_INFO_BY_FD, &mut InfoOf { file: file.as_raw_fd(), size: INFO_SIZE, info: address })?;
    let name = info.name.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

fn request<A>(command: libc::c_long, attributes: &mut A) -> io::Result<RawFd> {
    // SAFETY: the kernel reads and writes no more than the size says, and what an address in the attributes points to
    // lives as long as the caller's variable.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<A>()) };
    RawFd::try_from(result).ok().filter(|result| *result >= 0).ok_or_else(io::Error::last_os_error)
}
