//! Earlier turns: what was said before counts where a request cannot be read by itself.
//!
//! An answer is put where its question came from, a correction in the place of what it corrects, `it` and `the former` become what
//! they stand for, and `and to legal, too` becomes a whole request. What comes of it is a request that means the same without
//! its turns, so that nothing that plans has to know of them.

mod answers;
mod corrections;
mod facts;
mod referents;

use super::grammar::{self, Part};
use super::lexicon::LEXICON;
use super::tokens::tokens;
use super::{Ask, Planned, Role};
use answers::{Answer, answered};
use corrections::{continued, corrected};
pub(super) use facts::Facts;
use referents::with_referents;

/// What a request means after what was said before.
#[derive(Debug, PartialEq)]
pub(super) enum Meant {
    /// Just what it says.
    AsSaid,
    /// The same as this request.
    Same(String),
    /// That nothing is to be done.
    Nothing,
}

/// Reads a request after its turns. `plan` plans another request without them.
pub(super) fn meant(ask: &Ask<'_>, plan: &dyn Fn(&str) -> Planned) -> Meant {
    let said = ask.request.trim();
    if is_refusal(said) {
        return Meant::Nothing;
    }
    let Some(last) = ask.turns.last().filter(|turn| turn.role.is_callboard()) else { return Meant::AsSaid };
    let question = question(&last.text);
    if let Some(offer) = question.as_deref().and_then(offer) {
        if is_yes(said) {
            return Meant::Same(with_referents(&offer, ask).unwrap_or(offer));
        }
        if is_no(said) {
            return Meant::Nothing;
        }
    }
    if let Some(question) = &question
        && let Some(answer) = Answer::read(question, said)
        && let Some(request) = answered(ask.turns, &answer, plan)
    {
        return Meant::Same(request);
    }
    let before = ask.turns.iter().rev().find(|turn| turn.role == Role::User).map(|turn| turn.text.as_str());
    if let Some(before) = before
        && let Some(request) = corrected(before, said, &last.text, plan).or_else(|| continued(before, said, ask))
    {
        return Meant::Same(request);
    }
    with_referents(said, ask).map_or(Meant::AsSaid, Meant::Same)
}

/// The question that a text ends with.
fn question(text: &str) -> Option<String> {
    let text = text.trim();
    let inside = text.strip_suffix('?')?;
    let start = inside.rfind(['.', '!', '?', '\n']).map_or(0, |at| at + 1);
    let question = inside[start..].trim();
    // `And how …?`
    let question = ["and ", "so ", "then ", "but "].iter().find_map(|joint| strip(question, joint)).unwrap_or(question);
    (!question.is_empty()).then(|| question.to_owned())
}

/// A text without what it begins with, whatever its case.
fn strip<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

const OFFERS: [&str; 7] =
    ["shall i ", "should i ", "do you want me to ", "would you like me to ", "may i ", "am i to ", "do i "];

/// What is offered by a question that a `yes` answers.
fn offer(question: &str) -> Option<String> {
    let offered = OFFERS.iter().find_map(|words| strip(question, words))?;
    (!offered.contains(" or ")).then(|| offered.to_owned())
}

/// The words of a text in lower case.
fn plain(text: &str) -> Vec<String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’'))
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().replace('’', "'"))
        .collect()
}

const YES: [&str; 15] = [
    "yes",
    "yep",
    "yeah",
    "sure",
    "ok",
    "okay",
    "do",
    "go",
    "right",
    "fine",
    "please",
    "exactly",
    "correct",
    "absolutely",
    "ahead",
];
const NO: [&str; 8] = ["no", "nope", "not", "don't", "dont", "never", "nah", "neither"];
/// What may stand beside yes or no without saying more.
const BESIDES: [&str; 22] = [
    "please", "do", "it", "that", "so", "thanks", "thank", "you", "ahead", "go", "keep", "leave", "as", "is", "them",
    "this", "alone", "i", "want", "to", "the", "step",
];

fn is_yes(said: &str) -> bool {
    let words = plain(said);
    words.first().is_some_and(|first| YES.contains(&first.as_str()))
        && words.iter().all(|word| YES.contains(&word.as_str()) || BESIDES.contains(&word.as_str()))
        && !words.iter().any(|word| matches!(word.as_str(), "keep" | "leave"))
}

fn is_no(said: &str) -> bool {
    let words = plain(said);
    let begins =
        words.first().is_some_and(|first| NO.contains(&first.as_str()) || matches!(first.as_str(), "keep" | "leave"));
    begins && words.iter().all(|word| NO.contains(&word.as_str()) || BESIDES.contains(&word.as_str()))
}

/// `no, leave everything as it is`
fn is_refusal(said: &str) -> bool {
    let words = plain(said);
    let all = |word: &String| {
        NO.contains(&word.as_str())
            || BESIDES.contains(&word.as_str())
            || matches!(
                word.as_str(),
                "everything"
                    | "change"
                    | "anything"
                    | "are"
                    | "they"
                    | "workflow"
                    | "now"
                    | "just"
                    | "nothing"
                    | "was"
                    | "like"
            )
    };
    let leaves =
        words.windows(2).any(|pair| {
            matches!(pair[0].as_str(), "leave" | "keep")
                && matches!(pair[1].as_str(), "everything" | "it" | "them" | "this" | "that")
        }) || words.windows(2).any(|pair| pair[0] == "change" && matches!(pair[1].as_str(), "anything" | "nothing"));
    leaves
        && words.iter().all(all)
        && (words.iter().any(|word| word == "everything" || word == "change" || word == "as"))
}

/// True for a word by which one option is told from another.
fn is_telling(word: &str) -> bool {
    word.len() > 1
        && ["determiner", "preposition", "pronoun", "copula", "auxiliary"].iter().all(|set| !LEXICON.is(set, word))
}

/// True if something is to be done by what was said: it begins with a verb.
fn has_deed(said: &str) -> bool {
    let all = tokens(said);
    let verbs = |part: &Part| matches!(part, Part::Do(deed) | Part::Not(deed) if !deed.verbs.is_empty());
    grammar::split(&all).iter().any(|sentence| grammar::parts(sentence).iter().any(verbs))
}

/// A place in a list of what was said.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ordinal {
    At(usize),
    Last,
}

impl Ordinal {
    fn of<T: Clone>(self, list: &[T]) -> Option<T> {
        match self {
            Self::At(at) => list.get(at).cloned(),
            Self::Last => list.last().cloned(),
        }
    }
}

fn ordinal(words: &[String]) -> Option<Ordinal> {
    words.iter().find_map(|word| match word.as_str() {
        "first" | "former" => Some(Ordinal::At(0)),
        "second" => Some(Ordinal::At(1)),
        "third" => Some(Ordinal::At(2)),
        "latter" | "last" => Some(Ordinal::Last),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
