//! Connections: bounded in number, ended when nothing has moved for a while.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::mono_ms;

/// Connections at a time; more wait in the listener's queue.
const CONNECTIONS: usize = 128;
/// A connection on which nothing moves for so long is closed.
const STALLED: Duration = Duration::from_secs(60);
/// Most bytes of one write. Handing megabytes to the kernel at once keeps a client that waits on the same core from its
/// first byte until all of them are copied.
const WRITE: usize = 64 << 10;
/// Time for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// Time for requests under way after the stop.
const DRAIN: Duration = Duration::from_secs(2);

pub(super) async fn accept(listener: TcpListener, router: Router, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let tasks = TaskTracker::new();
    while let Some((stream, place)) = next(&listener, &places, &stop).await {
        let (router, stop) = (router.clone(), stop.clone());
        tasks.spawn(async move {
            serve(stream, router, stop).await;
            drop(place);
        });
    }
    tasks.close();
    if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("Requests were cut off by the stop.");
    }
}

/// The next connection and its place; `None` at the stop.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let waiting = async {
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return Some((stream, place)),
                Err(error) => {
                    // Out of descriptors or memory: others may give some back.
                    tracing::warn!(%error, "Accepting a connection failed.");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    stop.run_until_cancelled(waiting).await.flatten()
}

async fn serve(stream: TcpStream, router: Router, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "Setting TCP_NODELAY failed.");
    }
    let moved = Arc::new(AtomicU64::new(mono_ms()));
    let io = TokioIo::new(Watched { stream, moved: Arc::clone(&moved) });
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
                if mono_ms().saturating_sub(moved.load(Ordering::Relaxed)) >= limit {
                    return;
                }
            }
        }
    }
}

/// A stream that notes when bytes last moved.
struct Watched {
    stream: TcpStream,
    moved: Arc<AtomicU64>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.moved.store(mono_ms(), Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let part = &buf[..buf.len().min(WRITE)];
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, part))?;
        self.moved.store(mono_ms(), Ordering::Relaxed);
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
        self.moved.store(mono_ms(), Ordering::Relaxed);
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
