//! Which tool does what is asked for, however it is said.

use super::super::cards::{Found, Mentioned, Wanted};
use super::super::lexicon::{LEXICON, Verb};
use super::super::phrase::Phrase;
use super::super::scene::Scene;
use super::singular;
use crate::workflow::StepId;

impl Scene<'_> {
    /// The tool for a verb and what it is done to.
    pub(in super::super) fn tool(&self, verb: &Verb, phrase: &Phrase, loops: &[StepId]) -> Option<(Found, Wanted)> {
        // `add the contact to the list as a lead`: a lead is made.
        if let Some(at) =
            phrase.places.iter().position(|(preposition, place)| preposition == "as" && !place.words.is_empty())
            && !matches!(verb.class.as_deref(), Some("retrieve" | "delete" | "update"))
        {
            let mut made = Phrase { words: phrase.places[at].1.words.clone(), pronoun: false, ..phrase.clone() };
            let (_, place) = made.places.remove(at);
            made.places.extend(place.places);
            if let Some(found) = self.tool(verb, &made, loops) {
                return Some(found);
            }
        }
        // `call the customer` is no call of a tool.
        if LEXICON.is("calls", &verb.base) && is_somebody(phrase) && self.mentions(phrase).is_empty() {
            let named = self.named_by(&Verb { class: None, ..verb.clone() }, phrase, loops);
            return named.filter(|(found, _)| self.cards.facts(found.card).base == verb.base);
        }
        if let Some(found) = self.owner(verb, phrase, loops) {
            return Some(found);
        }
        let mut wanted = self.wanted(Some(verb), phrase, loops);
        // A tool that is named is meant.
        for part in phrase.each_part() {
            if let Some(card) = part.words.iter().find_map(|word| self.cards.named(&word.text)) {
                return Some((Found { card, score: 1.0, fit: 1.0, margin: 1.0 }, wanted));
            }
        }
        let generic =
            !phrase.words.is_empty() && phrase.words.iter().all(|word| word.is("generic") && !word.is("step"));
        let of = phrase.places.iter().any(|(preposition, place)| preposition == "of" && !place.words.is_empty());
        if let Some(found) = self.cards.best(&wanted).filter(|_| !(generic && of)) {
            return Some((found, wanted));
        }
        if let Some(found) = self.read_otherwise(verb, phrase, &wanted, loops) {
            return Some(found);
        }
        let class = verb.class.as_deref().unwrap_or_default();
        if matches!(class, "create" | "send" | "") {
            return None;
        }
        // `change the settings of the folder`, `change its settings`: the folder.
        let owners = phrase
            .places
            .iter()
            .filter(|(preposition, _)| matches!(preposition.as_str(), "of" | "for" | "in" | "on" | "from"));
        for (_, place) in owners {
            let mut inner = self.wanted(Some(verb), place, loops);
            if inner.services.is_empty() {
                inner.services.add(&wanted.services);
            }
            if let Some(found) = self.cards.best(&inner).filter(|_| !inner.object.is_empty()) {
                return Some((found, inner));
            }
        }
        let property = phrase.words.iter().any(|word| word.is("property"));
        if class == "update" && (phrase.owned || property || phrase.pronoun) {
            let thing = self.latest(loops, |_| true)?;
            wanted.object = thing.objects.first().cloned()?;
            if let Some(service) = thing.service {
                wanted.context.clear();
                wanted.context.insert(service, 1.0);
            }
            return self.cards.best(&wanted).map(|found| (found, wanted));
        }
        None
    }

    /// `download its content`: it.
    fn owner(&self, verb: &Verb, phrase: &Phrase, loops: &[StepId]) -> Option<(Found, Wanted)> {
        let is_all_of_it =
            phrase.owned && !phrase.words.is_empty() && phrase.words.iter().all(|word| word.is("generic"));
        if !is_all_of_it || matches!(verb.class.as_deref(), Some("create" | "send")) {
            return None;
        }
        let thing = self.latest(loops, |thing| thing.service.is_some())?;
        let object = thing.objects.first().cloned().unwrap_or_default();
        let services = thing.service.map(Mentioned::of).unwrap_or_default();
        let owner = Wanted { object, services, ..self.wanted(Some(verb), phrase, loops) };
        Some((self.cards.best(&owner)?, owner))
    }

    /// What a phrase may mean of which nothing is known as it stands.
    fn read_otherwise(
        &self,
        verb: &Verb,
        phrase: &Phrase,
        wanted: &Wanted,
        loops: &[StepId],
    ) -> Option<(Found, Wanted)> {
        // `the employee list`: the employees.
        if let [before @ .., last] = phrase.words.as_slice()
            && !before.is_empty()
            && verb.class.as_deref() == Some("retrieve")
            && last.is("collection")
        {
            let of = Phrase { words: before.to_vec(), plural: true, ..phrase.clone() };
            if let Some(found) = self.tool(verb, &of, loops) {
                return Some(found);
            }
        }
        // `search the register for the owner`: the owner is looked for.
        if wanted.object.is_empty()
            && !phrase.pronoun
            && verb.class.as_deref() == Some("retrieve")
            && let Some(at) = phrase.places.iter().position(|(after, place)| after == "for" && !place.words.is_empty())
        {
            let mut places = phrase.places.clone();
            let (_, sought) = places.remove(at);
            places.push(("in".to_owned(), Phrase { places: Vec::new(), ..phrase.clone() }));
            if let Some(found) = self.tool(verb, &Phrase { places, ..sought }, loops) {
                return Some(found);
            }
        }
        // `void it`: whatever it may be called.
        if phrase.pronoun
            && let Some(thing) = self.latest(loops, |_| true)
        {
            let names = thing.objects.iter().skip(1);
            let found = names.filter_map(|object| {
                let length = object.iter().rposition(|word| !LEXICON.is("property", word)).map_or(0, |at| at + 1);
                let other = Wanted { object: object[..length].to_vec(), ..wanted.clone() };
                Some((self.cards.best(&other).filter(|_| length > 0)?, other))
            });
            if let Some(found) = found.max_by(|one, other| one.0.score.total_cmp(&other.0.score)) {
                return Some(found);
            }
            // In another service that is spoken of, where its own does no such thing.
            let elsewhere = Wanted { services: self.named.clone(), ..wanted.clone() };
            if matches!(verb.class.as_deref(), Some("update" | "delete"))
                && let Some(found) = self.cards.best(&elsewhere).filter(|_| !self.named.is_empty())
            {
                return Some((found, elsewhere));
            }
        }
        None
    }
}

/// `the customer`, `my boss`
fn is_somebody(phrase: &Phrase) -> bool {
    phrase.head().is_some_and(|head| head.is("person") || LEXICON.is("recipients", &singular(&head.lower)))
}
