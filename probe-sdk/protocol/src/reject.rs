//! Why a line or a field was refused: one reason each, with its place.

use thiserror::Error;

/// Why a whole line was refused. The text is the `reason` label of the agent's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// No second bar: the table name does not end.
    NoTable,
    /// The table is not one of the folder that wrote the line.
    UnknownTable,
    /// Fewer fields than the table has.
    TooFewFields,
    /// More fields than the table has.
    TooManyFields,
    /// The first key is empty.
    EmptyKey,
    /// A control, event or log line that is not of its form.
    BadControl,
    /// An event whose entity, entity id or metric is empty, or whose severity is none.
    BadEvent,
    /// Longer than [`crate::MAX_LINE`].
    TooLong,
    /// The output ended within the line.
    Truncated,
}

impl Reason {
    /// Every reason, in the order of the agent's counters.
    pub const ALL: [Self; 9] = [
        Self::NoTable,
        Self::UnknownTable,
        Self::TooFewFields,
        Self::TooManyFields,
        Self::EmptyKey,
        Self::BadControl,
        Self::BadEvent,
        Self::TooLong,
        Self::Truncated,
    ];

    /// The value of the `reason` label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NoTable => "no_table",
            Self::UnknownTable => "unknown_table",
            Self::TooFewFields => "too_few_fields",
            Self::TooManyFields => "too_many_fields",
            Self::EmptyKey => "empty_key",
            Self::BadControl => "bad_control",
            Self::BadEvent => "bad_event",
            Self::TooLong => "too_long",
            Self::Truncated => "truncated",
        }
    }
}

/// Why one field of an otherwise good row was refused; the row is kept without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldReason {
    /// Not a decimal number, or not finite.
    NotANumber,
    /// A `delta` below zero.
    NegativeDelta,
    /// A histogram that is not of its form.
    BadHistogram,
}

impl FieldReason {
    /// Every reason, in the order of the agent's counters.
    pub const ALL: [Self; 3] = [Self::NotANumber, Self::NegativeDelta, Self::BadHistogram];

    /// The value of the `reason` label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::NegativeDelta => "negative_delta",
            Self::BadHistogram => "bad_histogram",
        }
    }
}

/// A refused line: the reason, and where in the line it shows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}: table `{table}`, field {field}, byte {byte}", reason.label())]
pub struct Reject {
    /// Why.
    pub reason: Reason,
    /// The table's name as far as it could be read; at most 64 bytes of it.
    pub table: String,
    /// The field's index, from 1; 0 when it is not about a field.
    pub field: usize,
    /// The offset within the line, from 0.
    pub byte: usize,
}
