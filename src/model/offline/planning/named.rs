//! Tools that are named by what is to be done: `acknowledge the alert`, where one is called so and nothing else is known of the
//! verb.

use super::cards::{Found, Wanted};
use super::lexicon::{LEXICON, Verb, stem};
use super::phrase::Phrase;
use super::scene::Scene;
use super::slots::{SLOTS, name_stems};
use super::tokens::{Token, What};
use crate::workflow::StepId;

/// How well such a tool fits: its verb is right, its object need not be.
const FIT: f64 = 0.8;

impl Scene<'_> {
    /// The one tool whose name has this verb, if the words beside it speak of what it works on, or nothing else has it.
    pub(super) fn named_by(&self, verb: &Verb, phrase: &Phrase, loops: &[StepId]) -> Option<(Found, Wanted)> {
        let is_heads = matches!(verb.role, Some("research" | "implementation" | "qa"));
        // `convert 20 USD to EUR` names values only.
        let names_values = phrase.each_part().into_iter().flat_map(|part| &part.words).all(is_value);
        if (verb.class.is_some() && !names_values) || is_heads || LEXICON.is_for_people(&verb.base) {
            return None;
        }
        let wanted = self.wanted(Some(verb), phrase, loops);
        let mentioned = self.mentions(phrase);
        let own = british(&verb.base);
        let mut best: Vec<(usize, usize)> = Vec::new();
        for (at, tool) in self.tools.iter().enumerate() {
            let service = self.cards.facts(at).service;
            let is_there = mentioned.is_empty() || service.is_none_or(|service| mentioned.weight(service).is_some());
            let name = name_stems(&tool.name);
            if !is_there || !name.iter().any(|word| british_stem(word) == own) {
                continue;
            }
            let about = name_stems(&tool.description);
            let said = wanted.object.iter().chain(&wanted.around);
            let hits = said.filter(|word| name.contains(word) || about.contains(word)).count();
            best.push((hits, at));
        }
        let most = best.iter().map(|(hits, _)| *hits).max()?;
        let mut first = best.iter().filter(|(hits, _)| *hits == most);
        let (only, None) = (first.next()?, first.next()) else { return None };
        let only_named = names_values && self.cards.facts(only.1).base == verb.base;
        if verb.class.is_some() {
            return only_named.then_some((Found { card: only.1, score: 1.0, fit: FIT, margin: 0.5 }, wanted));
        }
        let is_meant = most > 0 || (best.len() == 1 && (verb.role.is_some() || phrase.pronoun));
        is_meant.then_some((Found { card: only.1, score: 1.0, fit: FIT, margin: 0.5 }, wanted))
    }
}

/// True for what is no thing, but a value: a number, a currency, a quotation.
fn is_value(word: &Token) -> bool {
    matches!(word.what, What::Number | What::Quoted | What::Address) || SLOTS.currency(&word.lower).is_some()
}

/// The stem of a verb, however it is spelled: `summarize` is `summarise`.
pub(super) fn british(word: &str) -> String {
    british_stem(&stem(word)).to_owned()
}

/// The same for what is a stem already.
pub(super) fn british_stem(stem: &str) -> &str {
    ["ize", "iz", "ise", "is"]
        .iter()
        .find_map(|end| stem.strip_suffix(end))
        .filter(|root| root.len() > 3)
        .unwrap_or(stem)
}
