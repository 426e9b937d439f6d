//! What branches compare with: `raise the limit to 500`, `make it 10`, `"open" instead of "closed"`.

use super::super::draft;
use super::super::grammar::Deed;
use super::super::scene::Scene;
use super::super::tokens::{Token, What};
use super::literals;
use crate::workflow::{Outcome, Process, Step, StepId};

impl Scene<'_> {
    /// `raise the limit to 500`, `change the priority to critical`: what the only branch that speaks of it compares with.
    pub(super) fn set_bound(&mut self, deed: &Deed) -> Option<bool> {
        let is_set = |verb: &str| {
            matches!(
                verb,
                "set"
                    | "change"
                    | "raise"
                    | "lower"
                    | "increase"
                    | "decrease"
                    | "reduce"
                    | "adjust"
                    | "update"
                    | "make"
                    | "bump"
            )
        };
        if !deed.verb().is_some_and(|verb| is_set(&verb.base)) {
            return None;
        }
        // `make it 10`
        let it = deed.verb().is_some_and(|verb| verb.base == "make")
            && deed.words.first().is_some_and(|word| word.is("pronoun"));
        let it = it && deed.words.get(1).is_some_and(|word| word.what == What::Number);
        let to = deed.words.iter().rposition(|word| matches!(word.lower.as_str(), "to" | "at")).or(it.then_some(0))?;
        let (old, new) = (if it { &deed.words[..1] } else { &deed.words[..to] }, &deed.words[to + 1..]);
        let named: Vec<&Token> =
            old.iter().filter(|word| word.is_word() && !word.is("determiner") && !word.is("preposition")).collect();
        let number = new.iter().any(|word| word.what == What::Number);
        let bound = number && (it || named.iter().any(|word| word.is("bound")));
        if named.is_empty() || new.is_empty() || !(bound || named.iter().all(|word| word.is("property"))) {
            return None;
        }
        let mut found = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let Process::Branch { cases } = &step.process else { return };
            for (case, expression) in cases {
                let words = super::super::scene::words_of(expression);
                let speaks = bound || named.iter().all(|word| words.contains(&word.lower));
                if let [literal] = literals(expression).as_slice()
                    && speaks
                    && literal.parse::<f64>().is_ok() == number
                {
                    found.push((step.id.clone(), case.clone(), literal.clone()));
                }
            }
        });
        match found.as_slice() {
            [(step, case, literal)] => Some(self.compare_with(step, case, literal, new)),
            _ => None,
        }
    }

    /// A branch that compares with what these words say, and the constant.
    pub(super) fn constant(&self, words: &[Token]) -> Option<(StepId, Outcome, String)> {
        let said: Vec<&Token> =
            words.iter().filter(|word| word.is_word() && !word.is("determiner") && !word.is("property")).collect();
        let mut found = None;
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let Process::Branch { cases } = &step.process else { return };
            for (case, expression) in cases {
                let literal = said
                    .iter()
                    .find(|word| literals(expression).iter().any(|literal| literal.to_lowercase() == word.lower));
                if let Some(literal) = literal {
                    found.get_or_insert((step.id.clone(), case.clone(), literal.text.clone()));
                }
            }
        });
        found
    }

    pub(super) fn compare_with(&mut self, step: &StepId, case: &Outcome, literal: &str, new: &[Token]) -> bool {
        let value = new
            .iter()
            .find(|word| word.what == What::Quoted)
            .or_else(|| new.iter().find(|word| word.what == What::Number))
            .or_else(|| new.iter().rev().find(|word| word.is_word() && !word.is("determiner") && !word.is("property")));
        let Some(value) = value.map(|word| word.text.clone()) else { return false };
        let Some(Step { process: Process::Branch { cases }, .. }) = self.draft.step_mut(step) else { return false };
        let Some(expression) = cases.get_mut(case) else { return false };
        let number = value.parse::<f64>().is_ok();
        let to = if number { value.clone() } else { super::super::scene::quoted(&value) };
        for from in [format!("'{literal}'"), format!("\"{literal}\""), literal.to_owned()] {
            if expression.contains(&from) {
                *expression = expression.replacen(&from, &to, 1);
                break;
            }
        }
        self.note(step, &value, 0.8);
        true
    }
}
