//! Finding what fits a question best.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde::Serialize;

use super::bm25::Sparse;
use super::index::{Filter, IndexError};
use super::{Conflict, Memory, MemoryError};
use crate::clock::Timestamp;
use crate::store::entries::{Entry, EntryId, EntryKind, EntryScope, Place, Position, Provenance};

/// How many hits are given at most.
pub const MOST_HITS: usize = 100;
/// How many entries are looked at for them, if many have the same text.
const MOST_LOOKED_AT: usize = 5_000;
/// How many times as many are looked at if those before were too often the same.
const MORE: usize = 4;

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// The entry.
    pub id: EntryId,
    /// Its text, word for word as it was remembered.
    pub text: String,
    /// A document's path or address; where a note is from.
    pub source: String,
    /// The lines of the source that it stands in, from 1; the end is the line after the last.
    pub lines: Option<Range<u64>>,
    /// The pages of the source that it stands on, from 1; the end is the page after the last.
    pub pages: Option<Range<u64>>,
    /// The headings above it, or what the note is about.
    pub heading: Option<String>,
    /// How well it fits: BM25, comparable within one answer only.
    pub score: f32,
    /// The words of the query that were found in it.
    pub matched: Vec<String>,
    /// Where else the same text stands, ten places at most: it is found only once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Place>,
    /// Whether it is a note.
    pub note: bool,
    /// For a note: what else was noted about the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// Who remembers it.
    pub scope: EntryScope,
    /// The role or the person by whom it was remembered.
    pub author: Option<String>,
    /// By which run and step.
    pub provenance: Option<Provenance>,
    /// Which version of its document it is from, or which of the notes about one thing it is.
    pub version: u64,
    /// How sure its author is, or how far the document is to be trusted, in percent.
    pub confidence: Option<u8>,
    /// When it was remembered.
    pub at: Timestamp,
}

impl Memory {
    /// What fits `query` best, best first, at most `limit` (and [`MOST_HITS`]) of it. What stands in several documents
    /// word for word is found once, and says where else it stands. A broken index is made again first.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub async fn recall(&self, query: &str, filter: &Filter, limit: usize) -> Result<Vec<Hit>, MemoryError> {
        self.catch_up().await?;
        let words = self.shared.encoder.query(query);
        let limit = limit.min(MOST_HITS);
        let mut looked_at = limit;
        let (entries, scores) = loop {
            let found = self.search(&words, filter, looked_at).await?;
            let ids: Vec<EntryId> = found.iter().map(|(id, _)| *id).collect();
            let entries = once_each(self.shared.entries.get(&ids).await?, limit);
            if entries.len() >= limit || found.len() < looked_at || looked_at >= MOST_LOOKED_AT {
                break (entries, found.into_iter().collect::<HashMap<_, _>>());
            }
            looked_at = (looked_at * MORE).min(MOST_LOOKED_AT);
        };
        let mut conflicts = self.conflicts(&entries).await?;
        let ids: Vec<EntryId> = entries.iter().map(|entry| entry.id).collect();
        let mut places: HashMap<EntryId, Vec<Place>> = HashMap::new();
        for (id, place) in self.shared.entries.places(&ids, &filter.scopes).await? {
            places.entry(id).or_default().push(place);
        }
        let hit = |entry: Entry| Hit {
            score: scores.get(&entry.id).copied().unwrap_or_default(),
            matched: self.shared.encoder.matched(query, &whole(&entry)),
            also: places.remove(&entry.id).unwrap_or_default(),
            conflict: conflicts.remove(&entry.id),
            id: entry.id,
            source: entry.source,
            lines: entry.position.as_ref().and_then(Position::lines).cloned(),
            pages: entry.position.as_ref().and_then(Position::pages).cloned(),
            heading: entry.heading,
            text: entry.text,
            note: entry.kind == EntryKind::Note,
            scope: entry.scope,
            author: entry.author,
            provenance: entry.provenance,
            version: entry.version,
            confidence: entry.confidence,
            at: entry.created_at,
        };
        Ok(entries.into_iter().map(hit).collect())
    }

    async fn search(&self, words: &Sparse, filter: &Filter, limit: usize) -> Result<Vec<(EntryId, f32)>, MemoryError> {
        match self.shared.index.search(words.clone(), filter, limit).await {
            Err(IndexError::Broken(_)) => {
                self.rebuild().await?;
                Ok(self.shared.index.search(words.clone(), filter, limit).await?)
            }
            found => Ok(found?),
        }
    }
}

/// The first `limit` entries that no other has superseded, of the pieces of documents with the same text the first only.
fn once_each(entries: Vec<Entry>, limit: usize) -> Vec<Entry> {
    let mut seen = HashSet::new();
    let mut is_new = |entry: &Entry| {
        entry.superseded_by.is_none() && (entry.kind != EntryKind::Document || seen.insert(entry.text.clone()))
    };
    entries.into_iter().filter(|entry| is_new(entry)).take(limit).collect()
}

/// By what an entry is found: the name of its document, its headings and its text.
pub(super) fn whole(entry: &Entry) -> String {
    let name = entry.source.rsplit('/').next().unwrap_or_default();
    let heading = entry.heading.as_deref().unwrap_or_default();
    format!("{name}\n{heading}\n{}", entry.text)
}
