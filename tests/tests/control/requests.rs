//! Requests one by one: what they change, what they show, what they refuse.

use std::os::unix::fs::PermissionsExt as _;

use gopher_tests::agent::{Agent, Home, until};
use gopher_tests::http;
use serde_json::{Value, json};

/// An agent with `baseinfo` and a fake probe that says `applied`.
pub(crate) fn running() -> Agent {
    let home = Home::new().with_built_in("baseinfo");
    home.fake("fake", &["--rows", "1", "--echo-config"]);
    Agent::start(home)
}

/// What the agent says of one probe.
pub(crate) fn status(agent: &Agent, probe: &str) -> Value {
    let (code, all) = agent.control("GET", "/probes", "");
    assert_eq!(code, 200, "{all}");
    let found = all["probes"].as_array().unwrap().iter().find(|one| one["name"] == probe);
    found.unwrap_or_else(|| panic!("no {probe} in {all}")).clone()
}

#[test]
fn a_change_is_in_force_when_the_answer_says_applied() {
    let agent = running();
    let (code, reply) =
        agent.control("PUT", "/baseinfo?wait=applied", r#"json={"params":{"report_period":6}}"#);
    assert_eq!(
        (code, &reply["result"], &reply["applied"]),
        (200, &json!("success"), &json!(true)),
        "{reply}"
    );
    let about = status(&agent, "baseinfo");
    assert_eq!(about["applied"], about["generation"], "{about}");
    assert_eq!(about["params"]["report_period"], 6);
    agent.says("params.report_period = 6");
}

#[test]
fn items_state_and_parameters_are_what_was_put() {
    let agent = running();
    let body = r#"{"cmd":{"probe":["MEM","cpu"]},"params":{"report_period":7},"state":"running"}"#;
    assert_eq!(agent.control("PUT", "/baseinfo", body).0, 200);
    let (_, document) = agent.control("GET", "/baseinfo", "");
    assert_eq!(document["cmd"]["probe"], json!(["cpu", "mem"]), "{document}");
    assert_eq!((&document["params"]["report_period"], &document["state"]), (&json!(7), &json!("running")));
    agent.until("the end of the other items", |now| {
        !now.keys().any(|name| name.starts_with("gala_gopher_host_"))
    });
}

#[test]
fn what_is_shown_of_each_probe_can_be_put_back_without_a_change() {
    let agent = running();
    let (_, all) = agent.control("GET", "/probes", "");
    for probe in all["probes"].as_array().unwrap() {
        let path = format!("/{}", probe["name"].as_str().unwrap());
        let (_, before) = agent.control("GET", &path, "");
        let generation = probe["generation"].clone();
        let (code, reply) = agent.control("PUT", &path, &before.to_string());
        assert_eq!((code, reply.get("warnings")), (200, None), "{path}: {reply}");
        assert_eq!(agent.control("GET", &path, "").1, before);
        assert_eq!(status(&agent, probe["name"].as_str().unwrap())["generation"], generation, "{path}");
    }
}

#[test]
fn stopped_probes_end_and_restarted_ones_begin_anew() {
    let agent = running();
    let before = status(&agent, "fake")["pid"].clone();
    assert_eq!(agent.control("POST", "/probes/fake/restart", "").0, 200);
    gopher_tests::agent::until("another process", || {
        let now = status(&agent, "fake");
        (now["state"] == "running" && now["pid"] != before).then_some(())
    });
    let (code, reply) = agent.control("PUT", "/fake?wait=applied", r#"json={"state":"stopped"}"#);
    assert_eq!((code, &reply["applied"]), (200, &json!(true)), "{reply}");
    let now = status(&agent, "fake");
    assert_eq!((&now["state"], &now["pid"]), (&json!("stopped"), &Value::Null), "{now}");
    assert_eq!(agent.control("POST", "/probes/fake/restart", "").0, 409);
}

#[test]
fn a_request_with_one_fault_changes_nothing() {
    let agent = running();
    let (_, before) = agent.control("GET", "/baseinfo", "");
    let body = r#"{"state":"stopped","params":{"report_period":9,"res_upper_thr":101}}"#;
    let (code, reply) = agent.control("PUT", "/baseinfo", body);
    assert_eq!((code, &reply["result"]), (400, &json!("failed")), "{reply}");
    assert_eq!(agent.control("GET", "/baseinfo", "").1, before);
}

#[test]
fn each_refusal_has_its_status_and_says_what_would_do() {
    let agent = running();
    for (method, path, body, status, words) in [
        ("GET", "/baseinf", "", 404, "did you mean `baseinfo`"),
        ("GET", "/", "", 404, "url not found"),
        ("GET", "/a/b/c", "", 404, "url not found"),
        ("PUT", "/none", "{}", 404, "url not found"),
        ("PUT", "/baseinfo", "{\n\"state\" running}", 400, "line 2, column 9"),
        ("PUT", "/baseinfo", "", 400, "no JSON"),
        ("PUT", "/baseinfo", r#"{"params":{"report_period":4}}"#, 400, "params.report_period: found 4"),
        ("PUT", "/baseinfo", r#"{"params":{"report_perod":9}}"#, 400, "did you mean `report_period`"),
        ("PUT", "/baseinfo", r#"{"cmd":{"probe":["cpus"]}}"#, 400, "cmd.probe[0]"),
        ("PUT", "/baseinfo?wait=forever", "{}", 400, "applied"),
        ("DELETE", "/baseinfo", "", 405, "DELETE"),
        ("POST", "/probes/none/restart", "", 404, "url not found"),
        ("PUT", "/version", "{}", 405, "PUT"),
    ] {
        let (found, reply) = agent.control(method, path, body);
        assert_eq!(found, status, "{method} {path} {body}: {reply}");
        assert!(reply["message"].as_str().unwrap().contains(words), "{method} {path} {body}: {reply}");
        assert_eq!(reply["result"], "failed");
    }
    let send = |headers: &[(&str, &str)], body: &[u8]| {
        http::send(agent.home.control, "PUT", "/baseinfo", headers, body).unwrap().status
    };
    assert_eq!(send(&[("Content-Type", "application/xml")], b"<a/>"), 415);
    assert_eq!(send(&[], &vec![b' '; (1 << 20) + 1]), 413);
    assert_eq!(send(&[("Origin", "http://evil.example")], b"{}"), 403);
}

#[test]
fn the_socket_answers_the_same_to_its_group_alone() {
    let agent = running();
    let socket = agent.home.path().join("run/control.sock");
    let mode = socket.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o660);
    let get = http::send_unix(&socket, "GET", "/baseinfo", b"").unwrap();
    assert_eq!(get.text, http::request(agent.home.control, "GET", "/baseinfo", &[]).unwrap().text);
    assert_eq!(http::send_unix(&socket, "PUT", "/fake", br#"{"state":"stopped"}"#).unwrap().status, 200);
    assert_eq!(agent.control("GET", "/fake", "").1["state"], "stopped");
}

#[test]
fn without_an_address_the_socket_alone_answers() {
    let home = Home::new();
    home.fake("fake", &["--rows", "1"]);
    home.configure("[control]\nlisten = \"\"");
    let agent = Agent::start(home);
    assert!(http::request(agent.home.control, "GET", "/version", &[]).is_err());
    let socket = agent.home.path().join("run/control.sock");
    assert_eq!(http::send_unix(&socket, "GET", "/version", b"").unwrap().status, 200);
    agent.home.configure("");
    agent.says("control.listen");
    gopher_tests::agent::until("the address", || {
        http::request(agent.home.control, "GET", "/version", &[]).ok()
    });
}

#[test]
fn tables_version_logs_and_document_are_there() {
    let agent = running();
    let (_, tables) = agent.control("GET", "/tables", "");
    assert!(tables.to_string().contains("gala_gopher_cpu_"), "{tables}");
    assert_eq!(agent.control("GET", "/version", "").1["protocol"], 1);
    assert!(agent.control("GET", "/logs/fake", "").1["lines"].is_array());
    let (_, document) = agent.control("GET", "/openapi.json", "");
    let names = &document["components"]["parameters"]["probe"]["schema"]["enum"];
    assert_eq!(names, &json!(["baseinfo", "fake"]));
}

#[test]
fn the_audit_log_tells_a_change_from_none() {
    let agent = running();
    let body = r#"{"params":{"report_period":7}}"#;
    for (persist, result) in
        [("false", "done"), ("false", "unchanged"), ("true", "done"), ("true", "unchanged")]
    {
        let before = agent.said(&format!("result=\"{result}\"")).len();
        let body = body.replace("}}", &format!("}},\"persist\":{persist}}}"));
        assert_eq!(agent.control("PUT", "/baseinfo", &body).0, 200);
        until("a line of the audit log", || {
            (agent.said(&format!("result=\"{result}\"")).len() == before + 1).then_some(())
        });
    }
    agent.says("how long the settings hold");
}

#[test]
fn a_pid_named_twice_is_one() {
    let agent = running();
    let body = r#"{"snoopers":{"proc_id":[7,3,7,3]}}"#;
    assert_eq!(agent.control("PUT", "/fake", body).0, 200);
    assert_eq!(agent.control("GET", "/fake", "").1["snoopers"]["proc_id"], json!([7, 3]));
}

#[test]
fn a_string_that_is_long_or_has_control_characters_is_refused_by_its_path() {
    let home = Home::new();
    home.extend(
        "fake",
        "protocol = 1\nname = \"fake\"\nexec = [\"fake_probe\", \"--rows\", \"1\"]\n[[probe]]\nname = \"fake\"\nsummary = \"s\"\n\
         [probe.params.target]\ndefault = \"\"\nsummary = \"T.\"\n[[table]]\nname = \"demo\"\nentity = \"demo\"\n\
         fields = [{ name = \"id\", type = \"key\", help = \"N.\" }, { name = \"v\", type = \"gauge\", help = \"V.\" }]\n",
    );
    let agent = Agent::start(home);
    let put = |text: &str| agent.control("PUT", "/fake", &json!({"params": {"target": text}}).to_string());
    for bad in ["x".repeat(4097), "two\nlines".to_owned(), "\u{1b}[2J".to_owned()] {
        let (code, reply) = put(&bad);
        assert_eq!((code, &reply["errors"][0]["path"]), (400, &json!("params.target")), "{reply}");
        assert!(reply["errors"][0]["allowed"].as_str().unwrap().contains("4096 bytes"), "{reply}");
    }
    assert_eq!(put(&"x".repeat(4096)).0, 200);
}
