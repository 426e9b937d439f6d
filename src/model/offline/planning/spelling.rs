//! Slips of the keyboard: a word that nothing is known of, and that is one slip away from a word that is known, is read as that.
//!
//! A slip is two letters the wrong way round, a letter doubled or not, a vowel too many, too few or mistaken; in long words, also a
//! consonant too many or too few. Names, quotations and addresses are left as they are.

use std::collections::HashSet;

use super::cards::Cards;
use super::draft;
use super::lexicon::{LEXICON, stem};
use super::scene::words_of;
use super::slots::SLOTS;
use super::tokens::{What, tokens};
use crate::workflow::Workflow;

/// Words that are not looked at, since shorter ones are one slip from many others.
const SHORTEST: usize = 4;

/// Words that are known beside those of the lexicon.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    words: HashSet<String>,
    stems: HashSet<String>,
}

impl Vocabulary {
    fn knows(&self, word: &str) -> bool {
        self.words.contains(word) || self.stems.contains(&stem(word))
    }
}

impl FromIterator<String> for Vocabulary {
    fn from_iter<I: IntoIterator<Item = String>>(words: I) -> Self {
        let words: HashSet<String> = words.into_iter().collect();
        Self { stems: words.iter().map(|word| stem(word)).collect(), words }
    }
}

/// A request with its slips mended, and what was read as what.
pub(super) fn mended(request: &str, cards: &Cards, workflow: Option<&Workflow>) -> (String, Vec<(String, String)>) {
    let mut own = Vec::new();
    draft::each_step(workflow.map_or(&[], |workflow| &workflow.steps), &mut |step| {
        own.extend(words_of(step.id.as_str()));
        draft::each_text(step, &mut |text| own.extend(words_of(text)));
    });
    read(request, &[cards.vocabulary(), &own.into_iter().collect()])
}

fn read(request: &str, vocabulary: &[&Vocabulary]) -> (String, Vec<(String, String)>) {
    let mut text = String::with_capacity(request.len());
    let mut found = Vec::new();
    let mut at = 0;
    let mut opens = true;
    for token in tokens(request) {
        let place = request[at..].find(&token.text).filter(|_| !token.text.is_empty());
        let Some(place) = place.map(|place| at + place) else { continue };
        let end = place + token.text.len();
        // What begins with a capital within a sentence is a name.
        let is_plain = token.what == What::Word
            && token.text.chars().all(char::is_alphabetic)
            && token.text.chars().skip(1).all(char::is_lowercase)
            && (opens || !token.is_capital());
        let right = if is_plain { right(&token.lower, opens, vocabulary) } else { None };
        text.push_str(&request[at..place]);
        match right {
            Some(right) => {
                text.push_str(&right);
                found.push((token.text.clone(), right));
            }
            None => text.push_str(&token.text),
        }
        opens = !token.is_word();
        at = end;
    }
    text.push_str(&request[at..]);
    (text, found)
}

/// The known word that a word is a slip of, if it is not known itself.
fn right(word: &str, opens: bool, vocabulary: &[&Vocabulary]) -> Option<String> {
    let is_known =
        |word: &str| LEXICON.knows(word) || SLOTS.knows(word) || vocabulary.iter().any(|words| words.knows(word));
    if word.len() < SHORTEST || !word.is_ascii() || is_known(word) {
        return None;
    }
    // A verb is likelier where something begins to be done.
    let verbs = LEXICON.verbs().filter(|verb| opens && slip(word, verb).is_some());
    let verb = verbs.min_by_key(|verb| (slip(word, verb), verb.to_string()));
    if let Some(verb) = verb {
        return Some(verb.to_owned());
    }
    let others = vocabulary
        .iter()
        .flat_map(|words| &words.words)
        .map(String::as_str)
        .chain(LEXICON.known().filter(|known| known.len() > SHORTEST));
    others
        .filter(|other| other.len() >= SHORTEST)
        .filter_map(|other| Some((slip(word, other)?, other)))
        .min()
        .map(|(_, other)| other.to_owned())
}

/// How far a word is from another that it is a slip of, the likelier slips first; `None` if it is none.
fn slip(wrong: &str, right: &str) -> Option<u8> {
    let (wrong, right): (Vec<char>, Vec<char>) = (wrong.chars().collect(), right.chars().collect());
    if wrong.len().abs_diff(right.len()) > 1 || wrong.first() != right.first() {
        return None;
    }
    let before = wrong.iter().zip(&right).take_while(|(one, other)| one == other).count();
    let after = wrong[before..].iter().rev().zip(right[before..].iter().rev()).take_while(|(one, other)| one == other);
    let after = after.count();
    let (ours, theirs) = (&wrong[before..wrong.len() - after], &right[before..right.len() - after]);
    let is_vowel = |c: char| "aeiouy".contains(c);
    let longest = wrong.len().max(right.len());
    match (ours, theirs) {
        ([one, other], [second, first]) if one == first && other == second => Some(0),
        // Another ending makes another word.
        ([_], []) if after == 0 => None,
        ([extra], []) | ([], [extra]) => {
            let is_double =
                before.checked_sub(1).is_some_and(|at| wrong[at] == *extra) || wrong.get(before) == Some(extra);
            match () {
                () if is_double => Some(1),
                () if is_vowel(*extra) && longest >= 6 => Some(2),
                () if longest >= 8 => Some(3),
                () => None,
            }
        }
        ([one], [other]) if is_vowel(*one) && is_vowel(*other) && longest >= 7 => Some(3),
        _ => {
            // `costumer`: two vowels of a long word in each other's place.
            let order =
                |word: &[char], vowels: bool| -> String { word.iter().filter(|c| is_vowel(**c) == vowels).collect() };
            let mut vowels = [order(&wrong, true).chars().collect::<Vec<_>>(), order(&right, true).chars().collect()];
            for vowels in &mut vowels {
                vowels.sort_unstable();
            }
            (longest >= 7 && order(&wrong, false) == order(&right, false) && vowels[0] == vowels[1]).then_some(4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(words: &str) -> Vocabulary {
        words.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn slips_are_mended() {
        let known = vocabulary("page customer calendar environment attachment invoice slack printer contact");
        for (wrong, right) in [
            ("serach the web and fetch the pgae", "search the web and fetch the page"),
            ("Retrive the costumer, then delte it", "retrieve the customer, then delete it"),
            ("shcedule a calender event", "schedule a calendar event"),
            ("recieve an invioce in salck", "receive an invoice in slack"),
            ("udpate the enviroment", "update the environment"),
        ] {
            assert_eq!(read(wrong, &[&known]).0, right);
        }
    }

    #[test]
    fn names_quotations_and_known_words_are_left_alone() {
        let known = vocabulary("page plan contact order");
        for said in [
            "Charge the customer for the pages, then send the contract",
            "tell Serah \"pgae is gone\" at serah@pgae.example",
            "water the plants later and count the crates",
            "form a team of orders",
        ] {
            assert_eq!(read(said, &[&known]), (said.to_owned(), Vec::new()));
        }
    }
}
