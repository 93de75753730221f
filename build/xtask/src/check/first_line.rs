//! Step `first-line`: every source file begins by saying what it is for.
use anyhow::Result;

use super::{Findings, Violation};
use crate::source::{self, GENERATED, Kind};
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace) -> Result<Findings> {
    workspace.each_text(|file, text| rule(file, text).into_iter().collect())
}

fn rule(file: &str, text: &str) -> Option<Violation> {
    let kind = source::kind(file, text)?;
    if GENERATED.contains(&file) {
        return None;
    }
    let shebang = text.starts_with("#!") && kind == Kind::Hash;
    let line = text.lines().nth(usize::from(shebang)).unwrap_or_default();
    let (starts, example): (&[&str], _) = match kind {
        Kind::Rust => (&["//!", "// "], "//! Keeps …"),
        Kind::Slashes => (&["//", "/*"], "/* Keeps … */"),
        Kind::Hash => (&["#", "\"\"\""], "# Keeps …"),
    };
    let rest = starts.iter().find_map(|start| line.strip_prefix(start));
    let says = rest.is_some_and(|rest| rest.chars().any(char::is_alphabetic));
    (!says).then(|| Violation {
        file: file.to_owned(),
        line: 1 + usize::from(shebang),
        rule: "a source file begins with a comment that says what it is for".to_owned(),
        way_out: format!("begin it like `{example}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_after_the_shebang_is_enough() {
        assert_eq!(rule("run.sh", "#!/bin/sh\n# Reads a thing.\n"), None);
        assert_eq!(rule("main.py", "#!/usr/bin/env python3\n\"\"\"Reads a thing.\"\"\"\n"), None);
    }

    #[test]
    fn code_or_an_empty_comment_is_refused() {
        assert!(rule("a.rs", "use std::fmt;\n").is_some());
        assert!(rule("a.rs", "//!\n//! Late.\n").is_some());
        assert_eq!(rule("run.sh", "#!/bin/sh\nset -e\n").map(|found| found.line), Some(2));
    }
}
