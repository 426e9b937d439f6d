//! What is done about each trouble. Pure.

use std::time::Duration;

use super::super::{ModelError, Trouble};

/// How often and how long a model is asked again before the next one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often one model is asked, at least 1.
    pub tries: u32,
    /// The first pause between tries; each further one is twice as long, and shortened at random by up to a half.
    pub pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long all pauses of one exchange may be together, over all models of the chain.
    pub pauses: Duration,
    /// How long one try may take, or a stream be silent, whatever limit the provider has itself.
    pub reply: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 3,
            pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(20),
            pauses: Duration::from_mins(1),
            reply: Duration::from_mins(5),
        }
    }
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// The same model is asked again, after a pause.
    Again(Duration),
    /// The next model is asked.
    Next,
    /// Nobody else is asked.
    Stop,
}

/// What is done after a model was asked `tries` times and failed like this. `left` is what may still be waited; `chance`
/// is from 0 to 1.
pub(super) fn reaction(error: &ModelError, tries: u32, left: Duration, patience: &Patience, chance: f64) -> Reaction {
    let pause = match error.trouble {
        Trouble::Refused | Trouble::Spent(_) => return Reaction::Stop,
        Trouble::TimedOut | Trouble::Truncated | Trouble::TooLong | Trouble::Rejected => return Reaction::Next,
        Trouble::Malformed if tries > 1 => return Reaction::Next,
        Trouble::Malformed => Duration::ZERO,
        Trouble::Busy | Trouble::Unavailable => error.after.unwrap_or_else(|| back_off(tries, patience, chance)),
    };
    if tries < patience.tries && pause <= left { Reaction::Again(pause) } else { Reaction::Next }
}

fn back_off(tries: u32, patience: &Patience, chance: f64) -> Duration {
    let doubled = patience.pause.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
    doubled.min(patience.longest_pause).mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::super::super::Scope;
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn after(trouble: Trouble, seconds: Option<u64>) -> ModelError {
        ModelError { after: seconds.map(Duration::from_secs), ..ModelError::new(trouble, "x") }
    }

    #[test]
    fn each_trouble_has_its_reaction() {
        use Reaction::{Again, Next, Stop};
        let ms = |ms| Again(Duration::from_millis(ms));
        // Trouble, Retry-After, after which try, what may still be waited, what is done.
        let table = [
            (Trouble::Busy, None, 1, MINUTE, ms(500)),
            (Trouble::Busy, None, 2, MINUTE, ms(1_000)),
            (Trouble::Busy, None, 3, MINUTE, Next),
            (Trouble::Busy, Some(7), 1, MINUTE, ms(7_000)),
            (Trouble::Busy, Some(0), 2, MINUTE, ms(0)),
            (Trouble::Busy, Some(61), 1, MINUTE, Next),
            (Trouble::Busy, Some(7), 1, Duration::from_secs(6), Next),
            (Trouble::Unavailable, None, 1, MINUTE, ms(500)),
            (Trouble::Unavailable, Some(3), 2, MINUTE, ms(3_000)),
            (Trouble::Unavailable, None, 1, Duration::ZERO, Next),
            (Trouble::Unavailable, None, 3, MINUTE, Next),
            (Trouble::TimedOut, None, 1, MINUTE, Next),
            (Trouble::Malformed, None, 1, Duration::ZERO, ms(0)),
            (Trouble::Malformed, None, 2, MINUTE, Next),
            (Trouble::Truncated, None, 1, MINUTE, Next),
            (Trouble::Refused, None, 1, MINUTE, Stop),
            (Trouble::TooLong, None, 1, MINUTE, Next),
            (Trouble::Rejected, Some(1), 1, MINUTE, Next),
            (Trouble::Spent(Scope::Run), None, 1, MINUTE, Stop),
        ];
        for (trouble, wait, tries, left, done) in table {
            let found = reaction(&after(trouble, wait), tries, left, &Patience::default(), 0.0);
            assert_eq!(found, done, "{trouble} with Retry-After {wait:?} at try {tries}, {left:?} left");
        }
    }

    #[test]
    fn pauses_grow_to_their_limit_and_vary_by_half() {
        let patience = Patience { tries: 100, ..Patience::default() };
        let pause = |tries, chance| match reaction(&after(Trouble::Busy, None), tries, MINUTE, &patience, chance) {
            Reaction::Again(pause) => pause,
            other => panic!("{other:?}"),
        };
        assert_eq!(pause(4, 0.0), Duration::from_secs(4));
        assert_eq!(pause(4, 1.0), Duration::from_secs(2));
        assert_eq!(pause(50, 0.0), Duration::from_secs(20));
        assert!(pause(2, 0.3) > pause(2, 0.6));
    }
}
