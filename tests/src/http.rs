//! The client's side of a scrape: requests over plain TCP, and samples out of the text.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Only so that a server that never answers ends the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its code.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body, decompressed when it was gzip.
    pub text: String,
}

/// Sends one request and reads the answer to its end.
///
/// # Errors
/// Those of the connection, and an answer that is no HTTP.
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<Response> {
    send(address, method, path, headers, &[])
}

/// Sends one request with a body, whose length it says, and reads the answer to its end.
///
/// # Errors
/// Those of the connection, and an answer that is no HTTP.
pub fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    exchange(&mut stream, &address.to_string(), method, path, headers, body)
}

/// The same over a unix socket.
///
/// # Errors
/// Those of the connection, and an answer that is no HTTP.
pub fn send_unix(socket: &Path, method: &str, path: &str, body: &[u8]) -> io::Result<Response> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    exchange(&mut stream, "localhost", method, path, &[], body)
}

fn exchange(
    stream: &mut (impl Read + Write),
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    // 1.0 has no chunks: the body ends with the connection.
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {host}\r\n{headers}{length}\r\n")?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer)
}

fn parse(answer: &[u8]) -> io::Result<Response> {
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "the answer is no HTTP");
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or_else(bad)?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or_else(bad)?;
    let status = status.parse().map_err(|_| bad())?;
    let pair =
        |line: &str| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let headers: BTreeMap<_, _> = lines.filter_map(pair).collect();
    let mut text = String::new();
    let mut body = &answer[end + 4..];
    if headers.get("content-encoding").is_some_and(|coding| coding == "gzip") && !body.is_empty() {
        flate2::read::MultiGzDecoder::new(body).read_to_string(&mut text)?;
    } else {
        body.read_to_string(&mut text)?;
    }
    Ok(Response { status, headers, text })
}

/// Samples by name and labels as they are written (`name{a="b"}`); the value with a time stamp if there is one.
///
/// # Errors
/// The first line that is no sample, or repeats one.
pub fn samples(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let end = series_end(line).ok_or_else(|| format!("no sample: {line}"))?;
        let (series, value) = line.split_at(end);
        if samples.insert(series.to_owned(), value.trim_start().to_owned()).is_some() {
            return Err(format!("twice: {series}"));
        }
    }
    Ok(samples)
}

/// Where the name and the labels of a line end: at the first blank outside quotes.
fn series_end(line: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in line.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ' ' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_does_not_end_a_series() {
        let samples = samples("# HELP a b\na{b=\"c\\\" } d\"} 1\ne 2 3\n").unwrap();
        assert_eq!(samples["a{b=\"c\\\" } d\"}"], "1");
        assert_eq!(samples["e"], "2 3");
    }

    #[test]
    fn a_sample_that_comes_twice_is_refused() {
        assert!(samples("a 1\na 2\n").is_err());
    }
}
