//! How people say who does a part of a task: `have it checked`, `let QA check it`, `…, checked`.

use super::super::grammar::Deed;
use super::super::lexicon::{Form, Verb};
use super::super::tokens::{Token, What};
use super::Work;

/// `have it checked`, `let QA check it`, `an analyst should weigh them`, `…, checked`: as what is done, and by whom.
pub(in super::super) fn plainly(sentence: &[Token]) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::with_capacity(sentence.len());
    let mut at = 0;
    while at < sentence.len() {
        let rest = &sentence[at..];
        let before = found.last();
        let opens = before.is_none_or(|before| !before.is_word());
        let (made, length) = causative(rest)
            .or_else(|| agents_work(rest).filter(|_| opens))
            .or_else(|| trailing(rest).filter(|_| at > 0 && before.is_some_and(|before| before.what == What::Comma)))
            .unwrap_or_else(|| (vec![rest[0].clone()], 1));
        found.extend(made);
        at += length;
    }
    found
}

fn word(text: &str, like: &Token) -> Token {
    Token { at: like.at, ..Token::new(text, What::Word) }
}

fn is_work(verb: &Verb) -> bool {
    verb.role.is_some() || is_review(&verb.base)
}

pub(super) fn is_review(base: &str) -> bool {
    matches!(base, "check" | "review" | "verify" | "validate" | "proofread" | "audit" | "test")
}

/// `have it checked (by QA)`, `get the text reviewed`
fn causative(tokens: &[Token]) -> Option<(Vec<Token>, usize)> {
    let first = tokens.first().filter(|first| matches!(first.lower.as_str(), "have" | "get" | "having"))?;
    let at = tokens.iter().take(7).position(|token| {
        token.verb().is_some_and(|verb| verb.form == Form::Past && is_work(&verb)) && token.what == What::Word
    })?;
    let object = &tokens[1..at];
    let is_object = object.first().is_some_and(|first| first.is("pronoun") || first.is("determiner"))
        && object.iter().all(Token::is_word);
    let verb = tokens[at].verb()?;
    is_object.then(|| {
        let mut made = vec![word(&verb.base, first)];
        made.extend(object.iter().cloned());
        (made, at + 1)
    })
}

/// `let QA check it`, `an agent should check the text`
fn agents_work(tokens: &[Token]) -> Option<(Vec<Token>, usize)> {
    let leads = usize::from(matches!(tokens.first()?.lower.as_str(), "let" | "have" | "ask"));
    let articles = tokens[leads..].iter().take_while(|token| token.is("determiner") || token.is("new")).count();
    let actor = tokens.get(leads + articles)?;
    let work = Work::of_actor(&actor.lower);
    if work.is_none() && !matches!(actor.lower.as_str(), "agent" | "agents") {
        return None;
    }
    let mut at = leads + articles + 1;
    let helpers = tokens[at..]
        .iter()
        .take_while(|token| token.is("auxiliary") || token.lower == "to" || token.lower == "needs")
        .count();
    if helpers == 0 && leads == 0 {
        return None;
    }
    at += helpers;
    let verb = tokens.get(at)?.verb().filter(|verb| verb.form == Form::Base)?;
    let length = tokens[at..].iter().take_while(|token| token.is_word()).count();
    let mut made = vec![word(&verb.base, actor)];
    made.extend(tokens[at + 1..at + length].iter().cloned());
    made.push(word("by", actor));
    made.push(word(work.map_or("agent", Work::role), actor));
    Some((made, at + length))
}

/// `…, checked`, `…, reviewed by QA`: what was made.
fn trailing(tokens: &[Token]) -> Option<(Vec<Token>, usize)> {
    let first = tokens.first()?;
    let verb = first.verb().filter(|verb| verb.form == Form::Past && is_review(&verb.base))?;
    let ends = tokens.get(1).is_none_or(|next| !next.is_word() || next.lower == "by");
    ends.then(|| (vec![word(&verb.base, first), word("it", first)], 1))
}

/// Whom a deed names as the one to do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Actor {
    Nobody,
    /// Some agent.
    Agent,
    Known(Work),
}

pub(super) fn actor(deed: &Deed) -> Actor {
    let by = deed.words.windows(2).find(|pair| pair[0].lower == "by").map(|pair| pair[1].lower.as_str());
    match by {
        Some("agent") => Actor::Agent,
        Some(word) => Work::of_actor(word).map_or(Actor::Nobody, Actor::Known),
        None => Actor::Nobody,
    }
}
