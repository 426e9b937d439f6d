//! How often something may die before it is too often, and how long a rest grows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Restart;

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The deaths of the recent past, each with what died.
#[derive(Clone, Debug)]
pub(super) struct Intensity<T = ()> {
    restart: Restart,
    deaths: VecDeque<(Instant, T)>,
}

impl<T> Intensity<T> {
    pub(super) fn new(restart: Restart) -> Self {
        Self { restart, deaths: VecDeque::new() }
    }

    /// Takes note of a death. If that is one too many, returns what died of late, the last death last, and forgets it.
    pub(super) fn died(&mut self, now: Instant, what: T) -> Option<Vec<T>> {
        self.deaths.retain(|(at, _)| now.saturating_duration_since(*at) <= self.restart.within);
        self.deaths.push_back((now, what));
        if self.deaths.len() <= self.restart.max_restarts as usize {
            return None;
        }
        Some(self.deaths.drain(..).map(|(_, what)| what).collect())
    }
}

/// Pauses that grow while they follow each other closely: each is twice as long as the one before.
#[derive(Clone, Debug)]
pub(super) struct Pauses {
    first: Duration,
    /// Pauses since the last calm period.
    count: u32,
    /// The end of the last.
    end: Option<Instant>,
}

impl Pauses {
    pub(super) fn new(first: Duration) -> Self {
        Self { first, count: 0, end: None }
    }

    /// The next pause. After a period as long as `calm` without one they begin small again.
    pub(super) fn next(&mut self, now: Instant, calm: Duration) -> Duration {
        if self.end.is_none_or(|end| now.saturating_duration_since(end) > calm) {
            self.count = 0;
        }
        let pause = self.first.saturating_mul(2_u32.saturating_pow(self.count)).min(LONGEST_PAUSE);
        self.count += 1;
        self.end = Some(now + pause);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn deaths_that_are_rare_are_never_too_many() {
        let mut intensity = Intensity::new(Restart { max_restarts: 2, within: seconds(10) });
        let start = Instant::now();
        for n in 0..100 {
            assert_eq!(intensity.died(start + seconds(6 * n), n), None);
        }
    }

    #[test]
    fn one_too_many_in_the_window_tells_of_all_of_them() {
        let mut intensity = Intensity::new(Restart { max_restarts: 2, within: seconds(10) });
        let start = Instant::now();
        let died: Vec<_> = (0..7).map(|n| intensity.died(start, n)).collect();
        assert_eq!(died, [None, None, Some(vec![0, 1, 2]), None, None, Some(vec![3, 4, 5]), None]);
    }

    #[test]
    fn pauses_grow_to_a_limit_and_begin_small_after_a_calm_period() {
        let (mut now, mut pauses, calm) = (Instant::now(), Pauses::new(seconds(1)), seconds(10));
        let mut next = |after: Duration| {
            now += after;
            let pause = pauses.next(now, calm);
            now += pause;
            pause.as_secs()
        };
        let grown: Vec<u64> = (0..9).map(|_| next(seconds(1))).collect();
        assert_eq!(grown, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(next(seconds(11)), 1);
    }
}
