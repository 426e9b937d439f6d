//! Arguments: what is said and what earlier steps yield, matched with what a tool takes.
//!
//! Every value that the words name, and everything that they refer to, is weighed against every parameter: by the noun beside it, by
//! the word that leads to it, by its shape ([`super::slots`]). The best pairs are taken first, each value once. What a call
//! must have and nothing was said for comes from an earlier step if its schema says so, else it is asked for as an input.

mod flow;
mod slot;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::grammar::Deed;
use super::lexicon::stem;
use super::phrase::Phrase;
use super::said::{Said, said};
use super::scene::Scene;
use super::slots::{Shape, name_stems};
use super::sources::Source;
use super::tokens::{Token, What};
use super::{Card, Kind};
use crate::workflow::StepId;
use slot::Slot;

/// Below this a value is not taken for a parameter.
const ENOUGH: f64 = 0.5;

/// From here on something is meant for just this parameter.
const PLAIN: f64 = 2.3;

/// The arguments of a call.
pub(super) fn bind(
    scene: &mut Scene<'_>,
    card: &Card,
    phrase: &Phrase,
    deed: &Deed,
    loops: &[StepId],
) -> IndexMap<String, Value> {
    let services = scene.cards.mentioned(&deed.words);
    let mut values = said(&deed.words, &scene.request, |token| services.covers(token));
    values.extend(scene.known.facts.said_of(&deed.words));
    // The service that does it is no argument of it.
    let own = name_stems(&card.name);
    values.retain(|value| value.shape != Shape::Name || !own.contains(&stem(&value.text.to_lowercase())));
    if card.parameters.is_empty() {
        return named_outright(&values);
    }
    let sources = referred(scene, phrase, deed, loops);
    let slots: Vec<Slot<'_>> = card.parameters.iter().map(|parameter| Slot::of(parameter, card)).collect();
    let mut arguments: Vec<Option<Value>> = vec![None; slots.len()];
    for (slot, argument) in slots.iter().zip(&mut arguments) {
        *argument = chosen(scene, slot, deed, phrase).or_else(|| slot.truth(&deed.words));
    }
    let is_open = |arguments: &[Option<Value>], at: usize| arguments[at].is_none();
    let mut pairs = Vec::new();
    for (at, slot) in slots.iter().enumerate().filter(|(at, _)| is_open(&arguments, *at)) {
        for (value, of) in values.iter().enumerate().map(|(index, value)| (index, slot.score(value))) {
            pairs.push((of, at, Pick::Said(value)));
        }
        for (index, source) in sources.iter().enumerate() {
            let score = slot.score_source(scene, source);
            // What a call need not have is given only what is plainly meant for it.
            let is_plain = slot.parameter.required || score >= PLAIN;
            pairs.push((if is_plain { score } else { 0.0 }, at, Pick::Source(index)));
        }
    }
    pairs.retain(|(score, _, _)| *score >= ENOUGH);
    pairs.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    let mut used: Vec<usize> = Vec::new();
    let mut used_values: Vec<usize> = Vec::new();
    for (_, at, pick) in pairs {
        if !is_open(&arguments, at) {
            continue;
        }
        match pick {
            Pick::Said(index) => {
                let value = &values[index];
                let is_free = !used_values.contains(&index) && value.range.clone().all(|word| !used.contains(&word));
                let Some(found) = slots[at].fitted(value, &values).filter(|_| is_free) else { continue };
                let same: Vec<&Said> =
                    if slots[at].parameter.kind == Kind::Array { beside(value, &values) } else { vec![value] };
                used.extend(same.iter().flat_map(|value| value.range.clone()));
                used_values.push(index);
                if value.shape == Shape::Name && slots[at].is_address() {
                    scene.assume(format!(
                        "`{}` of `{}` is “{}”, as no address was said.",
                        slots[at].parameter.name, card.name, value.text
                    ));
                }
                arguments[at] = Some(found);
            }
            Pick::Source(index) => arguments[at] = slots[at].gathered(scene, &sources, index),
        }
    }
    let mut bound = IndexMap::new();
    for (slot, argument) in slots.iter().zip(arguments) {
        let value = argument.or_else(|| scene.yielded(slot, deed, loops));
        let value = match value {
            Some(value) => value,
            None if slot.parameter.required => scene.asked(slot.parameter, card),
            None => continue,
        };
        bound.insert(slot.parameter.name.clone(), value);
    }
    bound
}

/// One of what there is to take.
#[derive(Clone, Copy)]
enum Pick {
    Said(usize),
    Source(usize),
}

/// For a tool whose parameters are not known: what is named outright.
fn named_outright(values: &[Said]) -> IndexMap<String, Value> {
    let mut found = IndexMap::new();
    for value in values {
        let label = value.label.first().map(String::as_str);
        let key = match (value.shape, value.after.as_deref(), label) {
            (Shape::Quoted, _, Some("titl")) => "title",
            (Shape::Quoted, _, Some("name")) | (Shape::Quoted | Shape::Name, Some("called" | "named"), _) => "name",
            (Shape::Quoted, Some("titled" | "entitled"), _) => "title",
            (Shape::Quoted, _, Some("subject")) => "subject",
            (Shape::Quoted | Shape::Clause, Some("saying" | "says" | "reading"), _)
            | (Shape::Quoted, _, Some("text" | "messag" | "bodi")) => "text",
            (Shape::Mail, Some("to"), _) => "to",
            _ => continue,
        };
        found.entry(key.to_owned()).or_insert_with(|| json!(value.text));
    }
    found
}

/// What the phrases of a deed refer to: what is acted on, and what it is sent to, in, with.
fn referred(scene: &Scene<'_>, phrase: &Phrase, deed: &Deed, loops: &[StepId]) -> Vec<Source> {
    let mut found = scene.referred(phrase, None, loops);
    for object in deed.objects.iter().filter(|object| *object != phrase) {
        found.extend(scene.referred(object, None, loops));
    }
    let mut places: Vec<(&String, &Phrase)> = phrase.places.iter().map(|(after, place)| (after, place)).collect();
    for object in deed.objects.iter().filter(|object| *object != phrase) {
        places.extend(object.places.iter().map(|(after, place)| (after, place)));
    }
    let mut at = 0;
    while at < places.len() && at < 12 {
        let (after, place) = places[at];
        found.extend(scene.referred(place, Some(after), loops));
        places.extend(place.places.iter().map(|(after, place)| (after, place)));
        at += 1;
    }
    found
}

/// Those that belong to a value in a list: of its shape, led to by the same word.
fn beside<'s>(value: &'s Said, values: &'s [Said]) -> Vec<&'s Said> {
    values.iter().filter(|other| other.shape == value.shape && other.after == value.after).collect()
}

/// A value of the parameter's enum, or a state that it may be about, among the words.
fn chosen(scene: &mut Scene<'_>, slot: &Slot<'_>, deed: &Deed, phrase: &Phrase) -> Option<Value> {
    let words: Vec<&Token> = deed
        .words
        .iter()
        .chain(phrase.words.iter().filter(|word| deed.words.iter().all(|other| other.at != word.at)))
        .collect();
    let retrieves = phrase.plural || phrase.all || phrase.each;
    let is_state = |token: &Token| token.is("state") && (retrieves || token.lower != "new");
    let takes_states =
        slot.stems.last().is_some_and(|head| matches!(head.as_str(), "state" | "stage" | "status" | "segment"));
    let found = if slot.parameter.values.is_empty() {
        if !takes_states || slot.parameter.required || !retrieves {
            return None;
        }
        words.iter().find(|token| is_state(token)).map(|token| (token.at, token.lower.clone()))
    } else {
        let is_value = |token: &&&Token, value: &String| {
            let plain = token.lower.replace(['-', '_', ' '], "");
            plain == value.to_lowercase().replace(['-', '_', ' '], "")
                || (token.what == What::Word && value.len() > 3 && stem(&value.to_lowercase()) == token.stem)
        };
        let beside = |token: &Token| {
            words.iter().any(|other| slot.stems.contains(&other.stem) && other.at.abs_diff(token.at) <= 3)
        };
        let mut matches: Vec<(&Token, &String)> = slot
            .parameter
            .values
            .iter()
            .filter_map(|value| words.iter().find(|token| is_value(token, value)).map(|token| (*token, value)))
            .filter(|(token, value)| value.as_str() != "new" || retrieves || beside(token))
            .collect();
        matches.sort_by_key(|(token, _)| (!beside(token), token.at));
        matches.first().map(|(token, value)| (token.at, (*value).clone()))
    };
    let (at, value) = found?;
    scene.known.selected.insert(at);
    Some(json!(value))
}
