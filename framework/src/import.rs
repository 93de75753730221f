//! From the original's files to ours: `gala-gopher.conf`, `gala-gopher-app.conf` and `probes.init` become our two
//! configuration files, `.meta` files and `gala-gopher-custom.json` become probe folders.
//!
//! Nothing is written here: the outcome is texts, files to copy, and notes on what has changed its meaning.

mod app;
mod conf;
mod custom;
mod draft;
mod environment;
mod init;
pub mod libconfig;
mod meta;
mod source;

use std::fmt;
use std::path::{Path, PathBuf};

pub use self::draft::{Draft, Kind, kind_of};
pub use self::environment::Variables;
pub use self::init::Settle;

/// What comes out of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Files to write, by path below the output folder.
    pub files: Vec<(PathBuf, String)>,
    /// Programs to copy: from where, to which path below the output folder.
    pub copies: Vec<(PathBuf, PathBuf)>,
    /// What the operator should know.
    pub notes: Vec<Note>,
}

/// Something that was left out, or means something else than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The original file.
    pub file: PathBuf,
    /// The line, from 1; 0 where it is about the whole file.
    pub line: usize,
    /// What, and what to do.
    pub text: String,
}

/// Why nothing comes out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {message}", file.display(), if *line == 0 { String::new() } else { format!(":{line}") })]
pub struct Error {
    /// The original file.
    pub file: PathBuf,
    /// The line, from 1; 0 where it is about the whole file.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        if self.line == 0 {
            write!(f, "{file}: {}", self.text)
        } else {
            write!(f, "{file}:{}: {}", self.line, self.text)
        }
    }
}

impl Error {
    /// An error at a line.
    pub fn new(file: &Path, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A name in the grammar of folders and probes, as near to the given one as can be.
fn probe_name(name: &str) -> String {
    let fits = |letter: char| match letter.to_ascii_lowercase() {
        letter if letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '_' | '-') => {
            letter
        }
        _ => '_',
    };
    let name: String = name.chars().map(fits).take(32).collect();
    let name = name.trim_start_matches(|letter: char| !letter.is_ascii_lowercase());
    if name.is_empty() { "probe".to_owned() } else { name.to_owned() }
}
