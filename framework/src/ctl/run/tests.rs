//! Which configuration a run sends.

use std::path::Path;

use serde_json::json;

use super::*;
use crate::catalog::{Origin, Rules, inspect};

const MANIFEST: &str = r#"
protocol = 1
name = "demo"
exec = ["run.sh"]
[[probe]]
name = "first"
summary = "s"
[[probe.item]]
name = "a"
summary = "s"
[probe.params.period]
default = 60
range = [5, 600]
[[probe]]
name = "second"
summary = "s"
[[probe.item]]
name = "b"
summary = "s"
"#;

fn message(items: &[&str], params: &[&str]) -> Result<ConfigMessage, Failure> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("demo");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("probe.toml"), MANIFEST).unwrap();
    std::fs::write(path.join("run.sh"), "#!/bin/sh\n").unwrap();
    let open: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path.join("run.sh"), open).unwrap();
    let rules = Rules { extend_privileges: Vec::new(), trust: None };
    let folder = inspect(&path, Origin::BuiltIn, &rules).unwrap();
    let words = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    let wanted = Run {
        folder: Path::new("demo").to_owned(),
        time: Duration::ZERO,
        items: words(items),
        params: words(params),
    };
    configuration(&folder, &wanted)
}

#[test]
fn without_arguments_everything_is_on_with_its_default() {
    let message = message(&[], &[]).unwrap();
    assert_eq!(message.probes["first"].items, ["a"]);
    assert_eq!(message.probes["first"].params["period"], json!(60));
    assert_eq!(message.probes["second"].items, ["b"]);
    assert!(message.probes["second"].scope.all);
}

#[test]
fn items_choose_the_probes_that_have_them() {
    let message = message(&["b"], &["period=7"]).unwrap();
    assert_eq!(message.probes.keys().collect::<Vec<_>>(), ["second"]);
}

#[test]
fn what_no_probe_knows_is_wrong_usage() {
    for (items, params, expected) in [
        (&["c"][..], &[][..], "unknown item"),
        (&[], &["periud=7"], "did you mean `period`"),
        (&[], &["period=1"], "from 5 to 600"),
        (&[], &["period"], "is no NAME=VALUE"),
    ] {
        let failure = message(items, params).unwrap_err();
        assert_eq!(failure.code(), 2);
        assert!(failure.to_string().contains(expected), "{failure}");
    }
}
