//! One transaction of the journal: the appends of one batch, all of them or none.
//!
//! sqlx runs a connection on a thread of its own, so that a statement costs a trip there and back whatever it does.
//! Rows are therefore written many at a time, by statements of a few fixed sizes that stay prepared.

use std::sync::Arc;

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Executor};

use super::row::{AppendRows, Projection, schema_version};

/// How many rows one statement writes: the largest that fits is taken, until none is left.
const SIZES: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// One kind of row, with its statement for each size.
#[derive(Debug)]
struct ManyRows {
    statements: [Arc<str>; SIZES.len()],
}

impl ManyRows {
    fn new(before: &str, row: &str, after: &str) -> Self {
        Self { statements: SIZES.map(|size| format!("{before} {} {after}", vec![row; size].join(", ")).into()) }
    }

    /// Writes all `rows`; tells how many were written, or changed.
    async fn write<T>(
        &self,
        connection: &mut SqliteConnection,
        mut rows: &[T],
        bind: impl Fn(&T, &mut SqliteArguments) -> Result<(), sqlx::Error>,
    ) -> Result<u64, sqlx::Error> {
        let mut changed = 0;
        for (size, statement) in SIZES.iter().zip(&self.statements) {
            while let Some((chunk, rest)) = rows.split_at_checked(*size) {
                let mut arguments = SqliteArguments::default();
                for row in chunk {
                    bind(row, &mut arguments)?;
                }
                let query = sqlx::query_with(AssertSqlSafe(statement.clone()), arguments);
                changed += connection.execute(query).await?.rows_affected();
                rows = rest;
            }
        }
        Ok(changed)
    }
}

/// The statements that a batch is written with.
#[derive(Debug)]
pub(super) struct Statements {
    create: ManyRows,
    advance: ManyRows,
    events: ManyRows,
}

/// How far a batch came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Everything is on the disk.
    Committed,
    /// Some append does not continue its run; nothing was written.
    Stale,
}

macro_rules! bind {
    ($arguments:expr, $($value:expr),+ $(,)?) => {{
        $($arguments.add($value).map_err(sqlx::Error::Encode)?;)+
        Ok(())
    }};
}

impl Statements {
    pub(super) fn new() -> Self {
        Self {
            create: ManyRows::new(
                "INSERT INTO runs (id, workspace_id, workflow, version, status, seq, created_at, updated_at, ended_at, \
                 wake_at, depth, parent_run, parent_step, retry_of) VALUES",
                "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                "ON CONFLICT DO NOTHING",
            ),
            advance: ManyRows::new(
                "UPDATE runs SET seq = v.column4, status = v.column5, updated_at = v.column6, ended_at = v.column7, \
                 wake_at = v.column8 FROM (VALUES",
                "(?, ?, ?, ?, ?, ?, ?, ?)",
                ") AS v WHERE runs.id = v.column1 AND runs.workspace_id = v.column2 AND runs.seq = v.column3",
            ),
            events: ManyRows::new(
                "INSERT INTO events (run, seq, workspace_id, at, v, kind, step, body) VALUES",
                "(?, ?, ?, ?, ?, ?, ?, ?)",
                "",
            ),
        }
    }

    /// Writes the batch in one transaction. No two appends of it are for the same run.
    ///
    /// # Errors
    /// Nothing of the batch is then stored; the transaction may still be open.
    pub(super) async fn write(
        &self,
        connection: &mut SqliteConnection,
        batch: &[&AppendRows],
    ) -> Result<Written, sqlx::Error> {
        connection.execute("BEGIN IMMEDIATE").await?;
        if self.write_heads(connection, batch).await? < batch.len() as u64 {
            connection.execute("ROLLBACK").await?;
            return Ok(Written::Stale);
        }
        let events: Vec<_> =
            batch.iter().flat_map(|append| append.events.iter().map(move |event| (*append, event))).collect();
        self.events
            .write(connection, &events, |(append, event), arguments| {
                bind!(
                    arguments,
                    append.run,
                    event.seq,
                    append.workspace.as_str(),
                    event.at,
                    schema_version(),
                    event.kind,
                    event.step.as_deref(),
                    event.body.clone(),
                )
            })
            .await?;
        for append in batch {
            for projection in &append.projections {
                project(connection, append, projection).await?;
            }
        }
        crate::crash::point("append.written");
        connection.execute("COMMIT").await?;
        crate::crash::point("append.committed");
        Ok(Written::Committed)
    }

    /// Makes or advances the head of every run of the batch that stands where its append expects it; tells how many
    /// did.
    async fn write_heads(&self, connection: &mut SqliteConnection, batch: &[&AppendRows]) -> Result<u64, sqlx::Error> {
        let mut new = Vec::new();
        let mut known = Vec::new();
        for append in batch {
            match &append.created {
                Some(created) => new.push((*append, created)),
                None => known.push(*append),
            }
        }
        let created = self
            .create
            .write(connection, &new, |(append, created), arguments| {
                bind!(
                    arguments,
                    append.run,
                    append.workspace.as_str(),
                    created.workflow.as_str(),
                    created.version.as_str(),
                    append.status,
                    append.last,
                    append.events.first().map_or(append.updated_at, |event| event.at),
                    append.updated_at,
                    append.ended_at,
                    append.wake_at,
                    i64::from(created.depth),
                    created.parent.as_ref().map(|(run, _)| *run),
                    created.parent.as_ref().map(|(_, step)| step.as_str()),
                    created.retry_of,
                )
            })
            .await?;
        let advanced = self
            .advance
            .write(connection, &known, |append, arguments| {
                bind!(
                    arguments,
                    append.run,
                    append.workspace.as_str(),
                    append.expected,
                    append.last,
                    append.status,
                    append.updated_at,
                    append.ended_at,
                    append.wake_at,
                )
            })
            .await?;
        Ok(created + advanced)
    }
}

/// True if the append continues what is stored of its run.
pub(super) async fn continues(connection: &mut SqliteConnection, append: &AppendRows) -> Result<bool, sqlx::Error> {
    let head: Option<(i64, bool)> = sqlx::query_as("SELECT seq, workspace_id = ? FROM runs WHERE id = ?")
        .bind(append.workspace.as_str())
        .bind(append.run)
        .fetch_optional(connection)
        .await?;
    Ok(match head {
        Some((seq, ours)) => ours && seq == append.expected && append.created.is_none(),
        None => append.created.is_some(),
    })
}

async fn project(
    connection: &mut SqliteConnection,
    append: &AppendRows,
    projection: &Projection,
) -> Result<(), sqlx::Error> {
    let workspace = append.workspace.as_str();
    let query = match projection {
        // The same question can be asked again: a call that a person had repeated can be lost again.
        Projection::Asked { id, seq, at, deadline } => sqlx::query(
            "INSERT OR REPLACE INTO questions (run, id, workspace_id, seq, asked_at, deadline) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(append.run)
        .bind(id.clone())
        .bind(workspace)
        .bind(seq)
        .bind(at)
        .bind(deadline),
        Projection::Answered { id, at, choice, by } => sqlx::query(
            "UPDATE questions SET answered_at = ?, choice = ?, answered_by = ? \
             WHERE run = ? AND id = ? AND workspace_id = ?",
        )
        .bind(at)
        .bind(choice)
        .bind(by)
        .bind(append.run)
        .bind(id.clone())
        .bind(workspace),
        Projection::ChildStarted { child } => {
            sqlx::query("INSERT OR IGNORE INTO child_waits (parent, child, workspace_id) VALUES (?, ?, ?)")
                .bind(append.run)
                .bind(child)
                .bind(workspace)
        }
        Projection::ChildEnded { child } => {
            sqlx::query("DELETE FROM child_waits WHERE parent = ? AND child = ? AND workspace_id = ?")
                .bind(append.run)
                .bind(child)
                .bind(workspace)
        }
    };
    query.execute(connection).await?;
    Ok(())
}
