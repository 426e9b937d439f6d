//! What is to stay as it is, and what `it`, `that step` and `those` stand for within a sentence.

use super::super::grammar::{Deed, Part};
use super::super::lexicon::LEXICON;
use super::super::scene::Scene;
use super::super::tokens::Token;

impl Scene<'_> {
    /// A sentence without what is only said to stay, with what its pronouns stand for.
    pub(super) fn with_what_is_meant(&self, parts: &[Part]) -> Vec<Part> {
        let denies = parts.iter().any(|part| matches!(part, Part::Not(_)));
        let mut found = Vec::new();
        for part in parts {
            match part {
                Part::Do(deed) if keeps(deed) && (denies || says_as_it_is(deed)) => {
                    // `those that are new should be left alone; remove the steps for those`
                    let conditions = deed.objects.iter().flat_map(|phrase| &phrase.conditions);
                    found.extend(conditions.filter(|_| !denies).cloned().map(Part::If));
                }
                // `we no longer call, strike that step`
                Part::Do(deed) if denies && removes(deed) && only_points(&deed.words) => {}
                Part::Not(deed) => found.push(Part::Not(self.with_its_object(deed, parts))),
                Part::InsteadOf(deed) => found.push(Part::InsteadOf(self.with_its_object(deed, parts))),
                other => found.push(other.clone()),
            }
        }
        found
    }
}

fn keeps(deed: &Deed) -> bool {
    deed.verb().is_some_and(|verb| LEXICON.edits("keep", &verb.base))
}

fn removes(deed: &Deed) -> bool {
    deed.verb().is_some_and(|verb| LEXICON.edits("remove", &verb.base))
}

/// `leave it alone`, `keep the rest`
fn says_as_it_is(deed: &Deed) -> bool {
    let is_same = |word: &Token| {
        matches!(word.lower.as_str(), "alone" | "untouched" | "unchanged" | "rest" | "others" | "everything" | "as")
    };
    let said = deed.said.to_lowercase();
    deed.words.iter().any(is_same) || [" as it is", " as they are", " as is"].iter().any(|same| said.ends_with(same))
}

/// `that step`, `those two steps`, `it`
fn only_points(words: &[Token]) -> bool {
    let points = |word: &Token| {
        word.is("determiner")
            || word.is("pronoun")
            || word.is("step")
            || LEXICON.number(&word.lower).is_some()
            || word.lower.parse::<u32>().is_ok()
            || word.is("plain")
    };
    !words.is_empty() && words.iter().filter(|word| word.is_word()).all(points)
}
