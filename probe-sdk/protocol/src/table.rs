//! Metadata tables: what the fields of a line mean.

use std::sync::Arc;

use crate::histogram::Histogram;
use crate::number::Number;
use crate::reject::FieldReason;

/// What a field is, and so how the store keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A label that identifies the series.
    Key,
    /// A label that may change.
    Label,
    /// The value now.
    Gauge,
    /// A total since its source started; a smaller value is a reset.
    Counter,
    /// The increase since the previous row for the key; the store sums.
    Delta,
    /// Cumulative buckets, the increase since the previous row; the store sums.
    Histogram,
}

impl Kind {
    /// True for keys and labels, false for fields that carry a value.
    #[must_use]
    pub fn is_label(self) -> bool {
        matches!(self, Self::Key | Self::Label)
    }

    /// Whether a text that is not empty is a value of this kind.
    ///
    /// # Errors
    /// Why it is refused; the rest of its row is kept.
    pub fn check(self, text: &str) -> Result<(), FieldReason> {
        match self {
            Self::Key | Self::Label => Ok(()),
            Self::Gauge | Self::Counter => Number::parse(text).map(|_| ()),
            Self::Delta if Number::parse(text)?.is_negative() => Err(FieldReason::NegativeDelta),
            Self::Delta => Ok(()),
            Self::Histogram => Histogram::default().parse(text),
        }
    }

    /// All names that a field of this kind takes up, over both expositions and formats, the plain one first.
    /// `metric` is [`Table::metric`]; labels take up none. Two metrics collide when they share a name.
    #[must_use]
    pub fn expansions(self, metric: &str) -> Vec<String> {
        let suffixes: &[&str] = match self {
            Self::Key | Self::Label => &[],
            Self::Gauge => &[""],
            Self::Counter | Self::Delta if metric.ends_with("_total") => &[""],
            Self::Counter | Self::Delta => &["", "_total"],
            Self::Histogram => &["", "_bucket", "_sum", "_count", "_max"],
        };
        suffixes.iter().map(|suffix| format!("{metric}{suffix}")).collect()
    }
}

/// One field of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Name within the table; the end of the metric's name or a label's name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The unit of its values, as people write it: `bytes`, `us`, `kB`.
    pub unit: Option<String>,
    /// The item that fills it; with that item off it is sent empty.
    pub item: Option<String>,
    /// One sentence for HELP.
    pub help: String,
    /// Kept out of modern exposition.
    pub upstream_only: bool,
}

/// One metadata table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// First field of its lines.
    pub name: String,
    /// The probe (REST name) that fills it.
    pub probe: String,
    /// Prefix of its metrics' names.
    pub entity: String,
    /// All fields in line order.
    pub fields: Vec<Field>,
}

impl Table {
    /// The index of a field by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// Indices of the fields of some kinds, in line order.
    pub fn fields_where(&self, wanted: impl Fn(Kind) -> bool) -> impl Iterator<Item = usize> {
        self.fields.iter().enumerate().filter(move |(_, field)| wanted(field.kind)).map(|(index, _)| index)
    }

    /// The metric's name without the suffixes that an exposition adds: `gala_gopher_<entity>_<field>`.
    #[must_use]
    pub fn metric(&self, field: &Field) -> String {
        metric_name(&self.entity, &field.name)
    }
}

/// [`Table::metric`] of a table that is not yet checked.
pub(crate) fn metric_name(entity: &str, field: &str) -> String {
    format!("gala_gopher_{entity}_{field}")
}

/// The tables of one probe folder; a line is looked up here and nowhere else.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    tables: Vec<Arc<Table>>,
}

impl Tables {
    /// Builds the set; the manifest check has refused double names.
    #[must_use]
    pub fn new(tables: Vec<Arc<Table>>) -> Self {
        Self { tables }
    }

    /// The index of a table by its name. `hint` is tried first: lines of a table come in runs.
    #[inline]
    #[must_use]
    pub fn find(&self, name: &str, hint: usize) -> Option<usize> {
        if self.tables.get(hint).is_some_and(|table| table.name == name) {
            return Some(hint);
        }
        self.tables.iter().position(|table| table.name == name)
    }

    /// All tables, in manifest order.
    #[must_use]
    pub fn all(&self) -> &[Arc<Table>] {
        &self.tables
    }
}
