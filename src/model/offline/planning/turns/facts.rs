//! What the person said to be so in earlier turns.

use super::super::grammar;
use super::super::said::{Said, said};
use super::super::slots::{SLOTS, Shape};
use super::super::tokens::{Token, What, tokens};
use super::super::{Role, Turn};
use super::is_telling;

/// What the person said to be so: `our warehouse's number is +43 1 555 0177`.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Facts {
    facts: Vec<Fact>,
}

#[derive(Clone, Debug)]
struct Fact {
    /// The stems of what it is about.
    about: Vec<String>,
    said: Said,
}

impl Facts {
    /// What the person said in these turns.
    pub(in super::super) fn of(turns: &[Turn]) -> Self {
        let mut facts = Vec::new();
        for turn in turns.iter().filter(|turn| turn.role == Role::User && !turn.text.trim_end().ends_with('?')) {
            for sentence in grammar::split(&tokens(&turn.text)) {
                facts.extend(fact(&sentence, &turn.text));
            }
        }
        Self { facts }
    }

    /// What was said of those that a clause speaks of.
    pub(in super::super) fn said_of(&self, words: &[Token]) -> Vec<Said> {
        let speaks = |fact: &&Fact| {
            fact.about.iter().any(|stem| words.iter().any(|word| word.what == What::Word && word.stem == *stem))
        };
        self.facts.iter().rev().filter(speaks).map(|fact| fact.said.clone()).collect()
    }
}

fn fact(sentence: &[Token], text: &str) -> Option<Fact> {
    let is = sentence.iter().position(|token| token.is("copula"))?;
    let subject: Vec<&Token> = sentence[..is]
        .iter()
        .filter(|token| token.what == What::Word && is_telling(&token.lower) && !token.is("filler"))
        .collect();
    let value = said(&sentence[is + 1..], text, |_| false)
        .into_iter()
        .find(|said| !matches!(said.shape, Shape::Words | Shape::Clause | Shape::Number))?;
    let (property, about): (Vec<&&Token>, Vec<&&Token>) =
        subject.iter().partition(|token| SLOTS.roles(std::slice::from_ref(&token.stem)).next().is_some());
    let label = property.iter().map(|token| token.stem.clone()).collect();
    let about: Vec<String> = about.iter().map(|token| token.stem.clone()).collect();
    (!about.is_empty()).then_some(Fact { about, said: Said { label, after: None, range: 0..0, ..value } })
}
