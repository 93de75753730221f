//! Listeners for HTTP: bounded in number of connections, which end when nothing has moved for a while; TLS where asked.

mod places;
mod thread;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::places::{Places, Signs};
pub use self::thread::Thread;
use crate::clock::mono_ms;
use crate::tls::Tls;

/// A connection on which nothing moves for so long is closed.
const STALLED: Duration = Duration::from_secs(60);
/// Most bytes of one write. Handing megabytes to the kernel at once keeps a client that waits on the same core from its
/// first byte until all of them are copied.
const WRITE: usize = 64 << 10;
/// Bytes that the kernel holds for a connection before the writer has to wait for the reader. A small amount gives the
/// core to the reader soon, and bounds what clients that read slowly keep of the machine's memory.
const SEND_BUFFER: u32 = 128 << 10;
/// Connections that wait to be accepted.
const QUEUE: u32 = 1024;
/// Time for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// Time for requests under way after the stop.
const DRAIN: Duration = Duration::from_secs(2);

/// What is listened on.
#[derive(Debug)]
pub enum Socket {
    /// TCP, with TLS where there is some; it may change.
    Tcp(TcpListener, watch::Receiver<Option<Arc<Tls>>>),
    /// A unix socket.
    Unix(UnixListener),
}

/// The other end of a connection; each request has it as an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A process on the other end of a unix socket.
    Unix {
        /// Its user.
        uid: u32,
        /// Its id, 0 where that is not known.
        pid: i32,
    },
    /// A TCP connection.
    Tcp {
        /// The other end.
        peer: SocketAddr,
        /// Our end.
        local: SocketAddr,
        /// The client's certificate in DER, checked in the handshake.
        certificate: Option<Vec<u8>>,
    },
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix { .. } => f.write_str("the socket"),
            Self::Tcp { peer, .. } => write!(f, "{peer}"),
        }
    }
}

/// A connection that was accepted.
enum Accepted {
    Tcp(TcpStream, SocketAddr, Option<Arc<Tls>>),
    Unix(UnixStream),
}

/// Listens on an address; within a runtime.
///
/// # Errors
/// When the address cannot be had.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // Accepted connections have it from their listener.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// Serves until `stop`; requests under way are finished.
pub async fn serve(socket: Socket, router: Router, stop: CancellationToken) {
    let places = Arc::<Places>::default();
    let tasks = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(next(&socket)).await {
        let (router, stop) = (router.clone(), stop.clone());
        let place = places.take();
        tasks.spawn(async move {
            let talk = talk(accepted, router, stop, Arc::clone(&place.signs));
            if let Some(Err(error)) = place.end.run_until_cancelled(talk).await {
                tracing::debug!(%error, "A connection was given up.");
            }
        });
    }
    tasks.close();
    if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("Requests were cut off by the stop.");
    }
}

/// The next connection.
async fn next(socket: &Socket) -> Accepted {
    loop {
        match socket.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                // Out of descriptors or memory: others may give some back.
                tracing::warn!(%error, "Accepting a connection failed.");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl Socket {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener, tls) => {
                let (stream, peer) = listener.accept().await?;
                Ok(Accepted::Tcp(stream, peer, tls.borrow().clone()))
            }
            Self::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

async fn talk(
    accepted: Accepted,
    router: Router,
    stop: CancellationToken,
    signs: Arc<Signs>,
) -> io::Result<()> {
    match accepted {
        Accepted::Unix(stream) => {
            let credentials = stream.peer_cred()?;
            let peer = Peer::Unix { uid: credentials.uid(), pid: credentials.pid().unwrap_or(0) };
            converse(stream, router.layer(Extension(peer)), stop, signs).await;
        }
        Accepted::Tcp(stream, peer, tls) => {
            stream.set_nodelay(true)?;
            let local = stream.local_addr()?;
            let Some(tls) = tls else {
                let peer = Peer::Tcp { peer, local, certificate: None };
                converse(stream, router.layer(Extension(peer)), stop, signs).await;
                return Ok(());
            };
            let handshake = TlsAcceptor::from(tls.config()).accept(stream);
            let stream = tokio::time::timeout(HEAD, handshake).await.map_err(io::Error::from)??;
            let certificate =
                stream.get_ref().1.peer_certificates().and_then(|chain| Some(chain.first()?.to_vec()));
            let peer = Peer::Tcp { peer, local, certificate };
            converse(stream, router.layer(Extension(peer)), stop, signs).await;
        }
    }
    Ok(())
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    stop: CancellationToken,
    signs: Arc<Signs>,
) {
    let io = TokioIo::new(Watched { stream, signs: Arc::clone(&signs) });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(io, TowerToHyperService::new(router));
    tokio::pin!(connection);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "A connection ended early.");
                }
                return;
            }
            () = stop.cancelled(), if !stop.is_cancelled() => connection.as_mut().graceful_shutdown(),
            () = tokio::time::sleep(STALLED) => {
                let limit = u64::try_from(STALLED.as_millis()).unwrap_or(u64::MAX);
                if mono_ms().saturating_sub(signs.moved()) >= limit {
                    return;
                }
            }
        }
    }
}

/// A stream that notes when bytes last moved.
struct Watched<S> {
    stream: S,
    signs: Arc<Signs>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.signs.read();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let part = &buf[..buf.len().min(WRITE)];
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, part))?;
        self.signs.wrote();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut size = 0;
        let fits = |buf: &&io::IoSlice<'_>| {
            size += buf.len();
            size <= WRITE
        };
        let count = bufs.iter().take_while(fits).count();
        let written = match bufs.first() {
            Some(large) if count == 0 => return self.poll_write(cx, large),
            _ => ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &bufs[..count]))?,
        };
        self.signs.wrote();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
