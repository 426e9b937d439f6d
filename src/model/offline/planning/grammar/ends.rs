//! Where what is done begins and ends, and where a condition does.

use super::super::lexicon::{Form, LEXICON, Marker};
use super::super::tokens::{Token, What};

pub(super) fn is_gerund(token: &Token) -> bool {
    token.verb().is_some_and(|verb| matches!(verb.form, Form::Gerund))
}

/// True if words begin with a verb that says what is to be done.
pub(in super::super) fn begins_deed(tokens: &[Token], gerunds: bool) -> bool {
    let rest = skip_joints(tokens);
    let Some(first) = rest.first() else { return false };
    if first
        .marker()
        .is_some_and(|marker| !matches!(marker, Marker::And | Marker::Or | Marker::Except | Marker::Because))
    {
        return true;
    }
    // `you send`, `it creates`, `to create`
    let rest = match first.lower.as_str() {
        "it" | "we" | "you" | "i" | "they" | "to"
            if rest
                .get(1)
                .is_some_and(|next| next.verb().is_some() || (first.lower == "to" && next.lower == "have")) =>
        {
            &rest[1..]
        }
        _ => rest,
    };
    // `and they should be sent`
    if rest.len() > 2 && first.is("pronoun") && super::deeds::passive(rest).is_some_and(|(verb, _, _)| verb.is_some()) {
        return true;
    }
    // `be moved to the archive`, after what else is done with it
    if let [be, done, ..] = rest
        && be.lower == "be"
        && done.verb().is_some_and(|verb| verb.form == Form::Past)
    {
        return true;
    }
    // `have it printed`
    if rest.len() > 2
        && matches!(rest[0].lower.as_str(), "have" | "get")
        && (rest[1].is("pronoun") || rest[1].is("determiner") || rest[1].is("all"))
    {
        let end = rest.iter().skip(2).position(|token| !token.is_word()).map_or(rest.len(), |end| end + 2);
        if rest[2..end].iter().any(|token| token.lower.ends_with("ed")) {
            return true;
        }
    }
    if super::asked::asks(rest).is_some() {
        return true;
    }
    let Some(verb) = rest.first().and_then(Token::verb) else {
        // A verb that nothing is known of, before what it is done to.
        // `hand over the keys`
        let particle = rest.len() > 2
            && matches!(rest[1].lower.as_str(), "over" | "out" | "up" | "down" | "off" | "back" | "away")
            && (rest[2].is("determiner") || rest[2].is("pronoun"));
        return rest.len() > 1
            && rest[0].what == What::Word
            && !is_function_word(&rest[0])
            && (particle
                || rest[1].is("possessive")
                || rest[1].lower == "the"
                || (rest[1].is("pronoun") && rest.get(2).is_none_or(|after| !after.is("copula"))));
    };
    match verb.form {
        Form::Base => {}
        Form::Gerund => return gerunds,
        Form::Third if !LEXICON.is("verb_or_noun", &verb.base) => {}
        _ => return false,
    }
    if !LEXICON.is("verb_or_noun", &verb.base) {
        return true;
    }
    // A word that is a noun as often is a verb before what it is done with.
    rest.get(1).is_some_and(|next| {
        let opens = next.is("determiner")
            || next.is("all")
            || next.is("new")
            || next.is("pronoun")
            || matches!(next.what, What::Quoted | What::Address);
        let towards = next.is_word()
            && (matches!(next.lower.as_str(), "to" | "on" | "for" | "about")
                || (verb.base == "post" && next.lower == "in"));
        let thing = next.what == What::Word
            && !next.is("preposition")
            && !next.is("copula")
            && !next.is("auxiliary")
            && !next.is("have");
        opens
            || towards
            || thing
            || (next.marker() == Some(Marker::And)
                && rest
                    .get(2)
                    .is_some_and(|after| after.verb().is_some_and(|verb| !LEXICON.is("verb_or_noun", &verb.base))))
            || (next.marker() == Some(Marker::ForEach))
    })
}

pub(super) fn skip_joints(tokens: &[Token]) -> &[Token] {
    let skipped = tokens.iter().take_while(|token| {
        matches!(token.what, What::Comma | What::Colon | What::Marker(Marker::And | Marker::But | Marker::Also))
            || token.is("filler")
    });
    &tokens[skipped.count()..]
}

/// True if a part of its own begins with this token.
fn opens_part(token: &Token) -> bool {
    token.marker().is_some_and(|marker| {
        !matches!(marker, Marker::And | Marker::Or | Marker::But | Marker::Also | Marker::Parallel | Marker::Because)
    })
}

pub(super) fn is_joint(token: &Token) -> bool {
    matches!(token.what, What::Comma | What::Colon | What::Marker(Marker::And | Marker::But))
}

/// Where a deed ends that begins before these tokens.
pub(super) fn end_of_deed(tokens: &[Token], gerunds: bool) -> usize {
    (0..tokens.len())
        .find(|at| {
            let token = &tokens[*at];
            opens_part(token)
                || matches!(token.marker(), Some(Marker::Also | Marker::Parallel))
                || (is_joint(token) && begins_deed(&tokens[at + 1..], gerunds))
                || (is_joint(token) && super::cases::case(&tokens[at + 1..]).is_some())
                || (is_joint(token) && is_done_too(&tokens[..*at], &tokens[at + 1..]))
                // `list the tasks, sending a message for each`
                || (token.what == What::Comma && begins_deed(&tokens[at + 1..], true) && tokens.get(at + 1).is_some_and(|next| !next.is("no_doing")))
        })
        .unwrap_or(tokens.len())
}

/// `a badge has to be printed and a task must be made`: two that are done.
fn is_done_too(before: &[Token], rest: &[Token]) -> bool {
    let helps = |token: &Token| ["auxiliary", "modal", "copula", "have"].iter().any(|set| token.is(set));
    let end = rest.iter().position(is_joint).unwrap_or(rest.len());
    let relative = rest.first().is_none_or(|first| matches!(first.lower.as_str(), "which" | "that" | "who" | "whose"));
    let obliges = rest[..end]
        .iter()
        .any(|token| token.is("modal") || token.is("auxiliary") || matches!(token.lower.as_str(), "get" | "gets"));
    (before.iter().any(helps) || end < 7)
        && !relative
        && obliges
        && super::deeds::passive(&rest[..end]).is_some_and(|(verb, _, _)| verb.is_some())
}

/// Where a condition or a loop's phrase ends, so that what is to be done begins.
pub(super) fn end_of_condition(tokens: &[Token]) -> usize {
    let mut seen_words = 0;
    for (at, token) in tokens.iter().enumerate() {
        let rest = &tokens[at + 1..];
        // `… there is no need to`; `is no longer open` goes on.
        let denies = ["there ", "do", "no need", "we ", "you ", "i ", "skip", "avoid", "stop"];
        let denies = token.marker() == Some(Marker::Not)
            && seen_words > 1
            && denies.iter().any(|begins| token.lower.starts_with(begins));
        // `… somebody should call`; `… 'expired' renegotiate it`
        let somebody = seen_words > 0 && token.is("somebody") && rest.first().is_some_and(|next| next.is("modal"));
        let unknown = at > 0
            && matches!(tokens[at - 1].what, What::Quoted | What::Number)
            && token.what == What::Word
            && !is_function_word(token)
            && token.verb().is_none()
            && rest.first().is_some_and(|next| next.is("pronoun") || next.is("determiner"));
        // `… nothing has to be done`
        let nothing = seen_words > 1
            && matches!(token.lower.as_str(), "nothing" | "nobody")
            && rest
                .first()
                .is_some_and(|next| next.is("modal") || next.is("auxiliary") || next.is("copula") || next.is("have"));
        if denies || somebody || unknown || nothing {
            return at;
        }
        if opens_part(token) && (token.marker() != Some(Marker::Not)) {
            // `before` and `after` compare times within a condition; `per` and the like stay where they are.
            return at;
        }
        match token.what {
            What::Comma => {
                // A comma of a list: `open, pending or closed`.
                let next_joint = rest.iter().position(|token| is_joint(token) || token.marker() == Some(Marker::Or));
                let list = next_joint.is_some_and(|joint| {
                    joint <= 2
                        && (rest[joint].marker() == Some(Marker::Or)
                            || rest[joint..].iter().any(|token| token.marker() == Some(Marker::Or)))
                        && !begins_deed(rest, false)
                });
                if !list {
                    return at;
                }
            }
            What::Marker(Marker::Also) if begins_deed(rest, false) && seen_words > 0 => return at,
            What::Marker(Marker::And)
                if begins_deed(rest, false)
                    && seen_words > 0
                    && !rest.first().is_some_and(|next| {
                        next.is("verb_or_noun") && rest.get(1).is_some_and(|after| after.is("copula"))
                    }) =>
            {
                return at;
            }
            _ => {}
        }
        // `before the slack message the sums have to be checked`: a noun, and what is done.
        let is_noun = |at: usize| {
            at > 0
                && tokens[at].is("verb_or_noun")
                && tokens[..at].iter().any(|token| token.is("determiner") || token.is("all"))
                && tokens[at - 1].is_word()
        };
        // `for every board a card should be made`
        if seen_words >= 1
            && (matches!(token.lower.as_str(), "a" | "an" | "another")
                || (token.lower == "the" && super::deeds::passive(&tokens[..at]).is_none()))
            && tokens[at - 1].what == What::Word
            && !(tokens[at - 1].is("preposition")
                || tokens[at - 1].is("all")
                || tokens[at - 1].is("copula")
                || tokens[at - 1].is("have")
                || tokens[at - 1].verb().is_some_and(|verb| verb.form != Form::Noun) && !is_noun(at - 1))
            && super::deeds::passive(&tokens[at..]).is_some_and(|(verb, _, _)| verb.is_some())
        {
            return at;
        }
        if seen_words >= 1 && token.verb().is_some_and(|verb| verb.form == Form::Base) {
            let before = &tokens[at - 1];
            let bound = before.is("determiner")
                || before.is("all")
                || before.is("copula")
                || before.is("have")
                || before.is("auxiliary")
                || before.is("preposition")
                || before.is("negation")
                || before.marker().is_some()
                || (before.what == What::Word && before.is("plain"));
            let pure = !token.is("verb_or_noun");
            let is_noun =
                is_noun(at) && super::deeds::passive(rest).is_some_and(|(verb, _, denied)| verb.is_some() && !denied);
            let takes = rest.first().is_some_and(|next| {
                matches!(next.marker(), Some(Marker::If))
                    || next.is("determiner")
                    || next.is("all")
                    || next.is("pronoun")
                    || next.is("new")
            });
            if !bound && !is_noun && (pure || takes) {
                return at;
            }
        }
        seen_words += usize::from(token.is_word());
    }
    tokens.len()
}

pub(super) fn is_function_word(token: &Token) -> bool {
    [
        "determiner",
        "all",
        "new",
        "pronoun",
        "preposition",
        "copula",
        "have",
        "auxiliary",
        "negation",
        "filler",
        "question",
        "present",
    ]
    .iter()
    .any(|set| token.is(set))
        || LEXICON.number(&token.lower).is_some()
}
