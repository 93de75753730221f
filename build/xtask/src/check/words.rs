//! Step `words`: no path of somebody's workplace, no left-over note or debugging aid in any file.
use anyhow::Result;

use super::{Findings, Violation};
use crate::workspace::Workspace;

/// This file names what it looks for.
const EXEMPT: &str = "build/xtask/src/check/words.rs";
const WAY_OUT_PLACE: &str = "name a path of the installed tree, or one relative to the repository";
const WAY_OUT_LEFT: &str = "do it, or describe what is missing as a limitation in the documentation";

/// What may not appear, and the way out; a word is matched whole, whatever its case.
const PLACES: [&str; 1] = ["/root/"];
const WORDS: [(&str, &str); 4] = [
    ("TODO", WAY_OUT_LEFT),
    ("FIXME", WAY_OUT_LEFT),
    ("XXX", WAY_OUT_LEFT),
    ("dbg!", "remove it, or log with `tracing`"),
];

pub(super) fn run(workspace: &Workspace) -> Result<Findings> {
    workspace.each_text(|file, text| if file == EXEMPT { Vec::new() } else { rule(file, text) })
}

fn rule(file: &str, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let places =
            PLACES.iter().filter(|place| has_place(line, place)).map(|place| (*place, WAY_OUT_PLACE));
        let words = WORDS.iter().filter(|(word, _)| has_word(line, word)).copied();
        violations.extend(places.chain(words).map(|(found, way_out)| Violation {
            file: file.to_owned(),
            line: index + 1,
            rule: format!("`{found}` does not belong in the repository"),
            way_out: way_out.to_owned(),
        }));
    }
    violations
}

/// An absolute path: not the end of a longer one.
fn has_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric()))
}

fn has_word(line: &str, word: &str) -> bool {
    let folded = line.to_ascii_lowercase();
    let inside = |character: char| character.is_alphanumeric() || character == '_';
    folded.match_indices(&word.to_ascii_lowercase()).any(|(at, found)| {
        let after = folded[at + found.len()..].chars().next();
        !folded[..at].ends_with(inside) && (word.ends_with('!') || !after.is_some_and(inside))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_left_over_note_is_found_with_its_line() {
        let found = rule("a.rs", "fine\n// todo: more\n");
        assert_eq!(found.iter().map(|one| one.line).collect::<Vec<_>>(), [2]);
        assert_eq!(rule("a.rs", "    dbg!(x);").len(), 1);
    }

    #[test]
    fn parts_of_longer_words_are_left_alone() {
        assert_eq!(rule("a.sh", "mktemp x.XXXXXX; mastodon framework/src network/root/x"), []);
    }

    #[test]
    fn absolute_places_are_found() {
        assert_eq!(rule("a.md", "cd /root/x && ls \"/root/y\"").len(), 1);
    }
}
