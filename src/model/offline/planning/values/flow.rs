//! What nothing was said of: from earlier steps, from the item at hand, or to be given when the workflow is started.

use serde_json::{Value, json};

use super::super::grammar::Deed;
use super::super::scene::Scene;
use super::super::slots::Shape;
use super::super::sources::Source;
use super::super::{Card, Kind, Parameter, draft, phrase};
use super::slot::Slot;
use crate::workflow::StepId;

impl Scene<'_> {
    /// A value that an earlier step yields although nothing was said of it: by its name, by the item at hand, or since it is what there
    /// is to be said.
    pub(super) fn yielded(&self, slot: &Slot<'_>, deed: &Deed, loops: &[StepId]) -> Option<Value> {
        let parameter = slot.parameter;
        let sources = self.sources(loops);
        let is_said = slot.stems.iter().all(|stem| deed.words.iter().any(|word| word.stem == *stem));
        let is_each = loops.last().is_some_and(|innermost| {
            let is_item = |source: &&Source| source.thing.is_item() && source.thing.step == *innermost;
            sources.iter().find(is_item).is_some_and(|item| item.thing.is_called(&slot.stems) >= 0.6)
        });
        if (parameter.required || slot.id_of.is_some() || is_said) && !is_each {
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
                return Some(json!(slot.written(&path, !phrase::is_plural(&parameter.name))));
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
            // What a loop over names is done for.
            let takes_names = slot.roles.iter().any(|role| role.allows(Shape::Words) && !role.allows(Shape::Clause));
            if self.goes_through_texts(&item.thing) && (takes_names || item.thing.is_called(&slot.stems) >= 0.6) {
                return Some(json!(slot.written(&item.thing.expression, true)));
            }
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

    /// What was asked for and is given by something else after all need not be given by anybody.
    pub(in super::super) fn forget_unused_inputs(&mut self) {
        let workflow = &self.draft.workflow;
        let is_used = |name: &str| {
            let expression = format!("inputs.{name}");
            workflow.steps.iter().any(|step| draft::mentions(step, &expression))
        };
        let made = workflow.inputs.keys().filter(|name| !self.known.given.contains(*name) && !is_used(name));
        let unused: Vec<String> = made.cloned().collect();
        for name in unused {
            self.draft.workflow.inputs.shift_remove(&name);
            let asked = format!("it is the input `{name}`.");
            self.assumptions.retain(|sentence| !sentence.ends_with(&asked));
        }
    }

    /// A value that is given when the workflow is started.
    pub(in super::super) fn asked(&mut self, parameter: &Parameter, card: &Card) -> Value {
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
