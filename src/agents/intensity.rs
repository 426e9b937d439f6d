//! How often something may die before it is given a rest: restarts at once up to a limit, then pauses that grow.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Restart;

/// The first pause; each further one is twice as long…
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// …up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What follows from a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Start it again now.
    Restart,
    /// Start it again after this long, and nothing of its kind before.
    Pause(Duration),
}

/// The deaths of the recent past.
#[derive(Clone, Debug)]
pub(super) struct Intensity {
    restart: Restart,
    deaths: VecDeque<Instant>,
    /// Pauses since the last calm period.
    pauses: u32,
    /// The last death, or the end of the last pause.
    last: Option<Instant>,
}

impl Intensity {
    pub(super) fn new(restart: Restart) -> Self {
        Self { restart, deaths: VecDeque::new(), pauses: 0, last: None }
    }

    /// Takes note of a death.
    pub(super) fn died(&mut self, now: Instant) -> Verdict {
        if self.last.is_none_or(|last| now.saturating_duration_since(last) > self.restart.within) {
            self.pauses = 0;
        }
        self.last = Some(now);
        self.deaths.retain(|death| now.saturating_duration_since(*death) <= self.restart.within);
        self.deaths.push_back(now);
        if self.deaths.len() <= self.restart.max_restarts as usize {
            return Verdict::Restart;
        }
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.pauses)).min(LONGEST_PAUSE);
        self.pauses += 1;
        self.deaths.clear();
        self.last = Some(now + pause);
        Verdict::Pause(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn intensity() -> Intensity {
        Intensity::new(Restart { max_restarts: 2, within: seconds(10) })
    }

    #[test]
    fn deaths_that_are_rare_are_answered_at_once_for_ever() {
        let (start, mut intensity) = (Instant::now(), intensity());
        for n in 0..100 {
            assert_eq!(intensity.died(start + seconds(6 * n)), Verdict::Restart);
        }
    }

    #[test]
    fn too_many_deaths_in_the_window_bring_pauses_that_grow_to_a_limit() {
        let (mut now, mut intensity) = (Instant::now(), intensity());
        let mut pauses = Vec::new();
        for _ in 0..30 {
            if let Verdict::Pause(pause) = intensity.died(now) {
                pauses.push(pause.as_secs());
                now += pause;
            }
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    }

    #[test]
    fn after_a_calm_period_the_pauses_begin_small_again() {
        let (mut now, mut intensity) = (Instant::now(), intensity());
        for _ in 0..6 {
            if let Verdict::Pause(pause) = intensity.died(now) {
                now += pause;
            }
        }
        now += seconds(11);
        assert_eq!([intensity.died(now), intensity.died(now)], [Verdict::Restart; 2]);
        assert_eq!(intensity.died(now), Verdict::Pause(seconds(1)));
    }
}
