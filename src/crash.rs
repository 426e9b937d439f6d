//! Named points at which a test can have the process stop dead, as a power cut would.
//!
//! Only builds with the feature `crash_points` look at the environment; in all others [`point`] is nothing.

/// Every point, with what has happened before it.
pub const POINTS: [(&str, &str); 8] = [
    ("append.queued", "an append is in the writer's queue"),
    ("append.written", "its rows are written, and the transaction is not committed"),
    ("append.committed", "the transaction is committed and synced, and nobody has been told"),
    ("append.acknowledged", "whoever appended has been told"),
    ("dispatch", "an attempt's beginning is durable, and it has not been handed over"),
    ("call", "a call's intent is durable, and it has not been made"),
    ("result", "an attempt or a call has its result, and it is not recorded"),
    ("timer", "a timer is due, and its run has not been woken"),
];

/// Stops the process here if `CRASH_POINT` is `name` or `name:N` and this is the Nth time (from 1).
#[cfg(feature = "crash_points")]
pub fn point(name: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    debug_assert!(POINTS.iter().any(|(known, _)| *known == name), "{name} is not in the list of points");
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("CRASH_POINT").ok()?;
        let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), count.parse().unwrap_or(1)))
    });
    if let Some((wanted, count)) = wanted
        && wanted == name
        && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *count
    {
        std::process::abort();
    }
}

/// Nothing, in a build without crash points.
#[cfg(not(feature = "crash_points"))]
#[inline(always)]
pub fn point(_name: &'static str) {}
