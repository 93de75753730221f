//! Servers that tests start: free ports, waiting until they answer, ending them.

use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::process::{self, Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::probe::{DEADLINE, end, wait_for_end};

/// A server process; it is killed when dropped.
#[derive(Debug)]
pub struct Peer(Child);

impl Peer {
    /// Starts a server.
    ///
    /// # Errors
    /// When its program is not there.
    pub fn start(command: &mut Command) -> Result<Self> {
        command.spawn().map(Self).with_context(|| format!("starting {command:?}; build/setup installs it"))
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process has gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.0.id())?), signal)?)
    }

    /// Ends the server and waits for it.
    ///
    /// # Errors
    /// When it does not end within the deadline.
    pub fn stop(mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        wait_for_end(&mut self.0)?;
        Ok(())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            end(&mut self.0);
        }
    }
}

/// Ports below those that the kernel gives to outgoing connections, so that none of these takes one before a server
/// listens there.
const PORTS: u16 = 10_000;
/// How many there are.
const COUNT: u32 = 22_000;
/// Ports that this process has been given.
static GIVEN: AtomicU32 = AtomicU32::new(0);

/// A port of 127.0.0.1 that is free for TCP and UDP now, and that this process has not been given before.
///
/// # Errors
/// When none is.
pub fn free_port() -> Result<u16> {
    // Processes begin far from each other.
    let first = process::id().wrapping_mul(131);
    for _ in 0..1000 {
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = PORTS + u16::try_from(first.wrapping_add(given) % COUNT)?;
        let address = (Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free for TCP and UDP")
}

/// Waits until something holds.
///
/// # Errors
/// When it does not within the deadline.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        if holds() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    bail!("{what}: not within {DEADLINE:?}")
}

/// Waits until a port of 127.0.0.1 accepts connections.
///
/// # Errors
/// When it does not within the deadline.
pub fn until_listening(port: u16) -> Result<()> {
    until(&format!("port {port} listens"), || TcpStream::connect(("127.0.0.1", port)).is_ok())
}
