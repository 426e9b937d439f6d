//! Whether two statements that are put alike are about different things: `the warehouse in Tallinn` and `the warehouse in
//! Oslo`. Then their figures may differ.

use super::dates;
use super::table::subsequence;
use super::words::{Token, Words, names, tokens};

/// What follows who says it, and not what it is said of: `Finance says that the outage …`
const REPORTING: [&str; 2] = ["that", "dass"];

/// Whether each of two statements has a name that the other lacks, or words before its figure in the place where the other
/// has other words, or counts something that the other does not speak of. If only one of them has more, it may be the same thing told in more detail.
pub(super) fn are_different(one: &str, other: &str, words: &Words) -> bool {
    (has_name_besides(one, other, words) && has_name_besides(other, one, words))
        || are_labelled(one, other, words)
        || (counts_besides(one, other, words) && counts_besides(other, one, words))
}

/// Whether the first figure of a statement that the other does not have is of something that the other does not speak
/// of: euros, where the other counts conversations.
fn counts_besides(one: &str, other: &str, words: &Words) -> bool {
    /// What may stand between a figure and what it counts.
    const BETWEEN: [&str; 10] = ["of", "the", "all", "von", "der", "den", "dem", "thousand", "million", "billion"];
    let theirs = dates::figures_besides(other);
    let Some(figure) = dates::figures_besides(one).into_iter().find(|figure| !theirs.contains(figure)) else {
        return false;
    };
    let after = tokens(one).map(|token| token.text).skip_while(|word| *word != figure).skip(1);
    let Some(counted) = after.into_iter().find(|word| !BETWEEN.contains(&word.as_str())) else { return false };
    let spoken_of = words.stems(other);
    let stems = words.stems(&counted);
    counted.chars().all(char::is_alphabetic) && !stems.is_empty() && !stems.iter().any(|stem| spoken_of.contains(stem))
}

fn has_name_besides(one: &str, other: &str, words: &Words) -> bool {
    let theirs = words.stems(other);
    let written: Vec<&str> = tokens(other).map(|token| token.written(other)).collect();
    let all: Vec<Token> = tokens(one).collect();
    let names = names(one);
    (0..all.len()).any(|at| {
        let (text, name) = (all[at].text.as_str(), all[at].written(one));
        let is_number = |at: Option<usize>| {
            at.and_then(|at| all.get(at)).is_some_and(|token| token.text.starts_with(|c: char| c.is_ascii_digit()))
        };
        // The month of a date tells when it was so.
        let is_of_date = dates::month(text).is_some() && (is_number(at.checked_sub(1)) || is_number(Some(at + 1)));
        if !name.starts_with(char::is_uppercase) || is_of_date || !names.iter().any(|name| name == text) {
            return false;
        }
        // `hall A`, `the US`, `in May`: as words they would mean nothing, or something else.
        if name.chars().all(char::is_uppercase) || dates::month(text).is_some() {
            return !written.contains(&name);
        }
        let stems = words.stems(text);
        !stems.is_empty() && !stems.iter().any(|stem| theirs.contains(stem))
    })
}

/// Whether, before the first figure in which they differ, two statements have words in common that have other words before
/// them in each. What stands right before the figure only leads to it: `holds`, `came to`.
fn are_labelled(one: &str, other: &str, words: &Words) -> bool {
    let (Some(mine), Some(theirs)) = (before_figure(one, other), before_figure(other, one)) else { return false };
    // A date tells when it was so.
    let has_besides = |gap: &[String], other: &[String]| {
        let is_date = gap.iter().any(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        !is_date && words.stems(&gap.join(" ")).iter().any(|stem| !other.contains(stem))
    };
    let (in_one, in_other) = (words.stems(one), words.stems(other));
    let (mut left, mut right) = (mine.as_slice(), theirs.as_slice());
    for word in subsequence(&mine, &theirs) {
        let at = |side: &[String]| side.iter().position(|own| *own == word).unwrap_or_default();
        let (i, j) = (at(left), at(right));
        let reports = REPORTING.contains(&word.as_str());
        if !reports && has_besides(&left[..i], &in_other) && has_besides(&right[..j], &in_one) {
            return true;
        }
        (left, right) = (&left[i + 1..], &right[j + 1..]);
    }
    false
}

/// The words of a statement before its first figure that the other does not have, in lower case.
fn before_figure(one: &str, other: &str) -> Option<Vec<String>> {
    let theirs = dates::figures_besides(other);
    let figure = dates::figures_besides(one).into_iter().find(|figure| !theirs.contains(figure))?;
    let before = tokens(one).map(|token| token.text).take_while(|word| *word != figure);
    Some(before.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_with_names_or_labels_of_their_own_are_about_different_things() {
        for (one, other, different) in [
            ("The warehouse in Tallinn holds 40 robots.", "The warehouse in Oslo holds 33 robots.", true),
            ("Some 40 robots stand in Tallinn.", "Some 33 robots stand in Oslo.", true),
            ("Tallinn holds 40 robots in all.", "Oslo holds 33 robots in all.", true),
            ("Hall A of the depot holds 40 robots.", "Hall B of a depot holds 33 robots.", true),
            ("The warehouse in the US holds 40 robots.", "The warehouse in the UK holds 33 robots.", true),
            ("The small box costs 12 euros.", "The large box costs 14 euros.", true),
            ("The outage in March cost 41,200 euros.", "The outage in May cost 45,000 euros.", true),
            ("Das Lager in Tallinn fasst 40 Roboter.", "Das Lager in Oslo fasst 33 Roboter.", true),
            (
                "The checkout outage of 14 March 2026 cost Harbour & Pine about 27,400 euros.",
                "612 of the conversations in March were about the checkout outage of 14 March.",
                true,
            ),
            ("The depot holds 40 picking robots.", "The depot holds 52 robots.", false),
            ("The warehouse in Tallinn holds 40 robots.", "The warehouse in Tallinn holds 52 robots.", false),
            ("The warehouse in Tallinn holds 40 robots.", "The warehouse stores 52 robots in Tallinn.", false),
            ("The warehouse in Tallinn holds 40 robots.", "The warehouse holds 52 robots.", false),
            ("In Tallinn 40 robots are held.", "Tallinn's warehouse holds 52 robots.", false),
            ("On 4 March 2024 it held 40 robots.", "On 9 June 2026 it held 52 robots.", false),
            ("Finance says that the outage cost 45,000 euros.", "Support thinks that the outage cost 9 euros.", false),
            (
                "The outage in March cost 27,400 euros in refunds to hotel guests.",
                "Refunds to hotel guests came to 31,000 euros.",
                false,
            ),
        ] {
            let words = Words::of(one);
            assert_eq!(are_different(one, other, &words), different, "{one} {other}");
            assert_eq!(are_different(other, one, &words), different, "{other} {one}");
        }
    }
}
