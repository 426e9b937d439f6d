//! A request taken apart: what starts the workflow, how steps are carried out, and the sentences that say what is done.

mod settings;

use super::grammar::{self, Part};
use super::lexicon::Marker;
use super::tokens::{Token, tokens};
use super::{asides, decompose, draft, particles, triggers};
use crate::workflow::Trigger;
pub(super) use settings::Setting;
use settings::settings;

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

/// Takes a request apart.
pub(super) fn hear(request: &str) -> Heard {
    let all = asides::without_brackets(&tokens(request));
    let mut heard = Heard { question: is_question(request, &all), ..Heard::default() };
    for sentence in grammar::split(&all) {
        let sentence = heard.without_name(&asides::straight(&asides::without(&sentence)));
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
    // `could somebody look at it?`
    let next = tokens.iter().filter(|token| token.is_word()).nth(1);
    if first.is("auxiliary") && next.is_some_and(|next| next.is("somebody")) {
        return false;
    }
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
