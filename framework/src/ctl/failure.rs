//! Why a command did not do what it was asked for, and the exit code for it.

use std::io;

use serde_json::Value;

use crate::control::client;

/// What went wrong; where a command has shown all of it already, the text is empty.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// It could not be done, or was refused.
    #[error("{0}")]
    Failed(String),
    /// The agent says no.
    #[error("{message}")]
    Refused {
        /// Why.
        message: String,
        /// What was wrong with a document, a place each; an empty list where it was something else.
        errors: Value,
    },
    /// The arguments make no sense together.
    #[error("{0}")]
    Usage(String),
    /// No agent answers.
    #[error("{0}")]
    NoAgent(String),
    /// A configuration is bad, or a probe folder.
    #[error("{0}")]
    BadConfig(String),
    /// Nobody reads what is written, as in `gopher-ctl … | head`.
    #[error("the output was closed")]
    Closed,
}

impl Failure {
    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Refused { .. } => 1,
            Self::Usage(_) => 2,
            Self::NoAgent(_) => 3,
            Self::BadConfig(_) => 78,
            Self::Closed => 0,
        }
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        match error {
            client::Error::Unreachable { .. } | client::Error::Broken { .. } => {
                Self::NoAgent(error.to_string())
            }
            client::Error::Taker(error) => error.into(),
            client::Error::Refused { message, answer, .. } => {
                let errors = answer.get("errors").filter(|errors| errors.is_array());
                Self::Refused { message, errors: errors.cloned().unwrap_or_else(|| Value::Array(Vec::new())) }
            }
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Failed(error.to_string()),
        }
    }
}
