//! Which tool is meant: by what it does, to what, with which service.
//!
//! What a tool is about is read from its name and its description, the way both are written for people: a verb, an object, a
//! service. A request is held against that, word by word; how well is a number from 0 to 1 that does not depend on what
//! other tools there are.

mod described;
mod facts;
mod services;

use std::collections::HashMap;

use super::Card;
use super::lexicon::{LEXICON, Verb};
use super::phrase::Phrase;
use super::spelling::Vocabulary;
use super::tokens::Token;
use facts::Facts;
pub(super) use services::Mentioned;
use services::Services;

/// Tools, made ready to be looked for.
#[derive(Debug)]
pub(super) struct Cards {
    facts: Vec<Facts>,
    services: Services,
    by_name: HashMap<String, usize>,
    vocabulary: Vocabulary,
}

/// How far behind the best a tool fits as well.
const EQUAL: f64 = 0.02;

/// The same for a tool of another service: which words describe it says little about which one is used here.
const NEARLY: f64 = 0.12;

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) verb: Option<Verb>,
    /// Stems of what it is done to, the head last.
    pub(super) object: Vec<String>,
    /// Stems of what is said around it.
    pub(super) around: Vec<String>,
    /// Services that are named, if any.
    pub(super) services: Mentioned,
    /// Services that were spoken of before, by how near.
    pub(super) context: HashMap<usize, f64>,
    pub(super) plural: bool,
}

/// A tool that was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) card: usize,
    /// From 0 to 1.
    pub(super) score: f64,
    /// How well verb and object fit, the service left out.
    pub(super) fit: f64,
    /// How much better it is than the next best, from 0 to 1.
    pub(super) margin: f64,
}

/// A tool that fits less than this is none that was meant.
const ENOUGH: f64 = 0.5;
/// Without a service that was named or spoken of, it has to fit better.
const ENOUGH_ANYWHERE: f64 = 0.66;
/// What a tool is worth that is about what is named, but not by the means that the verb names.
const BY_OTHER_MEANS: f64 = 0.8;

impl Cards {
    pub(super) fn new<'c>(cards: impl Iterator<Item = &'c Card>) -> Self {
        let cards: Vec<&Card> = cards.collect();
        let mut services = Services::default();
        let facts: Vec<Facts> = cards.iter().map(|card| Facts::of(card, &mut services)).collect();
        services.finish();
        let by_name = cards.iter().enumerate().rev().map(|(at, card)| (card.name.clone(), at)).collect();
        let vocabulary = cards.iter().flat_map(|card| facts::words(card)).collect();
        Self { facts, services, by_name, vocabulary }
    }

    /// The words of names and descriptions.
    pub(super) fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// What is known of a tool that may not be among them.
    pub(super) fn facts_of(&self, name: &str) -> Facts {
        if let Some(at) = self.named(name) {
            self.facts[at].clone()
        } else {
            let card = Card::of(name, "", crate::workflow::Effect::Write, None, None);
            let mut services = Services::default();
            let mut facts = Facts::of(&card, &mut services);
            facts.service = facts.service.and_then(|service| self.services.numbered(services.name(service)));
            facts
        }
    }

    /// The tools whose names have a verb, however it is spelled.
    pub(super) fn called<'v>(&'v self, verb: &'v str) -> impl Iterator<Item = usize> + 'v {
        (0..self.facts.len())
            .filter(move |card| self.facts[*card].has_word(|word| super::named::british_stem(word) == verb))
    }

    pub(super) fn facts(&self, card: usize) -> &Facts {
        &self.facts[card]
    }

    /// The services that words name, and those words.
    pub(super) fn mentioned(&self, tokens: &[Token]) -> Mentioned {
        self.services.mentioned(tokens)
    }

    pub(super) fn service_name(&self, service: usize) -> &str {
        self.services.name(service)
    }

    /// All tools that could be meant, the best first.
    pub(super) fn rank(&self, wanted: &Wanted) -> Vec<Found> {
        let mut found: Vec<Found> = (0..self.facts.len())
            .filter_map(|card| {
                let (fit, score) = self.score(card, wanted);
                (score > 0.2).then_some(Found { card, score, fit, margin: 0.0 })
            })
            .collect();
        // Of equals, the one that was listed first.
        found.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.card.cmp(&other.card)));
        found
    }

    /// The tool that is meant, if one fits well enough.
    pub(super) fn best(&self, wanted: &Wanted) -> Option<Found> {
        let ranked = self.rank(wanted);
        let best = ranked.first()?;
        let known = !wanted.services.is_empty()
            || self.facts[best.card].service.is_none_or(|service| wanted.context.contains_key(&service));
        let enough = if known { ENOUGH } else { ENOUGH_ANYWHERE };
        let margin = ranked.get(1).map_or(1.0, |next| best.score - next.score);
        // A service that was named is the one that is meant.
        let elsewhere = !wanted.services.is_empty()
            && self.facts[best.card].service.is_some_and(|service| wanted.services.weight(service).is_none());
        (best.fit >= enough && !elsewhere).then(|| Found { margin, ..best.clone() })
    }

    /// Tools that fit as well as the best: of its own service by a hair, of other services nearly so, the best of each, where nothing
    /// speaks for one service.
    pub(super) fn equals(&self, wanted: &Wanted) -> Vec<usize> {
        let ranked = self.rank(wanted);
        let Some(best) = ranked.first() else { return Vec::new() };
        let service = |found: &Found| self.facts[found.card].service;
        let mut equals: Vec<&Found> = Vec::new();
        for found in &ranked {
            let behind = best.score - found.score;
            let is_first = !equals.iter().any(|other| service(other) == service(found));
            let is_open = wanted.services.is_empty() && wanted.context.is_empty() && is_first;
            if behind < EQUAL || (is_open && behind < NEARLY) {
                equals.push(found);
            }
        }
        equals.into_iter().map(|found| found.card).collect()
    }

    /// How well a tool fits: verb and object, and with the service.
    fn score(&self, card: usize, wanted: &Wanted) -> (f64, f64) {
        let facts = &self.facts[card];
        let verb = wanted.verb.as_ref().map_or(0.8, |verb| facts.does(verb));
        if verb == 0.0 {
            return (0.0, 0.0);
        }
        let object = Self::object(facts, wanted);
        let fit = verb * object;
        let service = match facts.service {
            Some(service) if !wanted.services.is_empty() => match wanted.services.weight(service) {
                Some(weight) => 0.88 + 0.12 * weight,
                None => 0.15,
            },
            None if !wanted.services.is_empty() => 0.5,
            Some(service) => 0.8 + 0.2 * wanted.context.get(&service).copied().unwrap_or(0.0),
            None => 0.92,
        };
        (fit, fit * service)
    }

    fn object(facts: &Facts, wanted: &Wanted) -> f64 {
        let direct = facts.is_about(&wanted.object, &wanted.around, wanted.plural);
        let Some(verb) = &wanted.verb else { return direct };
        // `notify the manager`, `email the report`: what is made is in the verb.
        let implied = LEXICON.implied(&verb.base).map_or(0.0, |noun| {
            facts.is_about(
                &noun.split(' ').map(super::lexicon::stem).collect::<Vec<_>>(),
                &[wanted.object.clone(), wanted.around.clone()].concat(),
                false,
            ) * 0.97
        });
        // `mail the customer`: it is the mail that is sent.
        let direct = if LEXICON.is("by_medium", &verb.base) { direct * BY_OTHER_MEANS } else { direct };
        // What is carried from one place to another is a file, whatever is in it.
        if matches!(verb.class.as_deref(), Some("upload" | "download" | "copy" | "move")) && !wanted.services.is_empty()
        {
            return direct.max(implied).max(facts.is_about(&["file".to_owned()], &wanted.around, false) * 0.8);
        }
        let told = |noun: &str| facts.is_about(&[noun.to_owned()], &wanted.around, false);
        let sends = matches!(verb.class.as_deref(), Some("send" | "publish"));
        if verb.class.as_deref() == Some("send")
            && facts.class == "create"
            && !facts.tells()
            && told("messag") < 0.5
            && told("mail") < 0.5
            && implied == 0.0
        {
            // What is sent is in a message; it is not made again.
            return 0.0;
        }
        // `send it by mail`
        let means = ["mail", "messag"]
            .iter()
            .filter(|noun| wanted.around.iter().any(|word| LEXICON.alike(word, noun) > 0.9))
            .map(|noun| told(noun) * 0.97)
            .fold(0.0, f64::max);
        let implied = implied.max(if sends { means } else { 0.0 });
        let sent = if sends && implied == 0.0 {
            ["messag", "mail"]
                .iter()
                .map(|noun| facts.is_about(&[(*noun).to_owned()], &wanted.around, false) * 0.75)
                .fold(0.0, f64::max)
        } else {
            0.0
        };
        direct.max(implied).max(sent)
    }
}

/// The stems of a phrase's words but for those that name services, and words that say nothing.
pub(super) fn content(phrase: &Phrase, mentioned: &Mentioned) -> Vec<String> {
    let words: Vec<&Token> =
        phrase.words.iter().filter(|word| word.what == super::tokens::What::Word && !mentioned.covers(word)).collect();
    let telling = |word: &&&Token| !(word.is("plain") || word.is("filler"));
    let stems = |words: Vec<&Token>| -> Vec<String> { words.iter().map(|word| word.stem.clone()).collect() };
    let kept: Vec<&Token> = words.iter().filter(telling).copied().collect();
    let without_tail = match kept.as_slice() {
        // `the issue details` are the issue.
        [before @ .., last] if !before.is_empty() && last.is("generic") && !last.is("step") => {
            let mut words = before.to_vec();
            words.insert(0, last);
            words
        }
        _ => kept,
    };
    if without_tail.is_empty() { stems(words) } else { stems(without_tail) }
}
