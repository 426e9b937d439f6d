//! One parameter of a tool, and how well what there is fits it.

use serde_json::{Value, json};

use super::super::lexicon::LEXICON;
use super::super::said::{Said, json_number};
use super::super::scene::Scene;
use super::super::slots::{Role, SLOTS, Shape, name_stems};
use super::super::sources::Source;
use super::super::tokens::Token;
use super::super::{Card, Kind, Parameter, fields, phrase};
use super::beside;

/// A parameter, with what its name says.
pub(super) struct Slot<'c> {
    pub(super) parameter: &'c Parameter,
    pub(super) stems: Vec<String>,
    pub(super) roles: Vec<&'static Role>,
    /// The stems of what it is the id of.
    pub(super) id_of: Option<Vec<String>>,
    /// True if the tool is about currencies, so that `from` and `to` are such.
    pub(super) of_currency: bool,
}

impl<'c> Slot<'c> {
    pub(super) fn of(parameter: &'c Parameter, card: &Card) -> Self {
        let stems = name_stems(&parameter.name);
        let id_of = (stems.last().is_some_and(|last| last == "id")).then(|| stems[..stems.len() - 1].to_vec());
        let of_currency = matches!(parameter.name.as_str(), "from" | "to" | "base" | "target" | "source")
            && card.description.to_lowercase().contains("currenc");
        let roles = if id_of.is_some() || of_currency { Vec::new() } else { SLOTS.roles(&stems).collect() };
        Self { parameter, stems, roles, id_of, of_currency }
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.parameter.kind, Kind::String | Kind::Any)
    }

    pub(super) fn is_address(&self) -> bool {
        self.roles.iter().any(|role| role.allows(Shape::Mail) && role.takes(Shape::Mail, None) > 0.0)
    }

    /// `a private channel`, where `private` may be set.
    pub(super) fn truth(&self, words: &[Token]) -> Option<Value> {
        let is_said = |stem: &String| words.iter().any(|word| word.stem == *stem);
        (self.parameter.kind == Kind::Boolean && self.stems.iter().all(is_said)).then(|| json!(true))
    }

    /// How well a value is what the parameter holds.
    pub(super) fn score(&self, said: &Said) -> f64 {
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
            // A title may be of any words, so that all of them belong to it.
            let base =
                if self.roles.iter().any(|role| role.is_named && role.allows(Shape::Words)) { 3.05 } else { 2.5 };
            return match (is_named, said.label.is_empty()) {
                // The longer of two readings.
                (true, _) => base + f64::from(u8::try_from(said.range.len()).unwrap_or(u8::MAX)) * 0.01,
                (false, true) => by_role,
                (false, false) => 0.0,
            };
        }
        let allows = |shape: Shape| {
            self.roles.is_empty() || self.roles.iter().any(|role| role.allows(shape)) || shape == Shape::Quoted
        };
        let mut score = if is_beside && allows(said.shape) {
            3.0
        } else if is_beside
            && (matches!(said.shape, Shape::Duration | Shape::Name)
                // `charge the customer 20`: no customer is called so.
                || (said.shape == Shape::Number && !self.roles.iter().any(|role| role.allows(Shape::Mail))))
        {
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
    pub(super) fn fitted(&self, said: &Said, all: &[Said]) -> Option<Value> {
        if said.shape == Shape::Reference {
            return None;
        }
        match self.parameter.kind {
            Kind::String | Kind::Any => Some(json!(said.text)),
            Kind::Integer | Kind::Number => {
                let unit = self.stems.iter().find_map(|stem| {
                    fields::unit(match stem.as_str() {
                        "minut" => "minute",
                        "hour" => "hour",
                        "day" => "day",
                        "second" | "sec" => "second",
                        other => other,
                    })
                });
                let value = match (unit, said.length) {
                    (Some(unit), Some(length)) => json_number(length.as_secs_f64() / unit.as_secs_f64())?,
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
    pub(super) fn score_source(&self, scene: &Scene<'_>, source: &Source) -> f64 {
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

    pub(super) fn holds_text(&self) -> bool {
        self.roles.iter().any(|role| {
            role.takes(Shape::Quoted, None) > 0.0 && role.allows(Shape::Clause)
                || role.takes(Shape::Reference, Some("with")) > 0.0
                    && !role.allows(Shape::Mail)
                    && !role.allows(Shape::Quoted)
        })
    }

    /// The output of a step that somebody can be reached by.
    pub(super) fn address_of<'s>(&self, source: &'s Source) -> Option<&'s String> {
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
    pub(super) fn pick(&self, scene: &Scene<'_>, source: &Source) -> Option<(String, bool)> {
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
            return Some((source.path(field), !phrase::is_plural(field)));
        }
        if let Some(output) = source.output(&self.stems) {
            return Some((source.path(output), !phrase::is_plural(output)));
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
    pub(super) fn gathered(&self, scene: &Scene<'_>, sources: &[Source], index: usize) -> Option<Value> {
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

    pub(super) fn written(&self, path: &str, is_one: bool) -> String {
        if is_one || self.parameter.kind != Kind::String {
            format!("{{{{ {path} }}}}")
        } else {
            format!("{{{{ {path} | tojson }}}}")
        }
    }
}
