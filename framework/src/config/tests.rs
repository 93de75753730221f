//! Behaviour of reading, checking, rendering and comparing configurations.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::keys::{PROBE, SECTIONS};
use super::load::parse_whitelist;
use super::*;

fn read(text: &str) -> Result<Loaded, Problems> {
    parse(text, Path::new("a.conf"), Config::default())
}

fn good(text: &str) -> Config {
    read(text).unwrap_or_else(|problems| panic!("{problems}")).config
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/testdata").join(name)
}

/// Compares with a committed file; `UPDATE_GOLDEN=1` rewrites it.
fn assert_golden(path: &Path, text: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, committed, "{} differs; UPDATE_GOLDEN=1 rewrites it", path.display());
}

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(good(""), Config::default());
}

#[test]
fn the_rendered_default_file_means_the_defaults() {
    assert_eq!(good(&render::default_file()), Config::default());
    assert_eq!(parse_whitelist(&render::default_whitelist(), Path::new("app")), Ok(None));
}

#[test]
fn the_committed_default_files_are_the_rendered_ones() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    assert_golden(&config.join("gala-gopher.conf"), &render::default_file());
    assert_golden(&config.join("gala-gopher-app.conf"), &render::default_whitelist());
}

#[test]
fn every_key_gives_back_what_it_was_given() {
    let text = std::fs::read_to_string(data("full.conf")).unwrap();
    let full = good(&text);
    let mut copy = Config::default();
    for key in SECTIONS.iter().flat_map(|s| s.keys) {
        let name = key.field.name;
        assert_ne!((key.get)(&full), (key.get)(&copy), "{name}: full.conf must differ from the default");
        (key.set)(&mut copy, (key.get)(&full));
        assert_eq!((key.get)(&full), (key.get)(&copy), "{name}");
    }
    let (probe, mut copy) = (&full.probes["tcp"], ProbeConfig::default());
    for key in PROBE {
        (key.set)(&mut copy, (key.get)(probe));
    }
    assert_eq!(*probe, copy);
}

#[test]
fn values_arrive_in_their_fields() {
    let config = good(
        "[store]\nrecord_timeout = \"5m\"\n[export.prometheus]\nlisten = \"[::1]:9000\"\n\
         [probe.tcp]\nstate = \"running\"\nitems = [\"tcp_rtt\"]\nparams = { report_period = 5, ratio = 0.5, dev = \"eth0\" }\n\
         scope = { proc_id = [7], proc_name = [{ comm = \"nginx\", cmdline = \"-g\" }] }\n",
    );
    assert_eq!(config.store.record_timeout, Duration::from_secs(300));
    assert_eq!(config.prometheus.listen, Some("[::1]:9000".parse().unwrap()));
    let probe = &config.probes["tcp"];
    assert_eq!(probe.state, ProbeState::Running);
    assert_eq!(probe.items.as_deref(), Some(&["tcp_rtt".to_owned()][..]));
    assert_eq!(
        serde_json::json!(probe.params),
        serde_json::json!({"dev": "eth0", "ratio": 0.5, "report_period": 5})
    );
    let name = ProcName { comm: "nginx".into(), cmdline: "-g".into(), ..ProcName::default() };
    let select = Selectors { proc_id: vec![7], proc_name: vec![name], ..Selectors::default() };
    assert_eq!(probe.scope, Some(Scope { select, ..Scope::default() }));
}

#[test]
fn bad_files_give_every_problem_with_its_place() {
    let mut out = String::new();
    let cases = std::fs::read_to_string(data("bad.txt")).unwrap();
    for case in cases.split("=====\n").filter(|case| !case.trim().is_empty()) {
        let problems = read(case).expect_err(case);
        out.push_str(&format!("{case}-----\n{problems}\n=====\n"));
    }
    assert_golden(&data("bad.golden"), &out);
}

#[test]
fn problems_of_both_files_come_together() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gala-gopher.conf");
    std::fs::write(&path, "[agent]\ncolour = 1\n").unwrap();
    std::fs::write(app_conf_of(&path), "pod_ids = [\"x\"]\n").unwrap();
    let text = load(&path).expect_err("both are bad").to_string();
    assert!(text.contains("gala-gopher.conf:2: agent.colour: unknown key"), "{text}");
    assert!(
        text.contains(
            "gala-gopher-app.conf:1: pod_ids: unknown key `pod_ids`, did you mean `pod_id`?; allowed: all, proc_id"
        ),
        "{text}"
    );
}

#[test]
fn a_missing_or_unreadable_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().join("none.conf"), dir.path().to_owned()] {
        let error = load(&path).expect_err("no such file");
        assert!(matches!(error, LoadError::Read { .. }));
        assert!(error.to_string().starts_with(&format!("{}: cannot read", path.display())), "{error}");
    }
    let binary = dir.path().join("binary.conf");
    std::fs::write(&binary, b"[agent]\n\xff\n").unwrap();
    assert!(load(&binary).expect_err("not text").to_string().ends_with("line 2 is not UTF-8"));
}

#[test]
fn the_environment_gives_the_default_of_the_hosts_root_and_the_file_wins() {
    let of = |text: &str| {
        let mut problems = Vec::new();
        let config =
            load::defaults(|name| (name == "GOPHER_HOST_PATH").then(|| text.to_owned()), &mut problems);
        (config, problems.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let (base, problems) = of("/host");
    assert_eq!((base.agent.host_path.as_path(), problems.len()), (Path::new("/host"), 0));
    let default_file = parse(&render::default_file(), Path::new("a"), base.clone()).unwrap();
    assert_eq!(default_file.config.agent.host_path, Path::new("/host"));
    let file = parse("[agent]\nhost_path = \"/mnt\"", Path::new("a"), base).unwrap();
    assert_eq!(file.config.agent.host_path, Path::new("/mnt"));
    assert_eq!(of(""), (Config::default(), Vec::new()));
    let refused = "environment: GOPHER_HOST_PATH: found \"host\", expected an absolute path without \"..\"";
    assert_eq!(of("host").1, [refused]);
}

#[test]
fn the_whitelist_holds_where_a_probe_sets_no_scope() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gala-gopher.conf");
    std::fs::write(&path, "[probe.own]\nscope = { all = true }\n[probe.none]\nstate = \"running\"\n")
        .unwrap();
    std::fs::write(app_conf_of(&path), "proc_id = [1]\n").unwrap();
    let config = load(&path).unwrap().config;
    assert!(config.scope_of("own").unwrap().all);
    assert_eq!(config.scope_of("none").unwrap().select.proc_id, [1]);
    assert_eq!(config.scope_of("never mentioned").unwrap().select.proc_id, [1]);
}

#[test]
fn only_what_changed_is_in_the_difference() {
    let old = good("[probe.a]\nstate = \"running\"\n[probe.b]\nparams = { x = 1 }\n");
    let new = good(
        "[agent]\nrun_dir = \"/tmp/x\"\n[store]\nseries_total = 5\n\
         [probe.a]\nstate = \"running\"\n[probe.b]\nparams = { x = 2 }\n[probe.c]\nscope = { all = true }\n",
    );
    let changes = diff(&old, &new);
    let lines: Vec<String> = changes.keys.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "agent.run_dir: \"/run/gala-gopher\" -> \"/tmp/x\" (takes effect after a restart)",
            "store.series_total: 1000000 -> 5",
        ]
    );
    assert!(changes.touches("store") && !changes.touches("agent") && !changes.touches("folders"));
    let probes: Vec<_> =
        changes.probes.into_iter().map(|(name, keys)| (name, Vec::from_iter(keys))).collect();
    assert_eq!(probes, [("b".to_owned(), vec!["params"]), ("c".to_owned(), vec!["scope"])]);
    assert!(diff(&new, &new).is_empty());
}

#[test]
fn keys_that_need_a_restart_keep_what_runs() {
    let running = Config::default();
    let mut new = good("[agent]\nstate_dir = \"/tmp/x\"\nlog_level = \"debug\"\n");
    keep_restart_keys(&running, &mut new);
    assert_eq!(new.agent.state_dir, running.agent.state_dir);
    assert_eq!(new.agent.log_level, LogLevel::Debug);
}

proptest::proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC*") {
        drop(read(&text));
    }

    #[test]
    fn anything_like_a_file_is_answered(
        lines in proptest::collection::vec(
            "(\\[\\[?[a-z.]{0,12}\\]?\\]|(run_dir|items|scope|keep|x)( ?= ?)(\"[^\"]{0,8}\"|[0-9.e-]{0,6}|\\[.{0,6}\\]|\\{.{0,9}\\}|true)|.{0,20})",
            0..12,
        ),
    ) {
        drop(read(&lines.join("\n")));
    }

    #[test]
    fn unreadable_scopes_are_answered(text in "(all|proc_id|proc_name|pod_id|exclude) = \\PC{0,30}") {
        drop(parse_whitelist(&text, Path::new("app")));
    }
}
