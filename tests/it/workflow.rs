//! The pure module `workflow`, through its public surface.

#![allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]

mod editing;
mod expressions;
pub mod generate;
pub mod properties;
mod reading;
mod rewriting;
mod validation;

use std::time::{Duration, Instant};

/// Does something and says how much processor time it took, so that a busy machine makes no test fail.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    /// Nanoseconds that this thread has been on a processor: the first number of the file, on Linux.
    fn on_processor() -> Option<Duration> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
    }
    let (begun, processor) = (Instant::now(), on_processor());
    let result = work();
    let taken = match (processor, on_processor()) {
        (Some(before), Some(after)) => after - before,
        _ => begun.elapsed(),
    };
    (result, taken)
}
