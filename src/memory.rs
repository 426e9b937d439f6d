//! What the company knows together: remember and recall.
//!
//! SQL holds every entry ([`crate::store::entries`]); an [`Index`] holds by what words each is found. A change is
//! made in SQL first, then in the index, which notes up to which change it is complete: whatever a crash kept from
//! it, it is given before it is asked again. It can be made again from SQL at any time.
//!
//! Architecture invariant: nothing of a text is lost if the whole index is.

pub mod bm25;
mod conflict;
mod documents;
pub mod edge;
mod html;
pub mod index;
pub mod pieces;
mod remember;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use crate::clock::{Clock, Timestamp};
use crate::store::entries::{Change, Entry, EntryCounts, EntryKind, Revision};
use crate::store::{Entries, StoreError};
use bm25::Encoder;
use index::{Filter, Index, IndexError, Indexed};

pub use crate::store::entries::EntryId;
pub use conflict::{Conflict, Noted, Rival};
pub use documents::{LONGEST_FILE, Skipped};
pub use edge::EdgeIndex;
pub use remember::{Progress, Remember, Report};

/// How many entries are given to the index at once.
const BATCH: usize = 512;
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
    encoder: Encoder,
    clock: Arc<dyn Clock>,
    /// Up to which change the index holds everything; `None` until it was asked. Whoever brings it up to date holds this.
    held: tokio::sync::Mutex<Option<Revision>>,
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
        let encoder = Encoder::new().map_err(IndexError::Broken)?;
        Ok(Self { shared: Arc::new(Shared { entries, index, encoder, clock, held: tokio::sync::Mutex::new(None) }) })
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

    /// Makes the index again from SQL; returns how many entries it holds.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub async fn rebuild(&self) -> Result<u64, MemoryError> {
        let mut held = self.shared.held.lock().await;
        *held = None;
        self.start_over(&mut held).await
    }

    /// Gives the index what it does not hold yet. Recalling does it too.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub async fn catch_up(&self) -> Result<(), MemoryError> {
        let shared = &*self.shared;
        let mut held = shared.held.lock().await;
        if held.is_none() {
            *held = match shared.index.held().await {
                Err(IndexError::Broken(_)) => None,
                found => found?,
            };
            // What came before the watermark is no longer told as changes.
            let watermark = shared.entries.watermark().await?;
            let latest = shared.entries.latest().await?;
            if held.is_none_or(|found| found < watermark || found > latest) {
                self.start_over(&mut held).await?;
            }
        }
        while let Some(from) = *held {
            match self.follow(from).await {
                Ok(None) => break,
                Ok(Some(now)) => *held = Some(now),
                Err(MemoryError::Index(IndexError::Broken(_))) => {
                    *held = None;
                    self.start_over(&mut held).await?;
                }
                Err(error) => {
                    // Nobody knows what was applied of it.
                    *held = None;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Gives the index the changes after `from`; returns up to which it holds them now, `None` if there were none.
    async fn follow(&self, from: Revision) -> Result<Option<Revision>, MemoryError> {
        let shared = &*self.shared;
        let mut last = from;
        loop {
            let changes = shared.entries.changes(last, BATCH).await?;
            let Some(end) = changes.last().map(Change::revision) else { break };
            let (mut added, mut gone) = (Vec::new(), Vec::new());
            for change in changes {
                match change {
                    Change::Added(_, entry) => added.push(self.indexed(&entry)),
                    Change::Gone(_, id) => gone.push(id),
                }
            }
            // An entry that is told as added is there now, so that the order of the two does not matter.
            shared.index.apply(added, gone).await?;
            last = end;
        }
        if last == from {
            return Ok(None);
        }
        self.commit(last).await?;
        Ok(Some(last))
    }

    async fn start_over(&self, held: &mut Option<Revision>) -> Result<u64, MemoryError> {
        let shared = &*self.shared;
        tracing::info!("making the memory's index from what is stored");
        shared.index.clear().await?;
        let latest = shared.entries.latest().await?;
        let mut after = None;
        let mut count = 0;
        loop {
            let page = shared.entries.page(after, BATCH).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            count += page.len() as u64;
            shared.index.apply(page.iter().map(|entry| self.indexed(entry)).collect(), Vec::new()).await?;
        }
        self.commit(latest).await?;
        *held = Some(latest);
        Ok(count)
    }

    /// First the index, then SQL, which from then on need not tell what came before.
    async fn commit(&self, revision: Revision) -> Result<(), MemoryError> {
        self.shared.index.commit(revision).await?;
        Ok(self.shared.entries.set_watermark(revision).await?)
    }

    fn indexed(&self, entry: &Entry) -> Indexed {
        let words = self.shared.encoder.document(&whole(entry));
        Indexed { id: entry.id, scope: entry.scope.clone(), kind: entry.kind, words }
    }
}

/// By what an entry is found: the name of its document, its headings and its text.
fn whole(entry: &Entry) -> String {
    let name = entry.source.rsplit('/').next().unwrap_or_default();
    let heading = entry.heading.as_deref().unwrap_or_default();
    format!("{name}\n{heading}\n{}", entry.text)
}

#[cfg(test)]
mod tests;
