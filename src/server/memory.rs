//! The memory: remember documents, search, rebuild the index.

use std::ops::Range;
use std::path::PathBuf;

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use url::Url;

use super::error::{ApiError, ErrorBody};
use super::select;
use crate::app::App;
use crate::clock::Timestamp;
use crate::memory::index::Filter;
use crate::memory::{self, Conflict, Forgetting, Hit, MOST_HITS, Pages, Recollection, Report, SearchedBy};
use crate::run::{RunId, StepPath};
use crate::store::entries::{EntryId, EntryKind, EntryScope};

/// Documents to be remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remember {
    /// Files and folders.
    #[serde(default)]
    pub paths: Vec<PathBuf>,
    /// Addresses of pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// The folder that relative paths start from; an absolute path. What is below it is remembered by its path from
    /// there on.
    pub base: PathBuf,
    /// Who remembers it: `workspace` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The person or the program by whom it is remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// How far it is to be trusted, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
}

/// What remembering came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Documents that were not remembered before.
    pub added: u64,
    /// Documents with another content than before, which took the place of the old.
    pub changed: u64,
    /// Documents that are remembered as they are.
    pub unchanged: u64,
    /// Documents that were remembered from these folders, and are no longer there.
    pub forgotten: u64,
    /// New entries.
    pub entries: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Files that are not remembered.
    pub skipped: Vec<Skipped>,
}

/// A file that is not remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What to search for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecallQuery {
    /// The text.
    pub text: String,
    /// How many entries at most: 5 unless given, and 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Only what these scopes remember, with commas between them; `workspace` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Only entries of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EntryKind>,
    /// Only what was remembered since then: an instant, a day, or how long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Only what was remembered until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recollected {
    /// By what it was searched: `words` or `words_and_meaning`.
    pub searched_by: String,
    /// The same for people: `words only`, and why if the embedder failed; `words and meaning`, and whose vectors.
    pub told: String,
    /// What was found, best first.
    pub hits: Vec<Recalled>,
}

/// An entry that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recalled {
    /// Its id.
    pub id: EntryId,
    /// The document's path or address, or where a note is from.
    pub source: String,
    /// The first and the last line in the document, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<(u64, u64)>,
    /// The first and the last page of the document, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<(u64, u64)>,
    /// The heading that it stands under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<String>,
    /// The text.
    pub text: String,
    /// How well it fits; more is better, and only comparable within one answer.
    pub score: f32,
    /// The words of the query that were found in it, as the query has them: why it was found.
    #[serde(default)]
    pub matched: Vec<String>,
    /// How near its meaning is to the query's, from -1 to 1, if it was found by its meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
    /// Where else the same text stands, ten places at most: it is found only once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<AlsoIn>,
    /// Whether it is a note of an agent, not a piece of a document.
    pub note: bool,
    /// For a note: what else was noted about the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// Who remembers it.
    pub scope: EntryScope,
    /// The role or the person by whom it was remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The run by which it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The step by which it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepPath>,
    /// Which version of its document it is from, or which of the notes about one thing it is.
    pub version: u64,
    /// How sure its author is, or how far the document is to be trusted, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    /// When it was remembered, in milliseconds since 1970.
    pub at: Timestamp,
}

/// Another document that the text of an entry stands in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlsoIn {
    /// The document's path or address.
    pub source: String,
    /// The first and the last line in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<(u64, u64)>,
}

/// How many entries are found unless the request says.
const USUAL_HITS: usize = 5;

/// The index is built anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuilt {
    /// Entries that it holds.
    pub entries: u64,
}

impl From<Report> for Remembered {
    fn from(report: Report) -> Self {
        let Report { added, changed, unchanged, forgotten, entries, bytes, skipped } = report;
        let skipped = skipped.into_iter().map(|skipped| Skipped { path: skipped.path, reason: skipped.reason });
        Self { added, changed, unchanged, forgotten, entries, bytes, skipped: skipped.collect() }
    }
}

impl From<Recollection> for Recollected {
    fn from(found: Recollection) -> Self {
        let told = found.by.to_string();
        let searched_by =
            if matches!(found.by, SearchedBy::WordsAndMeaning(_)) { "words_and_meaning" } else { "words" };
        let hits = found.hits.into_iter().map(Recalled::from).collect();
        Self { searched_by: searched_by.to_owned(), told, hits }
    }
}

impl From<Hit> for Recalled {
    fn from(hit: Hit) -> Self {
        let also =
            hit.also.into_iter().map(|place| AlsoIn { source: place.source, lines: place.lines.map(first_and_last) });
        let (run, step) = hit.provenance.map(|provenance| (provenance.run, provenance.step)).unzip();
        Self {
            id: hit.id,
            source: hit.source,
            lines: hit.lines.map(first_and_last),
            pages: hit.pages.map(first_and_last),
            heading: hit.heading,
            text: hit.text,
            score: hit.score,
            matched: hit.matched,
            similarity: hit.similarity,
            also: also.collect(),
            note: hit.note,
            conflict: hit.conflict,
            scope: hit.scope,
            author: hit.author,
            run,
            step,
            version: hit.version,
            confidence: hit.confidence,
            at: hit.at,
        }
    }
}

/// Lines and pages as people count them.
fn first_and_last(lines: Range<u64>) -> (u64, u64) {
    (lines.start, lines.end.saturating_sub(1).max(lines.start))
}

/// `POST /api/memory/entries`
pub(super) async fn remember(
    State(app): State<App>,
    Json(wanted): Json<Remember>,
) -> Result<Json<Remembered>, ApiError> {
    let Remember { paths, urls, base, scope, author, confidence } = wanted;
    let scope = select::scope(&app, scope.as_deref()).await?;
    let confidence = confidence.map(|percent| percent.min(100));
    let pages = if urls.is_empty() { None } else { Some(Pages { urls: addresses(&urls)?, web: app.web()? }) };
    let wanted = memory::Remember { paths, pages, base, scope, author, confidence, provenance: None };
    Ok(Json(app.memory().remember(wanted, |_| {}).await?.into()))
}

fn addresses(urls: &[String]) -> Result<Vec<Url>, ApiError> {
    let bad = |url: &String, reason: &str| {
        ApiError::invalid(ErrorBody::new("bad_url", format!("`{url}` is no address of a page: {reason}")))
    };
    let read = |url: &String| match Url::parse(url) {
        Ok(read) if matches!(read.scheme(), "http" | "https") => Ok(read),
        Ok(_) => Err(bad(url, "only http and https are fetched")),
        Err(error) => Err(bad(url, &error.to_string())),
    };
    urls.iter().map(read).collect()
}

/// Documents to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forget {
    /// Files' paths, folders' with a slash at the end, or addresses of pages.
    pub sources: Vec<String>,
    /// The folder that relative paths start from; an absolute path.
    pub base: PathBuf,
    /// In this scope alone; in every scope unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// What forgetting one source came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// The source, as it was named.
    pub source: String,
    /// The documents that are forgotten.
    pub documents: Vec<ForgottenDocument>,
    /// How many entries they had, those of superseded versions too.
    pub entries: u64,
    /// If there was no such document: those of which the name is like it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
}

/// A document that is forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgottenDocument {
    /// Its path or address.
    pub source: String,
    /// Who remembered it.
    pub scope: EntryScope,
}

/// `POST /api/memory/forget`
pub(super) async fn forget(
    State(app): State<App>,
    Json(wanted): Json<Forget>,
) -> Result<Json<Vec<Forgotten>>, ApiError> {
    let scope = match wanted.scope.as_deref() {
        Some(scope) => Some(select::scope(&app, Some(scope)).await?),
        None => None,
    };
    let mut all = Vec::new();
    for source in wanted.sources {
        let Forgetting { documents, entries, near } =
            app.memory().forget(&source, &wanted.base, scope.as_ref()).await?;
        let documents = documents.into_iter().map(|(source, scope)| ForgottenDocument { source, scope }).collect();
        all.push(Forgotten { source, documents, entries, near });
    }
    Ok(Json(all))
}

/// `GET /api/memory/recall`: the best fitting first.
pub(super) async fn recall(
    State(app): State<App>,
    Query(wanted): Query<RecallQuery>,
) -> Result<Json<Recollected>, ApiError> {
    let limit = wanted.limit.unwrap_or(USUAL_HITS).clamp(1, MOST_HITS);
    let RecallQuery { scope, kind, since, until, .. } = &wanted;
    let scopes = select::scopes(&app, scope.as_deref()).await?;
    let filter = Filter { scopes, kinds: kind.iter().copied().collect(), ..Filter::default() };
    let filter = filter
        .remembered(since.as_deref(), until.as_deref(), app.clock().now())
        .map_err(|reason| ApiError::invalid(ErrorBody::new("bad_time", reason)))?;
    Ok(Json(app.memory().recollect(&wanted.text, &filter, limit).await?.into()))
}

/// `POST /api/memory/rebuild`
pub(super) async fn rebuild(State(app): State<App>) -> Result<Json<Rebuilt>, ApiError> {
    Ok(Json(Rebuilt { entries: app.memory().rebuild().await? }))
}
