//! The default file as text: every key with its document and its default, from the table of keys.

use super::keys::{PROBE, SCOPE, SECTIONS};
use super::kind::Value;
use super::model::{Config, ProbeConfig};
use super::scope::Scope;
use super::setting::Setting as _;

/// Width of a comment line.
const WIDTH: usize = 100;

/// The text of `config/gala-gopher.conf`.
pub fn default_file() -> String {
    let defaults = Config::default();
    let mut out = String::from(
        "# The agent's configuration. Every key has a default, so every line here may be left out.\n\
         # Changes of this file hold at once; a file with a problem changes nothing and the log says why.\n\
         # Check it with: gala-gopher --config FILE --check\n",
    );
    for section in SECTIONS {
        out.push('\n');
        comment(&mut out, "", section.doc);
        out.push_str(&format!("[{}]\n", section.name));
        for key in section.keys {
            comment(&mut out, "", &format!("{} Accepts {}.", key.field.doc, key.field.kind.expects()));
            // A line for such a key would hide the environment.
            let off = if key.env.is_some() { "# " } else { "" };
            out.push_str(&format!("{off}{} = {}\n", key.field.name, (key.get)(&defaults)));
        }
    }
    out.push('\n');
    comment(&mut out, "", "What is asked of a probe, by its name, in a section [probe.NAME]:");
    for key in PROBE {
        comment(&mut out, "  ", &format!("{}: {}", key.field.name, key.field.doc));
    }
    for field in SCOPE {
        comment(&mut out, "  ", &format!("scope.{}: {}", field.name, field.doc));
    }
    out.push_str(
        "#\n# [probe.NAME]\n# state = \"running\"\n# items = [\"one\", \"two\"]\n# params = { report_period = 5 }\n\
         # scope = { proc_name = [{ comm = \"^nginx$\" }] }\n",
    );
    out
}

/// A file with the keys that differ from their defaults.
pub fn difference(config: &Config) -> String {
    let defaults = Config::default();
    let mut out = String::from("# Keys that are left out have their defaults.\n");
    let mut section = |name: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            out.push_str(&format!("\n[{name}]\n{}\n", lines.join("\n")));
        }
    };
    for fixed in SECTIONS {
        let changed = fixed.keys.iter().filter(|key| (key.get)(config) != (key.get)(&defaults));
        let lines = changed.map(|key| format!("{} = {}", key.field.name, (key.get)(config)));
        section(fixed.name, lines.collect());
    }
    let untouched = ProbeConfig::default();
    for (name, probe) in &config.probes {
        let changed = PROBE.iter().filter(|key| (key.get)(probe) != (key.get)(&untouched));
        let lines = changed.map(|key| format!("{} = {}", key.field.name, (key.get)(probe)));
        section(&format!("probe.{name}"), lines.collect());
    }
    out
}

/// A whitelist with what a scope says.
pub fn whitelist(scope: &Scope) -> String {
    let mut out =
        String::from("# What probes observe that set no scope of their own in gala-gopher.conf.\n\n");
    if let Value::Table(entries) = scope.to_value() {
        for (name, value) in entries {
            out.push_str(&format!("{name} = {value}\n"));
        }
    }
    out
}

/// The text of `config/gala-gopher-app.conf`.
pub fn default_whitelist() -> String {
    let mut out = String::from(
        "# The whitelist: what probes observe that set no scope of their own in gala-gopher.conf.\n\
         # Changes of this file hold at once.\n#\n",
    );
    for field in SCOPE {
        comment(&mut out, "", &format!("{}: {} Accepts {}.", field.name, field.doc, field.kind.expects()));
    }
    out.push_str("#\n# all = true\n# proc_id = [1234]\n# proc_name = [{ comm = \"^nginx$\" }, { comm = \"java\", cmdline = \"kafka\" }]\n\
         # container_name = [\"web\"]\n# pod_labels = [\"app\"]\n# exclude = { proc_name = [{ comm = \"^sh$\" }] }\n");
    out
}

/// Appends text as comment lines broken at words.
fn comment(out: &mut String, indent: &str, text: &str) {
    let mut line = format!("# {indent}");
    let start = line.len();
    for word in text.split_whitespace() {
        if line.len() > start && line.len() + word.len() >= WIDTH {
            out.push_str(line.trim_end());
            out.push('\n');
            line.truncate(start);
        }
        line.push_str(word);
        line.push(' ');
    }
    out.push_str(line.trim_end());
    out.push('\n');
}
