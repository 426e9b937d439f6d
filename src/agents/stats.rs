//! What the company counts: read without asking any actor, so that it can be read at any time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Of how many of the last assignments the times are kept.
const TIMES: usize = 256;

/// How a role stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleStats {
    /// How many workers it is to have; 0 while it is drained.
    pub workers: u64,
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
    /// Whether it has stopped for everybody, because too many of its workers died.
    pub stopped: bool,
    /// How long an assignment takes, from when a worker takes it up, in milliseconds: the median of the last 256.
    pub median_ms: Option<u64>,
    /// The same: what 95 of 100 are within.
    pub p95_ms: Option<u64>,
}

/// The numbers of one role. They outlive its actors.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) workers: AtomicU64,
    pub(super) live: AtomicU64,
    pub(super) busy: AtomicU64,
    pub(super) queued: AtomicU64,
    pub(super) restarts: AtomicU64,
    pub(super) done: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) parked: AtomicU64,
    pub(super) stopped: AtomicBool,
    times: Mutex<VecDeque<u64>>,
}

impl Counters {
    pub(super) fn new(workers: u32) -> Self {
        Self { workers: AtomicU64::new(workers.into()), ..Self::default() }
    }

    /// One more.
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// An assignment has taken this long.
    pub(super) fn took(&self, time: Duration) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if times.len() == TIMES {
            times.pop_front();
        }
        times.push_back(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    /// The numbers as they are now.
    pub(super) fn stats(&self) -> RoleStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut times: Vec<u64> = self.times.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        times.sort_unstable();
        // The least time that so many of a hundred are within.
        let within = |percent: usize| times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        RoleStats {
            workers: read(&self.workers),
            live: read(&self.live),
            busy: read(&self.busy),
            queued: read(&self.queued),
            restarts: read(&self.restarts),
            done: read(&self.done),
            failed: read(&self.failed),
            parked: read(&self.parked),
            stopped: self.stopped.load(Ordering::Relaxed),
            median_ms: within(50),
            p95_ms: within(95),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_last_assignments() {
        let counters = Counters::new(2);
        assert_eq!((counters.stats().median_ms, counters.stats().p95_ms), (None, None));
        counters.took(Duration::from_millis(7));
        assert_eq!((counters.stats().median_ms, counters.stats().p95_ms), (Some(7), Some(7)));
        for ms in 1..=1000 {
            counters.took(Duration::from_millis(ms));
        }
        // The last 256: 745 to 1000.
        assert_eq!((counters.stats().median_ms, counters.stats().p95_ms), (Some(872), Some(988)));
    }
}
