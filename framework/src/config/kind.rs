//! What a key accepts, as data, and the values that come out; the same description serves checking and documents.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::rules::Rule;
use super::units;

/// Most entries of a list.
pub(super) const LIST: usize = 1000;

/// What a key accepts.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds, both included.
    Integer(u64, u64),
    /// A string with a unit within bounds, both included.
    Duration(Duration, Duration),
    /// Bytes as a string with a unit within bounds, both included.
    Size(u64, u64),
    /// A string that follows a rule.
    Text(Rule),
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A list whose entries are of one kind.
    List(&'static Kind),
    /// A table with these keys and no others.
    Record(&'static [Field]),
    /// A table from names under one rule to strings under another.
    Map(Rule, Rule),
    /// Probe parameters: a table from names to numbers, strings or lists of these.
    Params,
}

/// A key of a record.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it does, one sentence or two.
    pub doc: &'static str,
    /// What it accepts.
    pub kind: Kind,
    /// Whether a record without it is refused.
    pub required: bool,
}

/// A checked value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, finite.
    Float(f64),
    /// A length of time.
    Duration(Duration),
    /// Bytes.
    Size(u64),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A table.
    Table(BTreeMap<String, Value>),
}

impl Kind {
    /// The sentence part that follows "expected" in messages and stands in the documents.
    pub fn expects(&self) -> String {
        match self {
            Kind::Bool => "true or false".into(),
            Kind::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Kind::Duration(min, max) => format!(
                "a duration in quotes from \"{}\" to \"{}\" (units ms, s, m, h, d)",
                units::format_duration(*min),
                units::format_duration(*max)
            ),
            Kind::Size(min, max) => format!(
                "a size in quotes from \"{}\" to \"{}\" (units B, KiB, MiB, GiB)",
                units::format_size(*min),
                units::format_size(*max)
            ),
            Kind::Text(rule) => rule.expects().into(),
            Kind::Choice(names) => {
                let quoted: Vec<String> = names.iter().map(|n| format!("\"{n}\"")).collect();
                format!("one of {}", quoted.join(", "))
            }
            Kind::List(item) => format!("a list; each entry {}", item.expects()),
            Kind::Record(fields) => {
                let names: Vec<&str> = fields.iter().map(|f| f.name).collect();
                format!("a table with the keys {}", names.join(", "))
            }
            Kind::Map(name, text) => {
                format!("a table; each name {}, each value {}", name.expects(), text.expects())
            }
            Kind::Params => "a table of numbers, strings or lists of these".into(),
        }
    }
}

impl fmt::Display for Value {
    /// Writes the value as TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(b) => write!(f, "{b}"),
            Value::Integer(n) => write!(f, "{n}"),
            Value::Float(x) => write!(f, "{x:?}"),
            Value::Duration(d) => write!(f, "\"{}\"", units::format_duration(*d)),
            Value::Size(bytes) => write!(f, "\"{}\"", units::format_size(*bytes)),
            Value::Text(s) => write!(f, "{}", toml::Value::String(s.clone())),
            Value::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Value::Table(entries) if entries.is_empty() => f.write_str("{}"),
            Value::Table(entries) => {
                f.write_str("{ ")?;
                for (i, (name, value)) in entries.iter().enumerate() {
                    write!(f, "{}{name} = {value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(" }")
            }
        }
    }
}
