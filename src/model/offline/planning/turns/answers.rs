//! Answers: what was chosen, and the request with it where the question came from.

use super::super::grammar::{self, Part};
use super::super::lexicon::{LEXICON, stem};
use super::super::tokens::tokens;
use super::super::{Planned, Role, Turn};
use super::corrections::is_correction;
use super::{has_deed, is_telling, ordinal, plain, question, strip};

/// The most questions in a row whose answers are put together.
const MOST_ANSWERS: usize = 6;

/// An answer to a question, with what it chose.
pub(super) struct Answer {
    question: String,
    said: String,
    /// The option that was chosen, whole, if the question has options.
    chosen: Option<String>,
}

impl Answer {
    /// Reads what was said as an answer, if it is one.
    pub(super) fn read(question: &str, said: &str) -> Option<Self> {
        let options = options(question);
        let words = plain(said);
        let stems: Vec<String> = words.iter().map(|word| stem(word)).collect();
        let ordinal = ordinal(&words).filter(|_| words.len() <= 6).and_then(|at| at.of(&options));
        let is_in = |option: &&String| plain(option).iter().any(|word| is_telling(word) && stems.contains(&stem(word)));
        let named: Vec<&String> = options.iter().filter(is_in).collect();
        // `before it`, `after it`
        let begun =
            options.iter().find(|option| words.first().is_some_and(|first| plain(option).first() == Some(first)));
        let has_deed = has_deed(said);
        let chosen = match (ordinal, named.as_slice(), begun) {
            (Some(option), _, _) => Some(option),
            (None, [one], _) => Some((*one).clone()),
            (None, _, Some(begun))
                if LEXICON.is("preposition", &words[0]) || matches!(words[0].as_str(), "before" | "after") =>
            {
                Some(begun.clone())
            }
            _ => None,
        };
        let is_answer =
            !has_deed && !words.is_empty() && words.len() <= 14 && (chosen.is_some() || !is_correction(&words));
        is_answer.then(|| Self {
            question: question.to_owned(),
            said: said.trim_end_matches(['.', '!']).to_owned(),
            chosen,
        })
    }
}

/// What a question lets one choose between.
fn options(question: &str) -> Vec<String> {
    let listed = question.rsplit_once(':').map(|(_, listed)| listed);
    let text = listed.unwrap_or(question).trim();
    let Some((left, right)) = text.rsplit_once(" or ") else { return Vec::new() };
    if listed.is_none() {
        // `… before or after the warning is posted`: what follows belongs to both.
        let one = left.rsplit(' ').next().unwrap_or(left);
        let (other, rest) = right.split_once(' ').unwrap_or((right, ""));
        if LEXICON.is("preposition", one) || matches!(one, "before" | "after") {
            return vec![format!("{one} {rest}"), format!("{other} {rest}")];
        }
    }
    let mut options: Vec<String> =
        left.split(", ").map(|option| option.trim_end_matches(',').trim().to_owned()).collect();
    options.push(right.trim().to_owned());
    options.retain(|option| !option.is_empty());
    options
}

/// The request that questions were asked about, with all the answers put where they belong.
pub(super) fn answered(turns: &[Turn], answer: &Answer, plan: &dyn Fn(&str) -> Planned) -> Option<String> {
    let mut answers: Vec<Answer> = Vec::new();
    let mut base = None;
    let mut at = turns.len().checked_sub(1)?;
    for _ in 0..MOST_ANSWERS {
        // The person's turn before the question.
        let said = turns[..at].iter().rposition(|turn| turn.role == Role::User)?;
        let asked = said.checked_sub(1).filter(|asked| turns[*asked].role.is_callboard());
        let earlier = asked
            .and_then(|asked| question(&turns[asked].text))
            .and_then(|question| Answer::read(&question, &turns[said].text));
        base = Some(turns[said].text.clone());
        let (Some(earlier), Some(asked)) = (earlier, asked) else { break };
        answers.insert(0, earlier);
        at = asked;
    }
    let mut request = base?;
    for answer in answers.iter().chain(std::iter::once(answer)) {
        request = put(&request, answer, plan);
    }
    Some(request)
}

/// A request with an answer in it.
fn put(request: &str, answer: &Answer, plan: &dyn Fn(&str) -> Planned) -> String {
    let wanted = answer.chosen.as_deref().unwrap_or(&answer.said);
    let named = plain(wanted);
    // A choice says itself what it means.
    for question in plan(request).questions {
        let is_meant = |label: &str| {
            let label = plain(label);
            !label.is_empty() && label.iter().filter(|word| is_telling(word)).all(|word| named.contains(word))
        };
        if let Some(choice) = question.choices.iter().find(|choice| is_meant(&choice.label)) {
            let more = more_than(&answer.said, &choice.label);
            return match more {
                Some(more) => insert(&choice.request, &more, &answer.question),
                None => choice.request.clone(),
            };
        }
    }
    // `before`, for `before the visit is booked`
    let is_short = plain(&answer.said).iter().all(|word| named.contains(word));
    let said = if answer.chosen.is_some() && (is_short || has_reference(&answer.said)) { wanted } else { &answer.said };
    insert(request, &as_phrase(said), &answer.question)
}

fn has_reference(said: &str) -> bool {
    let words = plain(said);
    ordinal(&words).is_some() || words.iter().any(|word| LEXICON.is("pronoun", word))
}

/// What an answer says beyond the option that it chose: `Huddle, in the channel lobby`.
fn more_than(said: &str, label: &str) -> Option<String> {
    let rest = strip(said, label)?.trim_start_matches([',', ' ', ':']).trim();
    (!rest.is_empty()).then(|| rest.to_owned())
}

/// Words that can follow a clause: with a preposition before a name.
fn as_phrase(said: &str) -> String {
    let said = said.replace(',', "");
    let first = plain(&said).into_iter().next().unwrap_or_default();
    if LEXICON.is("preposition", &first)
        || matches!(first.as_str(), "before" | "after" | "every" | "when" | "if" | "only")
    {
        let mut letters = said.chars();
        letters.next().map(|c| c.to_lowercase().chain(letters).collect()).unwrap_or_default()
    } else {
        format!("with {said}")
    }
}

/// Puts words at the end of the clause that a question is about.
fn insert(request: &str, words: &str, question: &str) -> String {
    let trimmed = request.trim().trim_end_matches(['.', '!']);
    // A place in the order of steps is said of the sentence.
    let asked: Vec<String> = plain(question).iter().filter(|word| is_telling(word)).map(|word| stem(word)).collect();
    let all = tokens(trimmed);
    let mut clauses: Vec<String> = Vec::new();
    for sentence in grammar::split(&all) {
        for part in grammar::parts(&sentence) {
            if let Part::Do(deed) = part {
                clauses.push(deed.said);
            }
        }
    }
    let weight =
        |clause: &String| plain(clause).iter().filter(|word| is_telling(word) && asked.contains(&stem(word))).count();
    let best = clauses.iter().map(weight).max().unwrap_or(0);
    let clause = clauses.iter().find(|clause| weight(clause) == best);
    let end =
        clause.and_then(|clause| trimmed.find(clause.as_str()).map(|at| at + clause.len())).unwrap_or(trimmed.len());
    format!("{} {words}{}", trimmed[..end].trim_end(), &trimmed[end..])
}
