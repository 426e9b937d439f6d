//! The arms that words speak of: `if the feedback is poor`, `angry tickets`, `when it is rejected`.

use super::super::draft;
use super::super::grammar::Part;
use super::super::lexicon::{LEXICON, Marker, stem};
use super::super::phrase::Phrase;
use super::super::scene::{Scene, words_of};
use super::super::tokens::{Token, What, tokens};
use super::literals;
use crate::workflow::{Outcome, Process, StepId};

impl Scene<'_> {
    /// The arm of a branch that is called by one of these words: by its outcome, by what it compares with, or by the opposite
    /// of that.
    pub(super) fn arm_called(&self, words: &[Token]) -> Option<(StepId, Outcome)> {
        let denied = words.iter().any(|token| token.is("negation") || token.marker() == Some(Marker::Not));
        let stems: Vec<String> = words
            .iter()
            .filter(|token| matches!(token.what, What::Word | What::Quoted) && !token.is("negation"))
            .map(|token| stem(&token.lower))
            .collect();
        let mut found = None;
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let Process::Branch { cases } = &step.process else { return };
            for (case, expression) in cases {
                let same = names(case, expression).iter().find_map(|name| {
                    let name = stem(name);
                    let opposite = LEXICON.opposite(&name);
                    let unlike = |said: &String| {
                        ["un", "in", "non", "dis"].iter().any(|not| said.strip_prefix(not) == Some(&name))
                    };
                    if stems.contains(&name) {
                        Some(true)
                    } else if cases.len() == 1 && stems.iter().any(unlike) {
                        Some(false)
                    } else {
                        opposite.filter(|_| cases.len() == 1).filter(|other| stems.contains(other)).map(|_| false)
                    }
                });
                let Some(same) = same else { continue };
                let is_case = same != (denied && cases.len() == 1);
                let outcome = if is_case { case.clone() } else { Outcome::from(Outcome::OTHERWISE) };
                found.get_or_insert((step.id.clone(), outcome));
            }
        });
        found
    }

    /// The steps behind the condition that a sentence begins with, if a branch asks for it.
    pub(super) fn behind(&self, parts: &[Part]) -> Vec<StepId> {
        let arm = parts.iter().find_map(|part| match part {
            Part::If(condition) | Part::When(condition, _) => self.arm_for(condition),
            Part::Each(phrase) => self.arm_called(&words_and_conditions(phrase)),
            _ => None,
        });
        arm.map(|(branch, outcome)| self.draft.arm(&branch, &outcome)).unwrap_or_default()
    }

    /// `all the other cards`: what the only branch is not true for.
    pub(super) fn other_arm(&self, words: &[Token]) -> Option<(StepId, Outcome)> {
        let others = words.iter().any(|word| matches!(word.lower.as_str(), "other" | "others" | "rest" | "remaining"));
        let branch = self.only_branch().filter(|_| others)?;
        Some((branch, Outcome::from(Outcome::OTHERWISE)))
    }

    /// `when it is turned down`: what follows where a person says no.
    pub(super) fn rejected(&self, words: &[Token]) -> Option<(StepId, Outcome)> {
        let is_no = words.iter().any(|token| LEXICON.is("rejected", &token.lower));
        let mut people: Vec<StepId> = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            if let Process::Human(human) = &step.process
                && human.choices.iter().any(|choice| choice.as_str() == Outcome::REJECTED)
            {
                people.push(step.id.clone());
            }
        });
        let first = people.into_iter().next().filter(|_| is_no)?;
        Some((first, Outcome::from(Outcome::REJECTED)))
    }
}

/// The words of a phrase, and of what is said of it.
pub(super) fn words_and_conditions(phrase: &Phrase) -> Vec<Token> {
    let conditions = phrase.conditions.iter().flat_map(|condition| tokens(&condition.said));
    phrase.words.iter().cloned().chain(conditions).collect()
}

/// The words that an arm goes by.
fn names(case: &Outcome, expression: &str) -> Vec<String> {
    let mut names: Vec<String> = words_of(case.as_str());
    names.retain(|name| !(LEXICON.is("nameless", name) || name.parse::<u32>().is_ok()));
    let texts = literals(expression).into_iter().filter(|literal| literal.parse::<f64>().is_err());
    names.extend(
        texts.map(|text| text.to_lowercase()).filter(|text| !matches!(text.as_str(), "none" | "true" | "false")),
    );
    names
}
