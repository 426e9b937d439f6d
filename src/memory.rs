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
mod remember;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use crate::clock::{Clock, Timestamp};
use crate::store::entries::{Entry, EntryCounts, EntryKind};
use crate::store::{Entries, StoreError};
use bm25::Encoder;
use follow::Followed;
use index::{Filter, Index, IndexError};

pub use crate::store::entries::EntryId;
pub use conflict::{Conflict, Noted, Rival};
pub use documents::{LONGEST_FILE, Skipped};
pub use edge::EdgeIndex;
pub use remember::{Progress, Remember, Report};

/// How many hits are given at most.
pub const MOST_HITS: usize = 100;

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

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// The entry.
    pub id: EntryId,
    /// Its text, word for word as it was remembered.
    pub text: String,
    /// A document's path or address; who made a note.
    pub source: String,
    /// The lines of the source that it stands in, from 1; the end is the line after the last.
    pub lines: Option<Range<u64>>,
    /// The headings above it, or what the note is about.
    pub heading: Option<String>,
    /// How well it fits: BM25, comparable within one answer only.
    pub score: f32,
    /// The words of the query that were found in it.
    pub matched: Vec<String>,
    /// Whether it is a note.
    pub note: bool,
    /// For a note: what else was noted about the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// When it was remembered.
    pub at: Timestamp,
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

    /// What fits `query` best, best first, at most `limit` (and [`MOST_HITS`]) of it. A broken index is made again first.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub async fn recall(&self, query: &str, filter: &Filter, limit: usize) -> Result<Vec<Hit>, MemoryError> {
        self.catch_up().await?;
        let words = self.shared.encoder.query(query);
        let limit = limit.min(MOST_HITS);
        let mut found = self.shared.index.search(words.clone(), filter, limit).await;
        if matches!(found, Err(IndexError::Broken(_))) {
            self.rebuild().await?;
            found = self.shared.index.search(words, filter, limit).await;
        }
        let found = found?;
        let ids: Vec<EntryId> = found.iter().map(|(id, _)| *id).collect();
        let entries = self.shared.entries.get(&ids).await?;
        let mut conflicts = self.conflicts(&entries).await?;
        let hit = |entry: Entry| {
            let score = found.iter().find(|(id, _)| *id == entry.id).map_or(0.0, |(_, score)| *score);
            let matched = self.shared.encoder.matched(query, &whole(&entry));
            Hit {
                id: entry.id,
                source: entry.source,
                lines: entry.position.map(|position| position.lines),
                heading: entry.heading,
                text: entry.text,
                score,
                matched,
                note: entry.kind == EntryKind::Note,
                conflict: conflicts.remove(&entry.id),
                at: entry.created_at,
            }
        };
        Ok(entries.into_iter().filter(|entry| entry.superseded_by.is_none()).map(hit).collect())
    }

    /// How much is remembered.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    pub async fn counts(&self) -> Result<EntryCounts, MemoryError> {
        Ok(self.shared.entries.counts().await?)
    }
}

/// By what an entry is found: the name of its document, its headings and its text.
fn whole(entry: &Entry) -> String {
    let name = entry.source.rsplit('/').next().unwrap_or_default();
    let heading = entry.heading.as_deref().unwrap_or_default();
    format!("{name}\n{heading}\n{}", entry.text)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, MemoryError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| MemoryError::Stopped(error.to_string()))
}

#[cfg(test)]
mod tests;
