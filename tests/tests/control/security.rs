//! Who may ask and change: users of this host, the token, certificates; what is refused at the start.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use gopher_tests::agent::{Agent, Home, until};
use gopher_tests::authority::Authority;

/// A user of this host, and that user's groups.
const NOBODY: &[&str] = &["--reuid=65534", "--regid=65534", "--clear-groups"];
/// One of every distribution, whose own group has the same name.
const DAEMON: &[&str] = &["--reuid=daemon", "--regid=daemon", "--init-groups"];
const CHANGE: &[&str] = &["-X", "PUT", "-d", r#"json={"state":"stopped"}"#];

/// What curl gets: the status, 0 where there was no answer, and the body or curl's own words.
fn curl(user: &[&str], arguments: &[&str]) -> (u16, String) {
    let mut command = Command::new("setpriv");
    command.args(user).args(["curl", "-sS", "--max-time", "60", "-w", "\n%{http_code}"]).args(arguments);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, code) = text.rsplit_once('\n').unwrap();
    let body =
        if body.is_empty() { String::from_utf8_lossy(&output.stderr).into_owned() } else { body.to_owned() };
    (code.parse().unwrap(), body)
}

fn put(user: &[&str], arguments: &[&str], url: &str) -> (u16, String) {
    curl(user, &[arguments, CHANGE, &[url]].concat())
}

/// Folders with a probe to change and these lines in `[control]`.
fn home(control: &str) -> Home {
    let home = Home::new();
    home.fake("fake", &["--rows", "1"]);
    configure(&home, control);
    home
}

fn configure(home: &Home, control: &str) {
    let listen =
        if control.contains("listen =") { String::new() } else { format!("listen = \"{}\"", home.control) };
    home.configure(&format!("[control]\n{listen}\n{control}"));
}

fn state(agent: &Agent) -> String {
    let socket = agent.home.path().join("run/control.sock");
    let answer = gopher_tests::http::send_unix(&socket, "GET", "/fake", b"").unwrap();
    let document: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    document["state"].as_str().unwrap().to_owned()
}

#[test]
fn an_unprivileged_user_reads_metrics_and_can_neither_ask_nor_change() {
    let agent = Agent::start(home(""));
    let (code, page) = curl(NOBODY, &[&format!("http://{}/metrics", agent.home.address)]);
    assert!(code == 200 && page.contains("gala_gopher_"), "{code} {page}");
    let at = |path: &str| format!("http://{}{path}", agent.home.control);
    for path in ["/fake", "/probes", "/logs/fake", "/tables", "/config", "/version", "/openapi.json", "/none"]
    {
        let (code, reply) = curl(NOBODY, &[&at(path)]);
        assert!(code == 403 && reply.contains("gala-gopher may"), "{path} {code} {reply}");
    }
    assert_eq!(put(NOBODY, &[], &at("/fake")).0, 403);
    assert_eq!(curl(NOBODY, &["-X", "POST", &at("/probes/fake/restart")]).0, 403);
    let socket = agent.home.path().join("run/control.sock");
    let (code, reply) = put(NOBODY, &["--unix-socket", socket.to_str().unwrap()], "http://localhost/fake");
    assert_eq!(code, 0, "{reply}");
    assert_eq!(state(&agent), "running");
    agent.says("(uid 65534) may read metrics alone");
    assert_eq!(agent.said("PUT /fake").len(), 1, "{}", agent.log());
}

#[test]
fn a_member_of_the_group_may_by_address_and_by_socket() {
    let agent = Agent::start(home("group = \"daemon\""));
    let (code, reply) = put(DAEMON, &[], &format!("http://{}/fake", agent.home.control));
    assert_eq!(code, 200, "{reply}");
    assert_eq!(state(&agent), "stopped");
    agent.says("who=\"user daemon (uid ");
    let socket = agent.home.path().join("run/control.sock");
    let arguments = ["--unix-socket", socket.to_str().unwrap(), "-X", "PUT", "-d", r#"{"state":"running"}"#];
    let (code, reply) = curl(DAEMON, &[&arguments[..], &["http://localhost/fake"]].concat());
    assert_eq!(code, 200, "{reply}");
    agent.says("(curl)\" from=\"the socket\"");
    assert_eq!(put(NOBODY, &[], &format!("http://{}/fake", agent.home.control)).0, 403);
}

#[test]
fn where_peers_are_not_trusted_the_token_alone_opens() {
    let home = home("");
    let file = home.path().join("token");
    fs::write(&file, "s3cret\n").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    configure(&home, &format!("trust_peers = false\ntoken_file = \"{}\"", file.display()));
    let agent = Agent::start(home);
    let url = format!("http://{}/fake", agent.home.control);
    let with = |token: &str| put(NOBODY, &["-H", &format!("Authorization: Bearer {token}")], &url);
    let (code, reply) = put(&[], &[], &url);
    assert!(code == 401 && reply.contains("Authorization: Bearer TOKEN"), "{code} {reply}");
    assert_eq!((with("s3cre").0, with("s3cret").0), (401, 200));
    agent.says("who=\"token\" from=\"127.0.0.1:");
    fs::write(&file, "another").unwrap();
    assert_eq!((with("s3cret").0, with("another").0), (401, 200));
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(with("another").0, 401);
    agent.says("chmod o= ");
    assert!(!agent.log().contains("s3cret"), "{}", agent.log());
}

#[test]
fn over_tls_a_client_needs_a_certificate_of_the_authority() {
    let home = home("");
    let folder = home.path().to_owned();
    let path = |name: &str| folder.join(name).display().to_string();
    let authority = Authority::new(&folder);
    ["server", "operator"].iter().for_each(|name| authority.sign(name));
    configure(
        &home,
        &format!(
            "listen = \"0.0.0.0:{}\"\ntls_cert_file = \"{}\"\ntls_key_file = \"{}\"\ntls_client_ca_file = \"{}\"",
            home.control.port(),
            path("server.pem"),
            path("server.key"),
            path("ca.pem")
        ),
    );
    let agent = Agent::start(home);
    let (url, to) = (
        format!("https://localhost:{}/fake", agent.home.control.port()),
        format!("localhost:{0}:127.0.0.1:{0}", agent.home.control.port()),
    );
    let (ca, cert, key) = (path("ca.pem"), path("operator.pem"), path("operator.key"));
    let known = ["--connect-to", to.as_str(), "--cacert", ca.as_str()];
    let shown = ["--cert", cert.as_str(), "--key", key.as_str()];
    let (code, reply) = put(&[], &known, &url);
    assert!(code == 0 && reply.contains("ertificate"), "{code} {reply}");
    let (code, reply) = put(&[], &[&known[..], &shown].concat(), &url);
    assert_eq!(code, 200, "{reply}");
    agent.says("who=\"certificate CN=operator\" from=\"127.0.0.1:");

    // Another authority replaces the first, files and all, while the agent runs.
    let authority = Authority::new(&folder);
    ["server", "operator"].iter().for_each(|name| authority.sign(name));
    until("the new certificates", || {
        let (code, _) = curl(&[], &[&known[..], &shown, &[url.as_str()]].concat());
        (code == 200).then_some(())
    });
}

#[test]
fn an_address_for_others_without_tls_and_credentials_is_refused() {
    for (lines, words) in [
        (
            "listen = \"0.0.0.0:9999\"",
            "set tls_cert_file and tls_key_file, and tls_client_ca_file or token_file",
        ),
        ("listen = \"[::]:9999\"\ntoken_file = \"/etc/token\"", "set tls_cert_file and tls_key_file"),
        (
            "listen = \"192.0.2.1:9999\"\ntls_cert_file = \"/etc/a.pem\"\ntls_key_file = \"/etc/a.key\"",
            "tls_client_ca_file or token_file",
        ),
    ] {
        let (code, said) = home(lines).refused(&[]);
        assert!(
            code == Some(78) && said.contains("control.listen") && said.contains(words),
            "{code:?} {said}"
        );
    }
}

#[test]
fn an_unsafe_change_leaves_the_address_as_it_was() {
    let agent = Agent::start(home(""));
    configure(&agent.home, "listen = \"0.0.0.0:9999\"");
    agent.says("is not a loopback address");
    assert_eq!(curl(&[], &[&format!("http://{}/version", agent.home.control)]).0, 200);
}

#[test]
fn a_token_that_every_user_can_read_stops_the_start_with_the_way_out() {
    let home = home("");
    let file = home.path().join("token");
    fs::write(&file, "s3cret").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    configure(&home, &format!("token_file = \"{}\"", file.display()));
    let (code, said) = home.refused(&[]);
    assert!(code == Some(78) && said.contains("`chmod o= "), "{code:?} {said}");
}
