//! The listeners, on a thread of their own: however many clients there are and whatever they send, they take turns with
//! each other and never with probes or scrapes.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use nix::unistd::{Gid, chown};
use thiserror::Error;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::auth::Rules;
use super::routes::router;
use super::view::Api;
use crate::listen::{Socket, Thread, listen, serve};

/// The socket's name in the run directory.
pub const SOCKET: &str = "control.sock";
/// Who may connect to the socket: its owner and its group.
const MODE: u32 = 0o660;

/// Why requests cannot be answered.
#[derive(Debug, Error)]
pub enum Error {
    /// The address cannot be had.
    #[error("listening on {address} (control.listen): {source}; `ss -ltnp` shows who has that port")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The socket cannot be made.
    #[error("making the socket {}: {source}", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no thread.
    #[error("starting the thread that answers requests: {0}")]
    Thread(io::Error),
}

/// The server, until [`Server::stop`].
#[derive(Debug)]
pub struct Server {
    thread: Thread,
    router: Router,
    tcp: Option<Tcp>,
    socket: PathBuf,
}

#[derive(Debug)]
struct Tcp {
    /// Where it was asked to listen.
    wanted: SocketAddr,
    /// Where it does.
    address: SocketAddr,
    stop: CancellationToken,
}

impl Server {
    /// Starts to listen on the socket of a run directory, and on an address where one is given.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn start(listen: Option<SocketAddr>, run_dir: &Path, api: Api, rules: Rules) -> Result<Self, Error> {
        let socket = run_dir.join(SOCKET);
        let unix =
            bind(&socket, rules.gid()).map_err(|source| Error::Socket { path: socket.clone(), source })?;
        let thread = Thread::start("control").map_err(Error::Thread)?;
        let router = router(api, Arc::new(rules));
        let mut server = Self { thread, router, tcp: None, socket: socket.clone() };
        server.listen_unix(unix).map_err(|source| Error::Socket { path: socket, source })?;
        server.change(listen)?;
        Ok(server)
    }

    /// Follows a change of the address; the new one is taken before the old one is left.
    ///
    /// # Errors
    /// When the address cannot be had; then all is as before.
    pub fn change(&mut self, listen: Option<SocketAddr>) -> Result<(), Error> {
        if self.tcp.as_ref().map(|tcp| tcp.wanted) == listen {
            return Ok(());
        }
        let new = listen.map(|listen| self.listen_tcp(listen)).transpose()?;
        if let Some(old) = std::mem::replace(&mut self.tcp, new) {
            old.stop.cancel();
        }
        Ok(())
    }

    /// Where requests are answered beside the socket.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().map(|tcp| tcp.address)
    }

    fn listen_tcp(&self, wanted: SocketAddr) -> Result<Tcp, Error> {
        let failed = |source| Error::Listen { address: wanted, source };
        let _within = self.thread.enter();
        let listener = listen(wanted).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, (_, plain)) = (self.thread.stopping().child_token(), watch::channel(None));
        self.thread.spawn(serve(Socket::Tcp(listener, plain), self.router.clone(), stop.clone()));
        Ok(Tcp { wanted, address, stop })
    }

    fn listen_unix(&self, listener: std::os::unix::net::UnixListener) -> io::Result<()> {
        let _within = self.thread.enter();
        let listener = UnixListener::from_std(listener)?;
        let stop = self.thread.stopping().clone();
        self.thread.spawn(serve(Socket::Unix(listener), self.router.clone(), stop));
        Ok(())
    }

    /// Ends the server; requests under way are answered. May take two seconds.
    pub fn stop(&mut self) {
        self.thread.stop();
        if let Err(error) = fs::remove_file(&self.socket) {
            tracing::debug!(%error, "The control socket was not removed.");
        }
    }
}

/// Makes the socket under another name and puts it in its place once only those may connect who are to.
fn bind(path: &Path, group: Option<Gid>) -> io::Result<std::os::unix::net::UnixListener> {
    let new = path.with_extension("new");
    for stale in [&new, path] {
        match fs::remove_file(stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let listener = std::os::unix::net::UnixListener::bind(&new)?;
    listener.set_nonblocking(true)?;
    if let Some(group) = group
        && let Err(error) = chown(&new, None, Some(group))
    {
        tracing::warn!(%error, "The control socket could not be given to its group; its owner alone may connect.");
    }
    fs::set_permissions(&new, fs::Permissions::from_mode(MODE))?;
    fs::rename(&new, path)?;
    Ok(listener)
}
