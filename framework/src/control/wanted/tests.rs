//! Documents of all sorts against one manifest.

use gopher_protocol::manifest::Manifest;

use super::*;
use crate::config::Config;
use crate::config::Overlay;

const MANIFEST: &str = r#"
protocol = 1
name = "tcp"
exec = ["x"]
[[probe]]
name = "tcp"
summary = "s"
scope = ["process"]
[[probe.item]]
name = "tcp_rtt"
summary = "s"
[[probe.item]]
name = "tcp_abnormal"
summary = "s"
[probe.params.report_period]
default = 60
range = [5, 600]
unit = "s"
[probe.params.dev_name]
default = ""
[[table]]
name = "t"
entity = "t"
fields = [{ name = "id", type = "key", help = "N." }, { name = "v", type = "gauge", help = "V." }]
"#;

fn read(document: Json) -> Result<Wanted, Vec<Issue>> {
    wanted(&document, &Manifest::parse(MANIFEST).unwrap().probes[0])
}

/// The probe's section as it is with the settings of a document.
fn asked(document: Json) -> ProbeConfig {
    let mut overlay = Overlay::default();
    let settings = read(document).unwrap().settings;
    settings.into_iter().for_each(|(key, value)| overlay.set("tcp", &key, Some(value)));
    overlay.over(&Config::default()).probes.remove("tcp").unwrap_or_default()
}

fn refused(document: Json, path: &str, allowed: &str) {
    let issues = read(document.clone()).unwrap_err();
    let fits = |issue: &Issue| issue.path == path && issue.allowed.contains(allowed);
    assert!(issues.iter().any(fits), "{document}: {issues:?}");
}

#[test]
fn what_the_original_takes_is_taken() {
    let asked = asked(json!({
        "cmd": {"bin": "/opt/gala-gopher/extend_probes/tcpprobe", "probe": ["TCP_RTT", "tcp_abnormal", "tcp_rtt"]},
        "snoopers": {"proc_id": [7], "proc_name": [{"comm": "java", "cmdline": "x", "debugging_dir": ""}]},
        "params": {"report_period": 5, "latency_thr": 10},
        "state": "Running",
    }));
    assert_eq!(asked.items.unwrap(), ["tcp_rtt", "tcp_abnormal"]);
    assert_eq!(asked.scope.unwrap().select.proc_name[0].comm, "java");
    assert_eq!((asked.params.len(), asked.state), (1, ProbeState::Running));
}

#[test]
fn empty_parts_change_nothing() {
    for document in [json!({}), json!({"cmd": {}}), json!({"params": {}}), json!({"persist": false})] {
        assert!(read(document.clone()).unwrap().settings.is_empty(), "{document}");
    }
}

#[test]
fn known_parameters_of_other_probes_give_a_warning() {
    let wanted = read(json!({"params": {"svg_period": 1, "metrics_type": ["raw"]}})).unwrap();
    let paths: Vec<_> = wanted.warnings.iter().map(|warning| warning.path.as_str()).collect();
    assert_eq!((paths, wanted.settings.len()), (vec!["params.metrics_type", "params.svg_period"], 0));
}

#[test]
fn items_that_the_original_had_give_a_warning() {
    let manifest = MANIFEST.replace("name = \"tcp\"", "name = \"baseinfo\"");
    let probe = &Manifest::parse(&manifest).unwrap().probes[0];
    let both = wanted(&json!({"cmd": {"probe": ["Con", "tcp_rtt"]}}), probe).unwrap();
    assert_eq!((both.warnings[0].path.as_str(), both.warnings.len()), ("cmd.probe[0]", 1));
    assert_eq!(both.settings.len(), 1, "{both:?}");
    let alone = wanted(&json!({"cmd": {"probe": ["con"]}}), probe).unwrap();
    assert_eq!((alone.warnings.len(), alone.settings.len()), (2, 0));
    assert!(alone.warnings[1].message.contains("nothing is switched on"), "{alone:?}");
    let unknown = wanted(&json!({"cmd": {"probe": ["con", "tea"]}}), probe).unwrap_err();
    assert_eq!((unknown.len(), unknown[0].path.as_str()), (1, "cmd.probe[1]"));
    refused(json!({"cmd": {"probe": ["con"]}}), "cmd.probe[0]", "tcp_rtt");
}

#[test]
fn refusals_name_the_place_and_what_is_allowed() {
    refused(json!({"params": {"report_period": 4}}), "params.report_period", "5 to 600");
    refused(json!({"params": {"report_period": "5"}}), "params.report_period", "a number");
    refused(json!({"params": {"reprt_period": 5}}), "params.reprt_period", "report_period");
    refused(json!({"cmd": {"probe": ["tcp_rttt"]}}), "cmd.probe[0]", "tcp_rtt");
    refused(json!({"cmd": {"probe": []}}), "cmd.probe", "at least one");
    refused(json!({"state": "on"}), "state", "running");
    refused(json!({"snooper": {}}), "snooper", "snoopers");
    refused(
        json!({"snoopers": {"proc_name": [{"comm": "a", "label": {"le": "x"}}]}}),
        "snoopers.proc_name[0].label.le",
        "label",
    );
    refused(json!({"blacklist": {"custom_labels": {}}}), "blacklist.custom_labels", "proc_id");
    refused(json!({"snoopers": {"proc_id": [1]}, "blacklist": {"proc_id": [2]}}), "blacklist", "one of both");
}

#[test]
fn garbage_of_every_shape_is_refused_in_words() {
    for document in [
        json!([]),
        json!(1),
        json!(null),
        json!("x"),
        json!({"cmd": []}),
        json!({"snoopers": [1]}),
        json!({"cmd": {"probe": {"a": 1}}}),
        json!({"params": []}),
        json!({"params": {"report_period": 4294967296_u64}}),
        json!({"params": {"report_period": 1e30}}),
        json!({"params": {"dev_name": ["x"]}}),
        json!({"state": {}}),
        json!({"snoopers": {"proc_name": {}}}),
        json!({"snoopers": {"container_id": ["x; rm"]}}),
        json!({"persist": 1}),
    ] {
        assert!(!read(document.clone()).unwrap_err().is_empty(), "{document}");
    }
}

#[test]
fn a_blacklist_observes_all_but_what_it_names() {
    let scope = asked(json!({"blacklist": {"proc_id": [2]}, "snoopers": {"custom_labels": {"a": "b"}}}))
        .scope
        .unwrap();
    assert!(scope.all && scope.exclude.proc_id == [2] && scope.custom_labels["a"] == "b");
    assert!(asked(json!({"blacklist": {}})).scope.unwrap().all);
}

#[test]
fn empty_snoopers_take_the_scope_back() {
    let wanted = read(json!({"snoopers": {"proc_id": [], "proc_name": []}})).unwrap();
    assert_eq!(wanted.settings.keys().collect::<Vec<_>>(), ["scope"]);
    assert_eq!(asked(json!({"snoopers": {}})).scope, None);
}
