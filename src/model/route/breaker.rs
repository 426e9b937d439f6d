//! A circuit breaker: a provider that fails again and again is left alone for a while. One for each provider, shared by all
//! aliases that lead to it.
//!
//! Closed: everybody may ask. Open: nobody may, until a time. Half open: that time has come, and one may ask; if that goes
//! well it closes, else it is open again, for twice as long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::Trouble;
use crate::clock::Timestamp;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row after which it opens, at least 1.
    pub failures: u32,
    /// For how long it is open the first time.
    pub pause: Duration,
    /// For how long it is open at most.
    pub longest_pause: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 5, pause: Duration::from_secs(15), longest_pause: Duration::from_mins(5) }
    }
}

/// How a provider stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It is asked.
    Closed,
    /// It is left alone.
    Open,
    /// One request goes to it, as a probe.
    HalfOpen,
}

/// The breaker of one provider.
#[derive(Debug)]
pub struct Breaker {
    provider: String,
    settings: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures in a row.
    failures: u32,
    /// How often it has opened in a row.
    opened: u32,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    until: Timestamp,
    probing: bool,
}

/// Leave to ask once. What came of it is to be told; dropped untold, it says nothing about the provider.
#[derive(Debug)]
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    probe: bool,
    told: bool,
}

/// The provider is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeftAlone {
    /// For how long still.
    pub(super) left: Duration,
}

impl Breaker {
    /// The breaker of a provider, closed.
    #[must_use]
    pub fn new(provider: &str, settings: BreakerSettings) -> Self {
        Self { provider: provider.to_owned(), settings, state: Mutex::default() }
    }

    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// How the provider stands at `now`.
    #[must_use]
    pub fn health(&self, now: Timestamp) -> Health {
        match self.state().open {
            None => Health::Closed,
            Some(open) if open.probing || open.until <= now => Health::HalfOpen,
            Some(_) => Health::Open,
        }
    }

    /// Leave to ask.
    pub(super) fn admit(self: &Arc<Self>, now: Timestamp) -> Result<Pass, LeftAlone> {
        let mut state = self.state();
        let probe = match &mut state.open {
            None => false,
            Some(open) if open.until <= now && !open.probing => {
                open.probing = true;
                true
            }
            Some(open) => return Err(LeftAlone { left: open.until.since(now) }),
        };
        drop(state);
        Ok(Pass { breaker: Arc::clone(self), probe, told: false })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// What came of asking: `None` for a reply.
    pub(super) fn tell(mut self, trouble: Option<Trouble>, now: Timestamp) {
        self.told = true;
        let settings = self.breaker.settings;
        let mut state = self.breaker.state();
        if !trouble.is_some_and(speaks_against) {
            // A late answer of before it opened does not close it.
            if self.probe || state.open.is_none() {
                *state = State::default();
            }
            return;
        }
        state.failures = state.failures.saturating_add(1);
        let opens = if state.open.is_some() { self.probe } else { state.failures >= settings.failures };
        if opens {
            let pause = settings.pause.saturating_mul(2_u32.saturating_pow(state.opened)).min(settings.longest_pause);
            state.opened = state.opened.saturating_add(1);
            state.open = Some(Open { until: now.after(pause), probing: false });
        }
    }
}

/// A probe that nobody waits for any more lets another one be sent.
impl Drop for Pass {
    fn drop(&mut self) {
        if self.probe
            && !self.told
            && let Some(open) = &mut self.breaker.state().open
        {
            open.probing = false;
        }
    }
}

/// Whether a trouble says that the provider does not work; the others are about the request.
fn speaks_against(trouble: Trouble) -> bool {
    match trouble {
        Trouble::Busy | Trouble::Unavailable | Trouble::TimedOut | Trouble::Malformed => true,
        Trouble::Truncated | Trouble::Refused | Trouble::TooLong | Trouble::Rejected | Trouble::Spent(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOWN: Option<Trouble> = Some(Trouble::Unavailable);

    fn breaker() -> Arc<Breaker> {
        let settings =
            BreakerSettings { failures: 3, pause: Duration::from_secs(10), longest_pause: Duration::from_secs(30) };
        Arc::new(Breaker::new("openai", settings))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_after_a_probe_that_goes_well() {
        let breaker = breaker();
        for trouble in [DOWN, DOWN, None, DOWN, DOWN] {
            breaker.admit(at(0)).unwrap().tell(trouble, at(0));
            assert_eq!(breaker.health(at(0)), Health::Closed);
        }
        breaker.admit(at(0)).unwrap().tell(DOWN, at(0));
        assert_eq!(breaker.health(at(9)), Health::Open);
        assert_eq!(breaker.admit(at(9)).unwrap_err(), LeftAlone { left: Duration::from_secs(1) });
        assert_eq!(breaker.health(at(10)), Health::HalfOpen);
        let probe = breaker.admit(at(10)).unwrap();
        assert!(breaker.admit(at(10)).is_err(), "one probe at a time");
        probe.tell(None, at(11));
        assert_eq!(breaker.health(at(11)), Health::Closed);
    }

    #[test]
    fn each_probe_that_fails_doubles_the_pause_up_to_its_limit() {
        let breaker = breaker();
        for _ in 0..3 {
            breaker.admit(at(0)).unwrap().tell(DOWN, at(0));
        }
        let mut now = 0;
        for pause in [10, 20, 30, 30] {
            assert!(breaker.admit(at(now + pause - 1)).is_err(), "{pause}");
            now += pause;
            breaker.admit(at(now)).unwrap().tell(DOWN, at(now));
        }
    }

    #[test]
    fn a_probe_that_is_given_up_makes_way_for_the_next() {
        let breaker = breaker();
        let late: Vec<Pass> = (0..5).map(|_| breaker.admit(at(0)).unwrap()).collect();
        let mut late = late.into_iter();
        late.by_ref().take(3).for_each(|pass| pass.tell(DOWN, at(0)));
        drop(breaker.admit(at(10)).unwrap());
        let probe = breaker.admit(at(10)).unwrap();
        // What was asked before it opened changes nothing.
        late.next().unwrap().tell(None, at(10));
        late.next().unwrap().tell(DOWN, at(10));
        assert!(breaker.admit(at(10)).is_err());
        probe.tell(None, at(10));
        assert_eq!(breaker.health(at(10)), Health::Closed);
    }

    #[test]
    fn what_is_about_the_request_does_not_open_it() {
        let breaker = breaker();
        for trouble in [Trouble::Truncated, Trouble::Refused, Trouble::TooLong, Trouble::Rejected] {
            for _ in 0..9 {
                breaker.admit(at(0)).unwrap().tell(Some(trouble), at(0));
            }
            assert_eq!(breaker.health(at(0)), Health::Closed, "{trouble}");
        }
    }
}
