//! What the memory holds: its documents, their versions, and how it stands.

use std::path::PathBuf;

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use crate::app::App;
use crate::clock::Timestamp;
use crate::memory::Work;
use crate::store::entries::{Document, DocumentVersion, EntryCounts, EntryId, EntryScope};

/// A document that is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentView {
    /// Its path or address.
    pub source: String,
    /// Who remembers it.
    pub scope: EntryScope,
    /// How often it has been remembered with another content, this one included.
    pub version: u64,
    /// Into how many entries it was cut.
    pub entries: u64,
    /// When its content was last seen to have changed, in milliseconds since 1970.
    pub at: Timestamp,
}

/// `GET /api/memory/documents`
pub(super) async fn list(State(app): State<App>) -> Result<Json<Vec<DocumentView>>, ApiError> {
    let view = |document: Document| DocumentView {
        source: document.source,
        scope: document.scope,
        version: document.version,
        entries: document.entries,
        at: document.updated_at,
    };
    Ok(Json(app.memory().documents().await?.into_iter().map(view).collect()))
}

/// What is asked of the versions of documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionsQuery {
    /// A file, a folder with a slash at its end, or an address.
    pub source: String,
    /// What relative paths are relative to.
    pub base: PathBuf,
}

/// A version of a document that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentVersionView {
    /// Its path or address.
    pub source: String,
    /// Who remembers it.
    pub scope: EntryScope,
    /// The version, from 1.
    pub version: u64,
    /// Into how many entries it was cut.
    pub entries: u64,
    /// By whom it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was remembered.
    pub at: Timestamp,
    /// The first entry of the version that superseded it; `None` of the one that holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<EntryId>,
}

/// `GET /api/memory/versions`: those that are kept, the newest first.
pub(super) async fn versions(
    State(app): State<App>,
    Query(wanted): Query<VersionsQuery>,
) -> Result<Json<Vec<DocumentVersionView>>, ApiError> {
    let versions = app.memory().versions(&wanted.source, &wanted.base).await?;
    let view = |version: DocumentVersion| {
        let DocumentVersion { scope, source, version, entries, author, at, superseded_by } = version;
        DocumentVersionView { source, scope, version, entries, author, at, superseded_by }
    };
    Ok(Json(versions.into_iter().map(view).collect()))
}

/// How the memory stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryStatus {
    /// Documents that are remembered.
    pub documents: u64,
    /// Pieces that they were cut into.
    pub pieces: u64,
    /// Notes that no other has superseded.
    pub notes: u64,
    /// The embedder; `None` if entries are searched by words only.
    pub embedder: Option<String>,
    /// How many entries wait for their vectors; until they have them they are found by their words.
    pub waiting: u64,
    /// What is being done with the index, if it takes long.
    pub work: Option<Work>,
}

/// `GET /api/memory`
pub(super) async fn status(State(app): State<App>) -> Result<Json<MemoryStatus>, ApiError> {
    let memory = app.memory();
    let EntryCounts { documents, pieces, notes } = memory.counts().await?;
    let work = *memory.work().borrow();
    let (embedder, waiting) = memory.waiting().await?.map_or((None, 0), |(name, waiting)| (Some(name), waiting));
    Ok(Json(MemoryStatus { documents, pieces, notes, embedder, waiting, work }))
}
