//! Reads `tests/golden/lines.case`.

use anyhow::{Context, Result, bail};
use gopher_protocol::encode::LineWriter;
use gopher_protocol::histogram::Histogram;
use gopher_protocol::number::Number;

use crate::language::golden_folder;

/// One field of a case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(Number),
    Float(f64),
    Absent,
    Histogram(Histogram),
}

/// A row and the line that it must give.
#[derive(Debug, Default)]
pub(crate) struct Case {
    pub(crate) table: String,
    pub(crate) values: Vec<Value>,
    pub(crate) line: String,
}

impl Case {
    pub(crate) fn has_float(&self) -> bool {
        self.values.iter().any(|value| matches!(value, Value::Float(_)))
    }

    /// The line that the Rust encoder writes.
    pub(crate) fn encoded(&self) -> Result<String> {
        let mut writer = LineWriter::new();
        writer.begin(&self.table);
        for value in &self.values {
            match value {
                Value::Text(text) => writer.text(text),
                Value::Number(number) => writer.number(*number),
                Value::Float(number) => writer.number(*number),
                Value::Absent => writer.absent(),
                Value::Histogram(histogram) => writer.histogram(histogram),
            };
        }
        let line = writer.finish().context("too long")?;
        Ok(String::from_utf8(line.to_vec())?.trim_end_matches('\n').to_owned())
    }
}

/// The text of the file, as the drivers get it.
pub(crate) fn text() -> Result<String> {
    Ok(std::fs::read_to_string(golden_folder().join("lines.case"))?)
}

pub(crate) fn all() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let mut case = Case::default();
    for step in text()?.split('\n') {
        let (word, text) = step.split_once(' ').unwrap_or((step, ""));
        match word {
            "" | "#" => {}
            "row" => text.clone_into(&mut case.table),
            "line" => {
                text.clone_into(&mut case.line);
                cases.push(std::mem::take(&mut case));
            }
            _ => case.values.push(value(word, text).with_context(|| step.to_owned())?),
        }
    }
    Ok(cases)
}

fn value(word: &str, text: &str) -> Result<Value> {
    Ok(match word {
        "text" => Value::Text(unescape(text)?),
        "uint" => Value::Number(Number::Uint(text.parse()?)),
        "int" => Value::Number(Number::Int(text.parse()?)),
        "float" => Value::Float(text.parse()?),
        "absent" => Value::Absent,
        "histogram" => {
            let mut histogram = Histogram::default();
            histogram.parse(text).map_err(|reason| anyhow::anyhow!("{}", reason.label()))?;
            Value::Histogram(histogram)
        }
        _ => bail!("no such step"),
    })
}

fn unescape(text: &str) -> Result<String> {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(match (letter, letter == '\\') {
            (_, false) => letter,
            _ => match letters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('\\') => '\\',
                other => bail!("escape {other:?}"),
            },
        });
    }
    Ok(plain)
}
