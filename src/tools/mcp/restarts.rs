//! How often a server is started anew: after pauses that grow, and not without end.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Deaths longer ago than this are forgotten.
const WITHIN: Duration = Duration::from_mins(5);

/// A server that died as often as this within [`WITHIN`] is left alone until it has been longer.
const MOST: u32 = 5;

/// The pause after the first death; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause before a server is started again.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// The deaths of the recent past.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    deaths: VecDeque<Instant>,
}

/// When a server may be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// At this time, which may be past.
    At(Instant),
    /// It died too often; not before this time.
    NotBefore(Instant),
}

impl Restarts {
    pub(super) fn died(&mut self, now: Instant) {
        self.forget(now);
        self.deaths.push_back(now);
    }

    pub(super) fn next(&mut self, now: Instant) -> Next {
        self.forget(now);
        let count = u32::try_from(self.deaths.len()).unwrap_or(u32::MAX);
        match (self.deaths.front(), self.deaths.back()) {
            (Some(first), Some(_)) if count >= MOST => Next::NotBefore(*first + WITHIN),
            (_, Some(last)) => Next::At(*last + pause(count)),
            _ => Next::At(now),
        }
    }

    fn forget(&mut self, now: Instant) {
        while self.deaths.front().is_some_and(|death| now.saturating_duration_since(*death) >= WITHIN) {
            self.deaths.pop_front();
        }
    }
}

/// The pause after the last of so many deaths.
fn pause(deaths: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(deaths.saturating_sub(1))).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_a_server_that_dies_on_and_on_is_left_alone() {
        let begin = Instant::now();
        let mut restarts = Restarts::default();
        assert_eq!(restarts.next(begin), Next::At(begin));
        let mut now = begin;
        for pause in [500, 1_000, 2_000, 4_000] {
            restarts.died(now);
            let at = now + Duration::from_millis(pause);
            assert_eq!(restarts.next(now), Next::At(at));
            now = at;
        }
        restarts.died(now);
        assert_eq!(restarts.next(now), Next::NotBefore(begin + WITHIN));
        // One death is long ago then, and four are not.
        let later = begin + WITHIN;
        assert_eq!(restarts.next(later), Next::At(now + Duration::from_secs(4)));
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let begin = Instant::now();
        let mut restarts = Restarts::default();
        restarts.died(begin);
        restarts.died(begin);
        let later = begin + WITHIN + Duration::from_secs(1);
        assert_eq!(restarts.next(later), Next::At(later));
    }
}
