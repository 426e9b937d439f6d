//! Arguments: what is said and what earlier steps yield, matched with what a tool takes.
//!
//! Every value that the words name, and everything that they refer to, is weighed against every parameter: by the noun beside it, by
//! the word that leads to it, by its shape ([`super::slots`]). The best pairs are taken first, each value once. What a call
//! must have and nothing was said for comes from an earlier step if its schema says so, else it is asked for as an input.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::grammar::Deed;
use super::lexicon::{LEXICON, stem};
use super::phrase::Phrase;
use super::said::{Said, said};
use super::scene::Scene;
use super::slots::{Role, SLOTS, Shape, name_stems};
use super::sources::Source;
use super::tokens::{Token, What};
use super::{Card, Kind, Parameter};
use crate::workflow::StepId;

/// Below this a value is not taken for a parameter.
const ENOUGH: f64 = 0.5;

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
            pairs.push((slot.score_source(scene, source), at, Pick::Source(index)));
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

/// A parameter, with what its name says.
struct Slot<'c> {
    parameter: &'c Parameter,
    stems: Vec<String>,
    roles: Vec<&'static Role>,
    /// The stems of what it is the id of.
    id_of: Option<Vec<String>>,
    /// True if the tool is about currencies, so that `from` and `to` are such.
    of_currency: bool,
}

impl<'c> Slot<'c> {
    fn of(parameter: &'c Parameter, card: &Card) -> Self {
        let stems = name_stems(&parameter.name);
        let id_of = (stems.last().is_some_and(|last| last == "id")).then(|| stems[..stems.len() - 1].to_vec());
        let of_currency = matches!(parameter.name.as_str(), "from" | "to" | "base" | "target" | "source")
            && card.description.to_lowercase().contains("currenc");
        let roles = if id_of.is_some() || of_currency { Vec::new() } else { SLOTS.roles(&stems).collect() };
        Self { parameter, stems, roles, id_of, of_currency }
    }

    fn is_text(&self) -> bool {
        matches!(self.parameter.kind, Kind::String | Kind::Any)
    }

    fn is_address(&self) -> bool {
        self.roles.iter().any(|role| role.allows(Shape::Mail) && role.takes(Shape::Mail, None) > 0.0)
    }

    /// `a private channel`, where `private` may be set.
    fn truth(&self, words: &[Token]) -> Option<Value> {
        let is_said = |stem: &String| words.iter().any(|word| word.stem == *stem);
        (self.parameter.kind == Kind::Boolean && self.stems.iter().all(is_said)).then(|| json!(true))
    }

    /// How well a value is what the parameter holds.
    fn score(&self, said: &Said) -> f64 {
        if self.fitted(said, std::slice::from_ref(said)).is_none() {
            return 0.0;
        }
        let after = said.after.as_deref();
        let is_beside = said.label.iter().any(|label| self.stems.contains(label));
        if let Some(of) = &self.id_of {
            let is_called = said.label.iter().any(|label| of.contains(label));
            return match (said.is_code(), is_called) {
                (true, true) => 3.2,
                (true, false) if of.is_empty() || said.label.iter().any(|label| label == "id") => 1.5,
                _ => 0.0,
            };
        }
        if self.of_currency {
            let is_led = after == Some(self.parameter.name.as_str());
            return match (said.shape, is_led) {
                (Shape::Currency, true) => 2.6,
                (Shape::Currency, false) => 2.0,
                _ => 0.0,
            };
        }
        let by_role = self.roles.iter().map(|role| role.takes(said.shape, after)).fold(0.0, f64::max);
        if said.shape == Shape::Words {
            let is_named = is_beside && self.roles.iter().any(|role| role.is_named);
            return match (is_named, said.label.is_empty()) {
                // The longer of two readings.
                (true, _) => 2.5 + f64::from(u8::try_from(said.range.len()).unwrap_or(u8::MAX)) * 0.01,
                (false, true) => by_role,
                (false, false) => 0.0,
            };
        }
        let allows = |shape: Shape| {
            self.roles.is_empty() || self.roles.iter().any(|role| role.allows(shape)) || shape == Shape::Quoted
        };
        let mut score = if is_beside && allows(said.shape) {
            3.0
        } else if is_beside && matches!(said.shape, Shape::Number | Shape::Duration | Shape::Name) {
            2.8
        } else if after == Some(self.parameter.name.as_str()) && allows(said.shape) {
            2.6
        } else {
            by_role
        };
        if score == 0.0 && said.shape == Shape::Quoted && said.label.is_empty() && self.is_text() {
            score = 0.6;
        }
        // What stands beside the name of something else is that.
        if score > 0.0
            && !is_beside
            && said.shape == Shape::Number
            && !said.label.is_empty()
            && !LEXICON.is("plain", &said.text)
        {
            score -= 0.4;
        }
        if score > 0.0 && self.parameter.required { score + 0.05 } else { score }
    }

    /// The value in the parameter's type.
    fn fitted(&self, said: &Said, all: &[Said]) -> Option<Value> {
        if said.shape == Shape::Reference {
            return None;
        }
        match self.parameter.kind {
            Kind::String | Kind::Any => Some(json!(said.text)),
            Kind::Integer | Kind::Number => {
                let unit = self.stems.iter().find_map(|stem| {
                    super::fields::unit(match stem.as_str() {
                        "minut" => "minute",
                        "hour" => "hour",
                        "day" => "day",
                        "second" | "sec" => "second",
                        other => other,
                    })
                });
                let value = match (unit, said.length) {
                    (Some(unit), Some(length)) => super::said::json_number(length.as_secs_f64() / unit.as_secs_f64())?,
                    (None, Some(_)) => return None,
                    _ => said.json_number()?,
                };
                (self.parameter.kind == Kind::Number || value.is_i64()).then_some(value)
            }
            Kind::Array => {
                let same = beside(said, all);
                Some(Value::Array(same.iter().map(|said| json!(said.text)).collect()))
            }
            Kind::Boolean | Kind::Object => None,
        }
    }

    /// How well something that earlier steps yield is what the parameter holds.
    fn score_source(&self, scene: &Scene<'_>, source: &Source) -> f64 {
        if self.parameter.kind == Kind::Boolean || self.pick(scene, source).is_none() {
            return 0.0;
        }
        if self.id_of.is_some() {
            return 3.1;
        }
        if let Some(field) = &source.field {
            let stems = name_stems(field);
            if stems == self.stems {
                return 3.0;
            }
            if stems.last() == self.stems.last() {
                return 2.4;
            }
        }
        if source.field.is_none() && source.output(&self.stems).is_some() {
            return 1.6;
        }
        if self.of_currency || matches!(self.parameter.kind, Kind::Integer | Kind::Number) {
            return 0.0;
        }
        let led =
            self.roles.iter().map(|role| role.takes(Shape::Reference, source.after.as_deref())).fold(0.0, f64::max);
        let is_object = source.after.is_none();
        let holds_text = self.holds_text();
        match (is_object, holds_text) {
            (true, true) => 1.7 + if source.field.is_some() { 0.3 } else { 0.0 },
            (true, false) if source.thing.is_item() && (self.is_address() || led > 0.0) => 1.5,
            (false, true) if source.after.as_deref() == Some("with") => 1.9,
            // What is sent to somebody is not what it is sent to.
            (false, true) => {
                if matches!(source.after.as_deref(), Some("of" | "about" | "on" | "from")) {
                    0.8
                } else {
                    0.0
                }
            }
            (false, false)
                if led > 0.0
                    && (self.address_of(source).is_some() || source.field.is_some() || source.thing.is_item()) =>
            {
                led + 0.2
            }
            _ => 0.0,
        }
    }

    fn holds_text(&self) -> bool {
        self.roles.iter().any(|role| {
            role.takes(Shape::Quoted, None) > 0.0 && role.allows(Shape::Clause)
                || role.takes(Shape::Reference, Some("with")) > 0.0
                    && !role.allows(Shape::Mail)
                    && !role.allows(Shape::Quoted)
        })
    }

    /// The output of a step that somebody can be reached by.
    fn address_of<'s>(&self, source: &'s Source) -> Option<&'s String> {
        let wanted: &[&str] = if self.is_address() {
            &["email", "mail", "requester", "customer", "owner"]
        } else if self.roles.iter().any(|role| role.allows(Shape::Phone)) {
            &["phone", "number", "mobile"]
        } else {
            &["name", "email", "requester", "customer", "owner"]
        };
        wanted.iter().find_map(|name| source.outputs.iter().find(|output| output == name))
    }

    /// The expression for this parameter of something that it can be made of.
    fn pick(&self, scene: &Scene<'_>, source: &Source) -> Option<(String, bool)> {
        let called = |of: &[String]| source.thing.is_called(of) >= 0.6;
        if let Some(of) = &self.id_of {
            if source.thing.is_item() {
                if !called(of) {
                    return None;
                }
                let path = if scene.goes_through_texts(&source.thing) {
                    source.thing.expression.clone()
                } else {
                    source.path("id")
                };
                return Some((path, true));
            }
            let own = source
                .output(&self.stems)
                .or_else(|| source.outputs.iter().find(|output| *output == "id" && called(of)));
            return own.map(|output| (source.path(output), true));
        }
        if let Some(field) = &source.field {
            return Some((source.path(field), !super::phrase::is_plural(field)));
        }
        if let Some(output) = source.output(&self.stems) {
            return Some((source.path(output), !super::phrase::is_plural(output)));
        }
        if source.thing.is_item() {
            let texts = scene.goes_through_texts(&source.thing);
            return Some(match texts || self.holds_text() {
                true => (source.thing.expression.clone(), texts),
                false if self.is_address() => (source.path("email"), true),
                false if called(&self.stems) => (source.thing.expression.clone(), true),
                false => (source.path(self.parameter.name.as_str()), true),
            });
        }
        if !self.holds_text()
            && let Some(address) = self.address_of(source).filter(|_| source.after.is_some())
        {
            return Some((source.path(address), true));
        }
        Some(source.main())
    }

    /// The value that a source gives; of several that are acted on, all of them.
    fn gathered(&self, scene: &Scene<'_>, sources: &[Source], index: usize) -> Option<Value> {
        let source = &sources[index];
        let is_whole = self.parameter.kind == Kind::String
            && self.holds_text()
            && source.after.is_none()
            && source.field.is_none();
        let several: Vec<&Source> = if is_whole {
            sources
                .iter()
                .filter(|other| other.after.is_none() && other.field.is_none() && other.is_readable())
                .collect()
        } else {
            vec![source]
        };
        let mut texts: Vec<String> = Vec::new();
        for source in several {
            if let Some((path, is_one)) = self.pick(scene, source) {
                let text = self.written(&path, is_one);
                if !texts.contains(&text) {
                    texts.push(text);
                }
            }
        }
        (!texts.is_empty()).then(|| json!(texts.join("\n")))
    }

    fn written(&self, path: &str, is_one: bool) -> String {
        if is_one || self.parameter.kind != Kind::String {
            format!("{{{{ {path} }}}}")
        } else {
            format!("{{{{ {path} | tojson }}}}")
        }
    }
}

impl Scene<'_> {
    /// A value that an earlier step yields although nothing was said of it: by its name, by the item at hand, or since it is what there
    /// is to be said.
    fn yielded(&self, slot: &Slot<'_>, deed: &Deed, loops: &[StepId]) -> Option<Value> {
        let parameter = slot.parameter;
        let sources = self.sources(loops);
        let is_said = slot.stems.iter().all(|stem| deed.words.iter().any(|word| word.stem == *stem));
        if parameter.required || slot.id_of.is_some() || is_said {
            let by_name =
                sources.iter().find_map(|source| source.output(&slot.stems).map(|output| source.path(output)));
            // What a status or a name is of is not known by that.
            let is_general = slot.stems.len() == 1
                && matches!(
                    slot.stems[0].as_str(),
                    "name" | "titl" | "status" | "url" | "content" | "text" | "messag" | "subject"
                )
                && !is_said;
            if let Some(path) = by_name.filter(|_| !is_general || slot.holds_text()) {
                return Some(json!(slot.written(&path, !super::phrase::is_plural(&parameter.name))));
            }
        }
        if !parameter.required {
            return None;
        }
        let item = loops.last().and_then(|innermost| {
            sources.iter().find(|source| source.thing.is_item() && source.thing.step == *innermost)
        });
        let is_item_called = |source: &&Source| {
            let of = slot.id_of.as_ref().unwrap_or(&slot.stems);
            of.is_empty() || source.thing.is_called(of) >= 0.6
        };
        if let Some(item) = item {
            if (slot.id_of.is_some() || !slot.holds_text()) && is_item_called(&item) {
                return slot.pick(self, item).map(|(path, is_one)| json!(slot.written(&path, is_one)));
            }
            let reaches = slot.is_address()
                || slot.roles.iter().any(|role| role.takes(Shape::Name, Some("to")) > 0.0 && !role.is_named);
            if reaches && slot.id_of.is_none() && parameter.kind == Kind::String {
                return slot.pick(self, item).map(|(path, is_one)| json!(slot.written(&path, is_one)));
            }
        }
        if let Some(of) = &slot.id_of {
            let own =
                sources.iter().find(|source| source.thing.is_called(of) >= 0.6 && slot.pick(self, source).is_some());
            return own.and_then(|source| slot.pick(self, source)).map(|(path, _)| json!(slot.written(&path, true)));
        }
        if self.known.given.contains(&parameter.name) {
            return Some(json!(format!("{{{{ inputs.{} }}}}", parameter.name)));
        }
        let kind_fits = !matches!(parameter.kind, Kind::Integer | Kind::Number | Kind::Boolean);
        if !slot.holds_text() || !kind_fits {
            return None;
        }
        let latest = sources.iter().find(|source| source.is_readable())?;
        let (path, is_one) = if latest.thing.is_item() {
            (latest.thing.expression.clone(), self.goes_through_texts(&latest.thing))
        } else {
            latest.main()
        };
        Some(json!(slot.written(&path, is_one)))
    }

    /// A value that is given when the workflow is started.
    fn asked(&mut self, parameter: &Parameter, card: &Card) -> Value {
        let kind = match parameter.kind {
            Kind::Any => None,
            Kind::String => Some("string"),
            Kind::Integer => Some("integer"),
            Kind::Number => Some("number"),
            Kind::Boolean => Some("boolean"),
            Kind::Array => Some("array"),
            Kind::Object => Some("object"),
        };
        let mut schema = serde_json::Map::new();
        if let Some(kind) = kind {
            schema.insert("type".into(), json!(kind));
        }
        if !parameter.values.is_empty() {
            schema.insert("enum".into(), json!(parameter.values));
        }
        if let Some(description) = &parameter.description {
            schema.insert("description".into(), json!(description));
        }
        // What two tools ask for under one name need not be the same.
        let mut words = vec![parameter.name.clone()];
        if self.known.asked_for.get(&parameter.name).is_some_and(|other| *other != card.name) {
            words.insert(0, self.cards.facts_of(&card.name).noun.join("_"));
        }
        self.known.asked_for.entry(parameter.name.clone()).or_insert_with(|| card.name.clone());
        let name = self.draft.input(&words, Value::Object(schema));
        self.assume(format!("`{}` of `{}` was not said: it is the input `{name}`.", parameter.name, card.name));
        json!(format!("{{{{ inputs.{name} }}}}"))
    }
}
