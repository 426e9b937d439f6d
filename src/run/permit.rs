//! Leave to make one call. [`Permit`]s are made here and nowhere else, from what the run's events say.

use super::CallKey;
use crate::workflow::CallEffect;

/// Leave to make one call. A tool cannot be called without one, and only the gate can have one made.
#[derive(Debug)]
pub struct Permit {
    key: CallKey,
    effect: CallEffect,
}

impl Permit {
    /// The key under which whoever is called can tell a repeated call from a new one.
    #[must_use]
    pub fn idempotency_key(&self) -> &str {
        self.key.as_str()
    }

    /// What the call was said to do; the tool must do no more.
    #[must_use]
    pub fn effect(&self) -> CallEffect {
        self.effect
    }
}

#[doc(hidden)]
pub mod skeleton {
    use super::*;
    /// For tests of tools, until the gate is there.
    pub fn permit(key: CallKey, effect: CallEffect) -> Permit {
        Permit { key, effect }
    }
}
