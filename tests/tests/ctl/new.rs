//! `probe new`: what it makes passes check and run, in every language.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use gopher_tests::tree::source_root;

use crate::tool::ctl;

fn made(lang: &str, arguments: &[&str]) -> Result<tempfile::TempDir> {
    let home = tempfile::tempdir()?;
    let dir = home.path().display().to_string();
    ctl(&[&["probe", "new", "queue-length", "--lang", lang, &dir], arguments].concat())
        .expect(0)
        .says("probe check");
    Ok(home)
}

fn passes(folder: &Path) {
    let folder = folder.display().to_string();
    ctl(&["probe", "check", &folder]).expect(0).says("good");
    let run = ctl(&["--json", "probe", "run", &folder, "--for", "2s", "--params", "report_period=1"])
        .expect(0)
        .json();
    assert!(run["row_count"].as_u64() >= Some(1), "{run}");
    assert_eq!(run["rows"][0]["table"], "queue_length");
}

#[test]
fn a_probe_in_shell_works_as_it_is_made() -> Result<()> {
    let home = made("sh", &[])?;
    passes(&home.path().join("queue-length"));
    Ok(())
}

#[test]
fn a_probe_in_python_works_as_it_is_made() -> Result<()> {
    let home = made("python", &[])?;
    passes(&home.path().join("queue-length"));
    Ok(())
}

#[test]
fn a_probe_in_java_works_once_it_is_built() -> Result<()> {
    let home = made("java", &[])?;
    let folder = home.path().join("queue-length");
    let path = folder.display().to_string();
    ctl(&["probe", "run", &path]).expect(1).complains("run ./build.sh");
    let status = Command::new(folder.join("build.sh")).status()?;
    ensure!(status.success(), "build.sh: {status}");
    passes(&folder);
    Ok(())
}

#[test]
fn a_probe_in_rust_works_once_it_is_built() -> Result<()> {
    let tree = source_root().display().to_string();
    let home = made("rust", &["--sdk", &tree])?;
    let folder = home.path().join("queue-length");
    let path = folder.display().to_string();
    ctl(&["probe", "check", &path]).expect(78).says("`queue-length` cannot be used");
    // The versions that the workspace has locked are those that are there without a network.
    std::fs::copy(source_root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let status =
        Command::new(folder.join("build.sh")).env("CARGO_TARGET_DIR", folder.join("target")).status()?;
    ensure!(status.success(), "build.sh: {status}");
    passes(&folder);
    Ok(())
}

#[test]
fn nothing_that_is_there_is_overwritten() -> Result<()> {
    let home = made("sh", &[])?;
    let dir = home.path().display().to_string();
    ctl(&["probe", "new", "queue-length", "--lang", "python", &dir]).expect(1).complains("File exists");
    ensure!(!home.path().join("queue-length/main.py").exists());
    Ok(())
}
