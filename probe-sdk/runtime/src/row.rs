//! Building one row: fields set by name, in any order.

use std::ops::Range;

use gopher_protocol::histogram::Histogram;
use gopher_protocol::number::Number;
use gopher_protocol::table::Table;

use crate::error::Error;
use crate::output::Output;

/// What a field can be set to.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// No value: the last one stays.
    Absent,
    /// A number; one that is not finite is absent.
    Number(Number),
    /// A key or label.
    Text(&'a str),
    /// Buckets.
    Histogram(&'a Histogram),
}

/// The values set so far; its buffers are reused from row to row.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    slots: Vec<Slot>,
    text: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Slot {
    Absent,
    Number(Number),
    Text(Range<usize>),
}

impl Draft {
    pub(crate) fn start(&mut self, fields: usize) {
        self.slots.clear();
        self.slots.resize(fields, Slot::Absent);
        self.text.clear();
    }

    fn set(&mut self, index: usize, value: Value<'_>) {
        let from = self.text.len();
        let slot = match value {
            Value::Absent => Slot::Absent,
            Value::Number(number) => Slot::Number(number),
            Value::Text(text) => {
                self.text.extend_from_slice(text.as_bytes());
                Slot::Text(from..self.text.len())
            }
            Value::Histogram(histogram) => {
                histogram.write(&mut self.text);
                Slot::Text(from..self.text.len())
            }
        };
        if let Some(place) = self.slots.get_mut(index) {
            *place = slot;
        }
    }

    /// The values in table order.
    pub(crate) fn values(&self) -> impl Iterator<Item = Value<'_>> {
        self.slots.iter().map(|slot| match slot {
            Slot::Absent => Value::Absent,
            Slot::Number(number) => Value::Number(*number),
            // Only whole strings go into `text`, so that every range of it is one.
            Slot::Text(range) => {
                let bytes = self.text.get(range.clone()).unwrap_or_default();
                std::str::from_utf8(bytes).map_or(Value::Absent, Value::Text)
            }
        })
    }
}

/// A row of one table. Fields that are not set are absent; fields whose item is off are sent as absent.
#[derive(Debug)]
#[must_use = "a row is written by `send`"]
pub struct Row<'a> {
    output: &'a mut Output,
    table: usize,
    /// Where the next field probably is: rows are mostly set in table order.
    next: usize,
    error: Option<Error>,
}

impl<'a> Row<'a> {
    pub(crate) fn new(output: &'a mut Output, table: usize) -> Self {
        Self { output, table, next: 0, error: None }
    }

    /// Sets a field. A name that the table does not have makes [`Row::send`] fail.
    pub fn set<'v>(mut self, field: &str, value: impl Into<Value<'v>>) -> Self {
        let table = self.output.table(self.table);
        match position(table, field, self.next) {
            Some(index) => {
                self.next = index + 1;
                self.output.draft.set(index, value.into());
            }
            None => {
                let table = table.name.clone();
                self.error.get_or_insert(Error::NoField { table, field: field.to_owned() });
            }
        }
        self
    }

    /// Puts the row into the output buffer, which the next [`crate::Context::next`] writes out.
    ///
    /// # Errors
    /// [`Error::NoField`] for an unknown field, [`Error::RowTooLong`], [`Error::Stopped`] when the agent is gone.
    pub fn send(self) -> Result<(), Error> {
        match self.error {
            Some(error) => Err(error),
            None => self.output.send(self.table),
        }
    }
}

fn position(table: &Table, field: &str, hint: usize) -> Option<usize> {
    if table.fields.get(hint).is_some_and(|candidate| candidate.name == field) {
        return Some(hint);
    }
    table.field(field)
}

impl From<Number> for Value<'_> {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Number(number.into())
    }
}

macro_rules! from_integers {
    ($($small:ty => $wide:ty),*) => {$(
        impl From<$small> for Value<'_> {
            fn from(number: $small) -> Self {
                Self::Number(<$wide>::from(number).into())
            }
        }
    )*};
}
from_integers!(u64 => u64, u32 => u64, u16 => u64, i64 => i64, i32 => i64);

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a Histogram> for Value<'a> {
    fn from(histogram: &'a Histogram) -> Self {
        Self::Histogram(histogram)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}
