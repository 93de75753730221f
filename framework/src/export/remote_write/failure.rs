//! Why a batch was not taken, what helps, and how often that is said.

use std::time::{Duration, Instant};

use hyper::StatusCode;

/// The same complaint is repeated after this long.
const REPEAT: Duration = Duration::from_secs(600);

/// Why the receiver has not taken a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// There was no answer; the same batch is sent again.
    #[error("{0}")]
    Unreachable(String),
    /// The receiver cannot take it now; the same batch is sent again.
    #[error("{status}: {text}")]
    Busy {
        /// 429 or 5xx.
        status: StatusCode,
        /// The first line of the answer.
        text: String,
        /// How long it asks to wait.
        wait: Option<Duration>,
    },
    /// The receiver will never take it.
    #[error("{status}: {text}")]
    Refused {
        /// Any other.
        status: StatusCode,
        /// The first line of the answer.
        text: String,
    },
}

impl Failure {
    /// Whether the same batch may be taken later.
    pub(super) fn is_passing(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }

    /// How long the receiver asks to wait.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self {
            Self::Busy { wait, .. } => *wait,
            _ => None,
        }
    }

    fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Unreachable(_) => None,
            Self::Busy { status, .. } | Self::Refused { status, .. } => Some(*status),
        }
    }

    fn way_out(&self) -> &'static str {
        let Some(status) = self.status() else {
            return "check that the receiver runs, url, and the files of [export.remote_write]; \
                    batches wait and are sent again";
        };
        match status.as_u16() {
            429 | 500.. => "look into the receiver's log; batches wait and are sent again",
            300..=399 => {
                "write the address that it points to into url of [export.remote_write]; the rows are lost"
            }
            401 | 403 => "check the user, token or certificate of [export.remote_write]; the rows are lost",
            404 | 405 => {
                "check the path of url of [export.remote_write] (Prometheus takes /api/v1/write when it is started \
                 with --web.enable-remote-write-receiver); the rows are lost"
            }
            _ => {
                "look into the receiver's log; time stamps are refused when the clock was set back or another agent \
                 has the same labels; the rows are lost"
            }
        }
    }
}

/// Says what goes wrong, each kind once until it is over or long ago.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    last: Option<(Option<StatusCode>, Instant)>,
}

impl Complaints {
    /// A batch was not taken.
    pub(super) fn failed(&mut self, url: &str, failure: &Failure) {
        let kind = failure.status();
        if self.last.is_some_and(|(last, at)| last == kind && at.elapsed() < REPEAT) {
            return;
        }
        self.last = Some((kind, Instant::now()));
        let way_out = failure.way_out();
        if failure.is_passing() {
            tracing::warn!(url, %failure, way_out, "The remote-write receiver does not take metrics now.");
        } else {
            tracing::error!(url, %failure, way_out, "The remote-write receiver refuses metrics.");
        }
    }

    /// A batch was taken.
    pub(super) fn taken(&mut self, url: &str) {
        if self.last.take().is_some() {
            tracing::info!(url, "The remote-write receiver takes metrics again.");
        }
    }
}
