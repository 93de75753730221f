//! The repository as the checks see it: its root, its files, its crates, commands run in it.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::check::{Findings, Violation};

/// What to do with generated files.
#[derive(clap::Args)]
pub(crate) struct Generated {
    /// Write nothing; fail when what is committed is out of date.
    #[arg(long)]
    pub(crate) check: bool,
}

/// The repository's working tree.
pub(crate) struct Workspace {
    root: PathBuf,
    files: Vec<String>,
}

impl Workspace {
    /// Finds the root and lists the files that git tracks or would track.
    pub(crate) fn open() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .context("build/xtask is not two folders below the root")?
            .to_owned();
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&root)
            .output()
            .context("starting git to list the files")?;
        ensure!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr).trim());
        let names = String::from_utf8(listed.stdout).context("a file's name is not UTF-8")?;
        let mut files: Vec<String> = names
            .split_terminator('\0')
            .filter(|name| root.join(name).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(Self { root, files })
    }

    /// The folder of the root manifest.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Paths of all files from the root, sorted.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// A file's text; none for a binary file.
    pub(crate) fn text(&self, file: &str) -> Result<Option<String>> {
        let bytes = std::fs::read(self.root.join(file)).with_context(|| format!("reading {file}"))?;
        Ok(String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')))
    }

    /// Applies a rule to the text of every text file.
    pub(crate) fn each_text(&self, mut rule: impl FnMut(&str, &str) -> Vec<Violation>) -> Result<Findings> {
        let mut violations = Vec::new();
        for file in self.files() {
            if let Some(text) = self.text(file)? {
                violations.extend(rule(file, &text));
            }
        }
        Ok(violations.into())
    }

    /// A command of cargo, to be run in the root.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments).current_dir(&self.root);
        command
    }

    /// What `cargo metadata` says about the workspace with all it depends on.
    pub(crate) fn metadata(&self) -> Result<serde_json::Value> {
        let output = self
            .cargo(&["metadata", "--format-version", "1", "--locked"])
            .output()
            .context("starting cargo metadata")?;
        ensure!(
            output.status.success(),
            "cargo metadata --locked: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        serde_json::from_slice(&output.stdout).context("reading the answer of cargo metadata")
    }
}

/// Runs a tool that prints its own findings; its failure is one violation.
pub(crate) fn run_tool(command: &mut Command, rule: &str, way_out: &str) -> Result<Findings> {
    let status = command.status().with_context(|| format!("starting {}", command.get_program().display()))?;
    if status.success() {
        return Ok(Findings::default());
    }
    Ok(vec![Violation { file: String::new(), line: 0, rule: rule.to_owned(), way_out: way_out.to_owned() }]
        .into())
}
