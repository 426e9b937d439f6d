//! The SQL truth, and the files beside it: one file an aggregate.
//!
//! Everything durable goes through here, and nothing is acknowledged before it is on the disk. One process owns a
//! data folder ([`lock`]); in it, one connection writes, and a few read beside it without ever waiting for it. Runs
//! are written by the [`journal`] alone, which commits whatever is waiting in one transaction.
//!
//! Knows nothing of what a run means: how it stands ([`Head`]) is told by whoever folds its events.

pub mod blobs;
mod column;
pub mod conversations;
mod database;
pub mod definitions;
pub mod entries;
pub mod error;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod journal;
mod lock;
mod many_rows;
pub mod model_calls;
pub mod proposals;
pub mod questions;
pub mod runs;
pub mod secrets;
pub mod workflows;
pub mod workspace;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use blobs::{BlobRef, BlobWriter, Blobs};
pub use conversations::{
    ConversationAppend, ConversationEvent, ConversationHead, ConversationId, Conversations, NewConversationEvent,
};
pub use definitions::{Definition, DefinitionKind, DefinitionVersion, Definitions};
pub use entries::Entries;
pub use error::StoreError;
pub use journal::{Append, Body, Head, Journal, JournalError, JournalStats, SqlJournal};
pub use model_calls::ModelCalls;
pub use proposals::{ProposalId, ProposalRow, Proposals};
pub use questions::{OpenQuestion, Questions};
pub use runs::{Found, Run, RunFilter, Runs};
pub use secrets::{SealedSecret, SealedSecrets};
pub use workflows::{LiveMove, WorkflowHead, WorkflowVersion, Workflows};
pub use workspace::{Workspace, WorkspaceId};

use database::Database;
use journal::writer::Writer;
use lock::FolderLock;

/// How a store is opened. The default is right for production.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// How many connections read beside the one that writes, at least 1.
    pub readers: u32,
    /// How long a statement waits for a lock that somebody else holds on the database file.
    pub busy_timeout: Duration,
    /// How many appends may wait to be committed; more of them wait for room.
    pub queue: usize,
    /// The database grows to this many pages (of 4 KiB) at most; for tests of a full disk.
    pub max_page_count: Option<u32>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { readers: 3, busy_timeout: Duration::from_secs(5), queue: 4096, max_page_count: None }
    }
}

/// An open data folder. Cheap to clone; the folder is given up when the last clone is gone, or by [`Store::close`].
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) database: Database,
    pub(crate) writer: Writer,
    pub(crate) blobs: Blobs,
    pub(crate) folder: PathBuf,
}

impl Store {
    /// Opens the folder, making it and the database if they are not there, and brings the tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Owned`] if another process has the folder open, or whatever kept the database from opening.
    pub async fn open(folder: impl AsRef<Path>, options: StoreOptions) -> Result<Self, StoreError> {
        let folder = folder.as_ref().to_owned();
        std::fs::create_dir_all(&folder).map_err(|error| StoreError::io("make the folder", &folder, error))?;
        let lock = Arc::new(FolderLock::take(&folder)?);
        let database = Database::open(&folder, &options, lock).await?;
        let writer = Writer::start(&database, options.queue);
        let blobs = Blobs::open(folder.join("blobs"))?;
        Ok(Self { shared: Arc::new(Shared { database, writer, blobs, folder }) })
    }

    /// The part of the store that belongs to one workspace.
    #[must_use]
    pub fn workspace(&self, id: WorkspaceId) -> Workspace {
        Workspace::new(self.shared.clone(), id)
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// How much has been committed since the store was opened.
    #[must_use]
    pub fn journal_stats(&self) -> JournalStats {
        self.shared.writer.stats()
    }

    /// Sets how many pages the database may grow to; `None` lifts the limit. For tests of a full disk.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn limit_pages(&self, pages: Option<u32>) -> Result<(), StoreError> {
        self.shared.database.limit_pages(pages).await
    }

    /// Commits what is waiting, takes no more, and closes the database; every handle to it fails from then on.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be tidied up. Nothing that was acknowledged is lost by that.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.shared.writer.close().await;
        self.shared.database.close().await
    }
}

#[cfg(test)]
mod tests;
