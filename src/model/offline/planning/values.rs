//! Arguments: what the words say, what earlier steps yield, and what has to be given.

use indexmap::IndexMap;
use serde_json::Value;

use super::Card;
use super::grammar::Deed;
use super::phrase::Phrase;
use super::scene::Scene;
use crate::workflow::StepId;

/// The arguments of a call.
pub(super) fn bind(scene: &mut Scene<'_>, card: &Card, phrase: &Phrase, deed: &Deed, loops: &[StepId]) -> IndexMap<String, Value> {
    let _ = (scene, card, phrase, deed, loops);
    IndexMap::new()
}
