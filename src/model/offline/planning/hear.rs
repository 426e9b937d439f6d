//! A request taken apart: what starts the workflow, how steps are carried out, and the sentences that say what is done.

use std::time::Duration;

use super::grammar::{self, Part};
use super::lexicon::{LEXICON, Marker};
use super::tokens::{Token, What, tokens};
use super::{asides, decompose, draft, fields, particles, triggers};
use crate::workflow::Trigger;

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) sentences: Vec<Sentence>,
    pub(super) triggers: Vec<Trigger>,
    /// The name that the workflow is to have.
    pub(super) name: Option<String>,
    /// True if something is asked, not wanted.
    pub(super) question: bool,
    pub(super) assumed: Vec<String>,
}

/// One sentence.
#[derive(Debug, Default)]
pub(super) struct Sentence {
    pub(super) parts: Vec<Part>,
    pub(super) setting: Option<Setting>,
}

/// How a step is carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Setting {
    /// How often it is tried in all.
    pub(super) attempts: Option<u32>,
    pub(super) timeout: Option<Duration>,
    /// What it is called; the step that was spoken of last if nothing.
    pub(super) of: Vec<Token>,
}

/// Takes a request apart.
pub(super) fn hear(request: &str) -> Heard {
    let all = asides::without_brackets(&tokens(request));
    let mut heard = Heard { question: is_question(request, &all), ..Heard::default() };
    for sentence in grammar::split(&all) {
        let sentence = heard.without_name(&asides::without(&sentence));
        let mut found = triggers::take(&sentence);
        heard.triggers.append(&mut found.triggers);
        heard.assumed.append(&mut found.assumed);
        let (rest, setting) = settings(&found.rest);
        let mut parts = grammar::parts(&decompose::plainly(&particles::joined(&rest)));
        // `run it every Friday` says no more than when.
        if !heard.triggers.is_empty() {
            parts.retain(|part| !runs_the_workflow(part));
        }
        if !parts.is_empty() || setting.is_some() {
            heard.sentences.push(Sentence { parts, setting });
        }
    }
    heard
}

/// `why did it fail?`, but not `can you send it?`
fn is_question(request: &str, tokens: &[Token]) -> bool {
    let Some(first) = tokens.iter().find(|token| token.is_word() || token.marker().is_some()) else { return false };
    let asks = request.trim_end().ends_with('?');
    let helper = first.is("copula") || first.is("auxiliary") || first.is("have");
    let when = first.marker() == Some(Marker::When)
        && tokens.get(1).is_some_and(|next| next.is("auxiliary") || next.is("copula"));
    (first.is("question") && (asks || !matches!(first.lower.as_str(), "which" | "where" | "whose")))
        || (asks && (helper || when))
}

/// `run it`, `start the workflow`
fn runs_the_workflow(part: &Part) -> bool {
    let Part::Do(deed) = part else { return false };
    let itself = |word: &Token| {
        !word.is_word()
            || word.is("pronoun")
            || word.is("determiner")
            || matches!(word.lower.as_str(), "workflow" | "flow")
    };
    deed.is_verb(&["run", "start", "execute", "trigger", "schedule", "launch", "repeat", "do"])
        && deed.words.iter().all(itself)
}

impl Heard {
    /// `a workflow called X that …`: what follows, the name kept.
    fn without_name(&mut self, sentence: &[Token]) -> Vec<Token> {
        let named = sentence.windows(2).position(|pair| {
            matches!(pair[0].lower.as_str(), "workflow" | "flow")
                && matches!(pair[1].lower.as_str(), "called" | "named" | "titled")
        });
        let Some(at) = named.filter(|at| *at < 5) else { return sentence.to_vec() };
        let rest = &sentence[at + 2..];
        let end = rest
            .iter()
            .position(|token| !token.is_word() || matches!(token.lower.as_str(), "that" | "which" | "to"))
            .unwrap_or(rest.len());
        let words: Vec<String> = rest[..end].iter().map(|token| token.text.clone()).collect();
        if words.is_empty() {
            return sentence.to_vec();
        }
        self.name = Some(draft::item_name(&words));
        rest.iter().skip(end + 1).cloned().collect()
    }
}

/// Takes `retry it three times` and `with a timeout of a minute` out of a sentence.
fn settings(sentence: &[Token]) -> (Vec<Token>, Option<Setting>) {
    let mut rest = sentence.to_vec();
    let mut setting = Setting::default();
    if let Some(at) =
        rest.iter().position(|token| matches!(token.lower.as_str(), "timeout" | "time-out") && token.what == What::Word)
        && let Some((length, end)) = fields::duration(&rest[at..])
    {
        setting.timeout = Some(length);
        let start = rest[..at]
            .iter()
            .rposition(|token| {
                !(token.is("determiner")
                    || token.lower == "with"
                    || token.marker() == Some(Marker::And)
                    || token.lower == "set"
                    || token.lower == "give"
                    || token.what == What::Comma)
            })
            .map_or(0, |before| before + 1);
        // `a timeout of a minute for the mail`: which step.
        let after: Vec<Token> = rest[at + end..].to_vec();
        if after.first().is_some_and(|token| matches!(token.lower.as_str(), "for" | "on" | "to")) {
            setting.of = after[1..].to_vec();
            rest.truncate(start);
        } else {
            rest.drain(start..at + end);
        }
        // `give the mail a timeout of a minute`
        if start > 0 && rest.first().is_some_and(|token| matches!(token.lower.as_str(), "give" | "set")) {
            setting.of = rest.drain(..).skip(1).collect();
        }
    }
    let tries = |token: &Token| {
        token.what == What::Word
            && matches!(token.lower.as_str(), "retry" | "retries" | "retrying" | "try" | "retried" | "attempts")
    };
    if let Some(at) = rest.iter().position(tries)
        && let Some((times, end)) = times(&rest, at)
    {
        // To try again three times is to try four times.
        let again = rest[at].lower.starts_with("retr");
        setting.attempts = Some((times + u32::from(again)).clamp(1, 100));
        let of: Vec<Token> = rest[at + 1..end]
            .iter()
            .filter(|token| {
                token.is_word()
                    && fields::number(token).is_none_or(|_| token.lower == "a")
                    && !matches!(token.lower.as_str(), "times" | "up" | "to" | "attempts" | "at" | "most" | "again")
            })
            .cloned()
            .collect();
        if !of.iter().all(|token| token.is("pronoun") || token.is("determiner")) {
            setting.of = of;
        }
        let start = rest[..at]
            .iter()
            .rposition(|token| {
                !(token.is("determiner")
                    || token.lower == "with"
                    || matches!(token.marker(), Some(Marker::And | Marker::But | Marker::Then))
                    || token.what == What::Comma
                    || fields::number(token).is_some()
                    || matches!(token.lower.as_str(), "up" | "to"))
            })
            .map_or(0, |before| before + 1);
        rest.drain(start..end.max(at + 1));
    }
    let any = setting.attempts.is_some() || setting.timeout.is_some();
    if any && rest.iter().all(|token| !token.is_word()) {
        rest.clear();
    }
    (rest, any.then_some(setting))
}

/// How many times, and where that ends: `three times`, `with 3 retries`.
fn times(tokens: &[Token], at: usize) -> Option<(u32, usize)> {
    let number = |token: &Token| match token.what {
        What::Number => token.lower.parse::<u32>().ok(),
        What::Word => LEXICON.number(&token.lower).or(match token.lower.as_str() {
            "once" => Some(1),
            "twice" => Some(2),
            "thrice" => Some(3),
            _ => None,
        }),
        _ => None,
    };
    if matches!(tokens[at].lower.as_str(), "retries" | "attempts") {
        let before = at.checked_sub(1)?;
        return Some((number(&tokens[before])?, at + 1));
    }
    tokens[at + 1..].iter().take(10).enumerate().find_map(|(offset, token)| {
        let times = number(token)?;
        let end = at + 1 + offset + 1;
        let unit = tokens.get(end).is_some_and(|token| matches!(token.lower.as_str(), "times" | "time" | "attempts"));
        (unit || matches!(token.lower.as_str(), "once" | "twice" | "thrice"))
            .then_some((times, end + usize::from(unit)))
    })
}
