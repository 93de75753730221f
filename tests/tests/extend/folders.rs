//! What holds for every folder of `extend-probes`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use gopher_protocol::decode::{Decoder, Line};
use gopher_protocol::table::Kind;
use gopher_tests::probe::manifest;
use gopher_tests::tree::source_root;

fn folders() -> Result<Vec<PathBuf>> {
    let mut folders: Vec<_> = std::fs::read_dir(source_root().join("extend-probes"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    folders.retain(|path| path.join("probe.toml").exists());
    folders.sort();
    ensure!(folders.len() >= 5, "{folders:?}");
    Ok(folders)
}

#[test]
fn the_manifest_has_the_name_of_its_folder_and_a_program() -> Result<()> {
    for folder in folders()? {
        let manifest = manifest(&folder)?;
        ensure!(folder.file_name().is_some_and(|name| name == manifest.name.as_str()), "{folder:?}");
        let program = folder.join(manifest.exec.first().context("no exec")?);
        ensure!(program.exists(), "{program:?}");
        ensure!(folder.join("README.md").exists(), "{folder:?} has no README.md");
    }
    Ok(())
}

#[test]
fn every_sample_line_is_a_row_and_every_table_has_one() -> Result<()> {
    for folder in folders()? {
        let tables = manifest(&folder)?.tables();
        let sample = std::fs::read_to_string(folder.join("testdata/sample.lines"))
            .with_context(|| folder.display().to_string())?;
        let mut seen = vec![false; tables.all().len()];
        let mut decoder = Decoder::new();
        for line in sample.lines() {
            match decoder.decode(&tables, line.as_bytes()).with_context(|| line.to_owned())? {
                Line::Row(row) => seen[row.table] = true,
                other => anyhow::bail!("{line} is {other:?}"),
            }
        }
        ensure!(seen.iter().all(|seen| *seen), "{folder:?}: a table has no sample");
    }
    Ok(())
}

#[test]
fn promtool_has_nothing_to_say_about_the_metric_names() -> Result<()> {
    let mut text = String::new();
    for folder in folders()? {
        for table in &manifest(&folder)?.tables {
            for field in table.fields.iter().filter(|field| !field.kind.is_label()) {
                let name = table.metric(field);
                match field.kind {
                    Kind::Counter | Kind::Delta => {
                        writeln!(text, "# HELP {name}_total {}\n# TYPE {name}_total counter", field.help)?;
                        writeln!(text, "{name}_total 1")?;
                    }
                    Kind::Histogram => {
                        writeln!(text, "# HELP {name} {}\n# TYPE {name} histogram", field.help)?;
                        writeln!(text, "{name}_bucket{{le=\"+Inf\"}} 1\n{name}_sum 1\n{name}_count 1")?;
                    }
                    _ => writeln!(text, "# HELP {name} {}\n# TYPE {name} gauge\n{name} 1", field.help)?,
                }
            }
        }
    }
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    promtool.stdin.take().context("no stdin")?.write_all(text.as_bytes())?;
    let output = promtool.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && said.is_empty(), "{said}");
    Ok(())
}
