//! `config import`: the original's files in, files that this agent takes out.

use std::fs;
use std::path::Path;

use gopher_tests::agent::{Agent, Home};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tool::{Done, ctl};

const CONF: &str = "global =\n{\n    log_file_name = \"gopher.log\";\n    log_level = \"warn\";\n    rest_api_on = true;\n};
metric =\n{\n    out_channel = \"web_server\";\n    kafka_topic = \"gala_gopher\";\n};
event =\n{\n    out_channel = \"logs\";\n    kafka_topic = \"gala_gopher_event\";\n    timeout = 300;\n};
meta =\n{\n    out_channel = \"\";\n    kafka_topic = \"gala_gopher_metadata\";\n};
imdb =\n{\n    max_tables_num = 1024;\n    max_records_num = 4096;\n    max_metrics_num = 64;\n    record_timeout = 90;\n};
web_server =\n{\n    bind_addr = \"127.0.0.1\";\n    port = 8889;\n    ssl_auth = \"off\";\n};
";

const APP: &str = "application =\n(\n  { comm = \"nginx\", cmdline = \"\" },\n  { comm = \"^java$\", cmdline = \"kafka.Kafka\", },\n);\n";

const META: &str = "version = \"1.0.0\"\nmeasurements:\n( { table_name: \"queue\", entity_name: \"queue\",
    fields: ( { description: \"Its name.\", type: \"key\", name: \"name\", },
              { description: \"What waits.\", type: \"gauge\", name: \"length\", },
              { description: \"Old.\", type: \"summary\", name: \"times\", }, ) } )\n";

struct Old(TempDir);

impl Old {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Imports some of the files with further arguments.
    fn import(&self, names: &[&str], arguments: &[&str]) -> Done {
        let files: Vec<_> = names.iter().map(|name| self.path(name)).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        ctl(&[&["config", "import"], &files[..], arguments].concat())
    }
}

#[test]
fn a_configuration_keeps_what_it_said_and_passes_the_check() {
    let old = Old::new(&[("gala-gopher.conf", CONF), ("gala-gopher-app.conf", APP)]);
    let new = old.path("new");
    let done = old.import(&["gala-gopher.conf", "gala-gopher-app.conf"], &["--output", &new]).expect(0);
    done.complains("gala-gopher.conf:3: global.log_file_name");
    done.complains("2 files read, 2 files written");
    let text = fs::read_to_string(format!("{new}/gala-gopher.conf")).expect("a configuration");
    for line in [
        "log_level = \"warn\"",
        "series_per_table = 4096",
        "record_timeout = \"90s\"",
        "listen = \"127.0.0.1:8889\"",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // What equals a default is not written.
    assert!(!text.contains("run_dir") && !text.contains("[control]"), "{text}");
    let app = fs::read_to_string(format!("{new}/gala-gopher-app.conf")).expect("a whitelist");
    assert!(app.contains("cmdline = \"kafka.Kafka\""), "{app}");
    ctl(&["config", "check", &format!("{new}/gala-gopher.conf")]).expect(0);
}

#[test]
fn every_key_of_the_original_is_taken_or_noted() {
    let shipped = include_str!("../../../framework/src/import/testdata/gala-gopher.conf");
    let old = Old::new(&[("gala-gopher.conf", shipped)]);
    let found: Value = {
        let file = old.path("gala-gopher.conf");
        ctl(&["--json", "config", "import", &file]).expect(0).json()
    };
    let notes: Vec<_> = found["notes"]
        .as_array()
        .expect("notes")
        .iter()
        .map(|note| note["text"].as_str().unwrap_or_default())
        .collect();
    for part in ["unknown section", "unknown key", "no key of the original"] {
        assert!(!notes.iter().any(|note| note.contains(part)), "{part}: {notes:#?}");
    }
    assert_eq!(found["files"][0]["path"], "gala-gopher.conf");
}

#[test]
fn nothing_is_replaced_without_force_and_then_nothing_is_written() {
    let old = Old::new(&[("gala-gopher.conf", CONF), ("gala-gopher-app.conf", APP)]);
    let there = old.path("there");
    fs::create_dir(&there).expect("a folder");
    fs::write(format!("{there}/gala-gopher-app.conf"), "# mine\n").expect("a file");
    let names = ["gala-gopher.conf", "gala-gopher-app.conf"];
    old.import(&names, &["--output", &there]).expect(1).complains("gala-gopher-app.conf; --force replaces");
    assert!(!Path::new(&there).join("gala-gopher.conf").exists());
    assert_eq!(fs::read_to_string(format!("{there}/gala-gopher-app.conf")).expect("mine"), "# mine\n");
    old.import(&names, &["--output", &there, "--force"]).expect(0);
    assert_ne!(fs::read_to_string(format!("{there}/gala-gopher-app.conf")).expect("theirs"), "# mine\n");
}

#[test]
fn without_an_output_everything_is_shown_and_nothing_written() {
    let old = Old::new(&[("gala-gopher-app.conf", APP)]);
    let done = old.import(&["gala-gopher-app.conf"], &[]).expect(0);
    done.says("# ---- gala-gopher-app.conf");
    done.says("comm = \"^java$\"");
    assert_eq!(fs::read_dir(old.0.path()).expect("a folder").count(), 1);
}

#[test]
fn a_meta_file_becomes_a_folder_whose_rows_keep_their_order() {
    let old = Old::new(&[("queue.meta", META)]);
    let new = old.path("new");
    old.import(&["queue.meta"], &["--output", &new]).expect(0).complains("queue.times: a summary");
    let manifest = fs::read_to_string(format!("{new}/extend-probes/queue/probe.toml")).expect("a manifest");
    let manifest = gopher_protocol::manifest::Manifest::parse(&manifest).expect("a good one");
    let names: Vec<_> = manifest.tables[0].fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["name", "length", "times"]);
}

#[test]
fn a_custom_probe_runs_in_the_agent_once_it_is_imported() {
    let old = Old::new(&[("queue.meta", META)]);
    let program = old.path("queue.sh");
    fs::write(&program, "#!/bin/sh\necho '|queue|a|7|1|'\nread -r line\n").expect("a program");
    fs::write(
        old.path("gala-gopher-custom.json"),
        json!({ "Queue": { "bin": program, "probe": ["lengths"], "custom_param": "depth" } }).to_string(),
    )
    .expect("a file");
    let home = Home::new();
    let new = home.path().display().to_string();
    old.import(&["gala-gopher-custom.json"], &["--output", &new]).expect(0).complains("is called queue now");
    fs::rename(home.path().join("extend-probes/queue"), home.path().join("extend/queue"))
        .expect("the folder in its place");
    ctl(&["probe", "check", &home.path().join("extend/queue").display().to_string()]).expect(0);
    home.configure("[probe.queue]\nstate = \"running\"\n");
    let agent = Agent::start(home);
    agent.until("the row", |samples| {
        samples
            .iter()
            .any(|(name, value)| name.starts_with("gala_gopher_queue_length{name=\"a\"") && value == "7")
    });
}

#[test]
fn what_cannot_be_understood_is_named_with_its_line() {
    let old = Old::new(&[
        ("a.conf", "global = {\n log_level = info\n}"),
        ("b.conf", "x = 1"),
        ("c.meta", "measurements: 1"),
    ]);
    let done = old.import(&["a.conf", "b.conf", "c.meta"], &[]).expect(78);
    done.complains("a.conf:2: ");
    done.complains("b.conf: is no file of the original");
    done.complains("c.meta:1: `measurements` is no list");
    old.import(&["d.conf"], &[]).expect(78).complains("d.conf: No such file");
}

#[test]
fn one_bad_part_leaves_the_others_in() {
    let requests = "baseinfo {\"cmd\": {\"probe\": [\"cpu\", \"con\"]}, \"state\": \"running\"}\nbaseinfo {\"state\": 7}\nx\n";
    let old = Old::new(&[("gala-gopher.conf", CONF), ("probes.init", requests)]);
    fs::create_dir(old.path("folder")).expect("a folder");
    let new = old.path("new");
    let home = Home::new().with_built_in("baseinfo");
    let probes = home.path().join("probes").display().to_string();
    let names = ["gala-gopher.conf", "folder", "probes.init"];
    let done = old.import(&names, &["--output", &new, "--probes", &probes]).expect(1);
    done.complains("left out: ");
    done.complains("folder: Is a directory");
    done.complains("probes.init:2: baseinfo: ");
    done.complains("probes.init:3: expected a probe's name and JSON");
    done.complains("3 parts left out");
    let text = fs::read_to_string(format!("{new}/gala-gopher.conf")).expect("a configuration");
    for line in ["items = [\"cpu\"]", "dedup = \"5m\""] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn tables_that_are_given_go_before_those_of_this_host() {
    let here = Old::new(&[("queue.meta", "measurements: 1"), ("queue.sh", "#!/bin/sh\n")]);
    let custom = json!({ "queue": { "bin": here.path("queue.sh"), "probe": [] } }).to_string();
    let old = Old::new(&[("queue.meta", META), ("gala-gopher-custom.json", &custom)]);
    let names = ["gala-gopher-custom.json", "queue.meta"];
    old.import(&names, &[]).expect(0).says("# ---- extend-probes/queue/probe.toml");
}

#[test]
fn tables_given_beside_a_custom_probe_are_its_own() {
    let program = "/nowhere/queue.sh";
    let custom = json!({ "Queue": { "bin": program, "probe": [], "custom_param": "" } }).to_string();
    let old = Old::new(&[("queue.meta", META), ("gala-gopher-custom.json", &custom)]);
    let found = old.import(&["queue.meta", "gala-gopher-custom.json"], &["--json"]).expect(0).json();
    let files: Vec<_> = found["files"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
    assert_eq!(files, ["extend-probes/queue/probe.toml"], "{found}");
    assert_eq!(found["copies"][0]["from"], program);
}
