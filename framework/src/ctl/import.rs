//! `config import`: files of the original in, our configuration and probe folders out.

use std::cell::RefCell;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::out::{Out, Style, count};
use crate::import::{Draft, Imported, Kind, Note, kind_of};

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What `--help` says after the arguments.
pub(super) const HELP: &str = "\
Understands gala-gopher.conf, gala-gopher-app.conf, probes.init, gala-gopher-custom.json and *.meta, by their content. All
files together become one gala-gopher.conf, one gala-gopher-app.conf, and a folder below extend-probes/ for each probe.

A part that cannot be understood is left out and named; all else is converted.

Exit codes: 0 all converted, 1 something was left out or could not be written, 78 nothing could be understood.

Examples:
  gopher-ctl config import old/gala-gopher.conf old/probes.init
  gopher-ctl config import old/* --output /etc/gala-gopher --force";

/// `config import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// Files of the original.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Write to this folder instead of stdout.
    #[arg(long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    /// Replace files that are there already.
    #[arg(long, requires = "output")]
    pub(super) force: bool,
    /// Folders of probe folders; what requests ask of probes is checked against them.
    #[arg(
        long,
        value_name = "DIR",
        value_delimiter = ',',
        default_value = "/usr/libexec/gala-gopher/probes,/usr/libexec/gala-gopher/extend-probes,/etc/gala-gopher/extend-probes"
    )]
    pub(super) probes: Vec<PathBuf>,
}

/// Converts the files and writes or shows what comes of them.
pub(super) fn run(wanted: &Import, out: &Out) -> Result<(), Failure> {
    let (imported, left_out) = convert(&wanted.files, &wanted.probes)?;
    if let Some(dir) = &wanted.output {
        write(&imported, dir, wanted.force)?;
    }
    if out.json {
        out.value(&as_json(&imported, &left_out, wanted.output.as_deref()))?;
    } else {
        if wanted.output.is_none() {
            show(&imported, out)?;
        }
        for note in &imported.notes {
            eprintln!("{} {note}", out.styled(Style::Bold, "note:"));
        }
        for what in &left_out {
            eprintln!("{} {what}", out.styled(Style::Bold, "left out:"));
        }
        eprintln!("{}", summary(wanted, &imported));
    }
    match left_out.len() {
        0 => Ok(()),
        some => Err(Failure::Failed(format!("{} left out", count(some as u64, "part")))),
    }
}

/// All files, and what had to be left out.
fn convert(files: &[PathBuf], probes: &[PathBuf]) -> Result<(Imported, Vec<String>), Failure> {
    let known = super::settle::Known::scan(probes);
    let settle = |name: &str, json: &str, probe: &mut _| known.settle(name, json, probe);
    let mut draft = Draft::default();
    let mut left_out = Vec::new();
    let mut texts = Vec::new();
    for file in files {
        match read(file) {
            Ok(text) => texts.push((file, text)),
            Err(error) => left_out.push(format!("{}: {error}", file.display())),
        }
    }
    // Custom probes first: the tables that they name belong to them and are no probes of their own.
    texts.sort_by_key(|(file, text)| kind_of(file, text).ok() != Some(Kind::Custom));
    let named = RefCell::new(Vec::new());
    let tables = |wanted: &Path| {
        // What is given may be newer than what this host has, or of another host.
        let given = texts.iter().find(|(file, _)| file.file_name() == wanted.file_name());
        let Some((file, text)) = given else { return read(wanted) };
        named.borrow_mut().push(file.as_path());
        Ok(text.clone())
    };
    for (file, text) in &texts {
        if named.borrow().contains(&file.as_path()) {
            continue;
        }
        let added = draft.add(file, text, &settle, &tables);
        left_out.extend(added.err().into_iter().flatten().map(|error| error.to_string()));
    }
    if draft.is_empty() && !left_out.is_empty() {
        return Err(Failure::BadConfig(left_out.join("\n")));
    }
    let imported = draft.finish().map_err(|error| Failure::BadConfig(error.to_string()))?;
    Ok((imported, left_out))
}

/// The text of a file of a size that a configuration has.
pub(super) fn read(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = fs::File::open(file)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if read as u64 > LARGEST { Err(std::io::Error::other("larger than 1 MiB")) } else { Ok(text) }
}

/// Writes all files, or none where one is there already.
fn write(imported: &Imported, dir: &Path, force: bool) -> Result<(), Failure> {
    let failed =
        |path: &Path, error: &std::io::Error| Failure::Failed(format!("{}: {error}", path.display()));
    let targets = imported.files.iter().map(|(path, _)| path).chain(imported.copies.iter().map(|(_, to)| to));
    let taken: Vec<_> =
        targets.map(|path| dir.join(path)).filter(|path| path.symlink_metadata().is_ok()).collect();
    if !taken.is_empty() && !force {
        let taken: Vec<_> = taken.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::Failed(format!("there already: {}; --force replaces", taken.join(", "))));
    }
    let mut programs = Vec::new();
    for (from, to) in &imported.copies {
        programs.push((to, fs::read(from).map_err(|error| failed(from, &error))?));
    }
    let texts = imported.files.iter().map(|(path, text)| (path, text.as_bytes(), 0o644));
    let programs = programs.iter().map(|(path, bytes)| (*path, bytes.as_slice(), 0o755));
    for (path, bytes, mode) in texts.chain(programs) {
        let path = dir.join(path);
        replace(&path, bytes, mode).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

/// Writes a file as a whole: who reads it meanwhile sees the old one or the new one.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let written =
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new).and_then(|mut file| {
            file.write_all(bytes)?;
            fs::rename(&new, path)
        });
    if written.is_err()
        && let Err(error) = fs::remove_file(&new)
    {
        tracing::debug!(%error, "There was nothing to remove.");
    }
    written
}

/// All texts, each below its path.
fn show(imported: &Imported, out: &Out) -> Result<(), Failure> {
    for (path, text) in &imported.files {
        out.line(&out.styled(Style::Bold, &format!("# ---- {}", path.display())))?;
        out.line(text)?;
    }
    for (from, to) in &imported.copies {
        out.line(&format!("# ---- {} is a copy of {}", to.display(), from.display()))?;
    }
    Ok(())
}

fn as_json(imported: &Imported, left_out: &[String], output: Option<&Path>) -> serde_json::Value {
    let files: Vec<_> =
        imported.files.iter().map(|(path, text)| json!({ "path": path, "text": text })).collect();
    let copies: Vec<_> = imported.copies.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
    let note = |note: &Note| json!({ "file": note.file, "line": note.line, "text": note.text });
    let notes: Vec<_> = imported.notes.iter().map(note).collect();
    json!({ "files": files, "copies": copies, "notes": notes, "left_out": left_out, "output": output })
}

fn summary(wanted: &Import, imported: &Imported) -> String {
    let made = count((imported.files.len() + imported.copies.len()) as u64, "file");
    let read = count(wanted.files.len() as u64, "file");
    let notes = count(imported.notes.len() as u64, "note");
    match &wanted.output {
        Some(dir) => format!("{read} read, {made} written to {}, {notes}", dir.display()),
        None => format!("{read} read, {made} shown, {notes}; --output DIR writes them"),
    }
}
