//! One transaction of the journal: the appends of one batch, all of them or none.
//!
//! Every statement costs a trip to the connection's thread and back, whatever it does. Rows are therefore written many
//! at a time ([`ManyRows`]), and an append that has nobody to share its transaction with is one trip as a whole.

use std::sync::Arc;

use futures::TryStreamExt;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Either, Executor};

use super::row::{AppendRows, CreatedRow, EventRow, Projection, schema_version};
use crate::store::many_rows::{ManyRows, RowsSql, bind, many};

/// An append of up to so many events can be a trip of its own.
const ALONE: usize = 8;

/// How far a batch came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Everything is on the disk.
    Committed,
    /// Some append does not continue its run; nothing was written.
    Stale,
}

/// The statements that batches are written with.
#[derive(Debug)]
pub(super) struct Statements {
    create: ManyRows,
    advance: ManyRows,
    events: ManyRows,
    /// By the number of events less one.
    create_alone: [Arc<str>; ALONE],
    advance_alone: [Arc<str>; ALONE],
}

const CREATE: RowsSql = RowsSql {
    before: "INSERT INTO runs (id, workspace_id, workflow, version, status, seq, created_at, updated_at, ended_at, \
             wake_at, depth, parent_run, parent_step, retry_of) VALUES ",
    row: "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    after: " ON CONFLICT DO NOTHING",
};
const ADVANCE: RowsSql = RowsSql {
    before: "UPDATE runs SET seq = v.column4, status = v.column5, updated_at = v.column6, ended_at = v.column7, \
             wake_at = v.column8 FROM (VALUES ",
    row: "(?, ?, ?, ?, ?, ?, ?, ?)",
    after: ") AS v WHERE runs.id = v.column1 AND runs.workspace_id = v.column2 AND runs.seq = v.column3",
};
const EVENTS: RowsSql = RowsSql {
    before: "INSERT INTO events (run, seq, workspace_id, at, v, kind, step, body) VALUES ",
    row: "(?, ?, ?, ?, ?, ?, ?, ?)",
    after: "",
};
/// Nothing, if the statement before has found no head to write.
const EVENTS_ALONE: RowsSql = RowsSql {
    before: "INSERT INTO events (run, seq, workspace_id, at, v, kind, step, body) SELECT * FROM (VALUES ",
    row: EVENTS.row,
    after: ") WHERE changes() = 1",
};

impl Statements {
    pub(super) fn new() -> Self {
        let alone = |head: &RowsSql| {
            std::array::from_fn(|before| {
                let events = many(&EVENTS_ALONE, before + 1);
                format!("BEGIN IMMEDIATE; {}; {events}; COMMIT", many(head, 1)).into()
            })
        };
        Self {
            create: ManyRows::new(&CREATE),
            advance: ManyRows::new(&ADVANCE),
            events: ManyRows::new(&EVENTS),
            create_alone: alone(&CREATE),
            advance_alone: alone(&ADVANCE),
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
        if let [append] = batch
            && append.events.len() <= ALONE
            && append.projections.is_empty()
        {
            return self.write_alone(connection, append).await;
        }
        self.write_together(connection, batch).await
    }

    async fn write_alone(
        &self,
        connection: &mut SqliteConnection,
        append: &AppendRows,
    ) -> Result<Written, sqlx::Error> {
        let mut arguments = SqliteArguments::default();
        let statements = if let Some(created) = &append.created {
            bind_create(&mut arguments, append, created)?;
            &self.create_alone
        } else {
            bind_advance(&mut arguments, append)?;
            &self.advance_alone
        };
        for event in &append.events {
            bind_event(&mut arguments, append, event)?;
        }
        let Some(script) = append.events.len().checked_sub(1).and_then(|n| statements.get(n)) else {
            return Err(sqlx::Error::Protocol("an append of no events".to_owned()));
        };
        let query = sqlx::query_with(AssertSqlSafe(script.clone()), arguments);
        let mut done = connection.fetch_many(query);
        let mut changed = Vec::with_capacity(4);
        while let Some(result) = done.try_next().await? {
            if let Either::Left(result) = result {
                changed.push(result.rows_affected());
            }
        }
        drop(done);
        // Of BEGIN, the head, the events and COMMIT.
        match changed[..] {
            [_, 0, ..] => Ok(Written::Stale),
            [_, 1, events, _] if events == append.events.len() as u64 => Ok(Written::Committed),
            _ => Err(sqlx::Error::Protocol(format!("the statements of an append changed {changed:?} rows"))),
        }
    }

    async fn write_together(
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
            .write(connection, &events, |arguments, (append, event)| bind_event(arguments, append, event))
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
            .write(connection, &new, |arguments, (append, created)| bind_create(arguments, append, created))
            .await?;
        let advanced =
            self.advance.write(connection, &known, |arguments, append| bind_advance(arguments, append)).await?;
        Ok(created + advanced)
    }
}

/// In the order of [`CREATE`].
fn bind_create(arguments: &mut SqliteArguments, append: &AppendRows, created: &CreatedRow) -> Result<(), sqlx::Error> {
    bind!(
        arguments,
        append.run,
        append.workspace.shared(),
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
}

/// In the order of [`ADVANCE`].
fn bind_advance(arguments: &mut SqliteArguments, append: &AppendRows) -> Result<(), sqlx::Error> {
    bind!(
        arguments,
        append.run,
        append.workspace.shared(),
        append.expected,
        append.last,
        append.status,
        append.updated_at,
        append.ended_at,
        append.wake_at,
    )
}

/// In the order of [`EVENTS`].
fn bind_event(arguments: &mut SqliteArguments, append: &AppendRows, event: &EventRow) -> Result<(), sqlx::Error> {
    bind!(
        arguments,
        append.run,
        event.seq,
        append.workspace.shared(),
        event.at,
        schema_version(),
        event.kind,
        event.step.clone(),
        event.body.clone(),
    )
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
            "INSERT OR REPLACE INTO questions (run, id, workspace_id, seq, asked_at, deadline) \
             VALUES (?, ?, ?, ?, ?, ?)",
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
