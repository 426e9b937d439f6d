//! Parts that a marker begins: conditions, loops, what comes before and after what.

use super::super::condition::{self, Condition};
use super::super::lexicon::{Form, Marker};
use super::super::phrase::{Phrase, phrases};
use super::super::tokens::{Token, What};
use super::ends::{begins_deed, end_of_condition, end_of_deed, is_gerund};
use super::{Part, deed, is_whole, names, two_done};

/// The parts that the marker at a place begins, and how many words after it belong to them. `opens`: nothing was said before.
pub(super) fn marked(marker: Marker, tokens: &[Token], at: usize, opens: bool) -> (Vec<Part>, usize) {
    let rest = &tokens[at + 1..];
    if let Some(part) = alone(marker) {
        return (vec![part], 0);
    }
    match marker {
        Marker::And | Marker::Or | Marker::But | Marker::Because | Marker::Filler => (Vec::new(), 0),
        Marker::If | Marker::Unless | Marker::When => conditional(marker, &tokens[at], rest),
        Marker::ForEach => {
            if let Some((phrase, end)) = names::named(rest) {
                return (vec![Part::Each(phrase)], end);
            }
            let length = end_of_condition(rest);
            let trails = at > 0 && tokens[at - 1].is_word() && !opens;
            (each_and(&rest[..length], rest.get(length).filter(|_| trails)), length)
        }
        // `between this and that`: after this.
        Marker::Between => {
            let length = end_of_deed(rest, false);
            let end = rest[..length].iter().position(|token| token.marker() == Some(Marker::And)).unwrap_or(length);
            (vec![Part::After(deed(&rest[..end]))], length)
        }
        _ => timed(marker, rest, opens),
    }
}

/// `if …`, `unless …`, `when …`
fn conditional(marker: Marker, token: &Token, rest: &[Token]) -> (Vec<Part>, usize) {
    // `every time add a contact, …`: add one.
    let adds = rest
        .first()
        .is_some_and(|next| next.verb().is_some_and(|verb| verb.form == Form::Base) && !next.is("verb_or_noun"));
    if marker == Marker::When && adds {
        return (Vec::new(), 0);
    }
    // `when that is done`: then.
    if let Some(end) = done_so_far(rest).filter(|_| marker == Marker::When) {
        return (vec![Part::Then], end);
    }
    let length = end_of_condition(rest);
    let words = &rest[..length];
    let condition = Condition { only: token.lower.contains("only"), ..condition::read(words) };
    let part = match marker {
        Marker::If => Part::If(condition),
        Marker::Unless => Part::If(condition.negated()),
        // `when the mail has gone out`
        _ => {
            let happens = words.iter().rposition(|token| !(token.is("happening") || token.is("have")));
            Part::When(condition, deed(&words[..happens.map_or(words.len(), |at| at + 1)]))
        }
    };
    (vec![part], length)
}

/// `before …`, `after …`, `instead of …`, `not …`, `except …`
fn timed(marker: Marker, rest: &[Token], opens: bool) -> (Vec<Part>, usize) {
    if let Some(end) = done_so_far(rest).filter(|_| marker == Marker::After) {
        return (vec![Part::Then], end);
    }
    let mut length = end_of_deed(rest, !(marker == Marker::Not && rest.first().is_some_and(is_gerund)));
    if matches!(marker, Marker::Before | Marker::After) {
        length = end_of_time(rest, length, opens);
    }
    // `once the card is created and the board updated`
    if marker == Marker::After
        && let Some((one, other)) = two_done(&rest[..length])
    {
        return (vec![Part::After(one), Part::After(other)], length);
    }
    // `no approval needed anymore`
    let words = rest[..length].iter().rposition(|token| !(token.is("unneeded") || token.is("anymore")));
    let end = words.filter(|_| marker == Marker::Not).map_or(length, |end| end + 1);
    // `before the mail goes out`
    let happens = rest[..end].iter().rposition(|token| !token.is("happening")).map_or(end, |at| at + 1);
    let is_time = matches!(marker, Marker::Before | Marker::After);
    let deed = deed(&rest[..if is_time { happens } else { end }]);
    let part = match marker {
        Marker::Before => Part::Before(deed),
        Marker::After => Part::After(deed),
        Marker::InsteadOf => Part::InsteadOf(deed),
        Marker::Not => Part::Not(deed),
        _ => Part::Except(deed),
    };
    (vec![part], length)
}

/// `that is done`, `this has happened`, before what is done then: where that ends.
fn done_so_far(tokens: &[Token]) -> Option<usize> {
    tokens.first().filter(|first| first.is("pronoun"))?;
    let helpers = tokens[1..].iter().take_while(|token| token.is("copula") || token.is("have")).count();
    tokens.get(1 + helpers).filter(|done| helpers > 0 && done.is("finished"))?;
    let next = tokens.get(2 + helpers);
    let ends = next.is_none_or(|next| !next.is_word() || begins_deed(&tokens[2 + helpers..], false));
    ends.then_some(2 + helpers)
}

/// The part that a marker is by itself, if it says all.
fn alone(marker: Marker) -> Option<Part> {
    Some(match marker {
        Marker::Then => Part::Then,
        Marker::First => Part::First,
        Marker::Last => Part::Last,
        Marker::BeforeThat => Part::BeforeThat,
        Marker::Otherwise => Part::Otherwise,
        Marker::Instead => Part::Instead,
        Marker::Also => Part::Also,
        Marker::InLoop => Part::InLoop,
        Marker::AfterLoop => Part::AfterLoop,
        Marker::Parallel => Part::Parallel,
        _ => return None,
    })
}

/// Where a clause with `before` or `after` ends, which is so long at most.
fn end_of_time(rest: &[Token], length: usize, opens: bool) -> usize {
    // `after the report send a mail`: no comma between.
    let length = if opens { length.min(end_of_condition(rest)) } else { length };
    // `as soon as it exists, two more`
    let comma = rest[..length].iter().position(|token| token.what == What::Comma);
    comma.filter(|comma| is_whole(&rest[..*comma])).unwrap_or(length)
}

/// The parts for `for each`. In `a message for each topic and a mail` only the first is for each.
fn each_and(words: &[Token], next: Option<&Token>) -> Vec<Part> {
    let mut phrase = phrases(words).into_iter().next().unwrap_or_default();
    // `to each of the teams`: each team.
    if phrase.words.is_empty()
        && let [(of, inner)] = phrase.places.as_slice()
        && of == "of"
    {
        phrase = inner.clone();
    }
    let each = Part::Each(Phrase { each: true, ..phrase });
    match next {
        Some(next) if next.marker() == Some(Marker::And) => vec![each, Part::Also],
        _ => vec![each],
    }
}
