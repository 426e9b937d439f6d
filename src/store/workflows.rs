//! Workflows and their versions: text as it was written, each version for ever. A version's hash is that of what its text means: of
//! texts that differ in comments and layout alone, the one that was saved last is kept.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};

use super::StoreError;
use super::column::count;
use super::workspace::Workspace;
use crate::clock::Timestamp;

/// One saved version of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowVersion {
    /// The workflow's name.
    pub workflow: String,
    /// Its hash, as whoever saved it computed it.
    pub hash: String,
    /// From 1, in the order of saving.
    pub number: u64,
    /// The file's text.
    pub text: String,
    /// When it was saved first.
    pub created_at: Timestamp,
}

/// A workflow without the text of its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowHead {
    /// Its name.
    pub name: String,
    /// Hash of the live version, if one was set live.
    pub live: Option<String>,
    /// How many versions there are.
    pub versions: u64,
    /// When the first was saved.
    pub created_at: Timestamp,
}

/// Makes a saved version the live one, or none: written together with what was decided, both or neither. It is only done if what is
/// live until then is as known, so that of two that were made of the same version at once, neither is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveMove {
    /// The workflow.
    pub workflow: String,
    /// The version that is live until then, if one is.
    pub from: Option<String>,
    /// The version that is live from then on; `None` if none is.
    pub to: Option<String>,
}

impl LiveMove {
    /// Does it, within a transaction.
    pub(super) async fn carry_out(
        &self,
        workspace: &Workspace,
        connection: &mut SqliteConnection,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE workflows SET live = ?4 WHERE workspace_id = ?1 AND name = ?2 AND live IS ?3 AND (?4 IS NULL OR EXISTS \
             (SELECT 1 FROM workflow_versions WHERE workspace_id = ?1 AND workflow = ?2 AND hash = ?4))",
        )
        .bind(workspace.id().as_str())
        .bind(&self.workflow)
        .bind(&self.from)
        .bind(&self.to)
        .execute(connection)
        .await?;
        match moved.rows_affected() {
            0 => Err(StoreError::OtherLive(self.workflow.clone())),
            _ => Ok(()),
        }
    }
}

/// The workflows of one workspace.
#[derive(Clone, Debug)]
pub struct Workflows {
    workspace: Workspace,
}

impl Workflows {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace }
    }

    /// Saves a version. One that is there already keeps its number, and is written from now on as this text is: what it means is the
    /// same. Returns its number.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn save(&self, workflow: &str, hash: &str, text: &str, at: Timestamp) -> Result<u64, StoreError> {
        let workspace = self.workspace.id().as_str();
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = writing.connection()?.begin().await?;
        let connection = &mut *transaction;
        sqlx::query("INSERT INTO workflows (workspace_id, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(workspace)
            .bind(workflow)
            .bind(at)
            .execute(&mut *connection)
            .await?;
        sqlx::query(
            "INSERT INTO workflow_versions (workspace_id, workflow, hash, number, text, created_at) \
             SELECT ?1, ?2, ?3, 1 + coalesce(max(number), 0), ?4, ?5 FROM workflow_versions \
             WHERE workspace_id = ?1 AND workflow = ?2 ON CONFLICT (workspace_id, workflow, hash) \
             DO UPDATE SET text = excluded.text WHERE text <> excluded.text",
        )
        .bind(workspace)
        .bind(workflow)
        .bind(hash)
        .bind(text)
        .bind(at)
        .execute(&mut *connection)
        .await?;
        let number: i64 = sqlx::query_scalar(
            "SELECT number FROM workflow_versions WHERE workspace_id = ? AND workflow = ? AND hash = ?",
        )
        .bind(workspace)
        .bind(workflow)
        .bind(hash)
        .fetch_one(connection)
        .await?;
        transaction.commit().await?;
        Ok(count(number))
    }

    /// Makes a saved version the live one.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if it was never saved, or a failure of the database.
    pub async fn set_live(&self, workflow: &str, hash: &str) -> Result<(), StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        let changed = sqlx::query(
            "UPDATE workflows SET live = ?3 WHERE workspace_id = ?1 AND name = ?2 AND EXISTS \
             (SELECT 1 FROM workflow_versions WHERE workspace_id = ?1 AND workflow = ?2 AND hash = ?3)",
        )
        .bind(self.workspace.id().as_str())
        .bind(workflow)
        .bind(hash)
        .execute(writing.connection()?)
        .await?;
        match changed.rows_affected() {
            0 => Err(StoreError::Missing(format!("version {hash} of workflow {workflow}: save it first"))),
            _ => Ok(()),
        }
    }

    /// Makes no version of a workflow the live one any more; all stay saved.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn retire(&self, workflow: &str) -> Result<(), StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        sqlx::query("UPDATE workflows SET live = NULL WHERE workspace_id = ? AND name = ?")
            .bind(self.workspace.id().as_str())
            .bind(workflow)
            .execute(writing.connection()?)
            .await?;
        Ok(())
    }

    /// A version by its hash.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn version(&self, workflow: &str, hash: &str) -> Result<Option<WorkflowVersion>, StoreError> {
        sqlx::query(
            "SELECT workflow, hash, number, text, created_at FROM workflow_versions \
             WHERE workspace_id = ? AND workflow = ? AND hash = ?",
        )
        .bind(self.workspace.id().as_str())
        .bind(workflow)
        .bind(hash)
        .fetch_optional(self.reading())
        .await?
        .map(|row| version(&row))
        .transpose()
    }

    /// The live version.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn live(&self, workflow: &str) -> Result<Option<WorkflowVersion>, StoreError> {
        sqlx::query(
            "SELECT versions.workflow, hash, number, text, versions.created_at FROM workflows \
             JOIN workflow_versions AS versions ON versions.workspace_id = workflows.workspace_id \
             AND versions.workflow = workflows.name AND versions.hash = workflows.live \
             WHERE workflows.workspace_id = ? AND workflows.name = ?",
        )
        .bind(self.workspace.id().as_str())
        .bind(workflow)
        .fetch_optional(self.reading())
        .await?
        .map(|row| version(&row))
        .transpose()
    }

    /// All versions of a workflow, newest first.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn versions(&self, workflow: &str) -> Result<Vec<WorkflowVersion>, StoreError> {
        let rows = sqlx::query(
            "SELECT workflow, hash, number, text, created_at FROM workflow_versions \
             WHERE workspace_id = ? AND workflow = ? ORDER BY number DESC",
        )
        .bind(self.workspace.id().as_str())
        .bind(workflow)
        .fetch_all(self.reading())
        .await?;
        rows.iter().map(version).collect()
    }

    /// All workflows, by name.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn list(&self) -> Result<Vec<WorkflowHead>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, live, created_at, (SELECT count(*) FROM workflow_versions AS versions \
             WHERE versions.workspace_id = workflows.workspace_id AND versions.workflow = workflows.name) AS versions \
             FROM workflows WHERE workspace_id = ? ORDER BY name",
        )
        .bind(self.workspace.id().as_str())
        .fetch_all(self.reading())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(WorkflowHead {
                    name: row.try_get("name")?,
                    live: row.try_get("live")?,
                    versions: count(row.try_get("versions")?),
                    created_at: row.try_get("created_at")?,
                })
            })
            .collect()
    }

    fn reading(&self) -> &sqlx::SqlitePool {
        self.workspace.shared.database.reading()
    }
}

fn version(row: &SqliteRow) -> Result<WorkflowVersion, StoreError> {
    Ok(WorkflowVersion {
        workflow: row.try_get("workflow")?,
        hash: row.try_get("hash")?,
        number: count(row.try_get("number")?),
        text: row.try_get("text")?,
        created_at: row.try_get("created_at")?,
    })
}
