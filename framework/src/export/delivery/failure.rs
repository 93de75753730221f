//! Why a batch was not taken, what helps, and how often that is said.

use std::time::{Duration, Instant};

/// Longest wait that a receiver can ask for.
const PATIENCE: Duration = Duration::from_secs(600);
/// The same complaint is repeated after this long.
const REPEAT: Duration = Duration::from_secs(600);

/// Why the receiver has not taken a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::export) enum Failure {
    /// There was no answer; the same batch is sent again.
    #[error("{0}")]
    Unreachable(String),
    /// The receiver cannot take it now; the same batch is sent again.
    #[error("{code}: {text}")]
    Busy {
        /// What the protocol calls it: a status.
        code: String,
        /// The first line of the answer.
        text: String,
        /// How long it asks to wait.
        wait: Option<Duration>,
    },
    /// The receiver will never take it.
    #[error("{code}: {text}")]
    Refused {
        /// What the protocol calls it: a status.
        code: String,
        /// The first line of the answer.
        text: String,
    },
    /// The receiver has taken it but for some rows.
    #[error("{rows} were refused: {text}")]
    Partly {
        /// How many it will never take.
        rows: u64,
        /// What the answer says of them.
        text: String,
    },
}

impl Failure {
    /// Whether the same batch may be taken later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Busy { .. })
    }

    /// How long the receiver asks to wait.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self {
            Self::Busy { wait, .. } => wait.map(|wait| wait.min(PATIENCE)),
            _ => None,
        }
    }

    /// The protocol's word for it, if there was an answer.
    pub(in crate::export) fn code(&self) -> Option<&str> {
        match self {
            Self::Unreachable(_) => None,
            Self::Busy { code, .. } | Self::Refused { code, .. } => Some(code),
            Self::Partly { .. } => Some("partly"),
        }
    }
}

/// Says what goes wrong, each kind once until it is over or long ago.
#[derive(Debug)]
pub(super) struct Complaints {
    exporter: &'static str,
    /// What is delivered.
    what: &'static str,
    last: Option<(Option<String>, Instant)>,
}

impl Complaints {
    pub(super) fn new(exporter: &'static str, what: &'static str) -> Self {
        Self { exporter, what, last: None }
    }

    /// A batch was not taken.
    pub(super) fn failed(&mut self, url: &str, failure: &Failure, way_out: &str) {
        let kind = failure.code();
        if self.last.as_ref().is_some_and(|(last, at)| last.as_deref() == kind && at.elapsed() < REPEAT) {
            return;
        }
        self.last = Some((kind.map(ToOwned::to_owned), Instant::now()));
        let Self { exporter, what, .. } = *self;
        if failure.is_passing() {
            tracing::warn!(exporter, url, %failure, way_out, "The receiver does not take {what} now.");
        } else {
            tracing::error!(exporter, url, %failure, way_out, "The receiver refuses {what}.");
        }
    }

    /// A batch was taken.
    pub(super) fn taken(&mut self, url: &str) {
        if self.last.take().is_some() {
            tracing::info!(exporter = self.exporter, url, "The receiver takes {} again.", self.what);
        }
    }
}
