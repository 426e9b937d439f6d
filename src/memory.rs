//! What the company knows together: remember and recall.
//!
//! SQL holds every entry ([`crate::store::entries`]); an [`Index`] holds by what words each is found. A change is
//! made in SQL first, then in the index, which notes up to which change it is complete: whatever a crash kept from
//! it, it is given before it is asked again. It can be made again from SQL at any time.
//!
//! Architecture invariant: nothing of a text is lost if the whole index is.

pub mod bm25;
mod conflict;
mod decode;
mod documents;
pub mod edge;
mod follow;
mod html;
pub mod index;
pub mod pieces;
mod recall;
mod remember;
mod times;

use std::fmt;
use std::sync::Arc;

use crate::clock::Clock;
use crate::run::RunId;
use crate::store::entries::{EntryCounts, EntryScope};
use crate::store::{Entries, StoreError};
use bm25::Encoder;
use follow::Followed;
use index::{Index, IndexError};

pub use crate::store::entries::EntryId;
pub use conflict::{Conflict, Noted, Rival};
pub(crate) use decode::decode;
pub use documents::{LONGEST_FILE, Skipped};
pub use edge::EdgeIndex;
pub(crate) use html::text as text_of_html;
pub use recall::{Hit, MOST_HITS};
pub use remember::{Progress, Remember, Report};

/// What the company of one workspace knows together. Cheap to clone.
#[derive(Clone)]
pub struct Memory {
    shared: Arc<Shared>,
}

struct Shared {
    entries: Entries,
    index: Arc<dyn Index>,
    encoder: Arc<Encoder>,
    clock: Arc<dyn Clock>,
    /// How far the index has followed. Whoever brings it up to date holds this.
    followed: tokio::sync::Mutex<Followed>,
}

/// Why the memory failed.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// SQL failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Something stopped half-way.
    #[error("the memory stopped half-way: {0}")]
    Stopped(String),
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    /// The memory of the workspace that `entries` belong to. Opens nothing yet: the index is opened when it is first needed.
    ///
    /// # Errors
    /// [`MemoryError::Index`] if texts cannot be turned into vectors.
    pub fn new(entries: Entries, index: Arc<dyn Index>, clock: Arc<dyn Clock>) -> Result<Self, MemoryError> {
        let encoder = Arc::new(Encoder::new().map_err(IndexError::Broken)?);
        let followed = tokio::sync::Mutex::default();
        Ok(Self { shared: Arc::new(Shared { entries, index, encoder, clock, followed }) })
    }

    /// What a run sees: what its workspace, its workflow and it itself remember.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    pub async fn seen_by(&self, run: RunId) -> Result<Vec<EntryScope>, MemoryError> {
        Ok(self.shared.entries.seen_by(run).await?)
    }

    /// How much is remembered.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    pub async fn counts(&self) -> Result<EntryCounts, MemoryError> {
        Ok(self.shared.entries.counts().await?)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, MemoryError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| MemoryError::Stopped(error.to_string()))
}

#[cfg(test)]
mod tests;
