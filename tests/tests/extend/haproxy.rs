//! The HAProxy probe against a real HAProxy, with requests that the test sends and counts itself.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, ensure};
use gopher_tests::peer::{Peer, free_port, until};
use gopher_tests::probe::{Probe, Row, number};
use gopher_tests::tree::source_root;
use serde_json::{Value, json};
use tempfile::TempDir;

const ITEMS: [&str; 3] = ["frontend", "backend", "server"];

/// HAProxy in front of a server of the test; backend `broken` has a server that nobody runs.
struct Proxy {
    folder: TempDir,
    port: u16,
    peer: Option<Peer>,
}

impl Proxy {
    fn start() -> Result<Self> {
        let (folder, port) = (tempfile::tempdir()?, free_port()?);
        let mut proxy = Self { folder, port, peer: None };
        let text = format!(
            "global\n  stats socket {} mode 600 level user\n\
             defaults\n  mode http\n  retries 0\n  timeout client 20s\n  timeout server 20s\n  timeout connect 5s\n\
             frontend web\n  bind 127.0.0.1:{port}\n  http-request deny if {{ path /denied }}\n\
             \x20 use_backend broken if {{ path /broken }}\n  default_backend app\n\
             backend app\n  server one 127.0.0.1:{}\n\
             backend broken\n  server gone 127.0.0.1:{}\n",
            proxy.socket(),
            origin()?,
            free_port()?
        );
        std::fs::write(proxy.configuration(), text)?;
        proxy.begin()?;
        Ok(proxy)
    }

    fn begin(&mut self) -> Result<()> {
        let mut command = Command::new("haproxy");
        self.peer = Some(Peer::start(command.arg("-db").arg("-q").arg("-f").arg(self.configuration()))?);
        // The ports are bound before the socket is served; a connection to them would be counted.
        until("HAProxy's socket answers", || UnixStream::connect(self.socket()).is_ok())
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("haproxy.cfg")
    }

    fn socket(&self) -> String {
        self.folder.path().join("stats.sock").display().to_string()
    }

    /// Sends one request on a connection of its own and gives the status.
    fn get(&self, path: &str) -> Result<u16> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split(' ').nth(1).context("no status")?.parse()?)
    }

    fn load(&self) -> Result<()> {
        for (count, path, status) in
            [(20, "/ok", 200), (5, "/fail", 500), (3, "/denied", 403), (2, "/broken", 503)]
        {
            for _ in 0..count {
                let got = self.get(path)?;
                ensure!(got == status, "{path}: {got}");
            }
        }
        Ok(())
    }

    /// A value of HAProxy's own JSON statistics.
    fn own(&self, proxy: &str, service: &str, column: &str) -> Result<f64> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.write_all(b"show stat json\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let objects: Vec<Vec<Value>> = serde_json::from_str(&text)?;
        let field = |object: &[Value], name: &str| {
            object
                .iter()
                .find(|field| field["field"]["name"] == name)
                .map(|field| field["value"]["value"].clone())
        };
        let object = objects
            .iter()
            .find(|object| {
                field(object, "pxname") == Some(json!(proxy))
                    && field(object, "svname") == Some(json!(service))
            })
            .with_context(|| format!("{proxy}/{service} is not in {text}"))?;
        field(object, column).and_then(|value| value.as_f64()).with_context(|| column.to_owned())
    }
}

/// An HTTP server that answers 500 to `/fail` and 200 to anything else, one request a connection.
fn origin() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let status = if request[..length].starts_with(b"GET /fail") { "500 Wrong" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
            if let Err(error) = stream.write_all(answer.as_bytes()) {
                eprintln!("origin: {error}");
            }
        }
    });
    Ok(port)
}

fn start(sockets: &[String], items: &[&str], more: &[(&str, Value)]) -> Result<Probe> {
    let mut params = vec![("report_period", json!(1)), ("socket", json!(sockets))];
    params.extend_from_slice(more);
    Probe::start(&source_root().join("extend-probes/haproxy"), items, &params)
}

fn named(table: &str, proxy: &str) -> impl Fn(&Row) -> bool + use<> {
    let (table, proxy) = (table.to_owned(), proxy.to_owned());
    move |row| row.table == table && row.text("proxy") == proxy
}

fn check(row: &Row, wanted: &[(&str, f64)]) -> Result<()> {
    for (field, value) in wanted {
        ensure!(number(row, field)? == *value, "{field} is not {value}: {row:?}");
    }
    Ok(())
}

#[test]
fn its_counters_are_the_requests_that_were_sent() -> Result<()> {
    let proxy = Proxy::start()?;
    proxy.load()?;
    let mut probe = start(&[proxy.socket()], &ITEMS, &[])?;
    let is_web = named("haproxy_frontend", "web");
    let web = probe.row_where(|row| is_web(row) && row.text("requests") == "30")?;
    check(
        &web,
        &[
            ("up", 1.0),
            ("sessions", 30.0),
            ("connections", 30.0),
            ("responses_2xx", 20.0),
            ("responses_4xx", 3.0),
            ("responses_5xx", 7.0),
            ("denied_requests", 3.0),
            ("current_sessions", 0.0),
        ],
    )?;
    ensure!(web.text("status") == "OPEN", "{web:?}");
    let one = probe.row_where(named("haproxy_server", "app"))?;
    ensure!(one.text("server") == "one" && one.text("status") == "no check", "{one:?}");
    check(&one, &[("up", 1.0), ("sessions", 25.0), ("responses_2xx", 20.0), ("responses_5xx", 5.0)])?;
    let app = probe.row_where(named("haproxy_backend", "app"))?;
    check(&app, &[("up", 1.0), ("requests", 25.0), ("active_servers", 1.0), ("connection_errors", 0.0)])?;
    let broken = probe.row_where(named("haproxy_backend", "broken"))?;
    check(&broken, &[("requests", 2.0), ("connection_errors", 2.0), ("responses_5xx", 2.0)])
}

#[test]
fn its_values_are_those_of_haproxys_own_json() -> Result<()> {
    let proxy = Proxy::start()?;
    proxy.load()?;
    let mut probe = start(&[proxy.socket()], &ITEMS, &[])?;
    let is_web = named("haproxy_frontend", "web");
    let web = probe.row_where(|row| is_web(row) && row.text("requests") == "30")?;
    for (field, column) in [
        ("bytes_in", "bin"),
        ("bytes_out", "bout"),
        ("request_errors", "ereq"),
        ("max_sessions", "smax"),
        ("session_limit", "slim"),
        ("internal_errors", "eint"),
        ("responses_other", "hrsp_other"),
    ] {
        ensure!(number(&web, field)? == proxy.own("web", "FRONTEND", column)?, "{field}: {web:?}");
    }
    let one = probe.row_where(named("haproxy_server", "app"))?;
    for (field, column, scale) in [
        ("bytes_in", "bin", 1.0),
        ("bytes_out", "bout", 1.0),
        ("retries", "wretr", 1.0),
        ("connections", "connect", 1.0),
        ("reused_connections", "reuse", 1.0),
        ("weight", "weight", 1.0),
        ("response_errors", "eresp", 1.0),
        ("queue_time_seconds", "qtime", 1000.0),
        ("connect_time_seconds", "ctime", 1000.0),
        ("response_time_seconds", "rtime", 1000.0),
        ("total_time_seconds", "ttime", 1000.0),
    ] {
        ensure!(number(&one, field)? == proxy.own("app", "one", column)? / scale, "{field}: {one:?}");
    }
    Ok(())
}

#[test]
fn a_process_that_goes_is_down_and_comes_back_with_new_counters() -> Result<()> {
    let mut proxy = Proxy::start()?;
    proxy.get("/ok")?;
    let mut probe = start(&[proxy.socket()], &ITEMS, &[])?;
    let (is_web, is_process) = (named("haproxy_frontend", "web"), |row: &Row| row.table == "haproxy");
    probe.row_where(|row| is_web(row) && row.text("requests") == "1")?;

    proxy.peer.take().context("not running")?.stop()?;
    let down = probe.row_where(|row| is_process(row) && row.text("up") == "0")?;
    ensure!(down.text("uptime_seconds").is_empty(), "{down:?}");
    probe.row_where(|row| is_process(row) && row.text("up") == "0")?;

    proxy.begin()?;
    let up = probe.row_where(|row| is_process(row) && row.text("up") == "1")?;
    ensure!(up.text("version").starts_with(|first: char| first.is_ascii_digit()), "{up:?}");
    ensure!(number(&probe.row_where(is_web)?, "requests")? == 0.0);
    gopher_tests::peer::until("it says that the process is back", || {
        probe.stderr().contains("answers again")
    })?;
    let said = probe.stderr();
    ensure!(said.matches("it is tried again every period").count() == 1, "{said}");
    ensure!(said.matches("answers again").count() == 1, "{said}");
    Ok(())
}

#[test]
fn only_the_items_that_are_on_and_the_proxies_that_fit_are_reported() -> Result<()> {
    let proxy = Proxy::start()?;
    let mut probe = start(&[proxy.socket()], &["backend", "frontend"], &[("max_proxies", json!(2))])?;
    let is_process = |row: &Row| row.table == "haproxy";
    let process = probe.row_where(is_process)?;
    ensure!(number(&process, "proxies_left_out")? == 1.0, "{process:?}");
    ensure!(probe.row_where(|_| true)?.text("proxy") == "web");
    let app = probe.row_where(|_| true)?;
    ensure!(app.table == "haproxy_backend" && app.text("proxy") == "app", "{app:?}");
    ensure!(probe.row_where(|_| true)?.table == "haproxy", "more than two proxies are reported");

    let mut params = vec![("report_period", json!(1)), ("socket", json!([proxy.socket()]))];
    params.push(("max_proxies", json!(3)));
    probe.configure(&["server"], &params)?;
    probe.row_where(|row| row.text("server") == "gone").map(drop)
}
