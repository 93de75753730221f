//! `cargo xtask third-party`: what the shipped programs contain of others, as licences and as a CycloneDX document.
use std::fs;

use anyhow::{Context as _, Result};

use crate::workspace::Workspace;

mod licences;
mod sbom;
mod shipped;

/// The licences with their texts.
const LICENCES: &str = "build/packaging/THIRD-PARTY";
/// The bill of materials.
const SBOM: &str = "build/packaging/sbom.cdx.json";

/// Writes both files, or with `check` only compares them; false when one is out of date.
pub(crate) fn run(check: bool) -> Result<bool> {
    let workspace = Workspace::open()?;
    if check {
        let stale = stale(&workspace)?;
        for file in &stale {
            println!("{file} is out of date; run `cargo xtask third-party`");
        }
        return Ok(stale.is_empty());
    }
    for (file, text) in files(&workspace)? {
        fs::write(workspace.root().join(file), text).with_context(|| format!("writing {file}"))?;
        println!("wrote {file}");
    }
    Ok(true)
}

/// Those of the committed files that are not what the crates say.
pub(crate) fn stale(workspace: &Workspace) -> Result<Vec<&'static str>> {
    let written = |file: &str| fs::read_to_string(workspace.root().join(file)).unwrap_or_default();
    Ok(files(workspace)?
        .into_iter()
        .filter(|(file, text)| written(file) != *text)
        .map(|(file, _)| file)
        .collect())
}

fn files(workspace: &Workspace) -> Result<[(&'static str, String); 2]> {
    let shipped = shipped::Shipped::find(workspace)?;
    Ok([(LICENCES, licences::text(&shipped)?), (SBOM, sbom::text(&shipped)?)])
}
