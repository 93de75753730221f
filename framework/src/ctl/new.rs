//! `probe new`: the folder of a probe that works, to be changed into the one that is wanted.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use gopher_protocol::manifest::Manifest;
use serde_json::json;

use super::cli::{Language, New};
use super::failure::Failure;
use super::out::{Out, Style};

const MANIFEST: &str = include_str!("templates/probe.toml");
const README: &str = include_str!("templates/README.md");

/// A file of a template: its path in the folder, its text, whether it is run.
type File = (&'static str, &'static str, bool);

const SH: &[File] = &[
    ("run.sh", include_str!("templates/sh/run.sh"), true),
    ("gopher.sh", include_str!("../../../probe-sdk/lang/gopher.sh"), false),
];
const PYTHON: &[File] = &[
    ("main.py", include_str!("templates/python/main.py"), true),
    ("gopher.py", include_str!("../../../probe-sdk/lang/gopher.py"), false),
];
const JAVA: &[File] = &[
    ("run.sh", include_str!("templates/java/run.sh"), true),
    ("build.sh", include_str!("templates/java/build.sh"), true),
    ("Main.java", include_str!("templates/java/Main.java"), false),
    ("Gopher.java", include_str!("../../../probe-sdk/lang/Gopher.java"), false),
    ("GopherJson.java", include_str!("../../../probe-sdk/lang/GopherJson.java"), false),
];
const RUST: &[File] = &[
    ("src/main.rs", include_str!("templates/rust/main.rs"), false),
    ("build.sh", include_str!("templates/rust/build.sh"), true),
];
/// The manifest of a crate outside the source tree, and of one in it.
const STANDALONE: &str = include_str!("templates/rust/standalone.toml");
const MEMBER: &str = include_str!("templates/rust/member.toml");

/// Makes the folder and says what to do with it.
pub(super) fn run(wanted: &New, out: &Out) -> Result<(), Failure> {
    let folder = wanted.dir.join(&wanted.name);
    let files = files(wanted)?;
    fs::create_dir_all(&wanted.dir).map_err(|error| failed(&wanted.dir, &error))?;
    fs::create_dir(&folder).map_err(|error| failed(&folder, &error))?;
    for (path, text, run) in &files {
        write(&folder.join(path), text, *run)?;
    }
    let build = files.iter().any(|(path, ..)| path == Path::new("build.sh"));
    let shown = folder.display();
    let mut next = vec![format!("gopher-ctl probe check {shown}"), format!("gopher-ctl probe run {shown}")];
    if build {
        next.insert(0, format!("{shown}/build.sh"));
    }
    if out.json {
        let paths: Vec<_> = files.iter().map(|(path, ..)| path).collect();
        return out.value(&json!({ "folder": folder, "files": paths, "next": next }));
    }
    out.line(&format!("Made {}. Try it:", out.styled(Style::Bold, &shown.to_string())))?;
    next.iter().try_for_each(|command| out.line(&format!("  {command}")))
}

/// All files with their texts, checked before the first is written.
fn files(wanted: &New) -> Result<Vec<(PathBuf, String, bool)>, Failure> {
    let (template, exec): (&[File], String) = match wanted.lang {
        Language::Sh => (SH, "exec = [\"run.sh\"]\nreconfigure = \"restart\"".to_owned()),
        Language::Python => (PYTHON, "exec = [\"main.py\"]".to_owned()),
        Language::Java => (JAVA, "exec = [\"run.sh\"]".to_owned()),
        Language::Rust => (RUST, format!("exec = [\"{}\"]", wanted.name)),
    };
    let manifest = named(&MANIFEST.replace("exec = [\"PROGRAM\"]", &exec), &wanted.name);
    Manifest::parse(&manifest).map_err(|problems| {
        let reason = problems.first().map(|problem| problem.reason.clone()).unwrap_or_default();
        Failure::Usage(reason)
    })?;
    let mut files = vec![
        ("probe.toml".into(), manifest, false),
        ("README.md".into(), named(README, &wanted.name), false),
    ];
    files.extend(template.iter().map(|(path, text, run)| (path.into(), named(text, &wanted.name), *run)));
    if wanted.lang == Language::Rust {
        files.push(("Cargo.toml".into(), named(&crate_manifest(wanted)?, &wanted.name), false));
    }
    Ok(files)
}

/// The template's name replaced, in names of tables too, which have no dashes.
fn named(text: &str, name: &str) -> String {
    text.replace("my-probe", name).replace("my_probe", &name.replace('-', "_"))
}

fn crate_manifest(wanted: &New) -> Result<String, Failure> {
    let dir = wanted.dir.canonicalize().unwrap_or_else(|_| wanted.dir.clone());
    let is_tree = |tree: &Path| tree.join("probe-sdk/runtime/Cargo.toml").is_file();
    if wanted.sdk.is_none()
        && dir.file_name().is_some_and(|name| name == "probes")
        && dir.parent().is_some_and(is_tree)
    {
        return Ok(MEMBER.to_owned());
    }
    let tree = wanted.sdk.clone().or_else(|| dir.ancestors().find(|tree| is_tree(tree)).map(Path::to_owned));
    let tree =
        tree.filter(|tree| is_tree(tree)).and_then(|tree| tree.canonicalize().ok()).ok_or_else(|| {
            let what =
                "a probe in Rust links the probe-sdk: name a source tree of gala-gopher with --sdk TREE"
                    .to_owned();
            Failure::Usage(what)
        })?;
    Ok(STANDALONE.replace("SDK", &tree.to_string_lossy()))
}

fn write(path: &Path, text: &str, run: bool) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(if run { 0o755 } else { 0o644 });
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, lang: Language) -> New {
        New { name: name.to_owned(), lang, dir: "/".into(), sdk: None }
    }

    #[test]
    fn a_name_that_no_probe_may_have_is_refused_before_anything_is_written() {
        for name in ["Upper", "", "1st", "metrics", "a/b", "a\"b"] {
            assert_eq!(files(&new(name, Language::Sh)).unwrap_err().code(), 2, "{name}");
        }
    }

    #[test]
    fn tables_of_a_name_with_a_dash_have_none() {
        let files = files(&new("queue-length", Language::Python)).unwrap();
        let manifest = Manifest::parse(&files[0].1).unwrap();
        assert_eq!(
            (manifest.name.as_str(), manifest.tables[0].name.as_str()),
            ("queue-length", "queue_length")
        );
        assert!(files.iter().all(|(_, text, _)| !text.contains("my-probe") && !text.contains("my_probe")));
    }

    #[test]
    fn a_probe_in_rust_needs_the_sdk() {
        let failure = files(&new("x", Language::Rust)).unwrap_err();
        assert!(failure.to_string().contains("--sdk"), "{failure}");
    }
}
