//! How each language's drivers are started.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use gopher_tests::tree::source_root;
use tempfile::TempDir;

/// A language and, where it has one, the shell that runs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Language {
    Sh(&'static str),
    Python,
    Java,
}

pub(crate) const ALL: [Language; 4] =
    [Language::Sh("dash"), Language::Sh("bash"), Language::Python, Language::Java];

/// A started driver's command; compiled classes live as long as this does.
pub(crate) struct Driver {
    pub(crate) command: Command,
    _classes: Option<TempDir>,
}

pub(crate) fn golden_folder() -> PathBuf {
    source_root().join("tests/golden")
}

/// The command of `tests/golden/NAME.*` in a language.
pub(crate) fn driver(language: Language, name: &str) -> Result<Driver> {
    let helpers = source_root().join("probe-sdk/lang");
    let folder = golden_folder();
    let mut classes = None;
    let command = match language {
        Language::Sh(shell) => {
            let mut command = Command::new(shell);
            command.arg(folder.join(format!("{name}.sh"))).arg(helpers.join("gopher.sh"));
            command
        }
        Language::Python => {
            let mut command = Command::new("python3");
            command.arg("-B").arg(folder.join(format!("{name}.py"))).env("PYTHONPATH", helpers);
            command
        }
        Language::Java => {
            let compiled = compile(&helpers, name)?;
            let mut command = Command::new("java");
            command.args(["-Xmx32m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]);
            command.arg(compiled.path()).arg(class_name(name));
            classes = Some(compiled);
            command
        }
    };
    Ok(Driver { command, _classes: classes })
}

fn class_name(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_uppercase() + rest
}

fn compile(helpers: &std::path::Path, name: &str) -> Result<TempDir> {
    let classes = tempfile::tempdir()?;
    let mut command = Command::new("javac");
    command
        .args(["-Xlint:all", "-Werror", "--release", "17", "-encoding", "UTF-8", "-d"])
        .arg(classes.path());
    command.args([helpers.join("Gopher.java"), helpers.join("GopherJson.java")]);
    command.arg(golden_folder().join(class_name(name) + ".java"));
    let output = command.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(classes)
}
