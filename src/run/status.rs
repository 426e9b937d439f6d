//! How a run stands.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Some step is being worked on, or can be.
    Running,
    /// Nothing can advance before a timer, a signal or another run's end.
    Waiting,
    /// Nothing can advance before a person answers.
    Parked,
    /// Somebody asked for its end; what is in flight is being stopped.
    Cancelling,
    /// It ended well.
    Completed,
    /// It ended with a failure that no step handled.
    Failed,
    /// It was stopped.
    Cancelled,
}

impl RunStatus {
    /// True if nothing will happen any more.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// As the events and the database spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Parked => "parked",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RunStatus {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Running, Self::Waiting, Self::Parked, Self::Cancelling, Self::Completed, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("no such run status: {text}"))
    }
}
