//! Where else a text stands: the same document under two paths, the same passage in two documents.

use sqlx::Row;

use super::{Entries, EntryId, EntryScope};
use crate::store::StoreError;
use crate::store::column::count;

/// How many places of one text are told at most.
const MOST_PLACES: i64 = 10;

/// The `+` keeps SQLite from reading all that a scope remembers, of which the text's index leaves next to nothing.
const TWINS: &str = "SELECT * FROM (SELECT piece.id AS piece, twin.source AS source, twin.line_start AS line_start, \
    twin.line_end AS line_end, row_number() OVER (PARTITION BY piece.id ORDER BY twin.source, twin.id) AS nth \
    FROM json_each(?1) AS wanted CROSS JOIN entries AS piece ON piece.id = wanted.value \
    CROSS JOIN entries AS twin ON twin.workspace_id = piece.workspace_id \
    AND substr(twin.text, 1, 64) = substr(piece.text, 1, 64) AND twin.kind = 'document' AND twin.superseded_by IS NULL \
    AND twin.text = piece.text AND twin.id <> piece.id \
    WHERE piece.workspace_id = ?2 AND piece.kind = 'document' \
    AND +twin.scope IN (SELECT value FROM json_each(?3))) WHERE nth <= ?4 ORDER BY piece, nth";

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// The document's path or address.
    pub source: String,
    /// The lines, from 1; the end is the line after the last.
    pub lines: Option<std::ops::Range<u64>>,
}

impl Entries {
    /// Where else the texts of these pieces of documents stand, word for word, in what `scopes` remember: the first
    /// ten places of each, by source. Each is told with the piece that it is another place of.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn places(&self, ids: &[EntryId], scopes: &[EntryScope]) -> Result<Vec<(EntryId, Place)>, StoreError> {
        let wanted = serde_json::Value::from(ids.iter().map(|id| id.0).collect::<Vec<_>>()).to_string();
        let scopes = serde_json::Value::from(scopes.iter().map(ToString::to_string).collect::<Vec<_>>()).to_string();
        let found = sqlx::query(TWINS)
            .bind(wanted)
            .bind(self.workspace())
            .bind(scopes)
            .bind(MOST_PLACES)
            .fetch_all(self.reading())
            .await?;
        let number =
            |row: &sqlx::sqlite::SqliteRow, name: &str| row.try_get::<Option<i64>, _>(name).map(|it| it.map(count));
        let place = |row: &sqlx::sqlite::SqliteRow| {
            let lines = number(row, "line_start")?.zip(number(row, "line_end")?).map(|(start, end)| start..end);
            Ok((EntryId(count(row.try_get("piece")?)), Place { source: row.try_get("source")?, lines }))
        };
        found.iter().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NewDocument, NewPiece, Remembered};
    use super::*;
    use crate::clock::Timestamp;
    use crate::store::fixtures::{fixture, run_id};

    async fn remember(entries: &Entries, scope: EntryScope, source: &str, texts: &[&str]) -> Vec<EntryId> {
        let piece = |text: &&str| NewPiece { position: None, heading: None, text: (*text).to_owned() };
        let pieces = texts.iter().map(piece).collect();
        let document = NewDocument::new(scope, source, source, pieces);
        match entries.remember(document, Timestamp(0)).await.unwrap() {
            Remembered::Replaced { added, .. } => added,
            Remembered::Unchanged => Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_other_places_of_a_text_are_told_within_the_scopes() {
        let fixture = fixture().await;
        let entries = fixture.workspace.entries();
        let long = "The same beginning of a text that goes on for longer than sixty-four characters, ";
        let (one, other) = (format!("{long}one"), format!("{long}other"));
        let all = EntryScope::Workspace;
        let ids = remember(&entries, all.clone(), "a", &[&one, &other, "alone"]).await;
        remember(&entries, all.clone(), "b", &[&one]).await;
        remember(&entries, EntryScope::Run(run_id(1)), "c", &[&one]).await;
        let sources = async |scopes: &[EntryScope]| -> Vec<(EntryId, String)> {
            let places = entries.places(&ids, scopes).await.unwrap();
            places.into_iter().map(|(id, place)| (id, place.source)).collect()
        };
        assert_eq!(sources(std::slice::from_ref(&all)).await, [(ids[0], "b".to_owned())]);
        let with_run = sources(&[all.clone(), EntryScope::Run(run_id(1))]).await;
        assert_eq!(with_run, [(ids[0], "b".to_owned()), (ids[0], "c".to_owned())]);
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {TWINS}")));
        let plan = plan.bind("[]").bind("w").bind("[]").bind(1).fetch_all(entries.reading()).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert!(plan.iter().any(|step| step.contains("twin USING INDEX entries_by_text")), "{plan:#?}");
        for copy in 0..20 {
            remember(&entries, all.clone(), &format!("copy{copy:02}"), &["alone"]).await;
        }
        assert_eq!(entries.places(&ids[2..], &[all]).await.unwrap().len(), 10);
    }
}
