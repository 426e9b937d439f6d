//! The journal: where a run's events become durable.

mod batch;
mod reader;
mod row;
pub(super) mod writer;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

use super::workspace::Workspace;
use crate::clock::Timestamp;
use crate::run::{Recorded, RunId, RunStatus, StepPath};

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
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// Somebody else appended first, or the caller's state is not what is stored.
    #[error("run {run}: its list does not end at event {expected}; it was changed by somebody else")]
    Conflict {
        /// The run.
        run: RunId,
        /// The number that the caller expected.
        expected: u64,
    },
    /// What was given to be appended is no continuation of any list.
    #[error("run {run}: not appended, since {reason}")]
    Invalid {
        /// The run.
        run: RunId,
        /// What is wrong with it.
        reason: String,
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
    /// Anything else. Should the disk itself have failed while it was told to keep a commit, then the commit may
    /// turn up after a restart: read the run again before going on with it.
    #[error("the database failed: {0}")]
    Database(String),
}

/// How much a journal has committed. `appends / commits` is how many shared an fsync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalStats {
    /// Transactions committed.
    pub commits: u64,
    /// Appends in them.
    pub appends: u64,
    /// Events in those.
    pub events: u64,
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

    /// One event by its number, or `None` if there is none: how a value is looked up by reference.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`], or a failure of the database.
    async fn read_one(&self, run: RunId, seq: u64) -> Result<Option<Recorded>, JournalError>;

    /// The ends of the bodies of one `for_each` after event `after`, in the order of their ends, at most `limit`.
    /// Page with the number of the last one, so that any number of bodies is collected in little memory.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] with the event's number, or a failure of the database.
    async fn bodies(&self, run: RunId, step: &StepPath, after: u64, limit: usize) -> Result<Vec<Body>, JournalError>;
}

/// The end of one body, with the event that carries its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// The `BodyEnded` event.
    pub ended: Recorded,
    /// The event that it refers to; `None` if the body has no value.
    pub value: Option<Recorded>,
}

/// The journal of one workspace in the SQL database. Appends that are made at the same time share a transaction,
/// and so an fsync, whatever workspace and run they are for. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqlJournal {
    workspace: Workspace,
}

impl SqlJournal {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace }
    }
}

#[async_trait]
impl Journal for SqlJournal {
    async fn append(&self, append: Append) -> Result<(), JournalError> {
        // Told as rows here, in the caller's task, so that the one writer only writes.
        let rows = row::AppendRows::of(self.workspace.id(), &append)?;
        self.workspace.shared.writer.append(rows).await
    }

    async fn read(&self, run: RunId, after: u64, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        reader::read(&self.workspace, run, after, limit).await
    }

    async fn read_one(&self, run: RunId, seq: u64) -> Result<Option<Recorded>, JournalError> {
        reader::read_one(&self.workspace, run, seq).await
    }

    async fn bodies(&self, run: RunId, step: &StepPath, after: u64, limit: usize) -> Result<Vec<Body>, JournalError> {
        reader::bodies(&self.workspace, run, step, after, limit).await
    }
}
