//! The examples of the guide run as they are, from the source tree and as an installed folder.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use gopher_tests::probe::{Output, Probe, number};
use gopher_tests::tree::source_root;
use serde_json::json;

/// Copies a probe folder with the helper that it uses, as an installation does.
fn installed(name: &str, helper: &str) -> Result<tempfile::TempDir> {
    let root = source_root();
    let to = tempfile::tempdir()?;
    let from = root.join("extend-probes").join(name);
    for entry in std::fs::read_dir(&from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.path().join(entry.file_name()))?;
        }
    }
    if name == "example-java" {
        let status = Command::new(from.join("build.sh")).arg(to.path()).status()?;
        ensure!(status.success(), "build.sh: {status}");
    } else {
        std::fs::copy(root.join("probe-sdk/lang").join(helper), to.path().join(helper))?;
    }
    Ok(to)
}

fn second_row(folder: &Path, items: &[&str]) -> Result<gopher_tests::probe::Row> {
    let mut probe = Probe::start(folder, items, &[("report_period", json!(1))])?;
    ensure!(probe.next_output()? == Output::Ready);
    probe.row_where(|_| true)?;
    let row = probe.row_where(|_| true)?;
    probe.terminate()?;
    ensure!(probe.ended()?.code() == Some(0));
    ensure!(probe.stderr().is_empty(), "{}", probe.stderr());
    Ok(row)
}

#[test]
fn the_shell_example_counts_tasks() -> Result<()> {
    let installed = installed("example-sh", "gopher.sh")?;
    for folder in [installed.path(), &source_root().join("extend-probes/example-sh")] {
        let row = second_row(folder, &[])?;
        ensure!(number(&row, "existing")? > number(&row, "running")?, "{row:?}");
    }
    Ok(())
}

#[test]
fn the_python_example_fills_only_the_items_that_are_on() -> Result<()> {
    let installed = installed("example-python", "gopher.py")?;
    for folder in [installed.path(), &source_root().join("extend-probes/example-python")] {
        let row = second_row(folder, &["uptime"])?;
        let uptime = std::fs::read_to_string("/proc/uptime")?;
        let uptime: f64 = uptime.split(' ').next().context("no uptime")?.parse()?;
        let reported = number(&row, "uptime_seconds")?;
        ensure!(reported > 0.0 && reported <= uptime && row.text("lateness_seconds").is_empty(), "{row:?}");
        ensure!(second_row(folder, &["timer"])?.text("lateness_seconds").starts_with("5 0.0001 "));
    }
    Ok(())
}

#[test]
fn the_java_example_reports_its_memory_once_it_is_built() -> Result<()> {
    let installed = installed("example-java", "Gopher.java")?;
    let row = second_row(installed.path(), &[])?;
    ensure!(number(&row, "committed_bytes")? >= number(&row, "used_bytes")?, "{row:?}");
    Ok(())
}

#[test]
fn the_java_example_says_that_it_is_not_built() -> Result<()> {
    let installed = installed("example-java", "Gopher.java")?;
    std::fs::remove_dir_all(installed.path().join("classes"))?;
    let mut probe = Probe::start(installed.path(), &[], &[])?;
    ensure!(probe.ended()?.code() == Some(78));
    gopher_tests::peer::until("it says why", || probe.stderr().contains("classes/ is missing"))
}
