//! What the company knows together: remember and recall.
//!
//! SQL holds every entry ([`crate::store::entries`]); an [`Index`] holds by what words each is found. A change is
//! made in SQL first, then in the index, which notes up to which change it is complete: whatever a crash kept from
//! it, it is given before it is asked again. It can be made again from SQL at any time.
//!
//! Architecture invariant: nothing of a text is lost if the whole index is.

mod apart;
pub mod bm25;
mod conflict;
mod decode;
mod documents;
pub mod edge;
mod follow;
mod forget;
mod html;
mod hybrid;
pub mod index;
mod meaning;
mod pdf;
pub mod pieces;
mod recall;
mod remember;
mod remote;
mod tables;
mod times;
mod tokens;
mod web;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::run::RunId;
use crate::store::entries::{EntryCounts, EntryScope};
use crate::store::{Entries, StoreError};
use bm25::Encoder;
use follow::Followed;
use index::{Index, IndexError};

pub use crate::store::entries::EntryId;
pub(crate) use apart::take_apart;
pub use conflict::{Conflict, Noted, Rival};
pub(crate) use decode::decode;
pub use documents::{LONGEST_FILE, Skipped};
pub use edge::EdgeIndex;
pub use forget::Forgetting;
pub(crate) use html::{page as html_page, text as text_of_html};
pub use meaning::{Embedders, Former};
pub(crate) use pdf::text as text_of_pdf;
pub use recall::{Hit, MOST_HITS, Recollection, SearchedBy};
pub use remember::{Pages, Progress, Remember, Report};
pub use remote::{RemoteIndex, RemoteSettings};
pub use web::Web;

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
    embedders: Embedders,
    /// How far the index has followed. Whoever changes it holds this.
    followed: tokio::sync::Mutex<Followed>,
    /// Whether the index held all that was acknowledged, and has been followed since.
    complete: AtomicBool,
    /// How many are remembering documents now: they bring the index up to date before they say that it is done.
    remembering: AtomicUsize,
    /// How much the index has changed since it was tended, and whether it is being.
    changes: AtomicUsize,
    tending: AtomicBool,
    /// Held by whoever gives entries their vectors.
    embedding: tokio::sync::Mutex<()>,
    known: std::sync::Mutex<meaning::Known>,
    work: tokio::sync::watch::Sender<Option<Work>>,
}

/// What is being done with the index, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// What.
    pub what: Doing,
    /// Entries that are done.
    pub done: u64,
    /// Entries in all.
    pub of: u64,
}

/// What can take long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// The index is made from what is stored.
    Rebuilding,
    /// Entries are given their vectors.
    Embedding,
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
    /// The embedder failed.
    #[error("the embedder failed ({0}); entries are found by their words until it answers")]
    Embedder(String),
    /// Something stopped half-way.
    #[error("the memory stopped half-way: {0}")]
    Stopped(String),
}

/// `rebuilding the index: 1200 of 5000 entries`
impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            Doing::Rebuilding => "rebuilding the index",
            Doing::Embedding => "giving entries their vectors",
        };
        write!(f, "{what}: {} of {} entries", self.done, self.of)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    /// The memory of the workspace that `entries` belong to, which is searched by words only. Opens nothing yet: the
    /// index is opened when it is first needed.
    ///
    /// # Errors
    /// [`MemoryError::Index`] if texts cannot be turned into vectors.
    pub fn new(entries: Entries, index: Arc<dyn Index>, clock: Arc<dyn Clock>) -> Result<Self, MemoryError> {
        Self::with_embedders(entries, index, clock, Embedders::default())
    }

    /// The memory of the workspace that `entries` belong to, which is searched by meaning, too, if there is an embedder.
    ///
    /// # Errors
    /// [`MemoryError::Index`] if texts cannot be turned into vectors.
    pub fn with_embedders(
        entries: Entries,
        index: Arc<dyn Index>,
        clock: Arc<dyn Clock>,
        embedders: Embedders,
    ) -> Result<Self, MemoryError> {
        let shared = Shared {
            entries,
            index,
            encoder: Arc::new(Encoder::new().map_err(IndexError::Broken)?),
            clock,
            embedders,
            followed: tokio::sync::Mutex::default(),
            complete: AtomicBool::new(false),
            remembering: AtomicUsize::new(0),
            changes: AtomicUsize::new(0),
            tending: AtomicBool::new(false),
            embedding: tokio::sync::Mutex::default(),
            known: std::sync::Mutex::default(),
            work: tokio::sync::watch::Sender::new(None),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What is being done with the index, if it takes long, and how far it has come.
    #[must_use]
    pub fn work(&self) -> tokio::sync::watch::Receiver<Option<Work>> {
        self.shared.work.subscribe()
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
