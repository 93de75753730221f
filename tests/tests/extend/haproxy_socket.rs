//! The HAProxy probe and sockets that are missing, hang, or say something unexpected.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use anyhow::{Result, ensure};
use gopher_tests::probe::{Probe, Row, number};
use gopher_tests::tree::source_root;
use serde_json::json;

fn start(sockets: &[String]) -> Result<Probe> {
    let params = [("report_period", json!(1)), ("socket", json!(sockets)), ("timeout", json!(0.3))];
    let items = ["frontend", "backend", "server"];
    Probe::start(&source_root().join("extend-probes/haproxy"), &items, &params)
}

/// A socket that gives the same answer to whoever asks.
fn answering(folder: &tempfile::TempDir, name: &str, answer: &'static str) -> Result<String> {
    let path = folder.path().join(name);
    let listener = UnixListener::bind(&path)?;
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut question = [0; 64];
            if let Err(error) = stream.read(&mut question).and_then(|_| stream.write_all(answer.as_bytes())) {
                eprintln!("{error}");
            }
        }
    });
    Ok(path.display().to_string())
}

fn process_of(socket: &str) -> impl Fn(&Row) -> bool + use<> {
    let socket = socket.to_owned();
    move |row| row.table == "haproxy" && row.text("socket") == socket
}

#[test]
fn a_socket_that_fails_is_said_once_and_hides_no_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let missing = folder.path().join("missing").display().to_string();
    let hung = folder.path().join("hung").display().to_string();
    let _silent = UnixListener::bind(&hung)?;
    let cut = answering(&folder, "cut", "Name: HAProxy\n\n# pxname,svname,type\nweb,FRONTEND,0\n")?;
    let other = answering(&folder, "other", "HTTP/1.1 400 Bad Request\r\n\r\n")?;
    let good = answering(&folder, "good", "Version: 9\n\n# pxname,type\nweb,0\n\n")?;
    let sockets = [missing, hung, cut, other, good.clone()];
    let mut probe = start(&sockets)?;
    for _ in 0..3 {
        for socket in &sockets {
            let row = probe.row_where(process_of(socket))?;
            ensure!(row.text("up") == if *socket == good { "1" } else { "0" }, "{row:?}");
        }
    }
    gopher_tests::peer::until("it says what is wrong with each", || {
        sockets.iter().take(4).all(|socket| probe.stderr().contains(&format!("{socket}:")))
    })?;
    let said = probe.stderr();
    for (socket, what) in sockets.iter().zip(["No such file", "no whole answer", "cut off", "cut off"]) {
        let lines: Vec<_> = said.lines().filter(|line| line.contains(&format!("{socket}:"))).collect();
        ensure!(lines.len() == 1 && lines[0].contains(what), "{socket}: {said}");
    }
    Ok(())
}

#[test]
fn columns_are_found_by_their_names() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let socket = answering(
        &folder,
        "future",
        "Name: HAProxy\nVersion: 9.1\nNew_thing: 7\nIdle_pct: 40\nCurrConns: many\n\n\
         # new,type,svname,stot,pxname,status,rtime,\n\
         x,2,\"s,1\",12,a|b,UP 2/3,1500,\n\
         x,9,other,1,a|b,UP,1,\n\
         x,0,FRONTEND,,a|b,STOP,,\n\n",
    )?;
    let mut probe = start(std::slice::from_ref(&socket))?;
    let process = probe.row_where(process_of(&socket))?;
    ensure!(process.text("version") == "9.1" && number(&process, "idle_ratio")? == 0.4, "{process:?}");
    ensure!(process.text("current_connections").is_empty() && process.text("threads").is_empty());
    let server = probe.row_where(|_| true)?;
    ensure!(server.text("server") == "s,1" && server.text("proxy") == "a|b", "{server:?}");
    ensure!(server.text("up") == "1" && server.text("sessions") == "12", "{server:?}");
    ensure!(server.text("response_time_seconds") == "1.5" && server.text("bytes_in").is_empty());
    let frontend = probe.row_where(|_| true)?;
    ensure!(frontend.text("up") == "0" && frontend.text("sessions").is_empty(), "{frontend:?}");
    Ok(())
}
