//! What may be spent: by a run, on a day, by the workspace. A call's cost is reserved before it is made, at the most that it
//! can be, and settled after, so that calls that go on at the same time never spend more than the limit together.
//!
//! A call whose cost nobody knows, because the process died or the provider broke off, stays counted at the most that it can
//! have cost, until the same call is made again: then it is taken to have cost as much as that.

mod books;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};

use super::{Account, Dollars, Model as _, ModelError, Offline, Price, Trouble, Usage};
use crate::clock::{Clock, Timestamp};
use crate::run::RunId;
use crate::store::model_calls::{Limited, ModelCall, ModelCalls, day_of};
use crate::store::{Runs, StoreError, Workspace};
use books::{Books, Verdict};

/// How long a call waits for others to end that have reserved what it needs.
const PATIENCE: Duration = Duration::from_mins(10);

/// What a limit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One run, with the runs that its steps start.
    Run,
    /// One day, in UTC.
    Day,
    /// The workspace, since it was made.
    Workspace,
}

impl Scope {
    /// As settings, events and failures' codes spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Day => "day",
            Self::Workspace => "workspace",
        }
    }
}

/// How much may be spent; `None` for as much as there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// By one run.
    pub run: Option<Dollars>,
    /// On one day, in UTC.
    pub day: Option<Dollars>,
    /// By the workspace, ever.
    pub workspace: Option<Dollars>,
}

impl Caps {
    /// The limit of a scope.
    #[must_use]
    pub fn of(&self, scope: Scope) -> Option<Dollars> {
        match scope {
            Scope::Run => self.run,
            Scope::Day => self.day,
            Scope::Workspace => self.workspace,
        }
    }

    /// True if nothing is limited.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// How a limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What it is for.
    pub scope: Scope,
    /// The limit, with what it was raised by, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Dollars>,
    /// What was spent; calls that go on, and those of which nobody knows what they cost, count with the most that they can.
    pub spent: Dollars,
}

/// The budget of a workspace. Cheap to clone.
#[derive(Clone)]
pub struct Budget {
    shared: Option<Arc<Shared>>,
}

struct Shared {
    calls: ModelCalls,
    runs: Runs,
    caps: Caps,
    clock: Arc<dyn Clock>,
    books: Arc<Mutex<Books>>,
    /// Told whenever less is reserved than before.
    freed: Notify,
}

/// A call that is about to be made.
pub(super) struct Charge<'a> {
    pub(super) account: Option<&'a Account>,
    pub(super) alias: &'a str,
    pub(super) model: &'a str,
    pub(super) price: Option<Price>,
    /// Tokens of the request, if they were counted.
    pub(super) prompt: Option<u32>,
    /// Tokens that the reply may have.
    pub(super) reply: u32,
}

impl Charge<'_> {
    /// The most that it can cost.
    fn most(&self) -> Dollars {
        let usage = Usage { input_tokens: self.prompt.unwrap_or(u32::MAX).into(), output_tokens: self.reply.into() };
        self.price.map_or(Dollars(0), |price| price.cost(usage))
    }
}

impl Budget {
    /// Nothing is limited, and nothing is recorded.
    #[must_use]
    pub fn none() -> Self {
        Self { shared: None }
    }

    /// The budget of a workspace. What a process of before had reserved, and did not settle, counts as lost.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn open(workspace: &Workspace, caps: Caps, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let calls = workspace.model_calls();
        let lost = calls.lose_all_open().await?;
        if lost > 0 {
            tracing::warn!(
                calls = lost,
                "the process stopped during calls of models; they count with the most that they can cost"
            );
        }
        let (books, freed) = (Arc::default(), Notify::new());
        Ok(Self { shared: Some(Arc::new(Shared { calls, runs: workspace.runs(), caps, clock, books, freed })) })
    }

    /// Reserves what a call can cost. Waits while others have reserved what it needs, since they may need less.
    ///
    /// # Errors
    /// [`Trouble::Spent`] if there is too little left, even if all others came to nothing.
    pub(super) async fn reserve(&self, charge: Charge<'_>) -> Result<Reservation, ModelError> {
        let Some(shared) = self.shared.as_ref().filter(|_| charge.model != Offline.name()) else {
            return Ok(Reservation::nothing());
        };
        let at = shared.clock.now();
        let root = match charge.account {
            Some(account) => Some(shared.root_of(account.run).await.map_err(|error| unbooked(&error))?),
            None => None,
        };
        let call = ModelCall {
            at,
            run: charge.account.zip(root).map(|(account, root)| (account.run, root, account.step.clone())),
            call: charge.account.map(|account| account.call.clone()),
            alias: charge.alias.to_owned(),
            model: charge.model.to_owned(),
        };
        let most = charge.most();
        if most == Dollars(0) {
            return Ok(Reservation::new(Arc::clone(shared), Held { call, root, most, id: None }));
        }
        let late = || ModelError::new(Trouble::Busy, "other calls hold what is left of the budget for too long");
        tokio::time::timeout(PATIENCE, shared.hold(call, root, most)).await.unwrap_or_else(|_| Err(late()))
    }

    /// Raises the limit that a call of this run has come to, by as much as the configuration has it; once for a question.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn raise(&self, scope: Scope, run: RunId, question: &str) -> Result<(), StoreError> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let Some(Dollars(amount)) = shared.caps.of(scope) else { return Ok(()) };
        let at = shared.clock.now();
        let limited = match scope {
            Scope::Run => Limited::Run(shared.root_of(run).await?),
            Scope::Day => Limited::Day(day_of(at)),
            Scope::Workspace => Limited::Workspace,
        };
        let mut books = shared.books.lock().await;
        shared.calls.raise(limited, amount, (run, question), at).await?;
        // To be read again.
        *books = books.without_sums();
        drop(books);
        shared.freed.notify_waiters();
        Ok(())
    }

    /// How the limits stand; that of a run only if one is given.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn standing(&self, run: Option<RunId>) -> Result<Vec<Standing>, StoreError> {
        let Some(shared) = &self.shared else { return Ok(Vec::new()) };
        let root = match run {
            Some(run) => Some((Scope::Run, Limited::Run(shared.root_of(run).await?))),
            None => None,
        };
        let all = [(Scope::Day, Limited::Day(day_of(shared.clock.now()))), (Scope::Workspace, Limited::Workspace)];
        let mut standing = Vec::new();
        for (scope, limited) in root.into_iter().chain(all) {
            let spent = shared.calls.spent(limited).await?;
            let limit = shared.caps.of(scope).map(|cap| Dollars(cap.0.saturating_add(spent.raised)));
            standing.push(Standing { scope, limit, spent: Dollars(spent.spent) });
        }
        Ok(standing)
    }
}

impl Shared {
    /// Waits until a call's cost can be reserved, and reserves it.
    async fn hold(
        self: &Arc<Self>,
        call: ModelCall,
        root: Option<RunId>,
        most: Dollars,
    ) -> Result<Reservation, ModelError> {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            let mut books = Arc::clone(&self.books).lock_owned().await;
            // It may be the next day by now.
            let call = ModelCall { at: self.clock.now(), ..call.clone() };
            let limits = self.limits(root, call.at);
            for (_, limited, _) in &limits {
                if !books.knows(*limited) {
                    let spent = self.calls.spent(*limited).await.map_err(|error| unbooked(&error))?;
                    books.learn(*limited, spent);
                }
            }
            match books.rule(&limits, most.0) {
                Verdict::Fits => return self.open(books, call, root, most).await,
                Verdict::Wait => {}
                Verdict::Spent { scope, cap, spent } => return Err(spent_error(scope, cap, spent, most, &call)),
            }
            drop(books);
            freed.await;
        }
    }

    /// Reserves a call's cost, here and on the disk. In a task of its own, so that both happen though nobody waits any more.
    async fn open(
        self: &Arc<Self>,
        mut books: OwnedMutexGuard<Books>,
        call: ModelCall,
        root: Option<RunId>,
        most: Dollars,
    ) -> Result<Reservation, ModelError> {
        let shared = Arc::clone(self);
        let opening = tokio::spawn(async move {
            let id = shared.calls.open(&call, most.0).await.map_err(|error| unbooked(&error))?;
            books.reserve(root, day_of(call.at), most.0);
            drop(books);
            Ok(Reservation::new(shared, Held { call, root, most, id: Some(id) }))
        });
        let mut reservation = opening.await.unwrap_or_else(|error| {
            Err(ModelError::new(Trouble::Unavailable, format!("the call cannot be booked, and is not made: {error}")))
        })?;
        reservation.made = true;
        Ok(reservation)
    }

    /// Books how a call ended.
    async fn end(&self, Held { call, root, most, id }: Held, end: End) {
        let Some(id) = id else {
            if let End::Cost(cost, usage) = end
                && let Err(error) =
                    self.calls.record(&call, cost.map(|cost| cost.0), (usage.input_tokens, usage.output_tokens)).await
            {
                tracing::warn!(%error, model = call.model, "a call of a model could not be booked");
            }
            return;
        };
        let mut books = self.books.lock().await;
        let booked = match end {
            End::Cost(cost, usage) => {
                let cost = cost.unwrap_or(most).0;
                let settled = self.calls.settle(id, cost, (usage.input_tokens, usage.output_tokens)).await;
                settled.map(|released| (cost, released))
            }
            End::TurnedAway => self.calls.release(id).await.map(|()| (0, Vec::new())),
            End::Lost => self.calls.lose(id).await.map(|()| (most.0, Vec::new())),
        };
        let (cost, released) = booked.unwrap_or_else(|error| {
            tracing::warn!(%error, model = call.model, "a call's cost could not be booked; it counts with the most that it can");
            (most.0, Vec::new())
        });
        books.settle(root, day_of(call.at), most.0, cost);
        for earlier in released {
            books.release(root, earlier.day, earlier.amount);
        }
        drop(books);
        self.freed.notify_waiters();
    }

    /// The limits that hold for a call, the narrowest first.
    fn limits(&self, root: Option<RunId>, at: Timestamp) -> Vec<(Scope, Limited, u64)> {
        let all = [
            (Scope::Run, root.map(Limited::Run)),
            (Scope::Day, Some(Limited::Day(day_of(at)))),
            (Scope::Workspace, Some(Limited::Workspace)),
        ];
        all.into_iter().filter_map(|(scope, limited)| Some((scope, limited?, self.caps.of(scope)?.0))).collect()
    }

    /// The run at the top of a run.
    async fn root_of(&self, run: RunId) -> Result<RunId, StoreError> {
        /// Runs start runs eight deep at most.
        const DEEPEST: usize = 16;
        let mut root = run;
        for _ in 0..DEEPEST {
            match self.runs.get(root).await?.and_then(|run| run.parent) {
                Some((parent, _)) => root = parent,
                None => break,
            }
        }
        Ok(root)
    }
}

/// What is booked of a call that goes on.
struct Held {
    call: ModelCall,
    root: Option<RunId>,
    most: Dollars,
    /// `None` if nothing is reserved, since it is free or its price is not known.
    id: Option<i64>,
}

/// How a call ended.
#[derive(Clone, Copy)]
enum End {
    /// It has cost this; `None` if nobody knows the price.
    Cost(Option<Dollars>, Usage),
    /// It was turned away, and has cost nothing.
    TurnedAway,
    /// Nobody knows what it has cost.
    Lost,
}

/// What was reserved for a call. It is to be settled; dropped, it counts as lost if the call was begun.
#[must_use]
pub(super) struct Reservation {
    held: Option<(Arc<Shared>, Held)>,
    made: bool,
}

impl Reservation {
    fn nothing() -> Self {
        Self { held: None, made: false }
    }

    fn new(shared: Arc<Shared>, held: Held) -> Self {
        Self { held: Some((shared, held)), made: false }
    }

    /// The call has cost this; `None` if nobody knows its price.
    pub(super) async fn settle(self, cost: Option<Dollars>, usage: Usage) {
        self.end(End::Cost(cost, usage)).await;
    }

    /// The call was turned away, and has cost nothing.
    pub(super) async fn release(self) {
        self.end(End::TurnedAway).await;
    }

    /// Nobody knows what the call has cost.
    pub(super) async fn lose(self) {
        self.end(End::Lost).await;
    }

    /// In a task of its own, so that it is booked though nobody waits any more.
    async fn end(mut self, end: End) {
        if let Some((shared, held)) = self.held.take() {
            let _ = tokio::spawn(async move { shared.end(held, end).await }).await;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some((shared, held)) = self.held.take()
            && held.id.is_some()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let end = if self.made { End::Lost } else { End::TurnedAway };
            runtime.spawn(async move { shared.end(held, end).await });
        }
    }
}

fn unbooked(error: &StoreError) -> ModelError {
    ModelError::new(Trouble::Unavailable, format!("the call cannot be booked, and is not made: {error}"))
}

fn spent_error(scope: Scope, cap: u64, spent: u64, most: Dollars, call: &ModelCall) -> ModelError {
    let (whose, until) = match scope {
        Scope::Run => ("this run", ""),
        Scope::Day => ("today", ", wait for tomorrow (UTC)"),
        Scope::Workspace => ("the workspace", ""),
    };
    let message = format!(
        "the budget of {whose} is spent: {} of {} are, and a call of {} can cost {most}; raise it, set budget.{} higher{until}, \
         or choose a cheaper model",
        Dollars(spent),
        Dollars(cap),
        call.model,
        scope.as_str()
    );
    ModelError::new(Trouble::Spent(scope), message)
}

#[cfg(test)]
mod tests;
