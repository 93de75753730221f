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
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::auth::Rules;
use super::routes::router;
use super::view::Api;
use crate::listen::{Socket, Thread, listen, serve};
use crate::tls::Tls;

/// The socket's name in the run directory.
pub const SOCKET: &str = "control.sock";
/// Who may connect to the socket: its owner and its group.
const MODE: u32 = 0o660;

/// Where requests come in, and whose.
#[derive(Debug)]
pub struct Doors {
    /// An address beside the socket.
    pub listen: Option<SocketAddr>,
    /// What is spoken there; none: plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Who may.
    pub rules: Rules,
}

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
    rules: watch::Sender<Arc<Rules>>,
    tcp: Option<Tcp>,
    socket: PathBuf,
}

#[derive(Debug)]
struct Tcp {
    /// Where it was asked to listen.
    wanted: SocketAddr,
    /// Where it does.
    address: SocketAddr,
    tls: watch::Sender<Option<Arc<Tls>>>,
    stop: CancellationToken,
}

/// An address that was taken and is not served yet.
struct Bound {
    listener: TcpListener,
    wanted: SocketAddr,
    address: SocketAddr,
}

impl Server {
    /// Starts to listen on the socket of a run directory, and on an address where one is given.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn start(doors: Doors, run_dir: &Path, api: Api) -> Result<Self, Error> {
        let socket = run_dir.join(SOCKET);
        let unix = bind(&socket, doors.rules.gid())
            .map_err(|source| Error::Socket { path: socket.clone(), source })?;
        let thread = Thread::start("control").map_err(Error::Thread)?;
        let (rules, current) = watch::channel(Arc::default());
        let mut server =
            Self { thread, router: router(api, current), rules, tcp: None, socket: socket.clone() };
        server.change(doors)?;
        server.listen_unix(unix).map_err(|source| Error::Socket { path: socket, source })?;
        Ok(server)
    }

    /// Follows a change; a new address is taken before the old one is left.
    ///
    /// # Errors
    /// When the address cannot be had; then all is as before.
    pub fn change(&mut self, doors: Doors) -> Result<(), Error> {
        let Doors { listen, tls, rules } = doors;
        let same = self.tcp.as_ref().filter(|tcp| Some(tcp.wanted) == listen);
        if let Some(tcp) = same {
            self.rules.send_replace(Arc::new(rules));
            tcp.tls.send_replace(tls);
            return Ok(());
        }
        let bound = listen.map(|wanted| self.bind_tcp(wanted)).transpose()?;
        // What holds for callers has to before the first of them comes by the new address.
        self.rules.send_replace(Arc::new(rules));
        let new = bound.map(|bound| self.serve_tcp(bound, tls));
        if let Some(old) = std::mem::replace(&mut self.tcp, new) {
            old.stop.cancel();
        }
        Ok(())
    }

    /// Where requests are answered beside the socket.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let url = |tcp: &Tcp| {
            let scheme = if tcp.tls.borrow().is_some() { "https" } else { "http" };
            format!("{scheme}://{}", tcp.address)
        };
        self.tcp.as_ref().map(url)
    }

    fn bind_tcp(&self, wanted: SocketAddr) -> Result<Bound, Error> {
        let failed = |source| Error::Listen { address: wanted, source };
        let _within = self.thread.enter();
        let listener = listen(wanted).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Bound { listener, wanted, address })
    }

    fn serve_tcp(&self, bound: Bound, tls: Option<Arc<Tls>>) -> Tcp {
        let Bound { listener, wanted, address } = bound;
        let (stop, (tls, current)) = (self.thread.stopping().child_token(), watch::channel(tls));
        self.thread.spawn(serve(Socket::Tcp(listener, current), self.router.clone(), stop.clone()));
        Tcp { wanted, address, tls, stop }
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
