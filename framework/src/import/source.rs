//! One file in libconfig whose settings stand in groups, and what becomes of each setting.

use std::path::Path;

use super::libconfig::{Setting, Value};
use super::{Error, Note, libconfig};
use crate::config::{self, Config};

/// A file on its way into a configuration.
pub(super) struct Source<'s> {
    file: &'s Path,
    settings: Vec<Setting>,
    /// What has come of it so far.
    pub(super) config: Config,
    /// What the operator should know.
    pub(super) notes: Vec<Note>,
}

/// A value with the line of its setting.
pub(super) type Found<T> = Option<(T, usize)>;

/// A key of ours with its value as TOML: section, key, value.
pub(super) type Key<'k> = (&'k str, &'k str, String);

impl<'s> Source<'s> {
    /// Reads the file; what comes of it is set in `config`.
    pub(super) fn parse(text: &str, file: &'s Path, config: Config) -> Result<Self, Error> {
        let settings = libconfig::parse(text).map_err(|error| Error::new(file, error.line, error.message))?;
        Ok(Self { file, settings, config, notes: Vec::new() })
    }

    /// All settings: group, name, line.
    pub(super) fn all(&self) -> Vec<(String, String, usize)> {
        let mut all = Vec::new();
        for group in &self.settings {
            match group.value.as_group() {
                Some(settings) => {
                    all.extend(settings.iter().map(|s| (group.name.clone(), s.name.clone(), s.line)));
                }
                None => all.push((String::new(), group.name.clone(), group.line)),
            }
        }
        all
    }

    /// True where the file has the group.
    pub(super) fn has(&self, group: &str) -> bool {
        self.settings.iter().any(|setting| setting.name == group)
    }

    /// Where a setting stands, whatever its type.
    pub(super) fn line(&self, group: &str, name: &str) -> Option<usize> {
        self.find(group, name).map(|setting| setting.line)
    }

    fn find(&self, group: &str, name: &str) -> Option<&Setting> {
        let group = self.settings.iter().find(|setting| setting.name == group)?;
        group.value.as_group()?.iter().find(|setting| setting.name == name)
    }

    fn typed<T>(
        &mut self,
        group: &str,
        name: &str,
        what: &str,
        get: impl Fn(&Value) -> Option<T>,
    ) -> Found<T> {
        let (value, line) = self.find(group, name).map(|setting| (get(&setting.value), setting.line))?;
        if value.is_none() {
            self.note(
                line,
                format!("{group}.{name} is no {what}, so that the original refuses to start; it is left out"),
            );
        }
        Some((value?, line))
    }

    /// A string.
    pub(super) fn text(&mut self, group: &str, name: &str) -> Found<String> {
        self.typed(group, name, "string", |value| value.as_text().map(ToOwned::to_owned))
    }

    /// A whole number.
    pub(super) fn number(&mut self, group: &str, name: &str) -> Found<i64> {
        self.typed(group, name, "whole number", |value| match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        })
    }

    /// A truth value.
    pub(super) fn truth(&mut self, group: &str, name: &str) -> Found<bool> {
        self.typed(group, name, "true or false", |value| match value {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        })
    }

    /// Says something about a line.
    pub(super) fn note(&mut self, line: usize, text: impl Into<String>) {
        self.notes.push(Note { file: self.file.to_owned(), line, text: text.into() });
    }

    /// Sets keys of ours together, as far as they are accepted; what is wrong with them becomes a note.
    pub(super) fn set(&mut self, line: usize, keys: &[Key<'_>]) -> bool {
        let mut text = String::new();
        let mut sections: Vec<_> = keys.iter().map(|(section, ..)| *section).collect();
        sections.dedup();
        for section in sections {
            text += &format!("[{section}]\n");
            let own = keys.iter().filter(|(other, ..)| *other == section);
            text.extend(own.map(|(_, key, value)| format!("{key} = {value}\n")));
        }
        match config::parse(&text, self.file, self.config.clone()) {
            Ok(loaded) => {
                self.config = loaded.config;
                true
            }
            Err(problems) => {
                for problem in problems.0 {
                    self.note(line, format!("{} is left out: {}", problem.key, problem.message));
                }
                false
            }
        }
    }
}
