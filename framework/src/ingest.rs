//! Lines to rows: decodes what a probe writes, counts each line once with its fate, and hands rows on.
//!
//! Invariant: `lines = accepted + rejected{reason} + dropped{reason}`, per folder and life of the agent.
//! Invariant: decoding never sees the store; rows leave through [`RowSink`].

mod intake;
mod rate;

use gopher_protocol::decode::{Fields, Row};
use gopher_protocol::event::Event;
use gopher_protocol::notice::News;

pub use self::intake::{Intake, Intakes};

/// Why a good row was not kept. The text is the `reason` label of the agent's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// The folder wrote more rows a second than its manifest allows.
    Rate,
    /// The folder has as many series as its manifest allows.
    SeriesPerFolder,
    /// The table has as many series as the configuration allows.
    SeriesPerTable,
    /// The agent has as many series as the configuration allows.
    SeriesTotal,
    /// Another table already has this metric with these labels.
    Duplicate,
    /// The probe was stopped or its folder removed while the row was under way.
    Stopped,
}

impl Dropped {
    /// Every reason, in the order of the agent's counters.
    pub const ALL: [Self; 6] = [
        Self::Rate,
        Self::SeriesPerFolder,
        Self::SeriesPerTable,
        Self::SeriesTotal,
        Self::Duplicate,
        Self::Stopped,
    ];

    /// The value of the `reason` label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::SeriesPerFolder => "series_per_folder",
            Self::SeriesPerTable => "series_per_table",
            Self::SeriesTotal => "series_total",
            Self::Duplicate => "duplicate_series",
            Self::Stopped => "stopped",
        }
    }
}

/// Where accepted lines of one folder go; the store implements it.
pub trait RowSink: Send + Sync {
    /// Opens a batch: the lines of one read. Others wait for its end, so a batch is short.
    fn batch(&self) -> Box<dyn Batch + '_>;
}

/// Where news of processes go.
pub trait NewsSink: Send + Sync {
    /// Takes news of one process.
    fn news(&self, news: News);
    /// Some were lost.
    fn lost(&self);
}

/// The lines of one read.
pub trait Batch {
    /// Keeps one row.
    ///
    /// # Errors
    /// [`Dropped`] when a limit is reached.
    fn row(&mut self, row: &Row<'_>) -> Result<(), Dropped>;
    /// Passes one event on; false where it is left out because the same has been passed on just before.
    fn event(&mut self, event: &Event<'_>) -> bool;
    /// Passes one OTel log line on.
    fn log(&mut self, fields: &Fields<'_>);
    /// How many fields were refused so far, by [`gopher_protocol::reject::FieldReason`] in the order of its `ALL`.
    fn refused_fields(&self) -> [u64; 3];
}
