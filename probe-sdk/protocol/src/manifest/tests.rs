//! Manifests as authors write them, good and bad.

use super::*;

const GOOD: &str = r#"protocol = 1
name = "demo"
exec = ["run.sh", "-v"]
privileges = ["CAP_BPF"]
limits = { memory = "64MiB", cpu = "20%", series = 100 }

[[probe]]
name = "demo"
summary = "A demonstration."
autostart = true
scope = ["process"]

  [[probe.item]]
  name = "one"
  summary = "The first."

  [probe.params.report_period]
  default = 60
  range = [5, 600]
  unit = "s"

[[table]]
name = "demo_table"
entity = "demo"
fields = [
  { name = "key", type = "key", help = "The key." },
  { name = "size", type = "gauge", unit = "bytes", item = "one", help = "The size." },
  { name = "seen", type = "delta", help = "How many were seen." },
]
"#;

fn problems(text: &str) -> Vec<String> {
    Manifest::parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_good_manifest_is_read_whole() {
    let manifest = Manifest::parse(GOOD).unwrap();
    assert_eq!(manifest.exec, ["run.sh", "-v"]);
    assert_eq!(manifest.limits.memory, Some(64 << 20));
    assert_eq!(manifest.limits.rows_per_second, 50_000);
    assert_eq!(manifest.tables[0].probe, "demo");
    assert_eq!(manifest.tables[0].metric(&manifest.tables[0].fields[1]), "gala_gopher_demo_size");
    let period = &manifest.probes[0].params["report_period"];
    assert_eq!(period.allowed(), "a number from 5 to 600 (s)");
    assert!(period.check(&serde_json::json!(5)).is_ok());
    assert!(period.check(&serde_json::json!(4)).is_err());
    assert!(period.check(&serde_json::json!("5")).is_err());
}

#[test]
fn a_privilege_is_required_or_optional() {
    let with = |names: &str| {
        GOOD.replace(
            "privileges = [\"CAP_BPF\"]",
            &format!("privileges = [\"CAP_BPF\"]\noptional_privileges = {names}"),
        )
    };
    let manifest = Manifest::parse(&with("[\"CAP_NET_ADMIN\"]")).unwrap();
    assert_eq!(
        (manifest.privileges, manifest.optional_privileges),
        (vec!["CAP_BPF".to_owned()], vec!["CAP_NET_ADMIN".to_owned()])
    );
    let found = problems(&with("[\"CAP_BPF\", \"net_admin\"]"));
    assert_eq!(
        found,
        [
            "line 5: `CAP_BPF` is in privileges too; name it in one of them",
            "line 5: `net_admin` is no Linux capability; write CAP_… names"
        ]
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let text = GOOD.replace("autostart = true", "autostrat = true");
    let found = problems(&text);
    assert!(found[0].starts_with("line 10: unknown field `autostrat`"), "{found:?}");
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = GOOD
        .replace("protocol = 1", "protocol = 2")
        .replace("name = \"demo\"\nexec", "name = \"Demo\"\nexec")
        .replace("\"run.sh\"", "\"/bin/sh\"")
        .replace("64MiB", "64MB")
        .replace("default = 60", "default = 1")
        .replace("item = \"one\"", "item = \"two\"");
    let lines: Vec<_> = Manifest::parse(&text).unwrap_err().iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [1, 2, 3, 5, 17, 27]);
}

#[test]
fn names_that_collide_are_refused() {
    for (field, kind) in
        [("size_max", "gauge"), ("size_sum", "counter"), ("size", "gauge"), ("seen_total", "gauge")]
    {
        let text = GOOD
            .replace("name = \"size\", type = \"gauge\"", "name = \"size\", type = \"histogram\"")
            .replace("]\n\"", "")
            + &format!(
                "[[table]]\nname = \"other\"\nentity = \"demo\"\nfields = [\n{{ name = \"key\", type = \"key\", help = \"k\" }},\n{{ name = \"{field}\", type = \"{kind}\", help = \"h\" }},\n]\n"
            );
        let found = problems(&text);
        assert!(found[0].contains("makes the metric"), "{field}: {found:?}");
    }
}

#[test]
fn a_table_needs_a_key_a_value_and_free_names() {
    for (from, to, message) in [
        ("type = \"key\"", "type = \"label\"", "needs at least one key"),
        ("name = \"demo_table\"", "name = \"event\"", "not be event"),
        ("name = \"key\"", "name = \"le\"", "reserved"),
        ("entity = \"demo\"", "entity = \"agent_x\"", "the agent's own metrics"),
        ("name = \"size\"", "name = \"9size\"", "must match"),
        ("help = \"The key.\"", "help = \" \"", "one line of text"),
        ("name = \"seen\"", "name = \"size\"", "twice"),
    ] {
        let found = problems(&GOOD.replace(from, to));
        assert!(found.iter().any(|problem| problem.contains(message)), "{to}: {found:?}");
    }
}

#[test]
fn a_string_is_bounded_and_of_one_line() {
    let param =
        Param { default: "".into(), range: None, choices: Vec::new(), unit: None, summary: String::new() };
    assert!(param.check(&"x".repeat(4096).into()).is_ok());
    for bad in ["x".repeat(4097), "two\nlines".to_owned(), "\u{1b}[2J".to_owned()] {
        assert!(param.check(&bad.into()).unwrap_err().contains("4096 bytes without control characters"));
    }
}

#[test]
fn parsing_arbitrary_text_never_panics() {
    for cut in 0..GOOD.len() {
        drop(Manifest::parse(&GOOD[..cut]));
    }
}
