//! What a new process does between fork and exec. Everything is prepared before the fork: only system calls here.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use super::capabilities::CapSet;
use super::privileges::{Ids, Privileges};

/// A step that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Leading its own session and process group.
    Session,
    /// Joining a cgroup.
    Cgroup,
    /// Entering the folder.
    Folder,
    /// Limiting the address space.
    Rlimit,
    /// Giving up whatever set-user-id files and file capabilities could give.
    NoNewPrivileges,
    /// Narrowing the bounding set.
    Bounding,
    /// Becoming the probe's user.
    User,
    /// Setting capabilities.
    Capabilities,
    /// Keeping capabilities over exec.
    Ambient,
    /// Dying with the agent.
    ParentDeath,
    /// Not inheriting the agent's files.
    Files,
}

const STEPS: [(Step, &str); 11] = [
    (Step::Session, "make a session"),
    (Step::Cgroup, "join the cgroups"),
    (Step::Folder, "enter the folder"),
    (Step::Rlimit, "limit the address space"),
    (Step::NoNewPrivileges, "set no_new_privs"),
    (Step::Bounding, "narrow the bounding set"),
    (Step::User, "change the user"),
    (Step::Capabilities, "set the capabilities"),
    (Step::Ambient, "keep the capabilities"),
    (Step::ParentDeath, "set the parent-death signal"),
    (Step::Files, "close the agent's files"),
];

/// `std` hands one number from child to parent: the error's low bits, and the step above them.
const STEP_SHIFT: i32 = 16;

/// Signals of the kernel, and the size of a set of them.
const SIGNALS: libc::c_int = 64;
const SIGNAL_SET_BYTES: usize = 8;

impl Step {
    /// Reads what [`Prepared::enter`] returned in the child.
    pub(super) fn decode(error: &io::Error) -> Option<(Self, io::Error)> {
        let code = error.raw_os_error()?;
        let at = usize::try_from(code >> STEP_SHIFT).ok()?.checked_sub(1)?;
        let errno = code & ((1 << STEP_SHIFT) - 1);
        Some((STEPS.get(at)?.0, io::Error::from_raw_os_error(errno)))
    }

    /// The system's last error at this step.
    fn error(self) -> io::Error {
        let errno = nix::errno::Errno::last_raw();
        // A step's place in the enumeration is its place in the table.
        io::Error::from_raw_os_error(((self as i32 + 1) << STEP_SHIFT) | errno)
    }

    fn check(self, result: libc::c_long) -> io::Result<()> {
        if result < 0 { Err(self.error()) } else { Ok(()) }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STEPS[*self as usize].1)
    }
}

/// All that the child needs to know.
pub(super) struct Prepared {
    /// The agent's pid.
    pub(super) parent: u32,
    pub(super) folder: OwnedFd,
    /// Open `cgroup.procs` files.
    pub(super) cgroups: Vec<OwnedFd>,
    /// Bytes of address space.
    pub(super) address_space: Option<u64>,
    pub(super) privileges: Privileges,
    /// Where close_range(2) does not know its flag (before 5.11): up to which descriptor to mark them one by one.
    pub(super) highest_file: Option<i32>,
}

impl Prepared {
    /// Makes this process what the probe is to be. For the child alone, between fork and exec.
    pub(super) fn enter(&self) -> io::Result<()> {
        default_signals();
        // SAFETY: system calls without pointers, in all four.
        unsafe {
            libc::umask(0o027);
            Step::Session.check(libc::setsid().into())?;
        }
        for cgroup in &self.cgroups {
            // SAFETY: one byte of a static string; "0" stands for the writer itself.
            let written = unsafe { libc::write(cgroup.as_raw_fd(), b"0".as_ptr().cast(), 1) };
            Step::Cgroup.check(libc::c_long::try_from(written).unwrap_or(-1))?;
        }
        // SAFETY: the descriptor is open.
        Step::Folder.check(unsafe { libc::fchdir(self.folder.as_raw_fd()) }.into())?;
        if let Some(bytes) = self.address_space {
            let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
            // SAFETY: `limit` lives over the call.
            Step::Rlimit.check(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }.into())?;
        }
        if self.privileges.capabilities.may_load_bpf() {
            unlimited_locked_memory();
        }
        self.drop_privileges()?;
        self.keep_only_stdio()?;
        self.die_with_parent()
    }

    /// The order matters: the bounding set while capabilities are there to narrow it; the user change with
    /// capabilities kept, as it would clear them; then exactly the wanted ones, ambient ones last, as these must be
    /// permitted and inheritable.
    fn drop_privileges(&self) -> io::Result<()> {
        let Privileges { user, capabilities, bound } = self.privileges;
        prctl(Step::NoNewPrivileges, libc::PR_SET_NO_NEW_PRIVS, 1, 0)?;
        if let Some(last) = bound {
            for number in (0..=last).filter(|number| !capabilities.has(*number)) {
                prctl(Step::Bounding, libc::PR_CAPBSET_DROP, number.into(), 0)?;
            }
        }
        if let Some(ids) = user {
            let keep = libc::c_ulong::from(!capabilities.is_empty());
            prctl(Step::User, libc::PR_SET_KEEPCAPS, keep, 0)?;
            change_user(ids)?;
        }
        clear_ambient()?;
        set_capabilities(capabilities)?;
        for number in (0..u64::BITS).filter(|number| capabilities.has(*number)) {
            prctl(Step::Ambient, libc::PR_CAP_AMBIENT, raise(), number.into())?;
        }
        Ok(())
    }

    /// Marks every file but the first three to be closed by exec.
    fn keep_only_stdio(&self) -> io::Result<()> {
        match self.highest_file {
            None => Step::Files.check(mark_range(3)),
            Some(highest) => {
                // SAFETY: no pointers; that a number is no open file does not matter.
                (3..=highest).for_each(|file| unsafe {
                    libc::fcntl(file, libc::F_SETFD, libc::FD_CLOEXEC);
                });
                Ok(())
            }
        }
    }

    /// A change of user clears the parent-death signal, so this comes after it. An agent that died before is gone
    /// already, which the parent's id tells.
    fn die_with_parent(&self) -> io::Result<()> {
        let kill = libc::c_ulong::try_from(libc::SIGKILL).unwrap_or_default();
        prctl(Step::ParentDeath, libc::PR_SET_PDEATHSIG, kill, 0)?;
        // SAFETY: system calls without pointers.
        unsafe {
            if u32::try_from(libc::getppid()) != Ok(self.parent) {
                libc::_exit(127);
            }
        }
        Ok(())
    }
}

/// Before Linux 5.11 the memory of eBPF counts as locked, and only who has CAP_SYS_RESOURCE may raise the limit. Where the
/// agent may not either, the probe will say what it lacks.
fn unlimited_locked_memory() {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limit` lives over the call.
    unsafe {
        libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit);
    }
}

/// Up to which descriptor the agent's files may reach; none where close_range(2) does it all.
pub(super) fn highest_file() -> Option<i32> {
    if mark_range(u32::MAX) == 0 {
        return None;
    }
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
    let highest = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok()).max();
    // Others may open some until the fork.
    Some(highest.unwrap_or(0) + 256)
}

/// Marks all files from this one on to be closed by exec.
pub(super) fn mark_range(first: u32) -> libc::c_long {
    // SAFETY: a system call without pointers.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) }
}

/// Exec resets handlers by itself, but what the agent ignores would stay ignored. `std` has emptied the mask. By the
/// plain system call, as the C library keeps some signals to itself.
fn default_signals() {
    // No handler, no flags, no mask: `struct sigaction` of the kernel, on any machine.
    let default = [0_u64; 8];
    for signal in 1..=SIGNALS {
        // SAFETY: `default` lives over the call; a signal that cannot be changed is left alone.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                std::ptr::null::<u64>(),
                SIGNAL_SET_BYTES,
            );
        }
    }
}

/// By plain system calls: those of the C library would make all threads follow, of which there are none here.
fn change_user(Ids { uid, gid }: Ids) -> io::Result<()> {
    // SAFETY: an empty list of groups needs no pointer; the others have none.
    unsafe {
        Step::User.check(libc::syscall(libc::SYS_setgroups, 0_usize, std::ptr::null::<libc::gid_t>()))?;
        Step::User.check(libc::syscall(libc::SYS_setresgid, gid, gid, gid))?;
        Step::User.check(libc::syscall(libc::SYS_setresuid, uid, uid, uid))
    }
}

fn clear_ambient() -> io::Result<()> {
    let all = libc::c_ulong::try_from(libc::PR_CAP_AMBIENT_CLEAR_ALL).unwrap_or_default();
    prctl(Step::Ambient, libc::PR_CAP_AMBIENT, all, 0)
}

fn raise() -> libc::c_ulong {
    libc::c_ulong::try_from(libc::PR_CAP_AMBIENT_RAISE).unwrap_or_default()
}

/// Makes a set the permitted, effective and inheritable one; `struct __user_cap_header_struct` and
/// `__user_cap_data_struct` of `linux/capability.h`, version 3.
fn set_capabilities(set: CapSet) -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    let halves = [set.0 & u64::from(u32::MAX), set.0 >> 32].map(|half| u32::try_from(half).unwrap_or(0));
    let data = [halves[0], halves[0], halves[0], halves[1], halves[1], halves[1]];
    // SAFETY: both arrays have the layout that version 3 asks for and live over the call.
    Step::Capabilities.check(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) })
}

fn prctl(step: Step, option: libc::c_int, first: libc::c_ulong, second: libc::c_ulong) -> io::Result<()> {
    let zero: libc::c_ulong = 0;
    // SAFETY: none of the options used here takes a pointer.
    step.check(unsafe { libc::prctl(option, first, second, zero, zero) }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_and_error_come_back() {
        for (step, words) in STEPS {
            nix::errno::Errno::EPERM.set();
            let (decoded, source) = Step::decode(&step.error()).unwrap();
            assert_eq!((decoded, source.raw_os_error()), (step, Some(libc::EPERM)));
            assert_eq!(step.to_string(), words);
        }
    }

    #[test]
    fn error_of_exec_names_no_step() {
        assert!(Step::decode(&io::Error::from_raw_os_error(libc::ENOENT)).is_none());
    }
}
