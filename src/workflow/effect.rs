//! What a call does to the world.

use serde::{Deserialize, Serialize};

/// What a call does to the world, from least to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// A function of its arguments.
    Pure,
    /// Looks at the world and leaves it as it was.
    Read,
    /// Changes the world in a way that can be undone or overwritten.
    Write,
    /// Changes the world for good: a mail sent, money moved.
    Irreversible,
}

impl Effect {
    /// True if the world is not the same after the call.
    #[must_use]
    pub fn changes_the_world(self) -> bool {
        self >= Self::Write
    }
}

/// The effect of one call with given arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEffect {
    /// What it does.
    pub effect: Effect,
    /// Whether doing it twice is the same as doing it once (with the idempotency key that the gate gives).
    pub idempotent: bool,
}

impl CallEffect {
    /// A call with this effect that is not idempotent beyond what the effect says.
    #[must_use]
    pub fn of(effect: Effect) -> Self {
        Self { effect, idempotent: false }
    }

    /// True if the call may be made again when the result of the first is unknown.
    #[must_use]
    pub fn may_repeat(self) -> bool {
        self.idempotent || !self.effect.changes_the_world()
    }
}
