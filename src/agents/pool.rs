//! Who of a role's workers is idle, who has what in hand, and what waits: plain data, moved by the role's actor.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ractor::ActorId;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::stats::Counters;
use super::{Assignment, talk};
use crate::engine::port::Stop;
use crate::run::{RunId, StepPath};

/// What an assignment came to.
pub(super) type Outcome = Result<Value, Stop>;

/// An assignment with its way back.
pub(super) struct Job {
    /// Unique in the company.
    pub(super) ticket: u64,
    pub(super) assignment: Assignment,
    /// Where the outcome goes.
    pub(super) reply: oneshot::Sender<Outcome>,
    /// Its place in the role's bounded queue, given back when it is dropped.
    pub(super) place: OwnedSemaphorePermit,
}

/// The part of a job that its role keeps while a worker has the assignment.
struct InHand {
    reply: oneshot::Sender<Outcome>,
    _place: OwnedSemaphorePermit,
    work: Work,
    lane: usize,
    since: Instant,
}

/// What is worked on.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) run: RunId,
    pub(super) step: StepPath,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} of run {}", self.step, self.run)
    }
}

/// Questions between an assignment and its step make its lane. Each lane of a role has as many workers as the role, so
/// that who waits for an answer never keeps it from being given.
pub(super) const LANES: usize = talk::DEEPEST as usize + 1;

impl Job {
    fn lane(&self) -> usize {
        usize::from(self.assignment.depth).min(LANES - 1)
    }
}

/// The assignments of one depth.
#[derive(Default)]
struct Lane {
    queue: VecDeque<Job>,
    busy: usize,
}

/// The workers and the work of one role.
pub(super) struct Pool<W> {
    idle: Vec<(ActorId, W)>,
    busy: HashMap<ActorId, (W, InHand)>,
    lanes: [Lane; LANES],
    /// How many may be worked on in each lane.
    workers: usize,
    counters: Arc<Counters>,
}

/// A worker that died, and what it had in hand.
pub(super) struct Death {
    /// What it worked on, if it worked.
    pub(super) work: Option<Work>,
    reply: Option<oneshot::Sender<Outcome>>,
}

impl Death {
    /// Tells whoever waits for the dead worker's assignment.
    pub(super) fn answer(self, outcome: Outcome) {
        if let Some(reply) = self.reply {
            let _ = reply.send(outcome);
        }
    }
}

impl<W: Clone> Pool<W> {
    pub(super) fn new(workers: usize, counters: Arc<Counters>) -> Self {
        let pool = Self { idle: Vec::new(), busy: HashMap::new(), lanes: Default::default(), workers, counters };
        pool.count();
        pool
    }

    /// How many workers there are.
    pub(super) fn live(&self) -> usize {
        self.idle.len() + self.busy.len()
    }

    /// How many workers there should be: those of the role, and more if questions need them.
    pub(super) fn wanted(&self) -> usize {
        let startable = |lane: &Lane| lane.queue.len().min(self.workers.saturating_sub(lane.busy));
        self.workers.max(self.busy.len() + self.lanes.iter().map(startable).sum::<usize>())
    }

    /// From now on there are to be so many workers.
    pub(super) fn resize(&mut self, workers: usize) {
        self.workers = workers;
        self.count();
    }

    /// An idle worker that is no longer needed, if there is one: it belongs to the pool no more.
    pub(super) fn dismiss(&mut self) -> Option<W> {
        let is_surplus = self.live() > self.wanted();
        let (_, worker) = self.idle.pop_if(|_| is_surplus)?;
        self.count();
        Some(worker)
    }

    /// Takes out of the queues what is not to be worked on.
    pub(super) fn take_out(&mut self, mut unwanted: impl FnMut(&Assignment) -> bool) -> Vec<Job> {
        let taken = self.lanes.iter_mut().flat_map(|lane| {
            let (out, queue): (VecDeque<Job>, _) = lane.queue.drain(..).partition(|job| unwanted(&job.assignment));
            lane.queue = queue;
            out
        });
        let taken = taken.collect();
        self.count();
        taken
    }

    /// A worker has started.
    pub(super) fn hire(&mut self, id: ActorId, worker: W) {
        self.idle.push((id, worker));
        self.count();
    }

    /// A job has come.
    pub(super) fn enqueue(&mut self, job: Job) {
        self.lanes[job.lane()].queue.push_back(job);
        self.count();
    }

    /// A job that nobody wants any more; nothing happens if a worker has taken it up, which sees that by itself.
    pub(super) fn withdraw(&mut self, ticket: u64) {
        self.lanes.iter_mut().for_each(|lane| lane.queue.retain(|job| job.ticket != ticket));
        self.count();
    }

    /// The next assignment and the worker that is to have it, if there are both.
    pub(super) fn next(&mut self) -> Option<(W, Assignment)> {
        if self.idle.is_empty() {
            return None;
        }
        let workers = self.workers;
        let free = self.lanes.iter_mut().filter(|lane| lane.busy < workers);
        // Answers first: somebody waits for them with work in hand.
        let job = free
            .rev()
            .find_map(|lane| std::iter::from_fn(|| lane.queue.pop_front()).find(|job| !job.reply.is_closed()));
        let next = job.and_then(|job| {
            let (id, worker) = self.idle.pop()?;
            let Assignment { run, ref step, .. } = job.assignment;
            let (work, lane) = (Work { run, step: step.clone() }, job.lane());
            self.lanes[lane].busy += 1;
            let in_hand = InHand { reply: job.reply, _place: job.place, work, lane, since: Instant::now() };
            self.busy.insert(id, (worker.clone(), in_hand));
            Some((worker, job.assignment))
        });
        self.count();
        next
    }

    /// A worker has ended its assignment, and is idle again.
    pub(super) fn finished(&mut self, id: ActorId, outcome: Outcome) {
        if let Some((worker, in_hand)) = self.busy.remove(&id) {
            self.lanes[in_hand.lane].busy -= 1;
            self.counters.took(in_hand.since.elapsed());
            Counters::add(match &outcome {
                Ok(_) => &self.counters.done,
                Err(Stop::Failed(_)) => &self.counters.failed,
                Err(Stop::Parked) => &self.counters.parked,
            });
            let _ = in_hand.reply.send(outcome);
            self.idle.push((id, worker));
            self.count();
        }
    }

    /// A worker has died. `None` if it was not one of this role's.
    pub(super) fn died(&mut self, id: ActorId) -> Option<Death> {
        let idle = self.idle.iter().position(|(idle, _)| *idle == id).map(|at| self.idle.swap_remove(at));
        let busy = self.busy.remove(&id);
        if idle.is_none() && busy.is_none() {
            return None;
        }
        let in_hand = busy.map(|(_, in_hand)| in_hand);
        if let Some(in_hand) = &in_hand {
            self.lanes[in_hand.lane].busy -= 1;
            Counters::add(&self.counters.failed);
        }
        Counters::add(&self.counters.restarts);
        self.count();
        let (work, reply) = in_hand.map(|in_hand| (in_hand.work, in_hand.reply)).unzip();
        Some(Death { work, reply })
    }

    fn count(&self) {
        self.counters.workers.store(self.workers as u64, Ordering::Relaxed);
        self.counters.live.store(self.live() as u64, Ordering::Relaxed);
        self.counters.busy.store(self.busy.len() as u64, Ordering::Relaxed);
        let queued = self.lanes.iter().map(|lane| lane.queue.len() as u64).sum();
        self.counters.queued.store(queued, Ordering::Relaxed);
    }
}
