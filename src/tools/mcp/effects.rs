//! From what a server hints about a tool to what a call of it does.

use serde::{Deserialize, Serialize};

use super::settings::Believed;
use crate::workflow::{CallEffect, Effect};

/// What a server hints about a tool; `None` where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Hints {
    pub(super) read_only: Option<bool>,
    pub(super) destructive: Option<bool>,
    pub(super) idempotent: Option<bool>,
}

/// What a call does: what the configuration says, else what the hints say.
///
/// The protocol takes a tool without hints for destructive. Nearly every tool is without them, and one that asks for
/// consent each time would be consented to unread: without hints a tool writes.
pub(super) fn effect(hints: Hints, said: Option<CallEffect>, believed: Believed) -> CallEffect {
    if let Some(said) = said {
        return said;
    }
    let Hints { read_only, destructive, idempotent } = match believed {
        Believed::Yes => hints,
        Believed::No => Hints::default(),
    };
    let effect = match (read_only, destructive) {
        (Some(true), _) => return CallEffect::of(Effect::Read),
        (_, Some(true)) => Effect::Irreversible,
        _ => Effect::Write,
    };
    CallEffect { effect, idempotent: idempotent == Some(true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_become_effects() {
        let (yes, no, unsaid) = (Some(true), Some(false), None);
        let (read, write, irreversible) = (Effect::Read, Effect::Write, Effect::Irreversible);
        for (read_only, destructive, idempotent, effect, repeatable) in [
            (unsaid, unsaid, unsaid, write, false),
            (yes, unsaid, unsaid, read, true),
            (yes, yes, no, read, true),
            (no, unsaid, unsaid, write, false),
            (no, no, unsaid, write, false),
            (unsaid, no, yes, write, true),
            (no, unsaid, yes, write, true),
            (unsaid, yes, unsaid, irreversible, false),
            (no, yes, no, irreversible, false),
            (no, yes, yes, irreversible, true),
        ] {
            let hints = Hints { read_only, destructive, idempotent };
            let becomes = super::effect(hints, None, Believed::Yes);
            assert_eq!((becomes.effect, becomes.may_repeat()), (effect, repeatable), "{hints:?}");
            assert_eq!(super::effect(hints, None, Believed::No), CallEffect::of(write), "{hints:?}");
            for said in [CallEffect::of(irreversible), CallEffect::of(read)] {
                assert_eq!(super::effect(hints, Some(said), Believed::Yes), said, "{hints:?}");
            }
        }
    }
}
