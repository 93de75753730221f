//! Many clients at a time, and early ones: each is answered in its turn.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use gopher_tests::agent::{Agent, Home};

/// More than a listener has places for.
const MANY: usize = 300;

fn connected(address: SocketAddr) -> Vec<TcpStream> {
    (0..MANY).map(|_| TcpStream::connect(address).unwrap()).collect()
}

#[test]
fn connections_that_ask_nothing_keep_nobody_out() {
    let agent = Agent::start(Home::new().with_built_in("baseinfo"));
    let silent = [connected(agent.home.address), connected(agent.home.control)];
    assert!(!agent.scrape().is_empty());
    assert_eq!(agent.control("GET", "/version", "").0, 200);
    drop(silent);
}

#[test]
fn a_follower_that_goes_makes_room_for_another() {
    let agent = Agent::start(Home::new());
    let follow = || {
        let mut stream = TcpStream::connect(agent.home.control).unwrap();
        let head = format!("GET /events?follow=true HTTP/1.1\r\nHost: {}\r\n\r\n", agent.home.control);
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        (stream, String::from_utf8_lossy(&answer[9..]).into_owned())
    };
    for _ in 0..3 {
        let eight: Vec<_> = (0..8).map(|_| follow()).collect();
        assert!(eight.iter().all(|(_, code)| code == "200"));
        assert_eq!(follow().1, "503");
        drop(eight);
        // The agent hears of their end a moment later.
        gopher_tests::agent::until("a place", || (follow().1 == "200").then_some(()));
    }
}

#[test]
fn who_asks_while_the_agent_starts_is_answered_with_what_it_starts_with() {
    let home = Home::new().with_built_in("baseinfo");
    home.configure("");
    let control = home.control;
    let asking = std::thread::spawn(move || {
        let mut stream = gopher_tests::agent::until("the listener", || TcpStream::connect(control).ok());
        let request = format!("GET /baseinfo HTTP/1.1\r\nHost: {control}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let agent = Agent::serve(home);
    let answer = asking.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(agent);
}
