//! Conditions as expressions, over what is known at a place.

use serde_json::json;

use super::super::condition::{self, Compares, Condition, Constant, Test};
use super::super::draft::{self};
use super::super::lexicon::{LEXICON, stem};
use super::super::slots::name_stems;
use super::super::tokens::Token;
use super::{Scene, Thing};
use crate::workflow::StepId;

impl Scene<'_> {
    /// A condition as an expression, for what is known in these loops.
    pub(in super::super) fn expression(&mut self, condition: &Condition, loops: &[StepId]) -> String {
        let joint = if condition.any { " or " } else { " and " };
        let tests: Vec<String> =
            condition.tests.iter().map(|test| self.test(test, &condition.counted, loops)).collect();
        let tests = if tests.is_empty() { vec!["true".to_owned()] } else { tests };
        format!("{{{{ {} }}}}", tests.join(joint))
    }

    fn test(&mut self, test: &Test, counted: &[String], loops: &[StepId]) -> String {
        let stems: Vec<String> = condition::stems(&test.subject);
        let without_property: Vec<String> = stems
            .iter()
            .filter(|word| test.property.as_deref().is_none_or(|property| **word != stem(property)))
            .cloned()
            .collect();
        let innermost = loops.last();
        let item = self.things.iter().rev().find(|thing| thing.is_item() && Some(&thing.step) == innermost);
        let called = |thing: &Thing| {
            without_property.iter().map(|word| thing.is_called(std::slice::from_ref(word))).fold(0.0, f64::max)
        };
        let meant = self
            .things
            .iter()
            .rev()
            .filter(|thing| Self::is_visible(thing, loops) && thing.class != "branch" && thing.class != "for_each")
            .map(|thing| {
                (thing, called(thing) + if Some(&thing.step) == innermost && thing.is_item() { 0.005 } else { 0.0 })
            })
            .filter(|(_, score)| *score >= 0.5)
            // Of those that are called so, what the loop goes through, else the latest.
            .fold(None, |best: Option<(&Thing, f64)>, (thing, score)| match best {
                Some((_, most)) if most >= score => best,
                _ => Some((thing, score)),
            })
            .map(|(thing, _)| thing)
            .or_else(|| {
                if without_property.is_empty()
                    && test.subject.iter().any(|token| token.lower == "it" || token.lower == "its")
                {
                    self.latest(loops, |thing| thing.is_item() || !thing.is_list() || thing.loops.len() == loops.len())
                } else {
                    None
                }
            })
            .or(item)
            .or_else(|| self.latest(loops, |_| true))
            .cloned();
        let (base, consumed) = if let Some(thing) = &meant {
            let consumed: Vec<String> = without_property
                .iter()
                .filter(|word| thing.is_called(std::slice::from_ref(*word)) >= 0.5)
                .cloned()
                .collect();
            (thing.expression.clone(), consumed)
        } else {
            let name = self.draft.input(&["subject".to_owned()], json!({}));
            (format!("inputs.{name}"), Vec::new())
        };
        // What is left of the subject names the field, if no property does.
        let left: Vec<&Token> = test
            .subject
            .iter()
            .filter(|token| !condition::stems(std::slice::from_ref(*token)).is_empty())
            .filter(|token| {
                !consumed.contains(&token.stem)
                    && test.property.as_deref().is_none_or(|property| token.lower != property)
            })
            .filter(|token| !self.cards.mentioned(std::slice::from_ref(*token)).covers(token))
            .collect();
        let mut field: Vec<String> = left.iter().map(|token| token.lower.clone()).collect();
        field.extend(test.property.clone());
        let output =
            meant.as_ref().filter(|_| test.property.is_none()).and_then(|thing| self.compared(thing, test, counted));
        if let Some((output, truth)) = output {
            let path = format!("{}.{output}", meant.as_ref().map_or("", |thing| thing.expression.as_str()));
            if let Some(truth) = truth {
                return format!("{path} == {truth}");
            }
            field = vec![output];
        }
        if field.is_empty() && test.value != Constant::Nothing {
            // `is closed` says nothing of where that stands.
            field.push("status".into());
            let said = meant.map_or_else(|| "it".to_owned(), |thing| thing.noun.join(" "));
            self.assume(format!("Whether {said} is {} is read from its `status`.", shown(&test.value)));
        }
        let path = if field.is_empty() { base } else { format!("{base}.{}", draft::item_name(&field)) };
        let value = match &test.value {
            Constant::Text(said) => quoted(said),
            Constant::Number(number) => number.clone(),
            Constant::Nothing => "none".to_owned(),
            Constant::Truth(truth) => truth.to_string(),
            Constant::Failure => "'failed'".to_owned(),
        };
        match test.compares {
            Compares::Contains => format!("{value} in {path}"),
            compares => format!("{path} {} {value}", compares.sign()),
        }
    }
}

impl Scene<'_> {
    /// The output that is compared although no property was named: `has more than 500 employees`, `is down`, where it says whether it is
    /// up. With it, what it must be, if that is a truth.
    fn compared(&self, thing: &Thing, test: &Test, counted: &[String]) -> Option<(String, Option<bool>)> {
        let outputs = self.outputs_of(thing);
        let named = |word: &str| outputs.iter().find(|output| name_stems(output) == [stem(word)]).cloned();
        if let Some(output) = counted.iter().find_map(|word| named(word)) {
            return Some((output, None));
        }
        let Constant::Text(said) = &test.value else { return None };
        let holds = test.compares == Compares::Equal;
        let opposite = LEXICON.opposite(&stem(said));
        named(said)
            .map(|output| (output, Some(holds)))
            .or_else(|| opposite.and_then(|word| named(word)).map(|output| (output, Some(!holds))))
    }
}

fn shown(value: &Constant) -> String {
    match value {
        Constant::Text(text) => format!("“{text}”"),
        Constant::Number(number) => number.clone(),
        Constant::Truth(truth) => truth.to_string(),
        Constant::Nothing => "missing".into(),
        Constant::Failure => "failed".into(),
    }
}

/// A text in an expression.
pub(in super::super) fn quoted(text: &str) -> String {
    format!(
        "'{}'",
        text.replace('\\', "\\\\")
            .replace('\'', "\\'")
            .replace("{{", "{ {")
            .replace("}}", "} }")
            .replace("{%", "{ %")
            .replace("%}", "% }")
    )
}
