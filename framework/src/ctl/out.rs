//! What a command says: text with aligned columns for people, or JSON.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use super::failure::Failure;

/// Widest cell in characters; more is cut, so that one long text does not push all others off the screen.
const WIDEST: usize = 60;

/// Where to, and in which form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Out {
    /// As JSON.
    pub(super) json: bool,
    colour: bool,
}

/// How a text is to stand out on a terminal.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    /// Something is wrong.
    Bad,
    /// Something is good.
    Good,
    /// Something is less important than what stands around it.
    Faint,
    /// A heading.
    Bold,
}

impl Out {
    pub(super) fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|text| text.is_empty());
        Self { json, colour: wanted && io::stdout().is_terminal() }
    }

    /// Writes text as it is.
    pub(super) fn print(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Writes a line.
    pub(super) fn line(&self, text: &str) -> Result<(), Failure> {
        self.print(&format!("{text}\n"))
    }

    /// Clears a terminal, so that what follows replaces what was there.
    pub(super) fn clear(&self) -> Result<(), Failure> {
        if io::stdout().is_terminal() && !self.json { self.print("\x1b[H\x1b[2J") } else { Ok(()) }
    }

    /// Writes a value as indented JSON.
    pub(super) fn value(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(|error| Failure::Failed(error.to_string()))?;
        self.line(&text)
    }

    /// The text as a terminal is to show it.
    pub(super) fn styled(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Bad => "31",
            Style::Good => "32",
            Style::Faint => "2",
            Style::Bold => "1",
        };
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Says on stderr why a command failed.
    pub(super) fn failure(&self, failure: &Failure) {
        let text = failure.to_string();
        if text.is_empty() {
            return;
        }
        if self.json {
            let mut said = serde_json::json!({ "error": text, "exit_code": failure.code() });
            if let Failure::Refused { errors, .. } = failure {
                said["errors"] = errors.clone();
            }
            eprintln!("{said}");
        } else {
            eprintln!("gopher-ctl: {text}");
        }
    }
}

/// Rows below a heading, each column as wide as its widest cell; the last one is not padded.
#[must_use]
pub(super) fn columns(out: &Out, heading: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(heading.get(column).map(|name| name.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            text += &format!("{cell:width$}  ");
        }
        text.trim_end().to_owned()
    };
    let mut text = out.styled(Style::Bold, &line(&mut heading.iter().copied()));
    text.push('\n');
    for row in &rows {
        text += &line(&mut row.iter().map(String::as_str));
        text.push('\n');
    }
    text
}

/// A text on one line and without what a terminal would take for a command; `-` where there is none.
#[must_use]
pub(super) fn shown(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    if text.chars().count() <= WIDEST {
        return plain(text);
    }
    plain(text).chars().take(WIDEST - 1).chain(['…']).collect()
}

/// A text on one line and without what a terminal would take for a command.
#[must_use]
pub(super) fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// "1 row", "2 rows".
#[must_use]
pub(super) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Out = Out { json: false, colour: false };

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![vec!["a".to_owned(), "b".to_owned()], vec!["long one".to_owned(), String::new()]];
        assert_eq!(columns(&PLAIN, &["name", "x"], &rows), "name      x\na         b\nlong one  -\n");
    }

    #[test]
    fn nothing_shown_can_command_a_terminal() {
        assert_eq!(shown("a\x1b[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(shown(&"x".repeat(100)).chars().count(), WIDEST);
    }

    #[test]
    fn colour_is_for_terminals_alone() {
        assert_eq!(PLAIN.styled(Style::Bad, "x"), "x");
        assert_eq!(Out { colour: true, ..PLAIN }.styled(Style::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
