//! Bodies that are no request: refused in words, and the agent goes on.

use gopher_tests::agent::{Agent, Home};
use gopher_tests::http;

#[test]
fn every_shape_of_garbage_is_refused_and_harms_nobody() {
    let agent = Agent::start(Home::new().with_built_in("baseinfo"));
    let deep = format!("json={}{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = format!(r#"json={{"params":{}1{}}}"#, "{\"a\":".repeat(100), "}".repeat(100));
    let many = format!(r#"json={{"snoopers":{{"container_name":[{}"x y"]}}}}"#, "\"a\",".repeat(20_000));
    let costly = format!(
        r#"{{"snoopers":{{"proc_name":[{}{{"comm":"x"}}]}}}}"#,
        r#"{"comm":"\\w{100}\\p{L}{100}"},"#.repeat(20_000)
    );
    let pids = format!(r#"{{"snoopers":{{"proc_id":[{}0]}}}}"#, "0,".repeat(400_000));
    for body in [
        "json=[]",
        "json=1",
        "json=null",
        "json=\"x\"",
        r#"json={"cmd":[]}"#,
        r#"json={"snoopers":[1]}"#,
        r#"json={"cmd":{"probe":{"a":1}}}"#,
        r#"json={"params":[]}"#,
        r#"json={"params":{"report_period":4294967296}}"#,
        r#"json={"params":{"report_period":1e30}}"#,
        r#"json={"params":{"report_period":1e999}}"#,
        "json=",
        "json",
        "=",
        "\0\0\0",
        "json={\"state\":\"\\ud800\"}",
        r#"json={"params":{"custom_param":[{}],"x":1}}"#,
        "json={\"a\":1,}",
        r#"json={"snoopers":{"proc_name":[{"comm":"("}]}}"#,
        r#"json={"snoopers":{"proc_name":[{"comm":"(a{1000}){1000}"}]}}"#,
        r#"json={"snoopers":{"proc_name":[{"comm":"(?i)\\w{90}N"}]}}"#,
        &costly,
        &pids,
        &deep,
        &nested,
        &many,
    ] {
        let (code, reply) = agent.control("PUT", "/baseinfo", body);
        assert!(reply.to_string().len() < 20_000, "{:.200}", reply.to_string());
        assert_eq!((code, &reply["result"]), (400, &"failed".into()), "{:.100}: {reply}", body);
    }
    assert_eq!(agent.control("GET", "/baseinfo", "").0, 200);
    assert!(!agent.scrape().is_empty());
}

#[test]
fn two_labels_then_none_is_a_scope_like_any_other() {
    let agent = Agent::start(Home::new().with_built_in("baseinfo"));
    let body = r#"json={"snoopers":{"proc_name":[{"comm":"a","label":{"x":"y"}},{"comm":"b"}]}}"#;
    for _ in 0..3 {
        assert_eq!(agent.control("PUT", "/baseinfo", body).0, 200);
    }
}

#[test]
fn a_thousand_clients_with_garbage_leave_scrapes_and_the_socket_alone() {
    use std::io::Write as _;
    let agent = Agent::start(Home::new().with_built_in("baseinfo"));
    // Some say half a head, some half a body, some nothing.
    let parts: [&[u8]; 3] = [
        b"PUT /basei",
        b"PUT /baseinfo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\njson=[[",
        b"",
    ];
    let clients: Vec<_> = (0..1000)
        .filter_map(|number| {
            let mut stream = std::net::TcpStream::connect_timeout(
                &agent.home.control,
                std::time::Duration::from_millis(20),
            )
            .ok()?;
            stream.write_all(parts[number % parts.len()]).ok()?;
            Some(stream)
        })
        .collect();
    assert!(clients.len() > 500, "{}", clients.len());
    assert!(!agent.scrape().is_empty());
    let socket = agent.home.path().join("run/control.sock");
    assert_eq!(
        http::send_unix(&socket, "PUT", "/baseinfo", br#"{"params":{"report_period":9}}"#).unwrap().status,
        200
    );
}
