//! Makes short connections to itself over 127.0.0.1, as fast as it can: `short_connections COUNT`.
//!
//! Says `ready`, waits for a line, makes them, says `done`, and keeps one more connection open until stdin ends. On each
//! the client sends `ASKED` bytes, the server answers with `ANSWERED` and closes.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::{env, thread};

const ASKED: usize = 64;
const ANSWERED: usize = 8;

fn main() -> anyhow::Result<()> {
    let count: usize = env::args().nth(1).unwrap_or_default().parse()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    println!("ready");
    io::stdin().read_line(&mut String::new())?;
    let server = thread::spawn(move || serve(&listener, count));
    for _ in 0..count {
        drop(ask(address)?);
    }
    let kept = TcpStream::connect(address)?;
    let answered = server.join().map_err(|_| anyhow::anyhow!("the server ended"))??;
    println!("done");
    io::stdin().read_to_end(&mut Vec::new())?;
    drop((kept, answered));
    Ok(())
}

fn ask(address: SocketAddr) -> io::Result<TcpStream> {
    let mut client = TcpStream::connect(address)?;
    client.write_all(&[b'q'; ASKED])?;
    client.read_to_end(&mut Vec::with_capacity(ANSWERED))?;
    Ok(client)
}

fn serve(listener: &TcpListener, count: usize) -> io::Result<TcpStream> {
    for _ in 0..count {
        let (mut served, _) = listener.accept()?;
        served.read_exact(&mut [0; ASKED])?;
        served.write_all(&[b'a'; ANSWERED])?;
    }
    Ok(listener.accept()?.0)
}
