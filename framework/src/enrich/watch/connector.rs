//! The kernel's process connector: forks, execs, renames and ends as they happen (linux/cn_proc.h).

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{bind, recvfrom, send, socket_with, sockopt};

/// `CN_IDX_PROC` and `CN_VAL_PROC`: the connector's address, and the group that its messages go to.
const CN_PROC: u32 = 1;
/// `PROC_CN_MCAST_LISTEN` of `enum proc_cn_mcast_op`.
const LISTEN: u32 = 1;
/// Bytes of `struct nlmsghdr` and `struct cn_msg`, which stand before each event.
const HEADERS: usize = 16 + 20;
/// Bytes of queue in the kernel: about five thousand events, between two reads a tenth of a second apart.
const QUEUE: usize = 4 << 20;
/// How long the kernel may take to answer; it answers within the call that asks, or never.
const ANSWER: Duration = Duration::from_millis(200);
/// The most messages of one drain, so that a storm cannot hold its reader for ever.
const MOST: usize = 100_000;

/// What happened to a process last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// It is new, runs another program or has another name.
    Changed,
    /// Its first thread ended.
    Ended,
}

/// What happened since the last drain.
#[derive(Debug, Default)]
pub(super) struct Drained {
    /// The last event of each process.
    pub(super) events: HashMap<u32, Happened>,
    /// Events were lost: everybody must be looked at.
    pub(super) lost: bool,
}

/// A subscription.
#[derive(Debug)]
pub(super) struct Connector {
    socket: OwnedFd,
}

impl Connector {
    /// Subscribes.
    ///
    /// # Errors
    /// Without CAP_NET_ADMIN, in a network, user or pid namespace that is not the host's, on a kernel without
    /// `CONFIG_PROC_EVENTS`.
    pub(super) fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let kind = SocketType::DGRAM;
        let socket = socket_with(AddressFamily::NETLINK, kind, flags, Some(netlink::CONNECTOR))?;
        bind(&socket, &SocketAddrNetlink::new(0, CN_PROC))?;
        // Beyond the system's limit only with CAP_NET_ADMIN, which listening needs as well.
        sockopt::set_socket_recv_buffer_size_force(&socket, QUEUE)?;
        send(&socket, &subscription(), SendFlags::empty())?;
        let connector = Self { socket };
        connector.await_answer()?;
        Ok(connector)
    }

    /// The kernel does not answer whom it does not serve: a process in a namespace of its own.
    fn await_answer(&self) -> io::Result<()> {
        let until = Instant::now() + ANSWER;
        let mut buffer = [0; 256];
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
            poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&timeout))?;
            match self.receive(&mut buffer) {
                Ok(length) => match answer(&buffer[..length]) {
                    Some(0) => return Ok(()),
                    Some(error) => return Err(io::Error::from_raw_os_error(error)),
                    None => {}
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the kernel does not answer; is this the host's pid namespace?",
        ))
    }

    /// Reads what there is.
    ///
    /// # Errors
    /// Those of the socket, except that it lost events.
    pub(super) fn drain(&self) -> io::Result<Drained> {
        let mut drained = Drained::default();
        let mut buffer = [0; 256];
        for _ in 0..MOST {
            match self.receive(&mut buffer) {
                Ok(length) => {
                    if let Some((pid, happened)) = event(&buffer[..length]) {
                        drained.events.insert(pid, happened);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(drained),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => drained.lost = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(drained)
    }

    /// The next message of the kernel; one of another sender has no length.
    fn receive(&self, buffer: &mut [u8; 256]) -> io::Result<usize> {
        let (length, _, sender) = recvfrom(&self.socket, &mut buffer[..], RecvFlags::empty())?;
        let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok());
        Ok(if sender.is_some_and(|sender| sender.pid() == 0) { length } else { 0 })
    }
}

/// `struct nlmsghdr`, `struct cn_msg` and the operation.
fn subscription() -> [u8; HEADERS + 4] {
    let mut message = [0; HEADERS + 4];
    let mut put = |at: usize, bytes: &[u8]| message[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &40_u32.to_ne_bytes());
    put(4, &3_u16.to_ne_bytes()); // NLMSG_DONE
    put(16, &CN_PROC.to_ne_bytes());
    put(20, &CN_PROC.to_ne_bytes());
    put(32, &4_u16.to_ne_bytes());
    put(36, &LISTEN.to_ne_bytes());
    message
}

fn word(message: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(message.get(at..at + 4)?.try_into().ok()?))
}

/// The error number in the kernel's answer to a subscription, `PROC_EVENT_NONE`.
fn answer(message: &[u8]) -> Option<i32> {
    (word(message, HEADERS)? == 0).then(|| word(message, HEADERS + 16).map(u32::cast_signed))?
}

/// What a message says, as far as it concerns a whole process: `struct proc_event`, whose data begin after what, CPU
/// and time stamp.
fn event(message: &[u8]) -> Option<(u32, Happened)> {
    let data = |index: usize| word(message, HEADERS + 16 + 4 * index);
    let of_first_thread = |pid: Option<u32>, tgid: Option<u32>| pid.filter(|pid| Some(*pid) == tgid);
    match word(message, HEADERS)? {
        // Fork: parent's pid and tgid, child's pid and tgid.
        0x0000_0001 => Some((of_first_thread(data(2), data(3))?, Happened::Changed)),
        // Exec; the process keeps its tgid whichever thread did it.
        0x0000_0002 => Some((data(1)?, Happened::Changed)),
        // A new name.
        0x0000_0200 => Some((of_first_thread(data(0), data(1))?, Happened::Changed)),
        // End.
        0x8000_0000 => Some((of_first_thread(data(0), data(1))?, Happened::Ended)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(what: u32, data: [u32; 4]) -> Vec<u8> {
        let mut message = vec![0; HEADERS];
        message.extend(what.to_ne_bytes());
        message.extend([0; 12]);
        data.iter().for_each(|word| message.extend(word.to_ne_bytes()));
        message
    }

    #[test]
    fn threads_are_no_processes() {
        assert_eq!(event(&message(1, [5, 5, 7, 7])), Some((7, Happened::Changed)));
        assert_eq!(event(&message(1, [5, 5, 8, 7])), None);
        assert_eq!(event(&message(0x200, [8, 7, 0, 0])), None);
        assert_eq!(event(&message(2, [8, 7, 0, 0])), Some((7, Happened::Changed)));
        assert_eq!(event(&message(0x8000_0000, [7, 7, 0, 17])), Some((7, Happened::Ended)));
        assert_eq!(event(&message(0x8000_0000, [8, 7, 0, 17])), None);
        assert_eq!(event(&message(0x40, [7, 7, 0, 0])), None);
    }

    #[test]
    fn short_messages_and_refusals_are_understood() {
        assert_eq!(event(&[1; 40]), None);
        assert_eq!(event(&[]), None);
        assert_eq!(answer(&message(0, [1, 0, 0, 0])), Some(1));
        assert_eq!(answer(&message(0, [0, 0, 0, 0])), Some(0));
    }
}
