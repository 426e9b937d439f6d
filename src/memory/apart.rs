//! Taking documents apart, which the libraries for it do not do safely: one may panic, or take very long over a document
//! that was made for that.
//!
//! So they work on a thread of their own with a time limit. A thread cannot be stopped: one that is given up goes on, and
//! while too many of them do, nothing more is begun.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// How long one document may take.
const LONGEST: Duration = Duration::from_mins(1);
/// How many threads that were given up may still be at work.
const MOST_GIVEN_UP: isize = 2;
/// The stack of such a thread, in bytes: documents nest.
const STACK: usize = 64 * 1024 * 1024;

static GIVEN_UP: AtomicIsize = AtomicIsize::new(0);

/// What comes of `work`, which takes a document apart: an error if it panics or takes longer than a minute. It blocks.
///
/// # Errors
/// Why it came to nothing, to be said of the document: "takes longer than …".
pub(crate) fn take_apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    in_time(LONGEST, work)
}

fn in_time<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    if GIVEN_UP.load(Ordering::Relaxed) >= MOST_GIVEN_UP {
        return Err("is not read while others that take too long are still being taken apart".to_owned());
    }
    let (sender, done) = mpsc::sync_channel(1);
    // Whoever of the two sets it second knows that the other is done with it.
    let over = Arc::new(AtomicBool::new(false));
    let waited_for = over.clone();
    let carry_out = move || {
        // Fails if nobody waits any longer.
        drop(sender.send(unless_it_panics(work)));
        if waited_for.swap(true, Ordering::Relaxed) {
            GIVEN_UP.fetch_sub(1, Ordering::Relaxed);
        }
    };
    let thread = thread::Builder::new().name("document".to_owned()).stack_size(STACK).spawn(carry_out);
    thread.map_err(|error| format!("cannot be taken apart now ({error})"))?;
    let result = done.recv_timeout(limit);
    if result.is_err() && !over.swap(true, Ordering::Relaxed) {
        GIVEN_UP.fetch_add(1, Ordering::Relaxed);
    }
    result.unwrap_or_else(|_| Err(format!("takes longer than {} to be taken apart", humantime::format_duration(limit))))
}

/// What comes of `work`, whose panic is an error like any other.
pub(super) fn unless_it_panics<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let told = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
        Err(format!(
            "cannot be taken apart ({}); this is a fault of Callboard, please report it",
            told.unwrap_or("no reason given")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_at_a_document_is_a_reason_to_pass_it_over() {
        let (text, at) = ("größe".to_owned(), 3);
        let told = unless_it_panics(|| Ok(text[at..].len())).unwrap_err();
        assert!(told.contains("cannot be taken apart (") && told.contains("char boundary"), "{told}");
        assert_eq!(take_apart::<()>(|| panic!("plainly")).unwrap_err().matches("(plainly)").count(), 1);
        assert_eq!(take_apart(|| Ok(1)), Ok(1));
        assert_eq!(take_apart::<()>(|| Err("holds no words".to_owned())), Err("holds no words".to_owned()));
    }

    #[test]
    fn what_takes_too_long_is_given_up_and_not_for_ever() {
        let limit = Duration::from_millis(20);
        let slow = |until: mpsc::Receiver<()>| move || Ok(until.recv().is_ok());
        let (first, until_first) = mpsc::channel();
        let (second, until_second) = mpsc::channel();
        for until in [until_first, until_second] {
            let told = in_time(limit, slow(until)).unwrap_err();
            assert_eq!(told, "takes longer than 20ms to be taken apart");
        }
        assert!(take_apart(|| Ok(1)).unwrap_err().contains("are still being taken apart"));
        drop((first, second));
        let ends = std::time::Instant::now() + Duration::from_secs(10);
        while take_apart(|| Ok(1)).is_err() {
            assert!(std::time::Instant::now() < ends, "those that were given up have ended");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
