//! `probe check`: a probe folder, as the agent would look at it.

use std::path::{Path, PathBuf};

use gopher_protocol::manifest::Manifest;
use serde_json::json;

use super::failure::Failure;
use super::out::{Out, Style, count};
use crate::catalog::{self, Folder, Origin, Rules};
use crate::config::Problem;
use crate::contain::trust;

/// Names every problem of the folder, or says what it would be.
pub(super) fn run(folder: &Path, out: &Out) -> Result<(), Failure> {
    let found = load(folder);
    let warnings = found.as_ref().map(warnings).unwrap_or_default();
    if out.json {
        let problems = found.as_ref().err().map(Vec::as_slice).unwrap_or_default();
        let places = |problems: &[Problem]| problems.iter().map(place).collect::<Vec<_>>();
        let found = json!({ "folder": folder, "good": problems.is_empty(), "problems": places(problems),
            "warnings": places(&warnings) });
        out.value(&found)?;
    } else {
        for warning in &warnings {
            out.line(&format!("{} {warning}", out.styled(Style::Bold, "warning:")))?;
        }
    }
    match found {
        Ok(_) if out.json => Ok(()),
        Ok(folder) => out.line(&format!(
            "{}: {}; {}",
            folder.path.display(),
            out.styled(Style::Good, "good"),
            summary(&folder.manifest)
        )),
        Err(_) if out.json => Err(Failure::BadConfig(String::new())),
        Err(problems) => Err(refuse(&problems, out)?),
    }
}

/// Reads a folder that nobody has installed: what it may ask for is up to the one who installs it.
pub(super) fn load(folder: &Path) -> Result<Folder, Vec<Problem>> {
    let path = resolved(folder);
    if !path.is_dir() {
        let message = "there is no such folder".to_owned();
        return Err(vec![Problem { file: path, line: 0, key: String::new(), message }]);
    }
    let rules = Rules { extend_privileges: Vec::new(), trust: None };
    catalog::inspect(&path, Origin::BuiltIn, &rules)
        .map_err(|faults| faults.iter().map(catalog::Fault::problem).collect())
}

/// A path whose last part is the folder's name, for `.` and the like have none.
fn resolved(folder: &Path) -> PathBuf {
    match folder.file_name() {
        Some(_) => folder.to_owned(),
        None => folder.canonicalize().unwrap_or_else(|_| folder.to_owned()),
    }
}

/// What would keep an agent from using a folder that is good by itself.
fn warnings(folder: &Folder) -> Vec<Problem> {
    let warning = |file: PathBuf, message: String| Problem { file, line: 0, key: String::new(), message };
    let mut warnings = Vec::new();
    let manifest = &folder.manifest;
    if !manifest.privileges.is_empty() {
        let message =
            format!("as an extend probe it needs [folders] extend_privileges = {:?}", manifest.privileges);
        warnings.push(warning(folder.path.join("probe.toml"), message));
    }
    let program: Vec<&Path> = manifest.exec.first().map(Path::new).into_iter().collect();
    if let Err(error) = trust::check(&folder.path, &program) {
        warnings.push(warning(folder.path.clone(), format!("the agent will refuse this: {error}")));
    }
    warnings
}

fn summary(manifest: &Manifest) -> String {
    let fields = |label: bool| {
        manifest.tables.iter().flat_map(|table| &table.fields).filter(move |f| f.kind.is_label() == label)
    };
    let (tables, values) = (manifest.tables.len() as u64, fields(false).count() as u64);
    let names: Vec<&str> = manifest.probes.iter().map(|probe| probe.name.as_str()).collect();
    format!("serves {} with {} and {}", names.join(", "), count(tables, "table"), count(values, "metric"))
}

/// A problem as JSON.
pub(super) fn place(problem: &Problem) -> serde_json::Value {
    json!({ "file": problem.file, "line": problem.line, "key": problem.key, "message": problem.message })
}

/// Writes problems, a line each, and gives the failure that they are.
pub(super) fn refuse(problems: &[Problem], out: &Out) -> Result<Failure, Failure> {
    for problem in problems {
        out.line(&format!("{} {problem}", out.styled(Style::Bad, "problem:")))?;
    }
    Ok(Failure::BadConfig(String::new()))
}
