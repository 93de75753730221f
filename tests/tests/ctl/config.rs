//! `config check`, `completions`, and what every command has in common.

use gopher_tests::agent::Home;
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
