//! `cargo xtask check`: runs the steps in order, prints what each found, ends with their count.
use std::fmt;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::workspace::Workspace;

mod clippy;
mod crates;
mod deny;
mod deps;
mod doc;
mod first_line;
mod format;
mod layers;
mod metrics;
mod sizes;
mod third_party;
mod words;

/// One thing that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Path from the repository's root; empty when a tool has printed its own.
    pub(crate) file: String,
    /// Line in the file, 0 when the whole file is meant.
    pub(crate) line: usize,
    /// Which rule is broken, with the facts.
    pub(crate) rule: String,
    /// What to do about it.
    pub(crate) way_out: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => {}
            (file, 0) => write!(out, "{file}: ")?,
            (file, line) => write!(out, "{file}:{line}: ")?,
        }
        write!(out, "{}; {}", self.rule, self.way_out)
    }
}

/// What a step found; notes are facts the reader should know although nothing is wrong.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) violations: Vec<Violation>,
    pub(crate) notes: Vec<String>,
}

impl From<Vec<Violation>> for Findings {
    fn from(violations: Vec<Violation>) -> Self {
        Self { violations, notes: Vec::new() }
    }
}

struct Step {
    name: &'static str,
    run: fn(&Workspace) -> Result<Findings>,
}

const STEPS: [Step; 12] = [
    Step { name: "fmt", run: format::run },
    Step { name: "sizes", run: sizes::run },
    Step { name: "first-line", run: first_line::run },
    Step { name: "words", run: words::run },
    Step { name: "layers", run: layers::run },
    Step { name: "crates", run: crates::run },
    Step { name: "deps", run: deps::run },
    Step { name: "metrics", run: metrics::run },
    Step { name: "clippy", run: clippy::run },
    Step { name: "doc", run: doc::run },
    Step { name: "deny", run: deny::run },
    Step { name: "third-party", run: third_party::run },
];

/// The names that `--only` accepts.
pub(crate) fn step_names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// Runs all steps, or the one named; true when nothing was found.
pub(crate) fn run(only: Option<&str>) -> Result<bool> {
    let workspace = Workspace::open()?;
    let (mut passed, mut failed) = (0, 0);
    for step in STEPS.iter().filter(|step| only.is_none_or(|name| name == step.name)) {
        let begun = Instant::now();
        let findings = (step.run)(&workspace).with_context(|| format!("step {}", step.name))?;
        let outcome = if findings.violations.is_empty() { "ok" } else { "FAILED" };
        println!("{:<11} {outcome} ({:.1} s)", step.name, begun.elapsed().as_secs_f64());
        for note in &findings.notes {
            println!("  note: {note}");
        }
        for violation in &findings.violations {
            println!("  {violation}");
        }
        if findings.violations.is_empty() { passed += 1 } else { failed += 1 }
    }
    println!("check: {passed} passed, {failed} failed");
    Ok(failed == 0)
}
