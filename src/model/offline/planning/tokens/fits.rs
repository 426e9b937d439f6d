//! Whether the words of a phrase mean what it means, where they stand: `order`, `next`, `so` and `as` are also other things.

use super::super::lexicon::{Form, LEXICON, Marker, Meaning};
use super::{Token, What};

/// Words that mean something only in their place: `order` and `next` are also what things are called.
pub(super) fn fits(meaning: &Meaning, length: usize, tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    let next = tokens.get(at + length);
    let opens =
        before.is_none_or(|token| !token.is_word() || matches!(token.lower.as_str(), "and" | "then" | "but" | "so"));
    let closes = next.is_none_or(|token| !token.is_word());
    match meaning {
        Meaning::Marker(Marker::Then) if length == 1 => {
            opens
                || matches!(
                    tokens[at].lower.as_str(),
                    "then" | "afterwards" | "afterward" | "subsequently" | "thereafter"
                )
        }
        Meaning::Marker(Marker::First) if length == 1 => opens || closes,
        // `as a lead`, `since Monday`, `so many`
        Meaning::Marker(Marker::Because) if length == 1 && tokens[at].lower != "because" => {
            gives_a_reason(tokens, at, opens)
        }
        // `check whether it is there`, but `ask whether to go on`
        Meaning::Marker(Marker::If) if tokens[at].lower == "whether" => {
            let checks = before.is_some_and(|before| before.verb().is_some_and(|verb| verb.base != "ask"));
            checks && next.is_some_and(|next| next.lower != "to")
        }
        // `…, where its name is 'old', …`
        Meaning::Marker(Marker::If) if tokens[at].lower == "where" => {
            let clause = &tokens[at + 1..];
            let end = clause.iter().position(|token| token.what == What::Comma).unwrap_or(0);
            at > 0 && opens && clause[..end].iter().any(|token| token.is("copula") || token.is("have"))
        }
        // `on Slack, not on Teams`
        Meaning::Marker(Marker::InsteadOf) if matches!(tokens[at + length - 1].lower.as_str(), "not") => {
            contrasts(length, before, next)
        }
        // `rather this than that`, `I prefer this over that`
        Meaning::Marker(Marker::InsteadOf) if length == 1 => {
            let wish = if tokens[at].lower == "than" { ["rather", "sooner"] } else { ["prefer", "favour"] };
            let sentence = tokens[..at].iter().rev().take_while(|token| token.what != What::Stop);
            sentence.into_iter().any(|token| wish.contains(&token.lower.as_str()))
        }
        // `the report has to be checked`: what is done comes first.
        Meaning::Marker(Marker::Filler)
            if length == 2
                && tokens[at + 1].lower == "to"
                && next.is_some_and(|next| next.lower == "be")
                && before.is_some_and(Token::is_word) =>
        {
            false
        }
        Meaning::Marker(Marker::Filler) if length == 1 => match tokens[at].lower.as_str() {
            // `should it be closed, …` is a condition.
            "should" => {
                opens && !next.is_some_and(|next| next.is("possessive") || next.is("determiner") || next.is("pronoun"))
            }
            "must" => opens,
            // `if so`
            "so" => before.is_none_or(|before| !matches!(before.lower.as_str(), "if" | "when")),
            // `service now`
            word => !before
                .is_some_and(|before| LEXICON.services().any(|(name, _)| name == format!("{} {word}", before.lower))),
        },
        // `no comments`, said of the workflow; `there are no comments` says what is.
        Meaning::Marker(Marker::Not) if tokens[at].lower == "no" && length == 1 => before.is_none(),
        Meaning::Marker(Marker::Not) if length == 1 => match tokens[at].lower.as_str() {
            "stop" | "skip" | "omit" | "exclude" | "avoid" | "without" | "never" => true,
            _ => opens || before.is_some_and(|token| matches!(token.lower.as_str(), "please" | "we" | "you" | "i")),
        },
        // `it should not be made` has what is not done before it.
        Meaning::Marker(Marker::Not)
            if matches!(
                tokens[at].lower.as_str(),
                "should" | "shouldn't" | "does" | "doesn't" | "need" | "needn't" | "not"
            ) =>
        {
            opens || before.is_some_and(|token| matches!(token.lower.as_str(), "we" | "you" | "i" | "it"))
        }
        Meaning::Marker(Marker::Instead) => !(tokens[at].lower == "rather" && !opens && !closes),
        // `per` and `in each` count only before what there are several of.
        // `upload each of them`: what is uploaded.
        Meaning::Marker(Marker::ForEach) if matches!(tokens[at].lower.as_str(), "each" | "any" | "every") => {
            next.is_some_and(Token::is_word) && before.is_some_and(|before| before.is("preposition"))
        }
        Meaning::Marker(Marker::ForEach) => {
            let made = before.and_then(Token::verb).is_some_and(|verb| verb.form == Form::Noun)
                // `have each of them signed`
                || (tokens[at].lower == "each" && before.is_some_and(|before| before.is("have")));
            // `for each`, at the end
            let all = next.is_none_or(|next| !next.is_word()) && tokens[at].lower == "for";
            (next.is_some_and(Token::is_word) || all) && !made
        }
        _ => true,
    }
}

/// `as we agreed`, `since it is closed`, `so nobody waits`; not `as a lead`, `since Monday`, `so many`.
fn gives_a_reason(tokens: &[Token], at: usize, opens: bool) -> bool {
    let clause = &tokens[at + 1..];
    let end = clause.iter().position(|token| !token.is_word()).unwrap_or(clause.len());
    let clause = &clause[..end];
    let subject = clause.first().is_some_and(|first| {
        first.is("possessive")
            || first.is("somebody")
            || matches!(
                first.lower.as_str(),
                "the"
                    | "this"
                    | "that"
                    | "we"
                    | "i"
                    | "you"
                    | "they"
                    | "he"
                    | "she"
                    | "it"
                    | "there"
                    | "nobody"
                    | "everything"
            )
    });
    let verb = clause.iter().skip(1).any(|token| {
        token.is("copula")
            || token.is("have")
            || token.is("auxiliary")
            || token.verb().is_some_and(|verb| matches!(verb.form, Form::Third | Form::Past))
    });
    let opens = opens || tokens[at].lower == "so";
    let somebody =
        clause.first().is_some_and(|first| matches!(first.lower.as_str(), "we" | "i" | "you" | "they" | "he" | "she"));
    opens && (somebody || (subject && (verb || clause.len() < 4)) || (verb && tokens[at].lower == "since"))
}

/// `not on Teams`, after what it is not.
fn contrasts(length: usize, before: Option<&Token>, next: Option<&Token>) -> bool {
    let doing = next.and_then(Token::verb).is_some_and(|verb| verb.form == Form::Base);
    let contrast = length == 2 || before.is_some_and(|token| token.what == What::Comma);
    contrast
        && !doing
        && next.is_some_and(|next| next.is_word() && !next.is("copula") && !next.is("auxiliary"))
        && !next.is_some_and(|next| matches!(next.lower.as_str(), "yet" | "only" | "before" | "until"))
}
