//! The scrape endpoint over TLS, switched on, guarded and renewed while the agent runs; curl is the client.

use std::fs;
use std::process::Command;

use gopher_tests::agent::{Agent, Home, until};
use gopher_tests::authority::Authority;

/// The page, or nothing where curl or the agent refuses.
fn scrape(url: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("curl").args(["-sS", "--max-time", "10"]).args(arguments).arg(url).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

fn shows_metrics(page: &str) -> bool {
    page.contains("gala_gopher_agent_build_info{")
}

#[test]
fn tls_is_switched_on_guarded_and_renewed_while_the_agent_runs() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    authority.sign("server");
    authority.sign("client");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let agent = Agent::start(Home::new());
    let port = agent.home.address.port();
    let (http, https) =
        (format!("http://localhost:{port}/metrics"), format!("https://localhost:{port}/metrics"));
    assert!(scrape(&http, &[]).is_some_and(|page| shows_metrics(&page)));

    let listen = format!("listen = \"{}\"\n", agent.home.address);
    let tls = format!("tls_cert_file = {:?}\ntls_key_file = {:?}\n", file("server.pem"), file("server.key"));
    agent.home.configure_with(&format!("{listen}{tls}"), "");
    let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let trusting = ["--cacert", &ca];
    until("TLS", || scrape(&https, &trusting).filter(|page| shows_metrics(page)));
    assert_eq!(scrape(&http, &[]), None, "plain HTTP is still answered");
    assert_eq!(scrape(&https, &[]), None, "curl trusts anybody");

    agent.home.configure_with(&format!("{listen}{tls}tls_client_ca_file = {ca:?}\n"), "");
    until("the guard", || scrape(&https, &trusting).is_none().then_some(()));
    let known = ["--cacert", &ca, "--cert", &cert, "--key", &key];
    assert!(scrape(&https, &known).is_some_and(|page| shows_metrics(&page)));

    // Another authority for everything: the old one does not do any more.
    let old = file("old.pem");
    fs::copy(&ca, &old).unwrap();
    let authority = Authority::new(folder.path());
    authority.sign("client");
    authority.sign("server");
    until("the new certificate", || scrape(&https, &known).filter(|page| shows_metrics(page)));
    assert_eq!(scrape(&https, &["--cacert", &old, "--cert", &cert, "--key", &key]), None);

    fs::write(file("server.key"), "no key").unwrap();
    until("the complaint", || {
        agent
            .log()
            .contains("the old ones still hold")
            .then_some(())
            .or_else(|| scrape(&https, &known).map(drop).filter(|()| false))
    });
    assert!(scrape(&https, &known).is_some_and(|page| shows_metrics(&page)));
}

#[test]
fn files_that_do_not_fit_are_named_and_nothing_starts() {
    let home = Home::new();
    let listen = format!("listen = \"{}\"\n", home.address);
    home.configure_with(&format!("{listen}tls_cert_file = \"/nowhere/cert.pem\"\n"), "");
    let (code, said) = home.refused(&[]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("export.prometheus.tls_cert_file: a certificate without its key"), "{said}");
    home.configure_with(
        &format!("{listen}tls_cert_file = \"/nowhere/cert.pem\"\ntls_key_file = \"/nowhere/key.pem\"\n"),
        "",
    );
    let (code, said) = home.refused(&[]);
    assert_eq!(code, Some(78), "{said}");
    let named = "export.prometheus.tls_cert_file: /nowhere/cert.pem: reading the certificates";
    assert!(said.contains(named), "{said}");
}
