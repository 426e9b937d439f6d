//! One of several that is told apart: `for an order that is paid …, for the others …`.

use super::super::phrase::{Phrase, phrases};
use super::super::tokens::{Token, What};
use super::ends::{begins_deed, end_of_condition};

/// `for those that are open`, `for a claim above 50`, `for the others`, before what is done for them: of which, and where that ends.
pub(super) fn case(tokens: &[Token]) -> Option<(Phrase, usize)> {
    tokens.first().filter(|first| first.what == What::Word && first.lower == "for")?;
    let length = end_of_condition(&tokens[1..]);
    let phrase = phrases(&tokens[1..=length]).into_iter().next()?;
    let follows = begins_deed(&tokens[1 + length..], false);
    let tells = is_the_rest(&phrase) || (!phrase.conditions.is_empty() && phrase.places.is_empty());
    (follows && tells).then_some((Phrase { each: true, ..phrase }, length))
}

/// `the others`, `any other status`, `the rest`
pub(in super::super) fn is_the_rest(phrase: &Phrase) -> bool {
    phrase
        .words
        .first()
        .is_some_and(|first| matches!(first.lower.as_str(), "other" | "others" | "rest" | "remainder" | "remaining"))
}
