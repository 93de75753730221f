//! Receivers that refuse: a wrong path, an unknown authority, a wrong password; each is mended while the agent runs.

use std::fs;

use gopher_tests::agent::{Agent, Home, until};
use gopher_tests::authority::Authority;

use crate::receiver::{Receiver, rows, section};

/// Made from `open sesame` by bcrypt with the least rounds.
const HASH: &str = "$2b$04$nuntGm19/8lLV8WeWSpWouEKJ0fT4hdOnu41ZOyIQZgCX7Q9NLkQC";

fn agent(section: &str) -> Agent {
    let home = Home::new();
    home.fake("one", &["--rows", "1"]);
    home.configure(section);
    Agent::start(home)
}

#[test]
fn a_wrong_path_is_said_once_and_counted() {
    let receiver = Receiver::start();
    let url = receiver.url().replace("write", "wrong");
    let agent = agent(&section(&url, ""));
    until("refusals", || (rows(&agent, "failed") >= 3).then_some(()));
    let said = agent.said("refuses metrics");
    assert_eq!(said.len(), 1, "{said:#?}");
    for part in ["404", "404 page not found", "check the path of url", &url] {
        assert!(said[0].contains(part), "{part}: {}", said[0]);
    }
    assert_eq!((rows(&agent, "sent"), rows(&agent, "dropped")), (0, 0));

    agent.home.configure(&section(&receiver.url(), ""));
    receiver.has("gala_gopher_one_v");
}

#[test]
fn tls_and_a_password_are_needed_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    authority.sign("server");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (ca, password) = (file("ca.pem"), file("password"));
    fs::write(&password, "open barley\n").unwrap();
    let mut receiver = Receiver::stopped();
    receiver.guard(
        &format!(
            "tls_server_config:\n  cert_file: {}\n  key_file: {}\nbasic_auth_users:\n  ali: {HASH}\n",
            file("server.pem"),
            file("server.key")
        ),
        &["--cacert", &ca, "--user", "ali:open sesame"],
    );
    receiver.resume();

    let user = format!("username = \"ali\"\npassword_file = {password:?}\n");
    let agent = agent(&section(&receiver.url(), &user));
    agent.says("UnknownIssuer");
    assert_eq!((rows(&agent, "sent"), rows(&agent, "failed")), (0, 0), "{}", agent.log());

    agent.home.configure(&section(&receiver.url(), &format!("{user}ca_file = {ca:?}\n")));
    agent.says("401 Unauthorized");
    until("refusals", || (rows(&agent, "failed") >= 1).then_some(()));
    assert_eq!(rows(&agent, "sent"), 0);

    fs::write(&password, "open sesame\n").unwrap();
    receiver.has("gala_gopher_one_v");
    assert!(!agent.log().contains("open "), "{}", agent.log());
}

#[test]
fn settings_that_do_not_fit_are_named_and_nothing_starts() {
    let home = Home::new();
    for (lines, message) in [
        ("", "export.remote_write.url: found \"\" while the exporter is on"),
        ("url = \"https://a:b@host/\"", "without user and password"),
        ("url = \"http://host/\"\nca_file = \"/x\"", "http does not use ca_file"),
        ("url = \"http://host/\"\nusername = \"a\"", "a user without a password"),
        ("url = \"https://host/\"\ncert_file = \"/x\"", "a certificate without its key"),
    ] {
        home.configure(&format!("[export.remote_write]\nenabled = true\n{lines}\n"));
        let (code, said) = home.refused(&[]);
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains(message), "{message}: {said}");
    }
}
