//! `config check`, `completions`, and what every command has in common.

use gopher_tests::agent::Home;
use gopher_tests::authority::Authority;
use serde_json::json;

use crate::tool::ctl;

#[test]
fn every_problem_of_a_configuration_has_its_line() {
    let home = Home::new().with_built_in("baseinfo");
    home.configure("[probe.baseinfo]\nitems = [\"tea\"]\nparams = { report_period = 1 }\n[probe.later]");
    let file = home.config().display().to_string();
    let done = ctl(&["config", "check", &file]).expect(78);
    done.says("unknown item");
    done.says("warning: ");
    let found = ctl(&["--json", "config", "check", &file]).expect(78).json();
    assert_eq!(found["good"], json!(false));
    let keys: Vec<_> = found["problems"].as_array().expect("problems").iter().map(|p| &p["key"]).collect();
    assert_eq!(keys, ["probe.baseinfo.items.tea", "probe.baseinfo.params.report_period"]);
    assert_eq!(found["warnings"][0]["key"], "probe.later");
}

#[test]
fn a_file_that_is_no_configuration_is_refused_with_its_lines() {
    let home = Home::new();
    home.write("[store]\nrecord_timeout = 5\n[stoer]\n");
    let file = home.config().display().to_string();
    let done = ctl(&["config", "check", &file]).expect(78);
    done.says("gala-gopher.conf:2: store.record_timeout: ");
    done.says("gala-gopher.conf:3: stoer: unknown section, did you mean");
}

#[test]
fn a_line_that_is_no_toml_is_told_once() {
    let home = Home::new();
    for name in ["gala-gopher.conf", "gala-gopher-app.conf"] {
        let file = home.config().with_file_name(name);
        std::fs::write(&file, "a = \"\\q\\q\"\n").expect("a file");
        let file = file.display().to_string();
        let found = ctl(&["--json", "config", "check", &file]).expect(78).json();
        let lines: Vec<_> =
            found["problems"].as_array().expect("problems").iter().map(|p| &p["line"]).collect();
        assert_eq!(lines, [1], "{name}: {found}");
        std::fs::remove_file(file).expect("a file");
    }
}

#[test]
fn a_good_configuration_is_said_to_be_good() {
    let home = Home::new();
    home.configure("");
    ctl(&["config", "check", &home.config().display().to_string()]).expect(0).says("good; 0 probe folders");
}

/// What a check and a start say of a configuration; all refuse it with the same words.
fn refused(home: &Home, words: &[&str]) {
    let file = home.config().display().to_string();
    let done = ctl(&["config", "check", &file]).expect(78);
    let found = ctl(&["--json", "config", "check", &file]).expect(78).json();
    assert_eq!(found["good"], json!(false));
    let checked = home.refused(&["--check"]);
    let started = home.refused(&[]);
    for (code, said) in [(Some(78), done.stdout), checked, started] {
        assert_eq!(code, Some(78), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
    }
}

#[test]
fn files_that_cannot_be_used_are_named_by_check_and_start_alike() {
    let home = Home::new();
    let file = |name: &str| home.path().join(name).display().to_string();
    let authority = Authority::new(home.path());
    ["server", "other"].iter().for_each(|name| authority.sign(name));
    let tls = |cert: &str, key: &str| format!("tls_cert_file = {cert:?}\ntls_key_file = {key:?}\n");
    let (cert, key, missing) = (file("server.pem"), file("server.key"), file("missing"));
    let listen = format!("[control]\nlisten = \"{}\"\n", home.control);
    for (lines, name, about) in [
        (tls(&missing, &key), "tls_cert_file", &missing),
        (tls(&cert, &missing), "tls_key_file", &missing),
        (tls(&cert, &file("other.key")), "tls_cert_file", &file("other.key")),
        (tls(&cert, &cert), "tls_key_file", &cert),
        (format!("{}tls_client_ca_file = {key:?}\n", tls(&cert, &key)), "tls_client_ca_file", &key),
        (format!("token_file = {missing:?}\n"), "token_file", &missing),
    ] {
        home.configure(&format!("{listen}{lines}"));
        refused(&home, &[&format!("control.{name}: "), about]);
        if name != "token_file" {
            home.configure_with(&format!("listen = \"{}\"\n{lines}", home.address), "");
            refused(&home, &[&format!("export.prometheus.{name}: "), about]);
        }
    }
}

#[test]
fn files_of_exporters_are_looked_at_like_those_of_listeners() {
    let home = Home::new();
    let file = |name: &str| home.path().join(name).display().to_string();
    let authority = Authority::new(home.path());
    ["client", "other"].iter().for_each(|name| authority.sign(name));
    let (ca, cert, other, missing) = (file("ca.pem"), file("client.pem"), file("other.key"), file("missing"));
    let pair = format!("cert_file = {cert:?}\nkey_file = {other:?}\n");
    let https = "enabled = true\nurl = \"https://127.0.0.1:1/\"\n";
    let otlp = "enabled = true\nendpoint = \"https://127.0.0.1:1\"\n";
    let kafka = "enabled = true\nbrokers = [\"127.0.0.1:1\"]\nsecurity = \"ssl\"\n";
    for (section, lines, key, about) in [
        ("remote_write", format!("{https}ca_file = {missing:?}"), "ca_file", &missing),
        ("remote_write", format!("{https}bearer_token_file = {missing:?}"), "bearer_token_file", &missing),
        (
            "remote_write",
            format!("{https}username = \"a\"\npassword_file = {missing:?}"),
            "password_file",
            &missing,
        ),
        ("otlp", format!("{otlp}{pair}"), "cert_file", &other),
        ("otlp", format!("{otlp}bearer_token_file = {missing:?}"), "bearer_token_file", &missing),
        ("kafka", format!("{kafka}ca_file = {missing:?}"), "ca_file", &missing),
        ("kafka", format!("{kafka}ca_file = {other:?}"), "ca_file", &other),
        ("kafka", format!("{kafka}ca_file = {ca:?}\n{pair}"), "key_file", &other),
    ] {
        home.configure(&format!("[export.{section}]\n{lines}"));
        refused(&home, &[&format!("export.{section}."), &format!("{key}: "), about]);
        home.configure(&format!(
            "[export.{section}]\n{}",
            lines.replace("enabled = true", "enabled = false")
        ));
        ctl(&["config", "check", &home.config().display().to_string()]).expect(0);
    }
}

#[test]
fn one_address_for_two_listeners_is_refused() {
    let home = Home::new();
    home.configure_with(&format!("listen = \"{}\"", home.control), "");
    refused(&home, &["control.listen: metrics are served at ", "(export.prometheus.listen)"]);
    home.configure_with("listen = \"127.0.0.1:9999\"", "[control]\ngroup = \"root\"");
    refused(&home, &["export.prometheus.listen: requests are answered at 127.0.0.1:9999 (control.listen)"]);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        ctl(&["completions", shell]).expect(0).says("gopher-ctl");
    }
}

#[test]
fn wrong_usage_is_told_apart() {
    ctl(&["probe"]).expect(2);
    ctl(&["probe", "run", "x", "--for", "5"]).expect(2).complains("500ms");
    ctl(&["teapot"]).expect(2).complains("teapot");
}

#[test]
fn every_command_explains_itself() {
    for command in
        [&[][..], &["probe"], &["probe", "run"], &["probe", "new"], &["probe", "check"], &["config", "check"]]
    {
        let done = ctl(&[command, &["--help"]].concat()).expect(0);
        if command != ["probe"] {
            done.says("Example");
        }
    }
}
