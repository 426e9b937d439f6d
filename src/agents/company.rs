//! The company: the handle through which work is assigned to the roles. The tree's root is in [`root`].
//!
//! Architecture invariant: a panic anywhere below a worker fails the one attempt that the worker had in hand.

mod root;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use indexmap::IndexMap;
use ractor::concurrency::JoinHandle;
use ractor::{Actor, ActorRef};
use serde_json::Value;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use self::root::{CompanyMessage, Root};
use super::pool::{Job, LANES};
use super::stats::{Counters, RoleStats};
use super::work::{cancelled, company_stopping};
use super::worker::Means;
use super::{Assignment, MOST_WORKERS, Roles, RolesError};
use crate::engine::port::Stop;
use crate::model::Models;
use crate::run::Failure;
use crate::tools::Tools;

/// Assignments of one depth that are with a role at once, in hand or queued. Whoever has more waits before the queue.
const PLACES: u32 = 4096;
/// The longest wait for a place in a role's queue.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// How long a cancelled assignment may take to let go of what it does.
const CANCEL_GRACE: Duration = Duration::from_secs(2);
/// How long the tree may take to stop once nothing is worked on.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Why the company cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A role names tools that are not there.
    #[error(transparent)]
    Roles(#[from] RolesError),
    /// A role's work is to be reviewed by a role that is not there.
    #[error("the work of role `{role}` ({origin}) is to be reviewed by `{by}`, and there is no role of that name")]
    UnknownReviewer {
        /// The role.
        role: String,
        /// Where the role was read from.
        origin: String,
        /// The role that is to review.
        by: String,
    },
    /// A role is to be played by a model that is not there.
    #[error(
        "role `{role}` ({origin}) is to be played by the model `{model}`, and there is none of that name; there are: {known}"
    )]
    UnknownModel {
        /// The role.
        role: String,
        /// Where the role was read from.
        origin: String,
        /// The model's alias.
        model: String,
        /// The aliases that there are.
        known: String,
    },
    /// A role is limited in what it may cost, and nobody knows what its model costs.
    #[error(
        "role `{role}` ({origin}) has `limits.cost`, and there is no price for its model `{model}`: write it to the file \
         that `models.prices` names"
    )]
    NoPrice {
        /// The role.
        role: String,
        /// Where the role was read from.
        origin: String,
        /// The model.
        model: String,
    },
    /// The actors cannot be started.
    #[error("the company's actors cannot be started: {0}")]
    Actors(String),
}

/// The company: a handle that can be cloned.
#[derive(Clone)]
pub struct Company {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    roles: Roles,
    desks: IndexMap<String, Desk>,
    root: ActorRef<CompanyMessage>,
    /// The root's task, until somebody waits for its end.
    task: Mutex<Option<JoinHandle<()>>>,
    tickets: AtomicU64,
    /// Cancelled when no more work is taken.
    closed: CancellationToken,
    /// Cancelled when work in hand is to be dropped.
    stopping: CancellationToken,
}

/// What the handle knows of a role.
struct Desk {
    counters: Arc<Counters>,
    /// The places of its bounded queue, those of each depth apart, so that a question never waits for an assignment
    /// that waits for its answer.
    places: [Arc<Semaphore>; LANES],
}

/// The way from a worker to the company that it belongs to, which does not keep the company alive.
#[derive(Clone, Default)]
pub(super) struct Colleagues(Arc<OnceLock<Weak<Shared>>>);

impl Colleagues {
    /// The company, unless it is gone.
    pub(super) fn company(&self) -> Option<Company> {
        self.0.get().and_then(Weak::upgrade).map(|shared| Company { shared })
    }
}

impl std::fmt::Debug for Company {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Company").field("roles", &self.shared.desks.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

impl Company {
    /// Starts the company: a supervisor and its workers for each role.
    ///
    /// # Errors
    /// [`StartError`], before anything is started if a role names a tool or a model that is not there.
    pub async fn start(roles: Roles, models: &Models, tools: Arc<Tools>) -> Result<Self, StartError> {
        roles.check_tools(tools.names_and_groups().iter().map(String::as_str))?;
        let stopping = CancellationToken::new();
        let colleagues = Colleagues::default();
        let mut desks = IndexMap::new();
        let mut supervisors = HashMap::new();
        for role in roles.iter() {
            if let Some(review) = role.review.as_ref().filter(|review| roles.get(&review.by).is_none()) {
                let (role, origin, by) = (role.name.clone(), role.origin.clone(), review.by.clone());
                return Err(StartError::UnknownReviewer { role, origin, by });
            }
            let model = models.get(&role.model).ok_or_else(|| StartError::UnknownModel {
                role: role.name.clone(),
                origin: role.origin.clone(),
                model: role.model.clone(),
                known: models.aliases().collect::<Vec<_>>().join(", "),
            })?;
            if let Some(unpriced) = models.unpriced(&role.model).filter(|_| role.limits.cost.is_some()) {
                let (role, origin, model) = (role.name.clone(), role.origin.clone(), unpriced.to_owned());
                return Err(StartError::NoPrice { role, origin, model });
            }
            let means = Means {
                role: Arc::clone(role),
                model: Arc::clone(model),
                tools: Arc::clone(&tools),
                colleagues: colleagues.clone(),
                stopping: stopping.clone(),
            };
            let counters = Arc::new(Counters::new(role.workers));
            desks.insert(
                role.name.clone(),
                Desk {
                    counters: Arc::clone(&counters),
                    places: std::array::from_fn(|_| Arc::new(Semaphore::new(PLACES as usize))),
                },
            );
            supervisors.insert(role.name.clone(), (means, counters));
        }
        let (root, task) = Actor::spawn(None, Root { roles: supervisors }, ())
            .await
            .map_err(|error| StartError::Actors(error.to_string()))?;
        let shared = Shared {
            roles,
            desks,
            root,
            task: Mutex::new(Some(task)),
            tickets: AtomicU64::new(0),
            closed: CancellationToken::new(),
            stopping,
        };
        let shared = Arc::new(shared);
        let _ = colleagues.0.set(Arc::downgrade(&shared));
        Ok(Self { shared })
    }

    /// Has an assignment carried out by its role, and returns what it came to. Waits for a place in the role's queue
    /// first. Nothing of it goes on once this has returned; dropping the future cancels the work.
    ///
    /// # Errors
    /// [`Stop`]: it failed, its worker died (which can be retried), it was cancelled, or the gate has parked it.
    pub async fn assign(&self, assignment: Assignment) -> Result<Value, Stop> {
        let shared = &*self.shared;
        let Some(desk) = shared.desks.get(&assignment.role) else {
            return Err(unknown_role(&assignment.role, &shared.roles).into());
        };
        let places = &desk.places[usize::from(assignment.depth).min(LANES - 1)];
        let cancel = assignment.cancel.child_token();
        let place = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancelled().into()),
            () = shared.closed.cancelled() => return Err(company_stopping().into()),
            place = tokio::time::timeout(LONGEST_WAIT, Arc::clone(places).acquire_owned()) => match place {
                Ok(Ok(place)) => place,
                Ok(Err(_)) => return Err(company_stopping().into()),
                Err(_) => return Err(too_busy(&assignment.role).into()),
            },
        };
        let ticket = shared.tickets.fetch_add(1, Ordering::Relaxed);
        let role = assignment.role.clone();
        let withdrawal = Withdrawal { root: &shared.root, role: &role, ticket, cancel: cancel.clone(), armed: true };
        let (reply, outcome) = oneshot::channel();
        let assignment = Assignment { cancel: cancel.clone(), ..assignment };
        let job = Box::new(Job { ticket, assignment, reply, place });
        shared
            .root
            .cast(CompanyMessage::Assign { role: role.clone(), job })
            .map_err(|_| Stop::from(company_stopping()))?;
        tokio::pin!(outcome);
        let outcome = tokio::select! {
            biased;
            outcome = &mut outcome => {
                withdrawal.disarm();
                outcome
            }
            () = cancel.cancelled() => {
                drop(withdrawal);
                match tokio::time::timeout(CANCEL_GRACE, outcome).await {
                    Ok(Ok(outcome)) => Ok(outcome),
                    Ok(Err(_)) | Err(_) => return Err(cancelled().into()),
                }
            }
        };
        outcome.unwrap_or_else(|_| Err(self.abandoned(&role).into()))
    }

    /// The roles, as they were read.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        &self.shared.roles
    }

    /// How a role stands, if there is one of this name.
    #[must_use]
    pub fn stats(&self, role: &str) -> Option<RoleStats> {
        self.shared.desks.get(role).map(|desk| desk.counters.stats())
    }

    /// Lets a role have so many workers from now on. What is in hand is finished; with 0 the role is drained: what is
    /// assigned to it waits.
    ///
    /// # Errors
    /// There is no such role, or the number is above [`MOST_WORKERS`].
    pub fn resize(&self, role: &str, workers: u32) -> Result<(), Failure> {
        let Some(desk) = self.shared.desks.get(role) else { return Err(unknown_role(role, &self.shared.roles)) };
        if workers > MOST_WORKERS {
            let message = format!("a role can have {MOST_WORKERS} workers at most, not {workers}");
            return Err(Failure::give_up("out_of_range", message));
        }
        // A supervisor that rests begins with it.
        desk.counters.workers.store(workers.into(), Ordering::Relaxed);
        let resize = CompanyMessage::Resize { role: role.to_owned(), workers };
        self.shared.root.cast(resize).map_err(|_| company_stopping())
    }

    /// Takes no more work, waits up to `limit` for what was taken, then drops what is left and stops. Returns how many
    /// assignments were dropped: 0 if all came to their end. No actor holds a tool or a model any more then.
    pub async fn stop(&self, limit: Duration) -> u64 {
        let shared = &*self.shared;
        shared.closed.cancel();
        // All places of a role can be had only when nothing of it is queued or in hand.
        let drained = async {
            for desk in shared.desks.values() {
                for places in &desk.places {
                    let _ = places.acquire_many(PLACES).await;
                }
            }
        };
        let left = match tokio::time::timeout(limit, drained).await {
            Ok(()) => 0,
            Err(_) => shared
                .desks
                .values()
                .flat_map(|desk| desk.places.iter().map(|places| places.available_permits()))
                .map(|free| u64::from(PLACES).saturating_sub(free as u64))
                .sum(),
        };
        shared.stopping.cancel();
        shared.root.stop(None);
        let task = shared.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = tokio::time::timeout(STOP_GRACE, task).await;
        }
        left
    }

    /// The failure of an assignment whose role's supervisor is gone.
    fn abandoned(&self, role: &str) -> Failure {
        if self.shared.stopping.is_cancelled() {
            return company_stopping();
        }
        Failure::retry(
            "role_died",
            format!("the supervisor of the role `{role}` died and was replaced; the step can be tried again"),
        )
    }
}

/// Cancels an assignment, and takes it out of the queue if it waits there, when whoever wanted it has gone.
struct Withdrawal<'a> {
    root: &'a ActorRef<CompanyMessage>,
    role: &'a str,
    ticket: u64,
    cancel: CancellationToken,
    armed: bool,
}

impl Withdrawal<'_> {
    /// The assignment has come to its end.
    fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        self.cancel.cancel();
        let _ = self.root.cast(CompanyMessage::Withdraw { role: self.role.to_owned(), ticket: self.ticket });
    }
}

fn unknown_role(name: &str, roles: &Roles) -> Failure {
    let hint = match roles.nearest(name) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write it to `agents/{name}.yaml`"),
    };
    Failure::give_up("unknown_agent", format!("there is no role `{name}`; {hint}"))
}

fn too_busy(role: &str) -> Failure {
    Failure::retry(
        "role_busy",
        format!(
            "no worker of the role `{role}` could be had within {}; give the role more `workers`",
            humantime::format_duration(LONGEST_WAIT)
        ),
    )
}

#[cfg(test)]
mod tests;
