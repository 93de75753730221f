//! `probe check` and `probe run` on folders with the fake probe.

use gopher_tests::agent::Home;
use serde_json::json;

use crate::tool::ctl;

/// A folder with the fake probe that does what the flags say.
fn folder(flags: &[&str]) -> (Home, String) {
    let home = Home::new();
    home.fake("demo", flags);
    let path = home.path().join("extend/demo").display().to_string();
    (home, path)
}

#[test]
fn a_good_folder_is_said_to_be_good() {
    let (_home, path) = folder(&[]);
    ctl(&["probe", "check", &path]).expect(0).says("good; serves demo with 1 table and 1 metric");
    let found = ctl(&["--json", "probe", "check", &path]).expect(0).json();
    assert_eq!((&found["good"], &found["problems"]), (&json!(true), &json!([])));
}

#[test]
fn every_problem_of_a_folder_has_its_line() {
    let home = Home::new();
    home.extend(
        "demo",
        "protocol = 1\nname = \"demo\"\nexec = [\"/bin/sh\"]\nprivileges = [\"root\"]\n[[probe]]\nname = \"Demo\"\nsummary = \"S.\"\n",
    );
    let path = home.path().join("extend/demo").display().to_string();
    let done = ctl(&["probe", "check", &path]).expect(78);
    for line in [3, 4, 6] {
        done.says(&format!("{path}/probe.toml:{line}: "));
    }
    let found = ctl(&["--json", "probe", "check", &path]).expect(78).json();
    let lines: Vec<_> =
        found["problems"].as_array().expect("problems").iter().map(|p| p["line"].clone()).collect();
    assert_eq!(lines, [3, 4, 6]);
}

#[test]
fn problems_beyond_the_manifest_are_found_together() {
    let home = Home::new();
    home.extend("demo", &gopher_tests::manifest::demo("other", &["missing"], ""));
    let path = home.path().join("extend/demo").display().to_string();
    let done = ctl(&["probe", "check", &path]).expect(78);
    done.says("name = \"other\" must be the folder's name");
    done.says("`missing` cannot be used");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    ctl(&["probe", "check", "/nowhere"]).expect(78).says("/nowhere: there is no such folder");
}

#[test]
fn what_an_agent_would_not_grant_is_a_warning() {
    let home = Home::new();
    home.fake_with("demo", &[], "privileges = [\"CAP_BPF\"]");
    let path = home.path().join("extend/demo").display().to_string();
    ctl(&["probe", "check", &path]).expect(0).says("extend_privileges = [\"CAP_BPF\"]");
}

#[test]
fn rows_are_shown_below_the_names_of_their_fields() {
    let (_home, path) = folder(&["--rows", "3"]);
    let done = ctl(&["probe", "run", &path, "--for", "300ms"]).expect(0);
    done.says("demo -> gala_gopher_demo_");
    done.says("  id   v\n  key  gauge\n");
    done.says("3 rows of 1 table, 0 rejected");
    let run = ctl(&["--json", "probe", "run", &path, "--for", "300ms"]).expect(0).json();
    assert_eq!((&run["row_count"], &run["end"]), (&json!(3), &json!("stopped")));
    assert_eq!(run["rows"][0]["table"], "demo");
}

#[test]
fn what_is_rejected_is_shown_with_its_reason_and_fails_the_run() {
    let (_home, path) = folder(&["--rows", "1", "--line", "|demo|7|"]);
    let done = ctl(&["probe", "run", &path, "--for", "300ms"]).expect(1);
    done.says("rejected too_few_fields: table `demo`");
    done.says("|demo|7|");
    done.complains("rejected: 1 line");
    let (_home, path) = folder(&["--line", "|demo|7|seven|"]);
    let run = ctl(&["--json", "probe", "run", &path, "--for", "300ms"]).expect(1).json();
    assert!(run["rejected"][0]["reason"].as_str().expect("a reason").starts_with("not_a_number"), "{run}");
}

#[test]
fn a_probe_that_ends_badly_fails_the_run_at_once() {
    for (flags, expected) in [
        (&["--exit", "3"][..], "exit code 3"),
        (&["--stderr", "no BTF here", "--exit", "78"], "cannot work here"),
        (&["--rows", "1", "--crash-after", "10"], "killed by a signal"),
    ] {
        let (_home, path) = folder(flags);
        ctl(&["probe", "run", &path, "--for", "1h"]).expect(1).complains(expected);
    }
    let (_home, path) = folder(&["--stderr", "no BTF here", "--exit", "78"]);
    ctl(&["probe", "run", &path]).expect(1).complains("no BTF here");
}

#[test]
fn a_probe_that_does_not_stop_is_ended_with_all_that_it_started() {
    let (home, path) = folder(&["--rows", "1", "--ignore-term", "--fork-grandchild", "--hang"]);
    ctl(&["probe", "run", &path, "--for", "300ms"]).expect(1).complains("did not end when told to");
    let left = gopher_tests::process::processes().into_iter().filter(|process| process.is_of(home.path()));
    assert_eq!(left.count(), 0);
}

#[test]
fn unknown_items_and_parameters_are_wrong_usage() {
    let (_home, path) = folder(&[]);
    ctl(&["probe", "run", &path, "--items", "tea"]).expect(2).complains("unknown item");
    ctl(&["probe", "run", &path, "--params", "sugar=1"]).expect(2).complains("the probe has no parameter");
}
