//! Things that are named one by one: `for each of Bern, Basel and Chur`, `for the towns Bern and Basel: …`.

use super::super::lexicon::Marker;
use super::super::phrase::Phrase;
use super::super::tokens::{Token, What};

/// The most that are read as such.
const MOST: usize = 50;

/// What is named one by one at the beginning of words, and where that ends. A noun may come before: `the towns`, `the following towns:`.
pub(super) fn named(tokens: &[Token]) -> Option<(Phrase, usize)> {
    let skipped = tokens.iter().take_while(|token| says_that_names_follow(token)).count();
    let nouns = tokens[skipped..].iter().take_while(|token| is_noun(token)).count();
    let colon = usize::from(nouns > 0 && matches!(tokens.get(skipped + nouns)?.what, What::Comma | What::Colon));
    let start = skipped + nouns + colon;
    let mut names: Vec<String> = Vec::new();
    let mut at = start;
    loop {
        let length = tokens[at..].iter().take_while(|token| is_name(token)).count();
        // Quotations stand side by side, words of a name make one.
        let name = &tokens[at..at + length];
        if name.is_empty() {
            break;
        }
        names.push(name.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" "));
        at += length;
        let joints = tokens[at..].iter().take_while(|token| is_joint(token)).count();
        // What comes after the last is no name.
        let goes_on = joints > 0 && tokens.get(at + joints).is_some_and(is_name) && names.len() < MOST;
        if !goes_on {
            break;
        }
        at += joints;
    }
    let words = tokens[skipped..skipped + nouns].to_vec();
    (names.len() > 1).then(|| (Phrase { words, names, each: true, plural: true, ..Phrase::default() }, at))
}

fn is_joint(token: &Token) -> bool {
    matches!(token.what, What::Comma | What::Marker(Marker::And | Marker::Or))
}

fn is_name(token: &Token) -> bool {
    matches!(token.what, What::Quoted | What::Address) || (token.is_capital() && !token.is("determiner"))
}

fn is_noun(token: &Token) -> bool {
    token.what == What::Word
        && !token.is_capital()
        && super::super::phrase::is_plural(&token.lower)
        && !super::ends::is_function_word(token)
}

fn says_that_names_follow(token: &Token) -> bool {
    token.is("determiner")
        || token.is("all")
        || matches!(token.lower.as_str(), "of" | "following" | "two" | "three" | "four" | "five" | "both")
}
