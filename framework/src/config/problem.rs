//! What is wrong with a file, one problem per place, and all of them as one error.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// Most problems that a message spells out; the rest are counted.
const SHOWN: usize = 50;

/// One thing that is wrong, with its place and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named.
    pub file: PathBuf,
    /// Line, from 1; 0 where the whole file is meant.
    pub line: usize,
    /// Full name of the key such as `store.record_timeout`; empty where no key is meant.
    pub key: String,
    /// What was found and what is allowed.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// All problems of a configuration in the order of their lines; never empty when it is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}{problem}", if i == 0 { "" } else { "\n" })?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n... and {more} more"),
        }
    }
}

/// Gathers the problems of one file and turns byte offsets into lines.
pub(super) struct Report<'a> {
    file: &'a Path,
    line_starts: Vec<usize>,
    /// Lines that are no TOML: what the parser made of them is not worth a message.
    broken: BTreeSet<usize>,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a Path, text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self {
            file,
            line_starts: std::iter::once(0).chain(breaks).collect(),
            broken: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// The line, from 1, of a byte offset.
    pub(super) fn line_at(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    pub(super) fn add(&mut self, offset: usize, key: &str, message: impl Into<String>) {
        let line = self.line_at(offset);
        if !self.broken.contains(&line) {
            self.push(line, key, message);
        }
    }

    /// A line that is no TOML; what the parser says first is enough, for the rest follows from it.
    pub(super) fn add_syntax(&mut self, offset: usize, message: impl Into<String>) {
        let line = self.line_at(offset);
        if self.broken.insert(line) {
            self.push(line, "", message);
        }
    }

    fn push(&mut self, line: usize, key: &str, message: impl Into<String>) {
        let (key, message) = (key.to_owned(), message.into());
        self.problems.push(Problem { file: self.file.to_owned(), line, key, message });
    }

    pub(super) fn finish(mut self) -> Result<(), Problems> {
        self.problems.sort_by_key(|p| p.line);
        if self.problems.is_empty() { Ok(()) } else { Err(Problems(self.problems)) }
    }
}
