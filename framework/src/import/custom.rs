//! `gala-gopher-custom.json`: each custom probe becomes a folder with its program and the tables of its `.meta` file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Error, Imported, Note, meta, probe_name, quoted};

/// One custom probe of the file.
#[derive(Debug, Deserialize)]
struct Custom {
    bin: String,
    #[serde(default)]
    probe: Vec<String>,
    #[serde(default)]
    custom_param: String,
}

/// Converts the file; `read` gets the text of a `.meta` file. Probes whose `.meta` file is missing or bad are left out, and
/// told beside what comes of the others.
///
/// # Errors
/// JSON that is none.
pub(super) fn import(
    text: &str,
    file: &Path,
    read: impl Fn(&Path) -> std::io::Result<String>,
) -> Result<(Imported, Vec<Error>), Error> {
    if text.trim().is_empty() {
        return Ok((Imported::default(), Vec::new()));
    }
    let found: std::collections::BTreeMap<String, Custom> =
        serde_json::from_str(text).map_err(|error| Error::new(file, error.line(), error.to_string()))?;
    let (mut imported, mut left_out) = (Imported::default(), Vec::new());
    for (name, custom) in &found {
        let bin = Path::new(&custom.bin);
        let tables_file = tables_file(bin);
        let tables = read(&tables_file)
            .map_err(|error| {
                Error::new(&tables_file, 0, format!("the tables of {name} cannot be read: {error}"))
            })
            .and_then(|text| meta::tables(&text, &tables_file, &mut imported.notes));
        let tables = match tables {
            Ok(tables) => tables,
            Err(error) => {
                left_out.push(error);
                continue;
            }
        };
        let folder = probe_name(name);
        let mut note = |text: String| imported.notes.push(Note { file: file.to_owned(), line: 0, text });
        if folder != *name {
            note(format!("the probe {name} is called {folder} now"));
        }
        note(format!(
            "{folder}: the program reads its configuration from stdin, or from the file in GOPHER_CONFIG_FILE, and no \
             longer from a message queue"
        ));
        let program = bin.file_name().unwrap_or_default().to_string_lossy();
        let manifest = manifest(&folder, &program, custom, &tables);
        imported.files.push((Path::new(&folder).join("probe.toml"), manifest));
        imported.copies.push((bin.to_owned(), Path::new(&folder).join(program.as_ref())));
    }
    Ok((imported, left_out))
}

fn manifest(name: &str, program: &str, custom: &Custom, tables: &str) -> String {
    let mut out = format!(
        "protocol = 1\nname = \"{name}\"\nexec = [{}]\nreconfigure = \"restart\"\n\n[[probe]]\nname = \"{name}\"\n\
         summary = \"The custom probe {name}.\"\nscope = [\"process\"]\n",
        quoted(program)
    );
    for item in &custom.probe {
        out +=
            &format!("\n[[probe.item]]\nname = {}\nsummary = {}\n", quoted(&probe_name(item)), quoted(item));
    }
    for param in custom.custom_param.split(',').map(str::trim).filter(|param| !param.is_empty()) {
        out += &format!("\n[probe.params.{}]\ndefault = \"\"\nsummary = {}\n", quoted(param), quoted(param));
    }
    out += "\n[probe.params.report_period]\ndefault = 60\nrange = [5, 600]\nunit = \"s\"\n";
    out + tables
}

/// The original's rule: the last suffix replaced by `.meta`, or `.meta` appended.
fn tables_file(bin: &Path) -> PathBuf {
    bin.with_extension("meta")
}

#[cfg(test)]
mod tests {
    use gopher_protocol::manifest::Manifest;

    use super::*;

    const TABLES: &str = r#"version = "1.0.0"
measurements: ( { table_name: "t", entity_name: "e", fields: (
  { description: "k", type: "key", name: "k" }, { description: "v", type: "gauge", name: "v" } ) } )"#;

    fn run(text: &str) -> Result<(Imported, Vec<Error>), Error> {
        import(text, Path::new("custom.json"), |path| match path.to_str() {
            Some("/opt/x/My.meta") => Ok(TABLES.to_owned()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        })
    }

    #[test]
    fn a_custom_probe_becomes_a_folder_that_passes_the_check() {
        let text = r#"{"MyProbe":{"bin":"/opt/x/My.sh","probe":["s1"],"custom_param":"p1,p2"}}"#;
        let (imported, left_out) = run(text).unwrap();
        assert_eq!(left_out, []);
        let (path, manifest) = &imported.files[0];
        assert_eq!(path, Path::new("myprobe/probe.toml"));
        assert_eq!(imported.copies, [("/opt/x/My.sh".into(), "myprobe/My.sh".into())]);
        let manifest = Manifest::parse(manifest).unwrap();
        assert_eq!(manifest.exec, ["My.sh"]);
        assert_eq!(manifest.probes[0].items[0].name, "s1");
        assert!(
            ["p1", "p2", "report_period"].iter().all(|name| manifest.probes[0].params.contains_key(*name))
        );
        assert!(imported.notes.iter().any(|note| note.text.contains("is called myprobe now")));
    }

    #[test]
    fn a_probe_without_tables_leaves_the_others_in() {
        let text = r#"{"a":{"bin":"/opt/x/a.sh"},"my":{"bin":"/opt/x/My.sh"}}"#;
        let (imported, left_out) = run(text).unwrap();
        assert_eq!(imported.files.len(), 1);
        assert!(left_out[0].to_string().starts_with("/opt/x/a.meta: the tables of a cannot be read"));
    }

    #[test]
    fn an_empty_file_is_nothing_and_bad_json_has_a_line() {
        assert_eq!(run(" \n").unwrap(), (Imported::default(), Vec::new()));
        assert!(run("{\n\"a\": 1}").unwrap_err().to_string().starts_with("custom.json:2: "));
    }
}
