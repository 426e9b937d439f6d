//! Verbs with a particle that stands apart: `turn the offer down`, `take it off the list`. They are brought together, as the lexicon
//! has them.

use std::ops::Range;

use super::lexicon::{LEXICON, Meaning};
use super::tokens::{Token, What};

/// The most words that may stand between.
const MOST_BETWEEN: usize = 6;

/// A sentence with its verbs in one word.
pub(super) fn joined(sentence: &[Token]) -> Vec<Token> {
    let mut found = sentence.to_vec();
    let mut at = 0;
    while at < found.len() {
        let opens = at.checked_sub(1).is_none_or(|before| !found[before].is_word());
        if opens && let Some((length, after, verb)) = around(&found[at..]) {
            found.drain(at + after.start..at + after.end);
            found.splice(at..at + length, [Token { at: found[at].at, ..Token::new(verb, What::Word) }]);
        } else if opens && let Some((particle, verb)) = apart(&found[at..]) {
            let particle = at + particle;
            found[at] = Token { at: found[at].at, ..Token::new(&verb, What::Word) };
            // `off the list`: from it.
            if found.get(particle + 1).is_some_and(|next| next.is("determiner")) {
                found[particle] = Token { at: found[particle].at, ..Token::new("from", What::Word) };
            } else {
                found.remove(particle);
            }
        }
        at += 1;
    }
    found
}

/// `let the team know`: how many words come before somebody, those that come after, and the verb.
fn around(tokens: &[Token]) -> Option<(usize, Range<usize>, &'static str)> {
    let says = |words: &[String], tokens: &[Token]| {
        tokens.len() >= words.len()
            && words.iter().zip(tokens).all(|(word, token)| token.lower == *word && token.is_word())
    };
    let end = tokens.iter().position(|token| !token.is_word()).unwrap_or(tokens.len());
    LEXICON.around().iter().filter(|(before, _, _)| says(before, tokens)).find_map(|(before, after, verb)| {
        let most = end.min(before.len() + 1 + MOST_BETWEEN);
        let at = (before.len() + 1..most).find(|at| says(after, &tokens[*at..end]))?;
        Some((before.len(), at..at + after.len(), verb.as_str()))
    })
}

/// Where the particle of a verb is that words begin with, and the verb in one word.
fn apart(tokens: &[Token]) -> Option<(usize, String)> {
    let function = ["determiner", "preposition", "pronoun", "copula", "auxiliary", "negation"];
    let first = tokens.first().filter(|first| first.what == What::Word && !function.iter().any(|set| first.is(set)))?;
    LEXICON.phrases(&first.lower).iter().find_map(|(words, meaning)| {
        let ([_, particle], Meaning::Word(verb)) = (words.as_slice(), meaning) else { return None };
        let end = tokens.iter().position(|token| !token.is_word()).unwrap_or(tokens.len()).min(MOST_BETWEEN + 2);
        let at = (2..end).find(|at| tokens[*at].lower == *particle)?;
        let is_between = tokens[1..at].iter().all(|token| !token.is("preposition"));
        let next = tokens.get(at + 1);
        let ends = next.is_none_or(|next| !next.is_word() || next.is("preposition"))
            || (particle == "off" && next.is_some_and(|next| next.is("determiner")));
        (is_between && ends).then(|| (at, verb.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    #[test]
    fn particles_are_brought_to_their_verbs() {
        for (said, read) in [
            ("take the reader off the list", "remove the reader from the list"),
            ("turn the offer down", "reject the offer"),
            ("look it up in the register", "lookup it in the register"),
            ("call the meeting off", "cancel the meeting"),
            ("pull the leads out of the register", "retrieve the leads of the register"),
            ("let the whole team know by mail", "notify the whole team by mail"),
            ("drop me a line", "message me"),
            ("set the board of the house up", "set the board of the house up"),
            ("take the file to the office", "take the file to the office"),
        ] {
            let words: Vec<String> = joined(&tokens(said)).into_iter().map(|token| token.text).collect();
            assert_eq!(words.join(" "), read);
        }
    }
}
