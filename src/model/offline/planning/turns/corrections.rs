//! Corrections and continuations: one value in the place of another of its kind, or the last clause once more.

use std::ops::Range;

use super::super::grammar::{self, Part};
use super::super::lexicon::LEXICON;
use super::super::slots::SLOTS;
use super::super::tokens::tokens;
use super::super::{Ask, Planned};
use super::{has_deed, is_telling, plain};

/// Words with which one takes back what one said.
pub(super) fn is_correction(words: &[String]) -> bool {
    let opens = words.first().is_some_and(|first| {
        matches!(first.as_str(), "sorry" | "no" | "actually" | "oops" | "rather" | "wait" | "correction")
    });
    opens || words.iter().any(|word| matches!(word.as_str(), "meant" | "mean" | "instead"))
}

/// The request before, with what is corrected.
pub(super) fn corrected(before: &str, said: &str, shown: &str, plan: &dyn Fn(&str) -> Planned) -> Option<String> {
    let words = plain(said);
    if !is_correction(&words) {
        return None;
    }
    if words.contains(&"other".to_owned())
        || words.windows(2).any(|pair| pair[0] == "not" && matches!(pair[1].as_str(), "that" | "this"))
    {
        // The choice that was not taken.
        let taken = plain(shown);
        let question = plan(before).questions.into_iter().find(|question| question.choices.len() > 1)?;
        let is_taken = |label: &str| plain(label).iter().any(|word| is_telling(word) && taken.contains(word));
        let free = question.choices.iter().find(|choice| !is_taken(&choice.label));
        return free.or(question.choices.get(1)).map(|choice| choice.request.clone());
    }
    // `I meant Dutch`, `make it daily instead`: one value in the place of another of its kind.
    let new = marks(said);
    let old = marks(before);
    let mut request = before.trim().to_owned();
    let mut is_changed = false;
    for new in new.iter().rev() {
        let same: Vec<&Mark> = old.iter().filter(|old| old.kind == new.kind).collect();
        if let [old] = same.as_slice()
            && old.text != new.text
            && request.get(old.range.clone()) == before.trim().get(old.range.clone())
        {
            request.replace_range(old.range.clone(), &new.text);
            is_changed = true;
        }
    }
    is_changed.then_some(request)
}

/// Kinds of values that stand in each other's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MarkKind {
    Language,
    Currency,
    Frequency,
    Clock,
    Mail,
    Web,
    Channel,
    Quoted,
    Number,
    Name,
}

#[derive(Debug)]
struct Mark {
    kind: MarkKind,
    text: String,
    range: Range<usize>,
}

/// The values of a text, in order.
fn marks(text: &str) -> Vec<Mark> {
    let text = text.trim();
    let mut found: Vec<Mark> = Vec::new();
    let mut from = 0;
    let mut is_first = true;
    while let Some(start) = text[from..].find(|c: char| !c.is_whitespace()).map(|at| from + at) {
        let rest = &text[start..];
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '“' | '\'' | '‘'));
        let close = quote.map(|open| match open {
            '“' => '”',
            '‘' => '’',
            other => other,
        });
        let quoted = close
            .and_then(|close| rest.char_indices().skip(1).find(|(_, c)| *c == close).map(|(at, c)| at + c.len_utf8()));
        let length = quoted.unwrap_or_else(|| rest.find(char::is_whitespace).unwrap_or(rest.len()));
        let raw = &text[start..start + length];
        let word = if quoted.is_some() {
            raw
        } else {
            raw.trim_matches(|c: char| matches!(c, '.' | ',' | '!' | '?' | ';' | '(' | ')'))
        };
        let offset = raw.find(word).unwrap_or(0);
        let mut range = start + offset..start + offset + word.len();
        from = start + length;
        let lower = word.to_lowercase();
        let next = text[from..].trim_start();
        let next_word: String = next.chars().take_while(|c| c.is_alphanumeric()).collect();
        let kind = if quoted.is_some() {
            Some(MarkKind::Quoted)
        } else if word.contains("://") {
            Some(MarkKind::Web)
        } else if word.contains('@') && word.contains('.') {
            Some(MarkKind::Mail)
        } else if word.starts_with('#') && word.len() > 1 {
            Some(MarkKind::Channel)
        } else if matches!(lower.as_str(), "every" | "each") && is_period(&next_word.to_lowercase()) {
            range.end = text.len() - next.len() + next_word.len();
            from = range.end;
            Some(MarkKind::Frequency)
        } else if matches!(lower.as_str(), "daily" | "weekly" | "monthly" | "hourly" | "yearly" | "quarterly") {
            Some(MarkKind::Frequency)
        } else if SLOTS.language(&lower).is_some() {
            Some(MarkKind::Language)
        } else if SLOTS.currency(&lower).is_some() {
            Some(MarkKind::Currency)
        } else if lower
            .split_once(':')
            .is_some_and(|(hour, minute)| hour.parse::<u32>().is_ok() && minute.parse::<u32>().is_ok())
            || lower
                .strip_suffix("am")
                .or_else(|| lower.strip_suffix("pm"))
                .is_some_and(|hour| hour.parse::<u32>().is_ok())
            || (lower.parse::<u32>().is_ok() && text[..start].trim_end().to_lowercase().ends_with(" at"))
        {
            Some(MarkKind::Clock)
        } else if lower.parse::<f64>().is_ok() || (SLOTS.number(&lower).is_some() && lower != "one") {
            Some(MarkKind::Number)
        } else if !is_first && word.starts_with(char::is_uppercase) && word.len() > 1 {
            Some(MarkKind::Name)
        } else {
            None
        };
        is_first = false;
        let text = text[range.clone()].to_owned();
        found.extend(kind.map(|kind| Mark { kind, text, range }));
    }
    found
}

fn is_period(word: &str) -> bool {
    SLOTS.is("weekdays", word)
        || matches!(
            word,
            "day"
                | "week"
                | "month"
                | "hour"
                | "year"
                | "quarter"
                | "morning"
                | "evening"
                | "night"
                | "weekday"
                | "minute"
                | "afternoon"
        )
}

/// `and then also to legal`: the last clause once more, with another place.
pub(super) fn continued(before: &str, said: &str, ask: &Ask<'_>) -> Option<String> {
    let words = plain(said);
    let joins = |word: &String| {
        matches!(
            word.as_str(),
            "and" | "also" | "then" | "too" | "plus" | "likewise" | "same" | "another" | "as" | "well" | "please"
        )
    };
    let lead = words.iter().take_while(|word| joins(word)).count();
    let preposition = words.get(lead).filter(|word| LEXICON.is("preposition", word))?;
    if lead == 0 || has_deed(said) {
        return None;
    }
    let at = said.to_lowercase().find(&format!("{preposition} "))?;
    let place = said[at..].trim_end_matches(['.', '!']).trim_end_matches(" too").trim_end_matches(',').trim();
    let all = tokens(before.trim().trim_end_matches(['.', '!']));
    let mut clause = None;
    for sentence in grammar::split(&all) {
        for part in grammar::parts(&sentence) {
            if let Part::Do(deed) = part
                && !deed.verbs.is_empty()
            {
                clause = Some(deed.said);
            }
        }
    }
    let clause = clause?;
    let old = clause.to_lowercase().rfind(&format!(" {preposition} "))?;
    let tail = &clause[old + 1..];
    // What leads to something else stays.
    let end = tail
        .match_indices(' ')
        .skip(1)
        .find(|(at, _)| {
            tail[at + 1..].split(' ').next().is_some_and(|word| LEXICON.is("preposition", &word.to_lowercase()))
        })
        .map_or(tail.len(), |(at, _)| at);
    let again = format!("{} {place}{}", &clause[..old], &tail[end..]);
    Some(if ask.workflow.is_some() {
        format!("also {again}")
    } else {
        format!("{}, and then also {again}", before.trim().trim_end_matches(['.', '!']))
    })
}
