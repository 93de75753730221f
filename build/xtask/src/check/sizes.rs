//! Step `sizes`: a source file stays within 400 lines, a main within 60.
use anyhow::Result;

use super::{Findings, Violation};
use crate::source::{self, GENERATED};
use crate::workspace::Workspace;

const FILE_LIMIT: usize = 400;
const MAIN_LIMIT: usize = 60;

pub(super) fn run(workspace: &Workspace) -> Result<Findings> {
    workspace.each_text(|file, text| rule(file, text).into_iter().collect())
}

fn rule(file: &str, text: &str) -> Option<Violation> {
    source::kind(file, text)?;
    if GENERATED.contains(&file) {
        return None;
    }
    let main = file.ends_with("/src/main.rs") || file.contains("/src/bin/");
    let (what, limit) = if main { ("main", MAIN_LIMIT) } else { ("source file", FILE_LIMIT) };
    let lines = text.lines().count();
    (lines > limit).then(|| Violation {
        file: file.to_owned(),
        line: limit + 1,
        rule: format!("a {what} has at most {limit} lines, this one has {lines}"),
        way_out: "move one of its concerns to a module of its own".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_allowed() {
        assert_eq!(rule("a/src/b.rs", &"x\n".repeat(400)), None);
        assert_eq!(rule("a/src/main.rs", &"x\n".repeat(60)), None);
    }

    #[test]
    fn one_line_more_is_refused_with_the_line() {
        assert_eq!(rule("a/src/b.rs", &"x\n".repeat(401)).map(|found| found.line), Some(401));
        assert_eq!(rule("a/src/bin/b.rs", &"x\n".repeat(61)).map(|found| found.line), Some(61));
    }

    #[test]
    fn documents_have_no_limit() {
        assert_eq!(rule("doc/metrics.md", &"x\n".repeat(5000)), None);
    }
}
