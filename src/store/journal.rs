//! The journal: where a run's events become durable.

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::run::{Recorded, RunId, RunStatus};

/// Events to be added to a run's list, all or none.
#[derive(Clone, Debug)]
pub struct Append {
    /// The run.
    pub run: RunId,
    /// The number of the run's last event so far; 0 for a new run.
    pub expected_seq: u64,
    /// The events, numbered from `expected_seq + 1` without gaps.
    pub events: Vec<Recorded>,
    /// How the run stands after them.
    pub head: Head,
}

/// What is looked up of a run without folding its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How it stands.
    pub status: RunStatus,
    /// When its next timer is due.
    pub wake_at: Option<Timestamp>,
}

/// Why an append or a read failed. Nothing of a failed append is stored.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Somebody else appended first, or the caller's state is not what is stored.
    #[error("run {run}: its list does not end at event {expected}; it was changed by somebody else")]
    Conflict {
        /// The run.
        run: RunId,
        /// The number that the caller expected.
        expected: u64,
    },
    /// The disk is full.
    #[error("the disk is full: nothing more can be recorded in {folder}; free some space, runs go on by themselves")]
    Full {
        /// The data folder.
        folder: String,
    },
    /// A stored event cannot be read.
    #[error("run {run}, event {seq}: the stored event cannot be read ({reason}); other runs are not affected")]
    Corrupt {
        /// The run.
        run: RunId,
        /// The event's number.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The queue is full, or the journal is shut down.
    #[error("the journal takes no more events: {0}")]
    Unavailable(String),
    /// Anything else.
    #[error("the database failed: {0}")]
    Database(String),
}

/// Where a run's events become durable.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Appends, and returns once the events are on the disk.
    ///
    /// # Errors
    /// [`JournalError`]; nothing of the append is then stored, unless it says so.
    async fn append(&self, append: Append) -> Result<(), JournalError>;

    /// The events after number `after`, in order, at most `limit` of them.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] with the event's number, or a failure of the database.
    async fn read(&self, run: RunId, after: u64, limit: usize) -> Result<Vec<Recorded>, JournalError>;
}
