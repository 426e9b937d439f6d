//! Finding what fits a question best.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde::Serialize;

use super::bm25::Sparse;
use super::hybrid::{self, Candidate};
use super::index::{Filter, IndexError, Query};
use super::meaning::Asked;
use super::{Conflict, Memory, MemoryError};
use crate::clock::Timestamp;
use crate::store::entries::{Entry, EntryId, EntryKind, EntryScope, Place, Position, Provenance};

/// How many hits are given at most.
pub const MOST_HITS: usize = 100;
/// How many entries are looked at for them, if many have the same text.
const MOST_LOOKED_AT: usize = 5_000;
/// How many entries of each ranking are looked at, at least.
const FEWEST_LOOKED_AT: usize = 30;
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
    /// How well it fits (docs/memory.md has the formula); comparable within one answer only.
    pub score: f32,
    /// The words of the query that were found in it.
    pub matched: Vec<String>,
    /// How near its meaning is to the query's, from -1 to 1, if it was found by its meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
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

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recollection {
    /// What was found, best first.
    pub hits: Vec<Hit>,
    /// By what it was searched.
    pub by: SearchedBy,
}

/// By what entries were searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchedBy {
    /// By words only: no embedder is configured, or it has made no vectors yet.
    Words,
    /// By words only, since the embedder failed: why.
    WordsSinceTheEmbedderFailed(String),
    /// By words and by meaning, with this embedder's vectors.
    WordsAndMeaning(String),
}

impl std::fmt::Display for SearchedBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Words => f.write_str("words only"),
            Self::WordsSinceTheEmbedderFailed(reason) => write!(f, "words only, since the embedder failed: {reason}"),
            Self::WordsAndMeaning(embedder) => write!(f, "words and meaning ({embedder})"),
        }
    }
}

impl Memory {
    /// What fits `query` best, best first, at most `limit` (and [`MOST_HITS`]) of it. What stands in several documents
    /// word for word is found once, and says where else it stands. A broken index is made again first.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub async fn recall(&self, query: &str, filter: &Filter, limit: usize) -> Result<Vec<Hit>, MemoryError> {
        Ok(self.recollect(query, filter, limit).await?.hits)
    }

    /// The same as [`Memory::recall`], and by what it was searched. If the embedder fails it is searched by words.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub async fn recollect(&self, query: &str, filter: &Filter, limit: usize) -> Result<Recollection, MemoryError> {
        self.be_current().await?;
        let words = self.shared.encoder.query(query);
        let asked = if query.trim().is_empty() { Asked::NoEmbedder } else { self.ask(query).await? };
        let (meaning, by) = match asked {
            Asked::NoEmbedder => (None, SearchedBy::Words),
            Asked::Failed(reason) => (None, SearchedBy::WordsSinceTheEmbedderFailed(reason)),
            Asked::Vector(meaning, vector) => {
                let by = SearchedBy::WordsAndMeaning(meaning.embedder.clone());
                (Some(Query::Meaning(meaning, vector)), by)
            }
        };
        let limit = limit.min(MOST_HITS);
        let mut looked_at = (limit * 2).max(FEWEST_LOOKED_AT);
        let (mut entries, found, mut conflicts) = loop {
            let (candidates, all) = self.candidates(&words, meaning.as_ref(), filter, looked_at).await?;
            let ids: Vec<EntryId> = candidates.iter().map(|found| found.id).collect();
            let entries = self.shared.entries.get(&ids).await?;
            let conflicts = self.conflicts(&entries).await?;
            let found = self.weighed(candidates, &entries, &conflicts);
            let entries = once_each(in_order(entries, &found), limit);
            if entries.len() >= limit || all || looked_at >= MOST_LOOKED_AT {
                break (entries, found, conflicts);
            }
            looked_at = (looked_at * MORE).min(MOST_LOOKED_AT);
        };
        let ids: Vec<EntryId> = entries.iter().map(|entry| entry.id).collect();
        let mut places: HashMap<EntryId, Vec<Place>> = HashMap::new();
        for (id, place) in self.shared.entries.places(&ids, &filter.scopes).await? {
            places.entry(id).or_default().push(place);
        }
        let hit = |entry: Entry| {
            let fits = found.get(&entry.id);
            Hit {
                score: fits.map_or(0.0, |fits| fits.score),
                similarity: fits.and_then(|fits| fits.similarity),
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
            }
        };
        Ok(Recollection { hits: entries.drain(..).map(hit).collect(), by })
    }

    /// What fits best, `limit` of each ranking, and whether that is all that fits.
    async fn candidates(
        &self,
        words: &Sparse,
        meaning: Option<&Query>,
        filter: &Filter,
        limit: usize,
    ) -> Result<(Vec<Candidate>, bool), MemoryError> {
        let by_meaning = async {
            match meaning {
                Some(query) => self.search(query.clone(), filter, limit).await.map(Some),
                None => Ok(None),
            }
        };
        let by_words = self.search(Query::Words(words.clone()), filter, limit);
        let (by_words, by_meaning) = tokio::join!(by_words, by_meaning);
        let (by_words, by_meaning) = (by_words?, by_meaning?);
        let all = by_words.len() < limit && by_meaning.as_ref().is_none_or(|found| found.len() < limit);
        Ok((hybrid::fuse(&by_words, by_meaning.as_deref()), all))
    }

    /// The candidates, by entry, with their age and authority counted.
    fn weighed(
        &self,
        candidates: Vec<Candidate>,
        entries: &[Entry],
        conflicts: &HashMap<EntryId, Conflict>,
    ) -> HashMap<EntryId, Candidate> {
        let now = self.shared.clock.now();
        let entries: HashMap<EntryId, &Entry> = entries.iter().map(|entry| (entry.id, entry)).collect();
        let weigh = |mut found: Candidate| {
            let entry = entries.get(&found.id)?;
            let ruled = conflicts.get(&found.id).is_some_and(|conflict| conflict.is_ruled_for(found.id));
            found.score *= hybrid::weight(entry, ruled, now);
            Some((found.id, found))
        };
        candidates.into_iter().filter_map(weigh).collect()
    }

    async fn search(&self, query: Query, filter: &Filter, limit: usize) -> Result<Vec<(EntryId, f32)>, MemoryError> {
        match self.shared.index.search(query.clone(), filter, limit).await {
            Err(IndexError::Broken(_)) => {
                self.rebuild().await?;
                Ok(self.shared.index.search(query, filter, limit).await?)
            }
            found => Ok(found?),
        }
    }
}

/// The entries, those that fit best first.
fn in_order(mut entries: Vec<Entry>, found: &HashMap<EntryId, Candidate>) -> Vec<Entry> {
    let score = |entry: &Entry| found.get(&entry.id).map_or(0.0, |found| found.score);
    entries.sort_by(|one, other| score(other).total_cmp(&score(one)).then(one.id.cmp(&other.id)));
    entries
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
