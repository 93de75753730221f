//! `doctor`: what probes can see on this host, told by the agent or by a trial.

use gopher_tests::agent::{Agent, Home};
use serde_json::{Value, json};

use crate::tool::{Done, ctl};

/// Says of two capabilities that one has no hook and the other only a rough one.
const PARTLY: &str = "|capability|drops|rx|||fentry/tcp_drop: not permitted|\n\
    |capability|delay|rx tx|tp_btf/tcp_probe|approximate: sampled|fentry/tcp_ack: not permitted|\n|ready|";

fn home() -> Home {
    let home = Home::new().with_built_in("procwatch");
    let items =
        "[[probe.item]]\nname = \"rx\"\nsummary = \"s\"\n[[probe.item]]\nname = \"tx\"\nsummary = \"s\"\n";
    let manifest = gopher_tests::manifest::demo("partly", &["fake_probe", "--line", PARTLY], "");
    home.extend("partly", &manifest.replace("[[table]]", &format!("{items}[[table]]")));
    home.fake("nowhere", &["--stderr", "needs a newer kernel", "--exit", "78"]);
    home.configure("");
    home
}

fn doctor(home: &Home, more: &[&str]) -> Done {
    let config = home.config().display().to_string();
    let socket = home.path().join("run/control.sock").display().to_string();
    ctl(&[&["--socket", &socket, "doctor", "--config", &config], more].concat())
}

#[test]
fn each_item_works_is_degraded_or_impossible_and_the_reason_is_told() {
    let home = home();
    let done = doctor(&home, &["--json"]).expect(1);
    let found: Value = done.json();
    let folder = |name: &str| {
        let folders = found["folders"].as_array().unwrap();
        folders
            .iter()
            .find(|one| one["folder"] == name)
            .unwrap_or_else(|| panic!("{name} in {found}"))
            .clone()
    };
    let verdicts = |name: &str| {
        let items = folder(name)["items"].as_array().unwrap().clone();
        items.iter().map(|item| (item["item"].clone(), item["verdict"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(verdicts("partly"), [(json!("rx"), json!("degraded")), (json!("tx"), json!("degraded"))]);
    assert_eq!(verdicts("procwatch"), [(json!(""), json!("works"))]);
    assert_eq!(verdicts("nowhere"), [(json!(""), json!("impossible"))]);
    assert_eq!(folder("nowhere")["unsupported"], "needs a newer kernel");
    assert_eq!(folder("procwatch")["by"], "trial");
    let text = doctor(&home, &["partly"]).expect(0).stdout;
    assert!(text.contains("no drops (fentry/tcp_drop: not permitted)"), "{text}");
    assert!(text.contains("partly delay not by fentry/tcp_ack: not permitted"), "{text}");
    doctor(&home, &["absent"]).expect(2).complains("no probe absent is installed");
}

#[test]
fn what_the_product_has_and_the_host_lacks_is_named_with_the_package_that_brings_it() {
    let home = home();
    let known = r#"[{"folder": "procwatch", "probes": ["procwatch"], "summary": "s", "package": null},
        {"folder": "other", "probes": ["rare"], "summary": "Sees rare things.", "package": "gala-gopher-probe-other"}]"#;
    std::fs::write(home.path().join("probes/known.json"), known).unwrap();
    let found: Value = doctor(&home, &["--json"]).expect(1).json();
    let missing = found["not_installed"].as_array().unwrap();
    assert_eq!(missing.len(), 1, "{found}");
    assert_eq!(missing[0]["folder"], "other");
    doctor(&home, &[])
        .expect(1)
        .says("other is not installed: the package gala-gopher-probe-other brings it");
    doctor(&home, &["rare"]).expect(2).complains("the package gala-gopher-probe-other brings it");
    let agent = Agent::serve(home);
    let (status, probes) = agent.control("GET", "/probes", "");
    assert_eq!((status, &probes["not_installed"][0]["probes"]), (200, &json!(["rare"])));
}

#[test]
fn a_running_probe_is_asked_through_the_agent() {
    let agent = Agent::serve(home());
    agent.until("the probe", |samples| {
        samples.contains_key("gala_gopher_agent_probe_state{probe=\"partly\",state=\"running\"}")
            && samples["gala_gopher_agent_probe_state{probe=\"partly\",state=\"running\"}"] == "1"
    });
    let found: Value = doctor(&agent.home, &["--json", "partly"]).expect(0).json();
    assert_eq!(found["folders"][0]["by"], "agent");
    assert_eq!(found["folders"][0]["items"][0]["verdict"], "degraded");
}
