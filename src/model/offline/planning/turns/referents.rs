//! What `it`, `the former` and `the first of these` stand for, after what was said last.

use std::ops::Range;

use super::super::grammar::{self, Part};
use super::super::lexicon::LEXICON;
use super::super::tokens::tokens;
use super::super::{Ask, draft};
use super::{ordinal, plain};
use crate::workflow::StepId;

/// A request with what `it`, `the former` and `the first of these` stand for; `None` if it has nothing such, or nothing is known.
pub(super) fn with_referents(said: &str, ask: &Ask<'_>) -> Option<String> {
    let last = ask.turns.iter().rev().find(|turn| turn.role.is_callboard())?;
    let steps = mentioned(&last.text, ask);
    let lower = said.to_lowercase();
    let ordinals = [
        "the first of these",
        "the first of them",
        "the first one",
        "the former",
        "the first",
        "the second of these",
        "the second of them",
        "the second one",
        "the second",
        "the latter",
        "the last of these",
        "the last of them",
        "the last one",
        "the third one",
        "the third",
    ];
    let found = ordinals.iter().find_map(|words| find_words(&lower, words).map(|at| (*words, at)));
    if let Some((words, at)) = found {
        let place = ordinal(&plain(words))?;
        let after = lower[at + words.len()..].trim_start();
        // `the first step` of the workflow is no turn's.
        let is_alone = after.is_empty()
            || !after.starts_with(char::is_alphanumeric)
            || plain(after).first().is_some_and(|word| {
                matches!(
                    word.as_str(),
                    "and" | "too" | "to" | "in" | "with" | "for" | "please" | "instead" | "then" | "from"
                )
            });
        let thing = if steps.len() > 1 {
            place.of(&steps).map(|step| format!("the step {step}"))
        } else {
            place.of(&listed(&last.text))
        };
        return thing.filter(|_| is_alone).map(|thing| replaced(said, at..at + words.len(), &thing));
    }
    let ([step], true) = (steps.as_slice(), has_one_deed(said)) else { return None };
    let pronoun = ["that step", "this step", "that one", "this one", "it", "that", "this"]
        .into_iter()
        .find_map(|words| find_words(&lower, words).map(|at| at..at + words.len()))?;
    Some(replaced(said, pronoun, &format!("the step {step}")))
}

fn has_one_deed(said: &str) -> bool {
    let all = tokens(said);
    let sentences = grammar::split(&all);
    let parts: Vec<Part> = sentences.iter().flat_map(|sentence| grammar::parts(sentence)).collect();
    let deeds = parts.iter().filter(|part| matches!(part, Part::Do(_) | Part::Not(_))).count();
    let only_pronouns = parts.iter().all(|part| match part {
        Part::Do(deed) | Part::Not(deed) => {
            deed.objects.iter().all(|phrase| phrase.pronoun || phrase.is_empty()) && !deed.objects.is_empty()
        }
        Part::Also | Part::Then | Part::Instead | Part::First | Part::Last => true,
        _ => false,
    });
    deeds == 1 && only_pronouns
}

/// Where words stand in a text, as words.
fn find_words(text: &str, words: &str) -> Option<usize> {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(words)
        .map(|(at, _)| at)
        .find(|at| is_edge(text[..*at].chars().next_back()) && is_edge(text[at + words.len()..].chars().next()))
}

fn replaced(text: &str, range: Range<usize>, with: &str) -> String {
    match (text.get(..range.start), text.get(range.end..)) {
        (Some(before), Some(after)) => format!("{before}{with}{after}"),
        // Lower case was of another length.
        _ => text.to_owned(),
    }
}

/// The steps of the workflow that a text names, in its order.
fn mentioned(text: &str, ask: &Ask<'_>) -> Vec<StepId> {
    let mut found: Vec<(usize, StepId)> = Vec::new();
    let lower = text.to_lowercase();
    draft::each_step(ask.workflow.map_or(&[], |workflow| &workflow.steps), &mut |step| {
        if let Some(at) = find_words(&lower, step.id.as_str()) {
            found.push((at, step.id.clone()));
        }
    });
    found.sort();
    found.into_iter().map(|(_, id)| id).collect()
}

/// The things that a text lists.
fn listed(text: &str) -> Vec<String> {
    let first = text.split(['.', '?', '!']).next().unwrap_or(text);
    let first = first.rsplit_once(':').map_or(first, |(_, listed)| listed);
    let list = first.replace(", and ", ", ").replace(" and ", ", ").replace(", or ", ", ").replace(" or ", ", ");
    let things: Vec<String> =
        list.split(", ").map(|thing| thing.trim().to_owned()).filter(|thing| !thing.is_empty()).collect();
    let lowered = |thing: &String| {
        let first = thing.split(' ').next().unwrap_or_default();
        if LEXICON.is("determiner", &first.to_lowercase()) {
            thing.replacen(first, &first.to_lowercase(), 1)
        } else {
            thing.clone()
        }
    };
    if things.len() < 2 { Vec::new() } else { things.iter().map(lowered).collect() }
}
