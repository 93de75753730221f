//! A client that notes the first byte, and a server that only sends a fixed body.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::routing::get;
use bytes::Bytes;

/// One connection that is kept.
pub(super) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// How an answer came.
pub(super) struct Answer {
    pub(super) first_byte: Duration,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream, buffer: vec![0; 1 << 20] })
    }

    /// Fetches `/metrics`.
    pub(super) fn get(&mut self, gzip: bool) -> Result<Answer> {
        let coding = if gzip { "gzip" } else { "identity" };
        let request = format!("GET /metrics HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: {coding}\r\n\r\n");
        let begun = Instant::now();
        self.stream.write_all(request.as_bytes())?;
        let mut filled = self.stream.read(&mut self.buffer)?;
        let first_byte = begun.elapsed();
        let head = loop {
            if let Some(at) = memchr::memmem::find(&self.buffer[..filled], b"\r\n\r\n") {
                break at + 4;
            }
            let count = self.stream.read(&mut self.buffer[filled..])?;
            ensure!(count > 0, "the answer ended in its head");
            filled += count;
        };
        let text = std::str::from_utf8(&self.buffer[..head])?.to_ascii_lowercase();
        ensure!(text.starts_with("http/1.1 200"), "{text}");
        ensure!(text.contains("content-encoding: gzip") == gzip, "wrong coding: {text}");
        let mut body = self.buffer[head..filled].to_vec();
        if text.contains("transfer-encoding: chunked") {
            return Ok(Answer { first_byte, body: self.chunks(body)? });
        }
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.context("no length")?.trim().parse()?;
        let rest = u64::try_from(length - body.len())?;
        body.reserve_exact(length - body.len());
        (&mut self.stream).take(rest).read_to_end(&mut body)?;
        ensure!(body.len() == length, "the answer ended early");
        Ok(Answer { first_byte, body })
    }

    /// The text of a chunked answer (RFC 9112, 7.1), of which `raw` has come.
    fn chunks(&mut self, mut raw: Vec<u8>) -> Result<Vec<u8>> {
        while !raw.ends_with(b"0\r\n\r\n") {
            let count = self.stream.read(&mut self.buffer)?;
            ensure!(count > 0, "the answer ended early");
            raw.extend_from_slice(&self.buffer[..count]);
        }
        let (mut body, mut rest) = (Vec::new(), raw.as_slice());
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

    pub(super) fn text(&mut self) -> Result<String> {
        Ok(String::from_utf8(self.get(false)?.body)?)
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
