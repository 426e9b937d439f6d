//! The notes in the memory: what was noted about what, and which of several holds.

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::select;
use crate::app::App;
use crate::clock::Timestamp;
use crate::run::{RunId, StepPath};
use crate::store::entries::{Entry, EntryId, EntryScope, Settled};

/// How many notes are listed at most.
pub(crate) const MOST_NOTES: usize = 1_000;

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteView {
    /// Its id.
    pub id: EntryId,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The text.
    pub text: String,
    /// Who remembers it.
    pub scope: EntryScope,
    /// Where it is from: its author unless the author said.
    pub source: String,
    /// Who noted it.
    pub author: String,
    /// Which of the notes about the same thing it is, from 1.
    #[serde(default)]
    pub version: u64,
    /// How sure its author was, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    /// When it was noted, in milliseconds since 1970.
    pub at: Timestamp,
    /// The run that noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The step that noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepPath>,
    /// The note that holds in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gave_way_to: Option<EntryId>,
    /// Why it gave way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
}

/// A ruling that a note holds, and others about the same do not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ruling {
    /// The note that holds.
    pub holds: EntryId,
    /// Why.
    pub reason: String,
    /// Who rules so.
    pub by: String,
}

/// What a ruling came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    /// The notes that gave way.
    pub gave_way: Vec<EntryId>,
}

impl From<Entry> for NoteView {
    fn from(entry: Entry) -> Self {
        let (run, step) = entry.provenance.map(|provenance| (provenance.run, provenance.step)).unzip();
        Self {
            id: entry.id,
            about: entry.heading,
            text: entry.text,
            scope: entry.scope,
            author: entry.author.unwrap_or_else(|| entry.source.clone()),
            source: entry.source,
            version: entry.version,
            confidence: entry.confidence,
            at: entry.created_at,
            run,
            step,
            gave_way_to: entry.superseded_by,
            settled: entry.settled,
        }
    }
}

/// Which notes are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotesQuery {
    /// Only those about this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Those of this scope; of the workspace unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// `GET /api/memory/notes`
pub(super) async fn list(
    State(app): State<App>,
    Query(NotesQuery { about, scope }): Query<NotesQuery>,
) -> Result<Json<Vec<NoteView>>, ApiError> {
    let scope = select::scope(&app, scope.as_deref()).await?;
    let notes = app.memory().notes(&scope, about.as_deref(), MOST_NOTES).await?;
    Ok(Json(notes.into_iter().map(NoteView::from).collect()))
}

/// `POST /api/memory/rulings`
pub(super) async fn settle(State(app): State<App>, Json(ruling): Json<Ruling>) -> Result<Json<Ruled>, ApiError> {
    let Ruling { holds, reason, by } = ruling;
    let gave_way = app.memory().settle(None, holds, None, &by, &reason).await?;
    Ok(Json(Ruled { gave_way }))
}
