//! The netlink socket: asks for everything of a kind, or hears of changes.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use thiserror::Error;

use crate::message::{Message, Step, dump_request, messages};

/// The kernel sends at most 32 KiB at a time.
const CHUNK: usize = 32 * 1024;
/// The kernel answers within the call; the bound is there so that nothing can hang.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most messages of one [`Socket::drain`], so that a storm cannot hold its reader for ever.
const MOST: usize = 200_000;

/// Whom in the kernel to talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Devices, addresses, queueing disciplines.
    Route,
    /// Sockets.
    SockDiag,
    /// Connection tracking.
    Netfilter,
}

/// Why a dump is not whole.
#[derive(Debug, Error)]
pub enum Error {
    /// The kernel refuses, or the socket fails.
    #[error(transparent)]
    System(#[from] io::Error),
    /// What was dumped changed meanwhile, and the kernel says that some of it is missing.
    #[error("the dump was interrupted by changes")]
    Interrupted,
    /// A message is longer than the kernel makes them.
    #[error("an answer of {0} bytes does not fit")]
    TooLong(usize),
}

impl Error {
    /// True for this error of the system.
    pub(crate) fn is(&self, errno: Errno) -> bool {
        matches!(self, Self::System(error) if error.raw_os_error() == Some(errno.raw_os_error()))
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Self::System(errno.into())
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::System(error) => error,
            other => Self::other(other),
        }
    }
}

/// What [`Socket::drain`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Messages were lost because they were not read in time.
    pub lost: bool,
    /// There may be more.
    pub more: bool,
}

/// A socket to the kernel, in the network namespace in which it was opened, wherever it is used.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    sequence: u32,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Socket {
    /// Opens a socket in this thread's network namespace.
    ///
    /// # Errors
    /// When the kernel has no such protocol.
    pub fn open(protocol: Protocol) -> io::Result<Self> {
        let protocol = match protocol {
            Protocol::Route => None,
            Protocol::SockDiag => Some(netlink::SOCK_DIAG),
            Protocol::Netfilter => Some(netlink::NETFILTER),
        };
        let fd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )?;
        sockopt::set_socket_timeout(&fd, Timeout::Recv, Some(PATIENCE))?;
        Ok(Self { fd, sequence: 0, request: Vec::new(), buffer: vec![0; CHUNK] })
    }

    /// Asks for all things of a type and calls `each` for every one. After an error the socket is of no more use:
    /// answers may still be on their way.
    ///
    /// # Errors
    /// When the kernel refuses, or the dump is not whole.
    pub fn dump(&mut self, kind: u16, body: &[u8], mut each: impl FnMut(Message<'_>)) -> Result<(), Error> {
        self.sequence = self.sequence.wrapping_add(1);
        dump_request(&mut self.request, kind, self.sequence, body);
        rustix::net::sendto(&self.fd, &self.request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let mut interrupted = false;
        loop {
            let received = self.receive(RecvFlags::empty())?;
            let chunk = self.buffer.get(..received).ok_or(Error::TooLong(received))?;
            for message in messages(chunk).filter(|message| message.sequence == self.sequence) {
                interrupted |= message.interrupted();
                match message.step() {
                    Step::Item(message) => each(message),
                    Step::Refused(number) => return Err(io::Error::from_raw_os_error(number).into()),
                    Step::Done if interrupted => return Err(Error::Interrupted),
                    Step::Done => return Ok(()),
                }
            }
        }
    }

    /// Hears of changes from now on: groups as a set of bits, and so many bytes of queue in the kernel.
    ///
    /// # Errors
    /// Without the capability that the protocol asks for.
    pub fn subscribe(&self, groups: u32, queue: usize) -> io::Result<()> {
        // Beyond the system's limit only with CAP_NET_ADMIN.
        if sockopt::set_socket_recv_buffer_size_force(&self.fd, queue).is_err() {
            sockopt::set_socket_recv_buffer_size(&self.fd, queue)?;
        }
        Ok(rustix::net::bind(&self.fd, &SocketAddrNetlink::new(0, groups))?)
    }

    /// Calls `each` for every message that waits.
    ///
    /// # Errors
    /// Those of the socket, except that it lost messages.
    pub fn drain(&mut self, mut each: impl FnMut(Message<'_>)) -> Result<Received, Error> {
        let mut found = Received::default();
        for _ in 0..MOST {
            match self.receive(RecvFlags::DONTWAIT) {
                Ok(received) => {
                    messages(self.buffer.get(..received).ok_or(Error::TooLong(received))?)
                        .for_each(&mut each);
                }
                Err(Errno::AGAIN) => return Ok(found),
                Err(Errno::NOBUFS) => found.lost = true,
                Err(errno) => return Err(errno.into()),
            }
        }
        found.more = true;
        Ok(found)
    }

    /// The length of what came; from anybody but the kernel, nothing.
    fn receive(&mut self, flags: RecvFlags) -> rustix::io::Result<usize> {
        loop {
            match rustix::net::recvfrom(&self.fd, &mut self.buffer[..], flags | RecvFlags::TRUNC) {
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
                Ok((_, whole, sender)) => {
                    let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok());
                    return Ok(if sender.is_some_and(|sender| sender.pid() == 0) { whole } else { 0 });
                }
            }
        }
    }
}

impl AsFd for Socket {
    /// Readable when there are messages.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
