//! A client that notes the first byte, and a server that only sends a fixed body.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::routing::get;
use bytes::Bytes;

/// Bytes of the first read, as Prometheus reads (Go's `bufio`). A larger read goes on while more comes and would return
/// long after the first byte.
const FIRST: usize = 4096;

/// One connection that is kept.
pub(super) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The latest answer as it came; its memory is used again, so that the client costs the same whatever the coding.
    raw: Vec<u8>,
}

/// How an answer came.
pub(super) struct Answer {
    pub(super) first_byte: Duration,
    /// Length of its head.
    head: usize,
    chunked: bool,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream, buffer: vec![0; 1 << 20], raw: Vec::new() })
    }

    /// Fetches `/metrics` and leaves it as it came.
    pub(super) fn fetch(&mut self, gzip: bool) -> Result<Answer> {
        let coding = if gzip { "gzip" } else { "identity" };
        let request = format!("GET /metrics HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: {coding}\r\n\r\n");
        self.raw.clear();
        let begun = Instant::now();
        self.stream.write_all(request.as_bytes())?;
        self.read(FIRST)?;
        let first_byte = begun.elapsed();
        let head = loop {
            if let Some(at) = memchr::memmem::find(&self.raw, b"\r\n\r\n") {
                break at + 4;
            }
            self.read(FIRST)?;
        };
        let text = std::str::from_utf8(&self.raw[..head])?.to_ascii_lowercase();
        ensure!(text.starts_with("http/1.1 200"), "{text}");
        ensure!(text.contains("content-encoding: gzip") == gzip, "wrong coding: {text}");
        let chunked = text.contains("transfer-encoding: chunked");
        if chunked {
            while !self.raw.ends_with(b"0\r\n\r\n") {
                self.read(usize::MAX)?;
            }
        } else {
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let end = head + length.context("no length")?.trim().parse::<usize>()?;
            while self.raw.len() < end {
                self.read(end - self.raw.len())?;
            }
        }
        Ok(Answer { first_byte, head, chunked })
    }

    /// Reads what there is, at most so much.
    fn read(&mut self, most: usize) -> Result<()> {
        let most = most.min(self.buffer.len());
        let count = self.stream.read(&mut self.buffer[..most])?;
        ensure!(count > 0, "the answer ended early");
        self.raw.extend_from_slice(&self.buffer[..count]);
        Ok(())
    }

    /// Fetches the body of `/metrics`.
    pub(super) fn get(&mut self, gzip: bool) -> Result<Vec<u8>> {
        let answer = self.fetch(gzip)?;
        let body = &self.raw[answer.head..];
        if answer.chunked { dechunk(body) } else { Ok(body.to_vec()) }
    }

    pub(super) fn text(&mut self) -> Result<String> {
        Ok(String::from_utf8(self.get(false)?)?)
    }
}

/// The text of a chunked body (RFC 9112, 7.1).
fn dechunk(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::with_capacity(rest.len());
    loop {
        let end = memchr::memmem::find(rest, b"\r\n").context("no size of a chunk")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end])?, 16)?;
        if size == 0 {
            return Ok(body);
        }
        let chunk = rest.get(end + 2..end + 2 + size).context("a chunk ended early")?;
        body.extend_from_slice(chunk);
        rest = &rest[end + 4 + size..];
    }
}

/// Serves a body of SIZE bytes at ADDRESS until stdin is closed: what the HTTP library itself costs.
pub(super) fn serve_fixed(arguments: &mut impl Iterator<Item = String>) -> Result<()> {
    let address: SocketAddr = arguments.next().context("ADDRESS")?.parse()?;
    let body = Bytes::from(vec![b'x'; arguments.next().context("SIZE")?.parse()?]);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.spawn(async move {
        let router = Router::new().route("/metrics", get(move || std::future::ready(body.clone())));
        let listener = tokio::net::TcpListener::bind(address).await?;
        axum::serve(
            axum::serve::ListenerExt::tap_io(listener, |stream| {
                if let Err(error) = stream.set_nodelay(true) {
                    eprintln!("TCP_NODELAY: {error}");
                }
            }),
            router,
        )
        .await
    });
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
