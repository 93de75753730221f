//! `probe list`, `get`, `set`, `logs`: what a running agent does.

use std::io::Read as _;

use serde_json::Value;

use super::failure::Failure;
use super::out::{Out, Style, columns, plain, shown};
use crate::control::client::{Client, Error};

/// Shows all probes with their states.
pub(super) fn list(client: &Client, out: &Out) -> Result<(), Failure> {
    let found = client.get("/probes")?;
    if out.json {
        return out.value(&found);
    }
    let probes = array(&found, "probes");
    let heading = ["PROBE", "STATE", "PID", "RESTARTS", "MEMORY", "ITEMS", "LAST ERROR"];
    let rows: Vec<_> = probes.iter().map(row).collect();
    out.print(&columns(out, &heading, &rows))?;
    for folder in array(&found, "refused_folders") {
        out.line(&format!("{} {}", out.styled(Style::Bad, "refused"), text(folder, "reason")))?;
    }
    let missing: Vec<_> = array(&found, "not_installed").iter().map(|known| text(known, "folder")).collect();
    if !missing.is_empty() {
        out.line(&format!("not installed: {}; `gopher-ctl doctor` says more", missing.join(", ")))?;
    }
    Ok(())
}

fn row(probe: &Value) -> Vec<String> {
    let items = array(probe, "items").len();
    let all = array(probe, "all_items").len();
    let error = probe.pointer("/last_error/reason").and_then(Value::as_str).unwrap_or_default();
    vec![
        text(probe, "name"),
        text(probe, "state"),
        text(probe, "pid"),
        text(probe, "restarts"),
        probe.pointer("/usage/memory_bytes").and_then(Value::as_u64).map(size).unwrap_or_default(),
        if all == 0 { String::new() } else { format!("{items}/{all}") },
        error.to_owned(),
    ]
}

/// Writes what a probe is asked for, on one line, as `set` and `probes.init` take it.
pub(super) fn get(client: &Client, name: &str, out: &Out) -> Result<(), Failure> {
    out.line(&client.get(&path(name)?)?.to_string())
}

/// Sends a document: JSON, `@FILE`, or `-` for stdin.
pub(super) fn set(client: &Client, name: &str, document: &str, out: &Out) -> Result<(), Failure> {
    let document = match document.strip_prefix('@') {
        Some(file) => {
            std::fs::read(file).map_err(|error| Failure::Usage(format!("reading {file}: {error}")))?
        }
        None if document == "-" => {
            let mut text = Vec::new();
            std::io::stdin().read_to_end(&mut text)?;
            text
        }
        None => document.as_bytes().to_vec(),
    };
    let answer = client.put(&path(name)?, document).map_err(|error| refused(error, name))?;
    if out.json {
        return out.value(&answer);
    }
    // With the word of the original.
    out.line(&format!("{name}: {}: {}", text(&answer, "result"), text(&answer, "message")))?;
    warnings(&answer, out)
}

/// Shows the last lines that a probe wrote to stderr.
pub(super) fn logs(client: &Client, name: &str, out: &Out) -> Result<(), Failure> {
    let found = client.get(&format!("/logs{}", path(name)?))?;
    if out.json {
        return out.value(&found);
    }
    let lines: Vec<_> = array(&found, "lines").iter().filter_map(Value::as_str).collect();
    if lines.is_empty() {
        eprintln!("{name} has written nothing to stderr");
    }
    lines.iter().try_for_each(|line| out.line(&plain(line)))
}

/// Why a change of a probe was not made.
pub(super) fn refused(error: Error, name: &str) -> Failure {
    match error.into() {
        Failure::Refused { message, errors } => {
            Failure::Refused { message: format!("{name}: failed: {message}"), errors }
        }
        other => other,
    }
}

/// Says what of a change has no effect.
fn warnings(answer: &Value, out: &Out) -> Result<(), Failure> {
    array(answer, "warnings").iter().try_for_each(|warning| {
        let head = out.styled(Style::Bold, "warning:");
        out.line(&format!("{head} {}: {}", text(warning, "path"), text(warning, "message")))
    })
}

/// The route of a probe; a name that would lead elsewhere is refused here.
pub(super) fn path(name: &str) -> Result<String, Failure> {
    let fits = !name.is_empty()
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    if fits {
        Ok(format!("/{name}"))
    } else {
        Err(Failure::Usage(format!("`{}` is no probe's name", shown(name))))
    }
}

/// The entries of a list, none where there is no list.
pub(super) fn array<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A text or number; empty where there is none.
pub(super) fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Bytes in the unit that leaves a short number.
pub(super) fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut number = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if number < 1024.0 {
            break;
        }
        (number, unit) = (number / 1024.0, larger);
    }
    if unit == "B" { format!("{number:.0} B") } else { format!("{number:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let sizes = [0, 1023, 1024, 5_500_000, 3 << 40].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "5.2 MiB", "3072.0 GiB"]);
    }

    #[test]
    fn a_name_is_no_way_to_another_route() {
        for name in ["", "a/b", "../probes", "a?x", "a b", "\u{e4}"] {
            assert_eq!(path(name).unwrap_err().code(), 2, "{name}");
        }
        assert_eq!(path("Tcp_1-x").unwrap(), "/Tcp_1-x");
    }
}
