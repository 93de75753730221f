//! Manifests of test probes.

/// A folder that runs `exec` and fills one table `demo`, entity NAME, with a key `id` and a gauge `v`, as the fake probe
/// does. `lines` are further ones of the manifest's head, such as `limits = { series = 10 }`.
#[must_use]
pub fn demo(name: &str, exec: &[&str], lines: &str) -> String {
    format!(
        r#"protocol = 1
name = "{name}"
exec = {exec:?}
{lines}
[[probe]]
name = "{name}"
summary = "Misbehaves on request."
autostart = true

[[table]]
name = "demo"
entity = "{name}"
fields = [
  {{ name = "id", type = "key", help = "Number." }},
  {{ name = "v", type = "gauge", help = "Value." }},
]
"#
    )
}

#[cfg(test)]
mod tests {
    use gopher_protocol::manifest::Manifest;

    #[test]
    fn it_is_a_manifest() {
        let text = super::demo("a", &["run.sh", "--flag"], "limits = { series = 10 }");
        assert_eq!(Manifest::parse(&text).unwrap().exec, ["run.sh", "--flag"]);
    }
}
