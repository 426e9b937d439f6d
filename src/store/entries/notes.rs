//! Notes. Several about one thing are its versions, and at most one of them holds.
//!
//! The policy, in this order: the step that noted a thing may revise it, in the same run or in another of its workflow; of
//! two that say different things the one holds whose author is clearly surer; else both stand, side by side, until somebody
//! rules which of them holds. None is ever lost: one that does not hold leaves the index, and says why.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteConnection;

use super::{Entries, Entry, EntryId, EntryKind, EntryScope, Provenance, rows};
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::store::column;

/// How much surer its author must be of a note for it to hold against another, in percent.
const CLEARLY: u8 = 20;
/// What is taken for the confidence of a note that states none, in percent.
const UNSTATED: u8 = 50;

/// Something to be noted.
#[derive(Clone, Debug)]
pub struct NewNote {
    /// Who remembers it.
    pub scope: EntryScope,
    /// Where it is from: its author unless the author says. Two sources may contradict each other, even if the same
    /// role notes what both say.
    pub source: String,
    /// The role or the person that notes it.
    pub author: Option<String>,
    /// What it is about. Notes of one scope about the same are versions of each other.
    pub heading: Option<String>,
    /// The text.
    pub text: String,
    /// How sure its author is, in percent.
    pub confidence: Option<u8>,
    /// By which run and step it came.
    pub provenance: Option<Provenance>,
    /// Sets this note apart from others: made again with the same key, it is the note that there is.
    pub key: Option<String>,
}

/// Why a note gave way to another about the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// Its author noted something else in the same place later.
    Revised,
    /// The other's author is clearly more sure.
    Confidence,
    /// Somebody ruled so.
    Ruling {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

/// How a new note stands to one that there is about the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Revises,
    Agrees,
    Outweighs,
    Yields,
    Contradicts,
}

/// `same_workflow` says whether the two were noted by runs of one workflow, or neither by a run.
fn standing(new: &NewNote, old: &Entry, same_workflow: bool) -> Standing {
    let step = |provenance: &Option<Provenance>| provenance.as_ref().map(|provenance| provenance.step.clone());
    if same_workflow && old.source == new.source && step(&old.provenance) == step(&new.provenance) {
        return Standing::Revises;
    }
    if old.text.split_whitespace().eq(new.text.split_whitespace()) {
        return Standing::Agrees;
    }
    let (new, old) = (new.confidence.unwrap_or(UNSTATED), old.confidence.unwrap_or(UNSTATED));
    if new >= old.saturating_add(CLEARLY) {
        Standing::Outweighs
    } else if old >= new.saturating_add(CLEARLY) {
        Standing::Yields
    } else {
        Standing::Contradicts
    }
}

/// Whether two notes were made by runs of one workflow, or neither by a run.
async fn same_workflow(
    connection: &mut SqliteConnection,
    one: Option<&Provenance>,
    other: Option<&Provenance>,
) -> Result<bool, StoreError> {
    let (Some(one), Some(other)) = (one, other) else { return Ok(one.is_none() && other.is_none()) };
    if one.run == other.run {
        return Ok(true);
    }
    let workflows: Vec<String> = sqlx::query_scalar("SELECT workflow FROM runs WHERE id IN (?, ?)")
        .bind(one.run)
        .bind(other.run)
        .fetch_all(connection)
        .await?;
    Ok(matches!(workflows.as_slice(), [one, other] if one == other))
}

impl Entries {
    /// Notes something, and settles by the policy how it stands to other notes about the same. A note whose key was
    /// noted before changes nothing; its id is returned.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn note(&self, note: NewNote, at: Timestamp) -> Result<EntryId, StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = sqlx::Connection::begin(writing.connection()?).await?;
        if let Some(key) = &note.key
            && let Some(noted) = rows::noted(&mut transaction, self.workspace(), key).await?
        {
            return Ok(noted);
        }
        let others = match &note.heading {
            Some(heading) => self.standing_notes(&mut transaction, &note.scope, heading).await?,
            None => Vec::new(),
        };
        let version = match &note.heading {
            Some(heading) => self.latest_version(&mut transaction, &note.scope, heading).await? + 1,
            None => 1,
        };
        let new = rows::NewRow {
            scope: &note.scope,
            kind: EntryKind::Note,
            source: &note.source,
            source_hash: None,
            position: None,
            heading: note.heading.as_deref(),
            text: &note.text,
            author: note.author.as_deref(),
            version,
            confidence: note.confidence,
            provenance: note.provenance.as_ref(),
            key: note.key.as_deref(),
        };
        let id = rows::insert_one(&mut transaction, self.workspace(), new, at).await?;
        let mut stands = true;
        for old in &others {
            let same = same_workflow(&mut transaction, note.provenance.as_ref(), old.provenance.as_ref()).await?;
            let (loser, winner, why) = match standing(&note, old, same) {
                Standing::Revises => (old.id, id, Settled::Revised),
                Standing::Outweighs => (old.id, id, Settled::Confidence),
                Standing::Yields if std::mem::take(&mut stands) => (id, old.id, Settled::Confidence),
                Standing::Yields | Standing::Agrees | Standing::Contradicts => continue,
            };
            rows::supersede(&mut transaction, self.workspace(), loser, winner, &why).await?;
        }
        transaction.commit().await?;
        Ok(id)
    }

    /// The number of the last version that was noted about `heading`; 0 if none was.
    async fn latest_version(
        &self,
        connection: &mut SqliteConnection,
        scope: &EntryScope,
        heading: &str,
    ) -> Result<u64, StoreError> {
        let latest: Option<i64> = sqlx::query_scalar(
            "SELECT max(version) FROM entries WHERE workspace_id = ? AND scope = ? AND kind = 'note' AND heading = ?",
        )
        .bind(self.workspace())
        .bind(scope.to_string())
        .bind(heading)
        .fetch_one(connection)
        .await?;
        Ok(latest.map_or(0, column::count))
    }

    /// Rules that the note with the id `holds`, which one of `scopes` remembers (any, if `None`), holds against these
    /// others of its scope about the same thing, or against all that stand; returns those that gave way.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if there is no such note, or it has given way itself; or a failure of the database.
    pub async fn settle(
        &self,
        scopes: Option<&[EntryScope]>,
        holds: EntryId,
        against: Option<&[EntryId]>,
        ruling: &Settled,
    ) -> Result<Vec<EntryId>, StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = sqlx::Connection::begin(writing.connection()?).await?;
        let found = sqlx::query(rows::select_entry!(
            "WHERE entries.id = ? AND workspace_id = ? AND kind = 'note' AND superseded_by IS NULL"
        ))
        .bind(column::whole(holds.0))
        .bind(self.workspace())
        .fetch_optional(&mut *transaction)
        .await?;
        let note = found.as_ref().map(rows::entry).transpose()?;
        let note = note.filter(|note| scopes.is_none_or(|scopes| scopes.contains(&note.scope)));
        let Some(Entry { scope, heading, .. }) = note else {
            return Err(StoreError::Missing(format!("note {} that stands", holds.0)));
        };
        let mut gave_way = Vec::new();
        if let Some(heading) = heading {
            for other in self.standing_notes(&mut transaction, &scope, &heading).await? {
                if other.id != holds && against.is_none_or(|against| against.contains(&other.id)) {
                    rows::supersede(&mut transaction, self.workspace(), other.id, holds, ruling).await?;
                    gave_way.push(other.id);
                }
            }
        }
        transaction.commit().await?;
        Ok(gave_way)
    }

    /// All notes of `scope` about these things, oldest first, without those that their author revised.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn notes_about(&self, scope: &EntryScope, headings: &[&str]) -> Result<Vec<Entry>, StoreError> {
        let found = sqlx::query(rows::select_entry!(
            "INDEXED BY notes_by_heading WHERE heading IN (SELECT value FROM json_each(?1)) \
             AND workspace_id = ?2 AND scope = ?3 AND kind = 'note' AND (settled IS NULL OR settled != ?4) \
             ORDER BY entries.id"
        ))
        .bind(serde_json::Value::from(headings).to_string())
        .bind(self.workspace())
        .bind(scope.to_string())
        .bind(rows::settled(&Settled::Revised))
        .fetch_all(self.reading())
        .await?;
        found.iter().map(rows::entry).collect()
    }

    /// The notes of `scope`, about `about` if that is given, those that gave way too; those about something first, by
    /// what they are about and then by age; at most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn notes(&self, scope: &EntryScope, about: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let found = sqlx::query(rows::select_entry!(
            "WHERE workspace_id = ?1 AND scope = ?2 AND kind = 'note' AND (?3 IS NULL OR heading = ?3) \
             ORDER BY heading IS NULL, heading, entries.id LIMIT ?4"
        ))
        .bind(self.workspace())
        .bind(scope.to_string())
        .bind(about)
        .bind(column::limit(limit))
        .fetch_all(self.reading())
        .await?;
        found.iter().map(rows::entry).collect()
    }

    /// The notes about `heading` that have not given way.
    async fn standing_notes(
        &self,
        connection: &mut SqliteConnection,
        scope: &EntryScope,
        heading: &str,
    ) -> Result<Vec<Entry>, StoreError> {
        let found = sqlx::query(rows::select_entry!(
            "WHERE workspace_id = ? AND scope = ? AND kind = 'note' AND heading = ? AND superseded_by IS NULL \
             ORDER BY entries.id"
        ))
        .bind(self.workspace())
        .bind(scope.to_string())
        .bind(heading)
        .fetch_all(connection)
        .await?;
        found.iter().map(rows::entry).collect()
    }
}
