//! `cargo xtask metrics`: doc/metrics.md, made from the manifests of all probe folders.
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, bail};
use gopher_protocol::manifest::{Manifest, Param};
use gopher_protocol::table::{Field, Kind, Table};

use crate::workspace::Workspace;

/// The generated page.
pub(crate) const PAGE: &str = "doc/metrics.md";

const HEAD: &str = "# Metrics

Generated from the manifests (`probe.toml`) of the probe folders by `cargo xtask metrics`; edit those, not this page.

The names are those of the modern exposition: a total ends in `_total`. A histogram named `x` is exported as `x_bucket`,
`x_sum`, `x_count`, and `x_max` for the greatest value of the last period. Besides the labels named here every series
carries `machine_id` and the labels that the configuration adds. An item that is switched off leaves its metrics out.
";

/// Writes the page, or with `check` only compares it; false when it is out of date.
pub(crate) fn run(check: bool) -> Result<bool> {
    let workspace = Workspace::open()?;
    if check {
        let current = is_current(&workspace)?;
        println!(
            "{PAGE} {}",
            if current { "is up to date" } else { "is out of date; run `cargo xtask metrics`" }
        );
        return Ok(current);
    }
    fs::write(workspace.root().join(PAGE), page(&workspace)?).with_context(|| format!("writing {PAGE}"))?;
    println!("wrote {PAGE}");
    Ok(true)
}

/// True when the committed page is what the manifests say.
pub(crate) fn is_current(workspace: &Workspace) -> Result<bool> {
    let written = fs::read_to_string(workspace.root().join(PAGE)).unwrap_or_default();
    Ok(written == page(workspace)?)
}

fn page(workspace: &Workspace) -> Result<String> {
    let mut page = HEAD.to_owned();
    for kind in ["probes/", "extend-probes/"] {
        let is_manifest = |file: &&str| {
            // What begins with `_` is where new ones begin, and is not installed.
            file.strip_prefix(kind).is_some_and(|rest| {
                matches!(rest.split_once('/'), Some((folder, "probe.toml")) if !folder.starts_with('_'))
            })
        };
        for file in workspace.files().filter(is_manifest) {
            let text = workspace.text(file)?.with_context(|| format!("{file} is not text"))?;
            match Manifest::parse(&text) {
                Ok(manifest) => folder(&mut page, file.trim_end_matches("/probe.toml"), &manifest)?,
                Err(problems) => {
                    let all: Vec<_> =
                        problems.iter().map(|problem| format!("\n  {file}: {problem}")).collect();
                    bail!("the manifest is refused:{}", all.concat());
                }
            }
        }
    }
    Ok(page)
}

fn folder(page: &mut String, folder: &str, manifest: &Manifest) -> std::fmt::Result {
    writeln!(page, "\n## `{}`\n\nFolder `{folder}`.", manifest.name)?;
    for probe in &manifest.probes {
        let start =
            if probe.autostart { "Starts by itself." } else { "Runs when the configuration says so." };
        writeln!(page, "\nProbe `{}`: {} {start}", probe.name, sentence(&probe.summary))?;
        if !probe.items.is_empty() {
            page.push_str("\n| item | what it adds |\n|---|---|\n");
        }
        for item in &probe.items {
            writeln!(page, "| `{}` | {} |", item.name, cell(&item.summary))?;
        }
        if !probe.params.is_empty() {
            page.push_str("\n| parameter | default | allowed | meaning |\n|---|---|---|---|\n");
        }
        for (name, param) in &probe.params {
            parameter(page, name, param)?;
        }
    }
    manifest.tables.iter().try_for_each(|one| table(page, one))
}

fn parameter(page: &mut String, name: &str, param: &Param) -> std::fmt::Result {
    let (default, allowed) = (param.default.to_string(), param.allowed());
    writeln!(page, "| `{name}` | `{}` | {} | {} |", cell(&default), cell(&allowed), cell(&param.summary))
}

fn table(page: &mut String, table: &Table) -> std::fmt::Result {
    writeln!(
        page,
        "\n### Table `{}`\n\nEntity `{}`, filled by probe `{}`.",
        table.name, table.entity, table.probe
    )?;
    page.push_str("\n| label | kind | item | meaning |\n|---|---|---|---|\n");
    for index in table.fields_where(Kind::is_label) {
        let field = &table.fields[index];
        let kind = if field.kind == Kind::Key { "key" } else { "label" };
        writeln!(
            page,
            "| `{}` | {kind} | {} | {} |",
            field.name,
            code(field.item.as_deref()),
            cell(&field.help)
        )?;
    }
    page.push_str("\n| metric | type | unit | item | meaning |\n|---|---|---|---|---|\n");
    for index in table.fields_where(|kind| !kind.is_label()) {
        metric(page, table, &table.fields[index])?;
    }
    Ok(())
}

fn metric(page: &mut String, table: &Table, field: &Field) -> std::fmt::Result {
    let base = table.metric(field);
    let total = matches!(field.kind, Kind::Counter | Kind::Delta) && !base.ends_with("_total");
    let kind = match field.kind {
        Kind::Counter | Kind::Delta => "counter",
        Kind::Histogram => "histogram",
        Kind::Gauge | Kind::Key | Kind::Label => "gauge",
    };
    let unit = field.unit.as_deref().unwrap_or_default();
    let only = if field.upstream_only { " Only in upstream exposition." } else { "" };
    let suffix = if total && !field.upstream_only { "_total" } else { "" };
    let item = code(field.item.as_deref());
    writeln!(page, "| `{base}{suffix}` | {kind} | {} | {item} | {}{only} |", cell(unit), cell(&field.help))
}

fn code(name: Option<&str>) -> String {
    name.map(|name| format!("`{name}`")).unwrap_or_default()
}

/// Text within a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn sentence(text: &str) -> String {
    if text.ends_with('.') { text.to_owned() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
protocol = 1
name = "demo"
exec = ["run.sh"]
[[probe]]
name = "demo"
summary = "Counts things."
[[table]]
name = "thing"
entity = "thing"
fields = [
  { name = "id", type = "key", help = "Which thing." },
  { name = "seen", type = "counter", help = "Times it was seen: a|b." },
  { name = "size", type = "gauge", unit = "bytes", help = "Its size." },
]
"#;

    #[test]
    fn a_folder_becomes_a_section_with_names_as_exported() {
        let mut page = String::new();
        folder(&mut page, "probes/demo", &Manifest::parse(MANIFEST).unwrap()).unwrap();
        assert!(page.contains("## `demo`\n"), "{page}");
        assert!(page.contains("| `id` | key |  | Which thing. |"), "{page}");
        assert!(
            page.contains("| `gala_gopher_thing_seen_total` | counter |  |  | Times it was seen: a\\|b. |"),
            "{page}"
        );
        assert!(page.contains("| `gala_gopher_thing_size` | gauge | bytes |  | Its size. |"), "{page}");
    }
}
