//! For tests of probes: a context in memory, and lines checked against the manifest.

use std::collections::BTreeMap;

use gopher_protocol::control::ConfigMessage;
use gopher_protocol::decode::{Decoder, Line};
use gopher_protocol::manifest::Manifest;
use gopher_protocol::number::Number;
use gopher_protocol::table::{Kind, Table, Tables};

use crate::context::Context;
use crate::error::Error;
use crate::output::Sink;

/// A row that passed every check, by field name; absent fields are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedRow {
    /// The table.
    pub table: String,
    /// Texts of the fields that are there.
    pub fields: BTreeMap<String, String>,
}

impl CheckedRow {
    /// The text of a field, empty when it is absent.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }

    /// The number of a field; `None` when it is absent or none.
    #[must_use]
    pub fn number(&self, field: &str) -> Option<f64> {
        Number::parse(self.fields.get(field)?).ok().map(Number::as_f64)
    }
}

/// Checks lines as the agent does, and more strictly: every refused field is an error.
#[derive(Debug)]
pub struct Checker {
    tables: Tables,
    decoder: Decoder,
}

impl Checker {
    /// A checker for the text of a `probe.toml`.
    ///
    /// # Errors
    /// What is wrong with the manifest.
    pub fn new(manifest: &str) -> Result<Self, Error> {
        let manifest = Manifest::parse(manifest).map_err(Error::Manifest)?;
        Ok(Self { tables: manifest.tables(), decoder: Decoder::new() })
    }

    /// Checks one line without its newline; `None` for a line that is no row.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn check(&mut self, line: &[u8]) -> Result<Option<CheckedRow>, String> {
        let shown = String::from_utf8_lossy(line);
        let decoded = self.decoder.decode(&self.tables, line).map_err(|error| format!("{error}: {shown}"))?;
        let Line::Row(row) = decoded else { return Ok(None) };
        let table = &self.tables.all()[row.table];
        let mut fields = BTreeMap::new();
        for (index, field) in table.fields.iter().enumerate() {
            let text = row.fields.get(index);
            if text.is_empty() {
                continue;
            }
            check_value(field.kind, text)
                .map_err(|why| format!("{}: {why}: {shown}", place(table, index)))?;
            fields.insert(field.name.clone(), text.to_owned());
        }
        Ok(Some(CheckedRow { table: table.name.clone(), fields }))
    }
}

fn check_value(kind: Kind, text: &str) -> Result<(), String> {
    kind.check(text).map_err(|reason| reason.label().to_owned())?;
    match Number::parse(text) {
        Ok(number) if kind == Kind::Counter && number.is_negative() => Err("below zero".to_owned()),
        _ => Ok(()),
    }
}

fn place(table: &Table, index: usize) -> String {
    format!("table `{}`, field `{}`", table.name, table.fields[index].name)
}

/// A context whose rows are kept, with a checker beside it.
#[derive(Debug)]
pub struct Harness {
    /// What the probe's functions take.
    pub ctx: Context,
    checker: Checker,
}

impl Harness {
    /// A context with this manifest and configuration.
    ///
    /// # Errors
    /// What is wrong with the manifest.
    pub fn new(manifest: &str, message: ConfigMessage) -> Result<Self, Error> {
        let mut ctx = Context::new(manifest, Sink::Memory(Vec::new()))?;
        ctx.configure(message);
        Ok(Self { ctx, checker: Checker::new(manifest)? })
    }

    /// The lines sent since the last call, events among them, unchecked.
    ///
    /// # Errors
    /// That they cannot be had, in words.
    pub fn lines(&mut self) -> Result<Vec<String>, String> {
        let lines = self.ctx.take_lines().map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&lines).lines().map(str::to_owned).collect())
    }

    /// The rows sent since the last call.
    ///
    /// # Errors
    /// What is wrong with the first bad line, in words.
    pub fn rows(&mut self) -> Result<Vec<CheckedRow>, String> {
        let lines = self.ctx.take_lines().map_err(|error| error.to_string())?;
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.filter_map(|line| self.checker.check(line).transpose()).collect()
    }
}

#[cfg(test)]
mod tests;
