//! The one task that all appends go through. It takes whatever is waiting, commits it in one transaction, and only
//! then tells those who wait.

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::Executor;
use tokio::sync::{mpsc, oneshot};

use super::batch::{Statements, Written, continues};
use super::row::AppendRows;
use super::{JournalError, JournalStats};
use crate::store::database::{Database, Writing};
use crate::store::error::is_full;

/// How many appends share a transaction at most.
const BATCH: usize = 512;

/// How often other tasks get their turn before a batch is committed, if each time more appends have come by it.
/// Three rounds make batches of 50 out of 50 appenders, none makes batches of 30.
const ROUNDS: usize = 3;

/// How long an append waits for room in the queue.
const PATIENCE: Duration = Duration::from_secs(30);

/// The way to the writing task. The task ends when this is dropped or closed, after it has committed what waits.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Job>,
    counters: Arc<Counters>,
}

#[derive(Debug)]
enum Job {
    Append(Box<Waiting>),
    /// Commit what came before, then take no more.
    Close(oneshot::Sender<()>),
}

/// An append, and who waits for it.
#[derive(Debug)]
struct Waiting {
    rows: AppendRows,
    reply: oneshot::Sender<Result<(), JournalError>>,
}

impl Waiting {
    /// The caller may have gone away; what was committed stays committed.
    fn tell(self, result: Result<(), JournalError>) {
        let _ = self.reply.send(result);
    }
}

#[derive(Debug, Default)]
struct Counters {
    commits: AtomicU64,
    appends: AtomicU64,
    events: AtomicU64,
}

impl Writer {
    pub(crate) fn start(database: &Database, capacity: usize) -> Self {
        let (queue, jobs) = mpsc::channel(capacity.max(1));
        let counters = Arc::<Counters>::default();
        let task = Task { database: database.clone(), statements: Statements::new(), counters: counters.clone() };
        tokio::spawn(task.run(jobs));
        Self { queue, counters }
    }

    /// Returns once the rows are on the disk. There is no limit to that wait, since giving up would leave the caller
    /// not knowing; it ends when SQLite does, which waits for a lock no longer than its busy timeout.
    pub(super) async fn append(&self, rows: AppendRows) -> Result<(), JournalError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Append(Box::new(Waiting { rows, reply }));
        if let Err(refused) = self.queue.try_send(job) {
            match refused {
                mpsc::error::TrySendError::Full(job) => self
                    .queue
                    .send_timeout(job, PATIENCE)
                    .await
                    .map_err(|_| JournalError::Unavailable("its queue is full, the disk is too slow".to_owned()))?,
                mpsc::error::TrySendError::Closed(_) => return Err(shut_down()),
            }
        }
        answer.await.unwrap_or_else(|_| Err(shut_down()))
    }

    pub(crate) fn stats(&self) -> JournalStats {
        JournalStats {
            commits: self.counters.commits.load(Ordering::Relaxed),
            appends: self.counters.appends.load(Ordering::Relaxed),
            events: self.counters.events.load(Ordering::Relaxed),
        }
    }

    /// Returns once everything that was waiting is committed; nothing is taken after that.
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Job::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

fn shut_down() -> JournalError {
    JournalError::Unavailable("it is shut down".to_owned())
}

struct Task {
    database: Database,
    statements: Statements,
    counters: Arc<Counters>,
}

impl Task {
    async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut closing = None;
        let mut arrived = Vec::with_capacity(BATCH);
        // Appends to a run that the batch before held already.
        let mut later = VecDeque::new();
        while closing.is_none() || !later.is_empty() {
            let room = BATCH.saturating_sub(later.len());
            if closing.is_none() && room > 0 {
                if later.is_empty() {
                    if jobs.recv_many(&mut arrived, room).await == 0 {
                        return;
                    }
                    wait_for_others(&jobs).await;
                }
                while arrived.len() < room
                    && let Ok(job) = jobs.try_recv()
                {
                    arrived.push(job);
                }
            }
            for job in arrived.drain(..) {
                match job {
                    Job::Append(waiting) if closing.is_none() => later.push_back(*waiting),
                    Job::Append(waiting) => waiting.tell(Err(shut_down())),
                    Job::Close(done) => {
                        jobs.close();
                        closing = Some(done);
                    }
                }
            }
            let mut runs = HashSet::with_capacity(later.len());
            let (batch, kept): (Vec<_>, Vec<_>) = later.drain(..).partition(|waiting| runs.insert(waiting.rows.run));
            later.extend(kept);
            if !batch.is_empty() {
                crate::crash::point("append.queued");
                self.commit(batch).await;
                crate::crash::point("append.acknowledged");
            }
        }
        while let Ok(job) = jobs.try_recv() {
            if let Job::Append(waiting) = job {
                waiting.tell(Err(shut_down()));
            }
        }
        if let Some(done) = closing {
            let _ = done.send(());
        }
    }

    /// Commits the batch, or as much of it as can be, and tells everybody.
    async fn commit(&self, batch: Vec<Waiting>) {
        let mut writing = match self.database.writing().await {
            Ok(writing) => writing,
            Err(error) => return self.refuse(batch, &error),
        };
        if let Err(batch) = self.commit_together(&mut writing, batch).await {
            let all = batch.len();
            let good = self.refuse_what_is_stale(&mut writing, batch).await;
            if good.len() == all {
                self.commit_one_by_one(&mut writing, good).await;
            } else if let Err(good) = self.commit_together(&mut writing, good).await {
                self.commit_one_by_one(&mut writing, good).await;
            }
        }
    }

    /// Commits all of the batch, or gives it back if that failed because of what is in it.
    async fn commit_together(&self, writing: &mut Writing<'_>, batch: Vec<Waiting>) -> Result<(), Vec<Waiting>> {
        if batch.is_empty() {
            return Ok(());
        }
        match self.write(writing, &batch).await {
            Ok(Written::Committed) => batch.into_iter().for_each(|waiting| waiting.tell(Ok(()))),
            Ok(Written::Stale) => return Err(batch),
            Err(error) if is_of_one_append(&error) => return Err(batch),
            Err(error) => self.refuse(batch, &error),
        }
        Ok(())
    }

    /// Tells those that do not continue their runs; gives back the others.
    async fn refuse_what_is_stale(&self, writing: &mut Writing<'_>, batch: Vec<Waiting>) -> Vec<Waiting> {
        let mut good = Vec::with_capacity(batch.len());
        for waiting in batch {
            let continues = match writing.connection() {
                Ok(connection) => continues(connection, &waiting.rows).await,
                Err(error) => Err(error),
            };
            match continues {
                Ok(true) => good.push(waiting),
                Ok(false) => {
                    let conflict = conflict(&waiting.rows);
                    waiting.tell(Err(conflict));
                }
                Err(error) => self.refuse(vec![waiting], &error),
            }
        }
        good
    }

    async fn commit_one_by_one(&self, writing: &mut Writing<'_>, batch: Vec<Waiting>) {
        for waiting in batch {
            let result = match self.write(writing, std::slice::from_ref(&waiting)).await {
                Ok(Written::Committed) => Ok(()),
                Ok(Written::Stale) => Err(conflict(&waiting.rows)),
                Err(error) => Err(told(&error, self.database.folder())),
            };
            waiting.tell(result);
        }
    }

    fn refuse(&self, batch: Vec<Waiting>, error: &sqlx::Error) {
        let error = told(error, self.database.folder());
        for waiting in batch {
            waiting.tell(Err(error.clone()));
        }
    }

    /// Writes the batch in one transaction; if that fails, the connection is left without one.
    async fn write(&self, writing: &mut Writing<'_>, batch: &[Waiting]) -> Result<Written, sqlx::Error> {
        let rows: Vec<_> = batch.iter().map(|waiting| &waiting.rows).collect();
        let result = self.statements.write(writing.connection()?, &rows).await;
        match &result {
            Ok(Written::Committed) => {
                let events: usize = rows.iter().map(|append| append.events.len()).sum();
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                self.counters.appends.fetch_add(rows.len() as u64, Ordering::Relaxed);
                self.counters.events.fetch_add(events as u64, Ordering::Relaxed);
            }
            Ok(Written::Stale) => {}
            Err(_) => roll_back(writing).await,
        }
        result
    }
}

/// Those who were told of the last commit are about to append again: lets them come along, for as long as more do.
async fn wait_for_others(jobs: &mpsc::Receiver<Job>) {
    for _ in 0..ROUNDS {
        let before = jobs.len();
        tokio::task::yield_now().await;
        if jobs.len() == before {
            return;
        }
    }
}

/// Ends the failed transaction. SQLite has ended it by itself after some errors, and then has none to end; a
/// connection that can not even tell that is given up.
async fn roll_back(writing: &mut Writing<'_>) {
    let Ok(connection) = writing.connection() else { return };
    match connection.execute("ROLLBACK").await {
        Ok(_) => {}
        Err(sqlx::Error::Database(error)) if error.message().contains("no transaction is active") => {}
        Err(_) => writing.give_up(),
    }
}

/// True if it is the content of some append that cannot be stored, so that the others still can.
fn is_of_one_append(error: &sqlx::Error) -> bool {
    const SQLITE_TOOBIG: &str = "18";
    match error {
        sqlx::Error::Database(error) => {
            error.is_unique_violation() || error.is_check_violation() || error.code().as_deref() == Some(SQLITE_TOOBIG)
        }
        sqlx::Error::Encode(_) => true,
        _ => false,
    }
}

fn conflict(rows: &AppendRows) -> JournalError {
    JournalError::Conflict { run: rows.run, expected: u64::try_from(rows.expected).unwrap_or(0) }
}

/// The error, as the journal tells it.
pub(super) fn told(error: &sqlx::Error, folder: &Path) -> JournalError {
    if is_full(error) {
        return JournalError::Full { folder: folder.display().to_string() };
    }
    match error {
        sqlx::Error::PoolClosed => shut_down(),
        sqlx::Error::PoolTimedOut => JournalError::Unavailable("all readers are busy".to_owned()),
        error => JournalError::Database(error.to_string()),
    }
}
