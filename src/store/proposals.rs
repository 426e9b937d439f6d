//! Proposals that were made outside of conversations, and what became of them. What one says is told by whoever made it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _};
use uuid::Uuid;

use super::StoreError;
use super::column;
use super::workflows::LiveMove;
use super::workspace::Workspace;
use crate::clock::Timestamp;

/// A proposal's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProposalId(pub Uuid);

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ProposalId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self).map_err(|error| format!("`{text}` is no id of a proposal: {error}"))
    }
}

/// A proposal as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalRow {
    /// Its id.
    pub id: ProposalId,
    /// The workflow as it would be called.
    pub workflow: String,
    /// What is proposed, as JSON: it never changes.
    pub body: String,
    /// What became of it, as JSON.
    pub state: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something was decided about it last.
    pub updated_at: Timestamp,
}

/// The proposals of one workspace.
#[derive(Clone, Debug)]
pub struct Proposals {
    workspace: Workspace,
}

impl Proposals {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace }
    }

    /// Keeps a proposal, and says what becomes of the one that it replaces: both or neither. Durable on return.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn put(&self, row: &ProposalRow, replaced: Option<(ProposalId, &str)>) -> Result<(), StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = writing.connection()?.begin().await?;
        sqlx::query(
            "INSERT INTO proposals (id, workspace_id, workflow, body, state, created_at, updated_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(row.id.0.as_bytes().as_slice())
        .bind(self.workspace.id().as_str())
        .bind(&row.workflow)
        .bind(&row.body)
        .bind(&row.state)
        .bind(row.created_at)
        .bind(row.updated_at)
        .execute(&mut *transaction)
        .await?;
        if let Some((id, state)) = replaced {
            sqlx::query("UPDATE proposals SET state = ?, updated_at = ? WHERE id = ? AND workspace_id = ?")
                .bind(state)
                .bind(row.created_at)
                .bind(id.0.as_bytes().as_slice())
                .bind(self.workspace.id().as_str())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Says what became of a proposal, if that is still what is known of it, and moves what is live with it: all or nothing. Durable
    /// on return.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if something else became of it, [`StoreError::OtherLive`], or a failure of the database.
    pub async fn decide(
        &self,
        id: ProposalId,
        known: &str,
        state: &str,
        at: Timestamp,
        moves: &[LiveMove],
    ) -> Result<(), StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = writing.connection()?.begin().await?;
        let decided = sqlx::query(
            "UPDATE proposals SET state = ?, updated_at = ? WHERE id = ? AND workspace_id = ? AND state = ?",
        )
        .bind(state)
        .bind(at)
        .bind(id.0.as_bytes().as_slice())
        .bind(self.workspace.id().as_str())
        .bind(known)
        .execute(&mut *transaction)
        .await?;
        if decided.rows_affected() == 0 {
            return Err(StoreError::Missing(format!("proposal {id} as it was")));
        }
        for live in moves {
            live.carry_out(&self.workspace, &mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// A proposal by its id.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn get(&self, id: ProposalId) -> Result<Option<ProposalRow>, StoreError> {
        sqlx::query(
            "SELECT id, workflow, body, state, created_at, updated_at FROM proposals WHERE id = ? AND workspace_id = ?",
        )
        .bind(id.0.as_bytes().as_slice())
        .bind(self.workspace.id().as_str())
        .fetch_optional(self.workspace.shared.database.reading())
        .await?
        .map(|row| read(&row))
        .transpose()
    }

    /// Those that were made last, of one workflow if one is named, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn list(&self, workflow: Option<&str>, limit: usize) -> Result<Vec<ProposalRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, workflow, body, state, created_at, updated_at FROM proposals \
             WHERE workspace_id = ?1 AND (?2 IS NULL OR workflow = ?2) ORDER BY created_at DESC, id DESC LIMIT ?3",
        )
        .bind(self.workspace.id().as_str())
        .bind(workflow)
        .bind(column::limit(limit))
        .fetch_all(self.workspace.shared.database.reading())
        .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<ProposalRow, StoreError> {
    let bytes: &[u8] = row.try_get("id")?;
    let id = Uuid::from_slice(bytes)
        .map_err(|error| StoreError::Corrupt { what: "the id of a proposal".to_owned(), reason: error.to_string() })?;
    Ok(ProposalRow {
        id: ProposalId(id),
        workflow: row.try_get("workflow")?,
        body: row.try_get("body")?,
        state: row.try_get("state")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixtures::fixture;

    #[tokio::test]
    async fn a_decision_is_taken_once_and_what_is_replaced_says_so() {
        let fixture = fixture().await;
        let proposals = fixture.workspace.proposals();
        let row = |number: u64, at: i64| ProposalRow {
            id: ProposalId(Uuid::from_u64_pair(1, number)),
            workflow: "hello".to_owned(),
            body: "{}".to_owned(),
            state: "\"open\"".to_owned(),
            created_at: Timestamp(at),
            updated_at: Timestamp(at),
        };
        let (first, second) = (row(1, 1), row(2, 2));
        proposals.put(&first, None).await.unwrap();
        proposals.put(&second, Some((first.id, "\"superseded\""))).await.unwrap();
        assert!(proposals.decide(first.id, "\"open\"", "\"rejected\"", Timestamp(3), &[]).await.is_err());
        proposals.decide(second.id, "\"open\"", "\"rejected\"", Timestamp(3), &[]).await.unwrap();
        let listed = proposals.list(Some("hello"), 10).await.unwrap();
        let states: Vec<&str> = listed.iter().map(|row| row.state.as_str()).collect();
        assert_eq!(states, ["\"rejected\"", "\"superseded\""]);
        assert_eq!(listed[0].updated_at, Timestamp(3));
        assert!(proposals.list(Some("other"), 10).await.unwrap().is_empty());

        let other = fixture.store.workspace("other".parse().unwrap()).proposals();
        assert!(other.get(first.id).await.unwrap().is_none() && other.list(None, 10).await.unwrap().is_empty());
        assert!(other.decide(second.id, "\"rejected\"", "\"open\"", Timestamp(9), &[]).await.is_err());
    }
}
