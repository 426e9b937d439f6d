//! What can go wrong when a run is asked for something.

use crate::run::{Illegal, RunId, RunStatus};
use crate::store::{JournalError, StoreError};
use crate::workflow::Problem;

/// Why the engine did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no such run.
    #[error("there is no run {0}; `callboard runs` lists those there are")]
    NoSuchRun(RunId),
    /// The run has ended.
    #[error("run {run} has ended ({status}); nothing can be told to it any more")]
    Ended {
        /// The run.
        run: RunId,
        /// How it ended.
        status: RunStatus,
    },
    /// The run has not ended.
    #[error("run {run} has not ended ({status}); cancel it first, or wait")]
    NotEnded {
        /// The run.
        run: RunId,
        /// How it stands.
        status: RunStatus,
    },
    /// There is no such open question.
    #[error("run {run} has no open question {question}; it has {}", open.join(", "))]
    NoSuchQuestion {
        /// The run.
        run: RunId,
        /// What was asked for.
        question: String,
        /// Those that are open.
        open: Vec<String>,
    },
    /// The answer does not fit the question.
    #[error("{0}")]
    BadAnswer(String),
    /// There is no such step.
    #[error("the workflow of run {run} has no step {step} at its top level")]
    NoSuchStep {
        /// The run.
        run: RunId,
        /// What was asked for.
        step: String,
    },
    /// The inputs, or the workflow, are not valid.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<Problem>),
    /// A pinned workflow is not in the store, or can no longer be read.
    #[error("workflow version {hash} cannot be loaded: {reason}")]
    NoSuchVersion {
        /// The hash.
        hash: String,
        /// Why not.
        reason: String,
    },
    /// Too much is waiting already.
    #[error("{0} is busy: too much is waiting for it; try again in a moment")]
    Busy(String),
    /// The engine is stopping.
    #[error("the engine is stopping; nothing is lost, and `callboard resume` goes on")]
    Stopping,
    /// The run cannot go on for now; what is recorded of it is safe.
    #[error("run {run} cannot go on: {reason}; what is recorded of it is safe, and `callboard resume` tries again")]
    Stalled {
        /// The run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// The stored events contradict each other.
    #[error("run {run}: {illegal}; the list of events is damaged, or was written by a newer version")]
    Damaged {
        /// The run.
        run: RunId,
        /// The event that cannot follow.
        illegal: Illegal,
    },
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
