//! What the company counts: read without asking any actor, so that it can be read at any time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Serialize;

use super::Role;

/// How a role stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleStats {
    /// The role.
    pub role: String,
    /// What it is good for.
    pub description: String,
    /// The alias of its model.
    pub model: String,
    /// The tools that it may call.
    pub tools: Vec<String>,
    /// Where it was read from.
    pub origin: String,
    /// How many workers it is to have.
    pub workers: u32,
    /// How many it has.
    pub live: u64,
    /// How many of them work.
    pub busy: u64,
    /// Assignments that no worker has taken up yet.
    pub queued: u64,
    /// Workers that died and were, or will be, replaced.
    pub restarts: u64,
    /// Assignments that ended with a result.
    pub done: u64,
    /// Assignments that ended without one.
    pub failed: u64,
    /// Assignments that wait on a person.
    pub parked: u64,
    /// Whether it takes a rest, because too many of its workers died.
    pub paused: bool,
}

/// The numbers of one role. They outlive its actors.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) live: AtomicU64,
    pub(super) busy: AtomicU64,
    pub(super) queued: AtomicU64,
    pub(super) restarts: AtomicU64,
    pub(super) done: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) parked: AtomicU64,
    pub(super) paused: AtomicBool,
}

impl Counters {
    /// One more.
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The numbers as they are now.
    pub(super) fn stats(&self, role: &Role) -> RoleStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RoleStats {
            role: role.name.clone(),
            description: role.description.clone(),
            model: role.model.clone(),
            tools: role.tools.clone(),
            origin: role.origin.clone(),
            workers: role.workers,
            live: read(&self.live),
            busy: read(&self.busy),
            queued: read(&self.queued),
            restarts: read(&self.restarts),
            done: read(&self.done),
            failed: read(&self.failed),
            parked: read(&self.parked),
            paused: self.paused.load(Ordering::Relaxed),
        }
    }
}
