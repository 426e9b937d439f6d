//! Several things that one deed is about: which of them are one, and which are one in each of several places.

use super::super::cards::content;
use super::super::lexicon::Verb;
use super::super::phrase::Phrase;
use super::super::scene::Scene;
use super::retrieval;
use crate::workflow::StepId;

impl Scene<'_> {
    /// `terms and conditions`: one thing, if what works on it is called so.
    pub(super) fn together(&self, verb: &Verb, objects: Vec<Phrase>, loops: &[StepId]) -> Vec<Phrase> {
        let mut found: Vec<Phrase> = Vec::new();
        for phrase in objects {
            let is_bare = |phrase: &Phrase| {
                !phrase.pronoun
                    && self.mentions(phrase).is_empty()
                    && phrase.places.iter().all(|(_, place)| place.words.iter().all(|word| word.is("personal")))
            };
            let pair = found.last().filter(|before| is_bare(before) && !phrase.definite && !phrase.pronoun);
            let is_one = pair.and_then(|before| {
                let stems = |phrase: &Phrase| content(phrase, &self.mentions(phrase));
                let (one, other) = (stems(before), stems(&phrase));
                let apart = !one.is_empty() && !other.is_empty() && one.iter().all(|stem| !other.contains(stem));
                let retrieve = retrieval();
                let (found, _) = self.tool(&retrieve, before, loops).or_else(|| self.tool(verb, before, loops))?;
                Some(apart && self.cards.facts(found.card).is_named(&[one, other].concat()))
            });
            match found.last_mut() {
                Some(before) if is_one == Some(true) => {
                    before.words.extend(phrase.words);
                    before.places = phrase.places;
                }
                _ => found.push(phrase),
            }
        }
        found
    }

    /// `a lead in both of two services`: one in each.
    pub(in super::super) fn one_service_each(&self, phrase: &Phrase) -> Vec<Phrase> {
        let naming: Vec<usize> = (0..phrase.places.len())
            .filter(|at| !self.cards.mentioned(&phrase.places[*at].1.words).is_empty())
            .collect();
        let same = naming.windows(2).all(|pair| {
            phrase.places[pair[0]].0 == phrase.places[pair[1]].0 && phrase.places[pair[1]].1.places.is_empty()
        });
        if naming.len() < 2
            || !same
            || !matches!(phrase.places[naming[0]].0.as_str(), "in" | "on" | "from" | "to" | "via")
        {
            return vec![phrase.clone()];
        }
        let without = |one: usize| {
            phrase
                .places
                .iter()
                .enumerate()
                .filter(|(at, _)| *at == one || !naming.contains(at))
                .map(|(_, place)| place.clone())
                .collect()
        };
        naming.iter().map(|one| Phrase { places: without(*one), ..phrase.clone() }).collect()
    }
}
