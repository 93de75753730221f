//! `.meta` files: tables in libconfig become the `[[table]]` parts of a `probe.toml`.

use std::fmt::Write as _;
use std::path::Path;

use super::libconfig::{self, Setting, Value};
use super::{Error, Imported, Note, probe_name, quoted};

/// The kinds of fields that mean the same to us.
const KINDS: [&str; 5] = ["key", "label", "gauge", "counter", "histogram"];

/// Converts one `.meta` file to a folder of its own, named as the file; the program is to be put beside it.
///
/// # Errors
/// The first thing in the file that cannot be understood.
pub(super) fn import(text: &str, file: &Path) -> Result<Imported, Error> {
    let name = probe_name(&file.file_stem().unwrap_or_default().to_string_lossy());
    let mut notes = Vec::new();
    let tables = tables(text, file, &mut notes)?;
    let manifest = format!(
        "protocol = 1\nname = \"{name}\"\nexec = [\"{name}\"]\n\n[[probe]]\nname = \"{name}\"\n\
         summary = {}\n{tables}",
        quoted(&format!("Imported from {}.", file.file_name().unwrap_or_default().to_string_lossy()))
    );
    let path = Path::new(&name).join("probe.toml");
    notes.push(Note {
        file: file.to_owned(),
        line: 0,
        text: format!(
            "the program {name} is to be put beside {}, owned by root and executable",
            path.display()
        ),
    });
    Ok(Imported { files: vec![(path, manifest)], copies: Vec::new(), notes })
}

/// The `[[table]]` parts of a manifest.
pub(super) fn tables(text: &str, file: &Path, notes: &mut Vec<Note>) -> Result<String, Error> {
    let settings = libconfig::parse(text).map_err(|error| Error::new(file, error.line, error.message))?;
    let measurements = settings
        .iter()
        .find(|setting| setting.name == "measurements")
        .ok_or_else(|| Error::new(file, 0, "there are no `measurements`"))?;
    let groups = measurements
        .value
        .as_list()
        .ok_or_else(|| Error::new(file, measurements.line, "`measurements` is no list"))?;
    let mut out = String::new();
    for group in groups {
        let group = group.as_group().ok_or_else(|| {
            Error::new(file, measurements.line, "`measurements` holds something else than groups")
        })?;
        out += &table(group, measurements.line, file, notes)?;
    }
    Ok(out)
}

fn table(group: &[Setting], at: usize, file: &Path, notes: &mut Vec<Note>) -> Result<String, Error> {
    let line = group.first().map_or(at, |setting| setting.line);
    let text = |name: &str| {
        find(group, name)
            .and_then(Value::as_text)
            .ok_or_else(|| Error::new(file, line, format!("a table without `{name}`")))
    };
    let (name, entity) = (text("table_name")?, text("entity_name")?);
    let fields = find(group, "fields")
        .and_then(Value::as_list)
        .ok_or_else(|| Error::new(file, line, format!("the table {name} has no list of fields")))?;
    let mut out = format!("\n[[table]]\nname = {}\nentity = {}\nfields = [\n", quoted(name), quoted(entity));
    for (place, found) in fields.iter().enumerate() {
        let found = found.as_group().ok_or_else(|| {
            Error::new(file, line, format!("field {} of the table {name} is no group", place + 1))
        })?;
        field(found, (name, place + 1), file, notes, &mut out)?;
    }
    out += "]\n";
    Ok(out)
}

fn field(
    found: &[Setting],
    (table, place): (&str, usize),
    file: &Path,
    notes: &mut Vec<Note>,
    out: &mut String,
) -> Result<(), Error> {
    let line = found.first().map_or(0, |setting| setting.line);
    let text = |name: &str| find(found, name).and_then(Value::as_text);
    let (Some(name), Some(kind)) = (text("name"), text("type")) else {
        let message = format!("field {place} of the table {table} lacks its name or its type");
        return Err(Error::new(file, line, message));
    };
    let mut note = |text: String| notes.push(Note { file: file.to_owned(), line, text });
    let ours = match kind {
        _ if KINDS.contains(&kind) => kind,
        "summary" => {
            note(format!("{table}.{name}: a summary was shown as a plain number; it is a gauge now"));
            "gauge"
        }
        _ => {
            note(format!("{table}.{name}: the type `{kind}` was never shown; it is a label now"));
            "label"
        }
    };
    let help = text("description").unwrap_or_default().trim();
    let help = if help.is_empty() { name } else { help };
    writeln!(out, "  {{ name = {}, type = \"{ours}\", help = {} }},", quoted(name), quoted(help))
        .map_err(|error| Error::new(file, line, error.to_string()))
}

fn find<'s>(group: &'s [Setting], name: &str) -> Option<&'s Value> {
    group.iter().find(|setting| setting.name == name).map(|setting| &setting.value)
}

#[cfg(test)]
mod tests {
    use gopher_protocol::manifest::Manifest;

    use super::*;

    const EXAMPLE: &str = r#"version = "1.0.0"
measurements:
( { table_name: "example", entity_name: "example",
    fields: ( { description: "k", type: "key", name: "key_name", },
              { description: "", type: "gauge", name: "cpu_usage", },
              { description: "s", type: "summary", name: "times" },
              { description: "o", type: "other", name: "text" }, ) } )
"#;

    #[test]
    fn a_table_keeps_its_fields_in_order() {
        let imported = import(EXAMPLE, Path::new("/opt/example.meta")).unwrap();
        let [(path, text)] = &imported.files[..] else { panic!("{imported:?}") };
        assert_eq!(path, Path::new("example/probe.toml"));
        let manifest = Manifest::parse(text).unwrap();
        let fields = &manifest.tables[0].fields;
        let names: Vec<_> = fields.iter().map(|field| (field.name.as_str(), field.help.as_str())).collect();
        assert_eq!(names, [("key_name", "k"), ("cpu_usage", "cpu_usage"), ("times", "s"), ("text", "o")]);
        let notes: Vec<_> = imported.notes.iter().map(ToString::to_string).collect();
        assert!(notes[0].starts_with("/opt/example.meta:6: example.times: a summary"), "{notes:?}");
        assert!(notes[1].contains("`other` was never shown"), "{notes:?}");
    }

    #[test]
    fn what_cannot_be_understood_names_file_line_and_table() {
        for (text, expected) in [
            ("version = \"1\";", "x.meta: there are no `measurements`"),
            ("measurements: 1", "x.meta:1: `measurements` is no list"),
            ("measurements:\n( { table_name: \"t\" } )", "x.meta:2: a table without `entity_name`"),
            (
                "measurements: ( { table_name: \"t\", entity_name: \"e\" } )",
                "x.meta:1: the table t has no list of fields",
            ),
            (
                "measurements: ( { table_name: \"t\", entity_name: \"e\",\n fields: ( { name: \"a\" } ) } )",
                "x.meta:2: field 1 of the table t lacks its name or its type",
            ),
        ] {
            assert_eq!(import(text, Path::new("x.meta")).unwrap_err().to_string(), expected);
        }
    }
}
