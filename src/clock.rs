//! Time, ids and randomness, as parameters.
//!
//! Nothing else in the crate reads the system clock or the system's randomness (`clippy.toml`
//! forbids it), so that every behaviour can be tested at any time of any day, and replayed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This instant, moved on by `duration`; saturates at the end of time.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long from `earlier` to this instant; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// RFC 3339 in UTC, to the millisecond.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match chrono::DateTime::from_timestamp_millis(self.0) {
            Some(at) => f.write_str(&at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
            None => write!(f, "{} ms", self.0),
        }
    }
}

/// Where the time and the randomness come from.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Now, by the wall clock, which may jump either way.
    fn now(&self) -> Timestamp;
    /// Returns once `at` has been reached, however the wall clock was moved meanwhile.
    async fn sleep_until(&self, at: Timestamp);
    /// A fresh id that sorts by time of making.
    fn fresh_id(&self) -> Uuid;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The longest single sleep, so that a wall clock that was moved is noticed soon.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

#[async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp(chrono::Utc::now().timestamp_millis())
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = at.since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that makes random ids")]
    fn fresh_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A clock that moves only when told to, and whose ids count upwards: for tests and simulation.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<AtomicI64>,
    ids: Arc<AtomicU64>,
    moved: Arc<tokio::sync::Notify>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now: Arc::new(AtomicI64::new(now.0)), ids: Arc::default(), moved: Arc::default() }
    }

    /// Moves the clock to `now`, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        self.now.store(now.0, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Moves the clock forwards by `duration`.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().after(duration));
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if self.now() >= at {
                return;
            }
            moved.await;
        }
    }

    fn fresh_id(&self) -> Uuid {
        let n = self.ids.fetch_add(1, Ordering::SeqCst);
        Uuid::from_u64_pair(u64::try_from(self.now().0).unwrap_or(0), n)
    }
}
