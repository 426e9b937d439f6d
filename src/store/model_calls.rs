//! What models were asked, and what that cost. Amounts are billionths of a US dollar, days are counted from 1970 (UTC).

use sqlx::{Connection as _, Row as _};

use super::StoreError;
use super::column::{self, count, whole};
use super::workspace::Workspace;
use crate::clock::Timestamp;
use crate::run::{RunId, StepPath};

/// A call of a model that is about to be made, or was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCall {
    /// When it was begun.
    pub at: Timestamp,
    /// The run that it is for, the one at the top of it, and the step; `None` for no run.
    pub run: Option<(RunId, RunId, StepPath)>,
    /// What is the same when the call is made again.
    pub call: Option<String>,
    /// The alias that was asked.
    pub alias: String,
    /// The model that was asked.
    pub model: String,
}

impl ModelCall {
    fn day(&self) -> i64 {
        day_of(self.at)
    }
}

/// The day of a time, counted from 1970 (UTC).
#[must_use]
pub fn day_of(at: Timestamp) -> i64 {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    at.0.div_euclid(DAY_MS)
}

/// How calls are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By day, the latest first.
    Day,
    /// By run, the latest first.
    Run,
    /// By model, by name.
    Model,
    /// By step of a run, by name.
    Step,
}

/// What some calls came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Day (`2026-11-21`), run, model or step.
    pub of: String,
    /// How many.
    pub calls: u64,
    /// What they cost, as far as their prices are known. A call that is open or was lost counts with the most that it can cost.
    pub cost: u64,
    /// How many there are whose price is not known.
    pub unpriced: u64,
    /// How many are open.
    pub open: u64,
    /// How many were lost: nobody knows whether the provider answered.
    pub lost: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// Less is counted of an earlier call than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// Its day.
    pub day: i64,
    /// How much less.
    pub amount: u64,
}

/// What has been spent against a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// What was spent, or may have been.
    pub spent: u64,
    /// By how much people have raised the limit.
    pub raised: u64,
}

/// A limit's name in the table of raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// A run, with those below it.
    Run(RunId),
    /// A day.
    Day(i64),
    /// The workspace, ever.
    Workspace,
}

impl std::fmt::Display for Limited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run(run) => write!(f, "run:{run}"),
            Self::Day(day) => write!(f, "day:{day}"),
            Self::Workspace => f.write_str("workspace"),
        }
    }
}

/// The calls of one workspace.
#[derive(Clone, Debug)]
pub struct ModelCalls {
    workspace: Workspace,
}

impl ModelCalls {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace }
    }

    /// Books a call before it is made, with the most that it can cost. Durable on return.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn open(&self, call: &ModelCall, most: u64) -> Result<i64, StoreError> {
        self.insert(call, "open", Some(most), None).await
    }

    /// Books a call that was made and that nothing was reserved for: it is free, or nobody knows what it costs.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn record(&self, call: &ModelCall, cost: Option<u64>, tokens: (u64, u64)) -> Result<(), StoreError> {
        self.insert(call, "done", cost, Some(tokens)).await.map(drop)
    }

    async fn insert(
        &self,
        call: &ModelCall,
        state: &'static str,
        cost: Option<u64>,
        tokens: Option<(u64, u64)>,
    ) -> Result<i64, StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        let done = sqlx::query(
            "INSERT INTO model_calls (workspace_id, at, day, run, root, step, call, alias, model, state, cost, \
             input_tokens, output_tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(self.workspace.id().as_str())
        .bind(call.at)
        .bind(call.day())
        .bind(call.run.as_ref().map(|(run, ..)| *run))
        .bind(call.run.as_ref().map(|(_, root, _)| *root))
        .bind(call.run.as_ref().map(|(.., step)| step.as_str()))
        .bind(call.call.as_deref())
        .bind(&call.alias)
        .bind(&call.model)
        .bind(state)
        .bind(cost.map(whole))
        .bind(tokens.map(|(input, _)| whole(input)))
        .bind(tokens.map(|(_, output)| whole(output)))
        .execute(writing.connection()?)
        .await?;
        Ok(done.last_insert_rowid())
    }

    /// Books what a call has cost. If the same call of the same model was lost before, it is taken to have cost as much: how
    /// much less that is than what was counted, is returned.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; then nothing has changed.
    pub async fn settle(&self, id: i64, cost: u64, tokens: (u64, u64)) -> Result<Vec<Released>, StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = writing.connection()?.begin().await?;
        sqlx::query(
            "UPDATE model_calls SET state = 'done', cost = ?, input_tokens = ?, output_tokens = ? \
             WHERE id = ? AND workspace_id = ?",
        )
        .bind(whole(cost))
        .bind(whole(tokens.0))
        .bind(whole(tokens.1))
        .bind(id)
        .bind(self.workspace.id().as_str())
        .execute(&mut *transaction)
        .await?;
        let lost: Vec<(i64, i64, i64)> = sqlx::query_as(
            "SELECT lost.id, lost.day, lost.cost FROM model_calls AS lost JOIN model_calls AS made \
             ON made.id = ?1 AND made.call = lost.call AND made.model = lost.model \
             WHERE lost.workspace_id = ?2 AND lost.state = 'lost' AND lost.cost > ?3",
        )
        .bind(id)
        .bind(self.workspace.id().as_str())
        .bind(whole(cost))
        .fetch_all(&mut *transaction)
        .await?;
        for (lost, ..) in &lost {
            sqlx::query("UPDATE model_calls SET cost = ? WHERE id = ? AND workspace_id = ?")
                .bind(whole(cost))
                .bind(lost)
                .bind(self.workspace.id().as_str())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(lost.into_iter().map(|(_, day, counted)| Released { day, amount: count(counted) - cost }).collect())
    }

    /// Strikes a call off the books: it was not made, or turned away.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn release(&self, id: i64) -> Result<(), StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        sqlx::query("DELETE FROM model_calls WHERE id = ? AND workspace_id = ?")
            .bind(id)
            .bind(self.workspace.id().as_str())
            .execute(writing.connection()?)
            .await?;
        Ok(())
    }

    /// Notes that nobody knows what a call has cost: the most that it can stays counted.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn lose(&self, id: i64) -> Result<(), StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        sqlx::query("UPDATE model_calls SET state = 'lost' WHERE id = ? AND workspace_id = ? AND state = 'open'")
            .bind(id)
            .bind(self.workspace.id().as_str())
            .execute(writing.connection()?)
            .await?;
        Ok(())
    }

    /// The same for all calls that are open. To be called before the first call of a process.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn lose_all_open(&self) -> Result<u64, StoreError> {
        let open: i64 =
            sqlx::query_scalar("SELECT count(*) FROM model_calls WHERE workspace_id = ? AND state = 'open'")
                .bind(self.workspace.id().as_str())
                .fetch_one(self.workspace.shared.database.reading())
                .await?;
        if open > 0 {
            let mut writing = self.workspace.shared.database.writing().await?;
            sqlx::query("UPDATE model_calls SET state = 'lost' WHERE workspace_id = ? AND state = 'open'")
                .bind(self.workspace.id().as_str())
                .execute(writing.connection()?)
                .await?;
        }
        Ok(count(open))
    }

    /// What has been spent against a limit.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn spent(&self, limited: Limited) -> Result<Spent, StoreError> {
        let workspace = self.workspace.id().as_str();
        let reading = self.workspace.shared.database.reading();
        let spent: i64 = match limited {
            Limited::Run(run) => {
                sqlx::query_scalar("SELECT coalesce(sum(cost), 0) FROM model_calls WHERE root = ? AND workspace_id = ?")
                    .bind(run)
                    .bind(workspace)
                    .fetch_one(reading)
                    .await?
            }
            Limited::Day(day) => {
                sqlx::query_scalar("SELECT coalesce(sum(cost), 0) FROM model_calls WHERE workspace_id = ? AND day = ?")
                    .bind(workspace)
                    .bind(day)
                    .fetch_one(reading)
                    .await?
            }
            Limited::Workspace => {
                sqlx::query_scalar("SELECT coalesce(sum(cost), 0) FROM model_calls WHERE workspace_id = ?")
                    .bind(workspace)
                    .fetch_one(reading)
                    .await?
            }
        };
        let raised: i64 = sqlx::query_scalar(
            "SELECT coalesce(sum(amount), 0) FROM budget_raises WHERE workspace_id = ? AND scope = ?",
        )
        .bind(workspace)
        .bind(limited.to_string())
        .fetch_one(reading)
        .await?;
        Ok(Spent { spent: count(spent), raised: count(raised) })
    }

    /// Raises a limit because of the answer to a question of a run; an answer counts once.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn raise(
        &self,
        limited: Limited,
        amount: u64,
        (run, question): (RunId, &str),
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        sqlx::query(
            "INSERT INTO budget_raises (workspace_id, scope, question, amount, at) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT DO NOTHING",
        )
        .bind(self.workspace.id().as_str())
        .bind(limited.to_string())
        .bind(format!("{run} {question}"))
        .bind(whole(amount))
        .bind(at)
        .execute(writing.connection()?)
        .await?;
        Ok(())
    }

    /// The calls, of one run or of all, summed up; at most `limit` sums.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn sums(&self, by: By, run: Option<RunId>, limit: usize) -> Result<Vec<Sum>, StoreError> {
        macro_rules! sums {
            ($key:literal, $order:literal) => {
                concat!(
                    "SELECT ",
                    $key,
                    " AS key, count(*) AS calls, coalesce(sum(cost), 0) AS cost, \
                     count(*) - count(cost) AS unpriced, sum(state = 'open') AS open, sum(state = 'lost') AS lost, \
                     coalesce(sum(input_tokens), 0) AS input, coalesce(sum(output_tokens), 0) AS output \
                     FROM model_calls WHERE workspace_id = ?1 AND (?2 IS NULL OR run = ?2) \
                     GROUP BY 1 ORDER BY ",
                    $order,
                    " LIMIT ?3"
                )
            };
        }
        let sql = match by {
            By::Day => sums!("date(day * 86400, 'unixepoch')", "1 DESC"),
            By::Run => sums!("lower(hex(run))", "max(id) DESC"),
            By::Model => sums!("model", "1"),
            By::Step => sums!("step", "min(id)"),
        };
        let rows = sqlx::query(sql)
            .bind(self.workspace.id().as_str())
            .bind(run)
            .bind(column::limit(limit))
            .fetch_all(self.workspace.shared.database.reading())
            .await?;
        rows.iter()
            .map(|row| {
                let number = |name: &str| row.try_get::<i64, _>(name).map(count);
                let key: Option<String> = row.try_get("key")?;
                let of = match (by, key) {
                    (By::Run, Some(hex)) => uuid::Uuid::parse_str(&hex).map_or(hex, |run| run.to_string()),
                    (_, key) => key.unwrap_or_default(),
                };
                Ok(Sum {
                    of,
                    calls: number("calls")?,
                    cost: number("cost")?,
                    unpriced: number("unpriced")?,
                    open: number("open")?,
                    lost: number("lost")?,
                    input_tokens: number("input")?,
                    output_tokens: number("output")?,
                })
            })
            .collect()
    }
}
