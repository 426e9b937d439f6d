//! What people say beside what they want done: purposes, reasons, remarks in brackets. It must neither make steps nor hide them.
//!
//! A purpose or a reason begins with `so that`, `because`, `since`, `as we …`, and goes on to the end of the sentence, or to a comma after
//! which something is to be done.

use super::grammar::begins_deed;
use super::lexicon::{Form, Marker};
use super::tokens::{Token, What};

/// The most words before what is told.
const MOST_TOLD: usize = 14;

/// A request without the brackets that tell something: `(it is about 20 MB)`. A name in brackets says where: `(Slack)`.
pub(super) fn without_brackets(tokens: &[Token]) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let inside = bracket(&tokens[at..]);
        let Some(inside) = inside else {
            found.push(tokens[at].clone());
            at += 1;
            continue;
        };
        let length = inside.len() + 2;
        let names = inside.len() <= 3 && inside.iter().all(|token| token.what == What::Word && !token.is("copula"));
        let is_thing = found.last().is_some_and(Token::is_word);
        if names && is_thing && !inside.iter().any(|token| token.is("pronoun") || token.is("preposition")) {
            found.push(Token { at: tokens[at].at, ..Token::new("in", What::Word) });
            found.extend(inside.iter().cloned());
        }
        at += length;
    }
    found
}

/// What stands in the brackets that tokens begin with.
fn bracket(tokens: &[Token]) -> Option<&[Token]> {
    let is = |token: &Token, mark: &str| token.what == What::Comma && token.text == mark;
    let first = tokens.first().filter(|first| is(first, "("))?;
    let end = tokens.iter().position(|token| is(token, ")"))?;
    let inside = &tokens[1..end];
    // `(1) do this (2) do that` numbers what is to be done.
    let counts = matches!(inside, [number] if number.what == What::Number || number.text.len() == 1);
    (!counts && first.at < tokens[end].at).then_some(inside)
}

/// A sentence without purposes, reasons and remarks.
pub(super) fn without(sentence: &[Token]) -> Vec<Token> {
    let stated = after_statement(sentence);
    let sentence = stated.as_deref().unwrap_or(sentence);
    let mut found: Vec<Token> = Vec::with_capacity(sentence.len());
    let mut at = 0;
    while at < sentence.len() {
        let rest = &sentence[at..];
        let opens = at.checked_sub(1).is_none_or(|before| !sentence[before].is_word());
        let length = frame(rest)
            .filter(|_| opens)
            .or_else(|| reason(rest, opens))
            .or_else(|| setting_out(rest).or_else(|| told(rest)).filter(|_| at == 0))
            .or_else(|| remark(rest).filter(|_| at > 0))
            .filter(|length| *length < sentence.len());
        // `it should also become …`
        let also = rest[0].marker() == Some(Marker::Also)
            && found.last().is_some_and(|last| last.is("auxiliary") || last.is("modal"));
        if also {
            at += 1;
        } else if let Some(length) = length {
            at += length;
        } else {
            // A purpose that is to be done is one more thing.
            let is_wanted = rest[0].marker() == Some(Marker::Because);
            let what = if is_wanted { What::Marker(Marker::And) } else { rest[0].what.clone() };
            found.push(Token { what, ..rest[0].clone() });
            at += 1;
        }
    }
    // What is left of commas at the ends says nothing.
    while found.last().is_some_and(is_joint) {
        found.pop();
    }
    let leading = found.iter().take_while(|token| token.what == What::Comma).count();
    found.drain(..leading);
    found
}

/// `the benefits are confidential, so take out the step that reads them`, `the shop packs it now, so drop that step`: what is stated is no
/// wish, and tells what the wish speaks of.
fn after_statement(sentence: &[Token]) -> Option<Vec<Token>> {
    let ends = |at: &usize| sentence[*at].what == What::Comma && begins(&sentence[at + 1..]);
    let comma = (2..sentence.len()).find(ends)?;
    let (statement, wish) = (&sentence[..comma], &sentence[comma + 1..]);
    let plain = statement.iter().rposition(is_joint).map_or(statement, |joint| &statement[joint + 1..]);
    let at = plain.iter().position(|token| {
        token.is("copula") || token.verb().is_some_and(|verb| verb.form == Form::Third && !token.is("verb_or_noun"))
    })?;
    let (subject, told) = plain.split_at(at);
    if subject.is_empty() || subject.iter().any(|token| !token.is_word() || token.is("pronoun")) {
        return None;
    }
    let mut found = wish.to_vec();
    if told[0].is("copula") {
        let stands = found.iter().position(|token| matches!(token.lower.as_str(), "it" | "them" | "they"))?;
        found.splice(stands..=stands, subject.iter().cloned());
        return states(told).then_some(found);
    }
    let step = found
        .windows(2)
        .position(|pair| matches!(pair[0].lower.as_str(), "that" | "this") && pair[1].lower == "step")?;
    let told = told.iter().filter(|token| !matches!(token.lower.as_str(), "now" | "already" | "themselves"));
    let that = [Token::new("the", What::Word), Token::new("step", What::Word), Token::new("that", What::Word)];
    found.splice(step..step + 2, that.into_iter().chain(told.cloned()));
    Some(found)
}

fn is_joint(token: &Token) -> bool {
    matches!(token.what, What::Comma | What::Colon | What::Marker(Marker::And | Marker::But))
}

/// `so that …`, `because …`, `as we agreed`: how long the clause is.
fn reason(tokens: &[Token], opens: bool) -> Option<usize> {
    let first = tokens.first()?;
    let rest = &tokens[1..];
    let is_reason = match first.marker() {
        Some(Marker::Because) => match first.lower.as_str() {
            // `since Monday`, `as a lead`, `so`
            "since" | "as" | "so" => (opens || first.lower == "so") && is_clause(&rest[..end(rest)], &first.lower),
            _ => !is_wanted(&rest[..end(rest)]),
        },
        _ => false,
    };
    is_reason.then(|| 1 + end(rest))
}

/// `so that they can be sent to her by mail`: that is to be done.
fn is_wanted(clause: &[Token]) -> bool {
    let [who, can, be, done, rest @ ..] = clause else { return false };
    let sends = done.verb().and_then(|verb| verb.class).is_some_and(|class| class != "retrieve");
    let how = rest.iter().any(|token| matches!(token.lower.as_str(), "to" | "by" | "via" | "in" | "with" | "on"));
    who.is("pronoun") && can.is("auxiliary") && be.lower == "be" && sends && how
}

/// Where a clause ends: at a comma before something that is to be done, at `then`, or with the sentence.
fn end(tokens: &[Token]) -> usize {
    (0..tokens.len())
        .find(|at| {
            let rest = &tokens[at + 1..];
            let ends = match tokens[*at].what {
                What::Comma | What::Colon => begins(rest),
                What::Marker(marker) => matches!(marker, Marker::Then | Marker::Last),
                _ => false,
            };
            ends && !rest.is_empty()
        })
        .unwrap_or(tokens.len())
}

/// `for every asset …`, `if …`, `nothing is to be sent`
fn opens_condition(tokens: &[Token]) -> bool {
    let first = tokens.iter().find(|token| !is_joint(token));
    first.is_some_and(|first| {
        matches!(
            first.marker(),
            Some(
                Marker::If
                    | Marker::Unless
                    | Marker::When
                    | Marker::ForEach
                    | Marker::Not
                    | Marker::Otherwise
                    | Marker::After
                    | Marker::Before
            )
        )
    })
}

/// True for what has a subject and a verb: `we agreed`, `the old one is closed`.
fn is_clause(tokens: &[Token], after: &str) -> bool {
    let Some(first) = tokens.first() else { return false };
    let somebody = matches!(
        first.lower.as_str(),
        "we" | "i" | "you" | "they" | "he" | "she" | "it" | "there" | "nobody" | "everybody"
    );
    let subject = somebody || first.is("determiner") || first.is("all") || first.is("somebody") || after == "since";
    let verb = tokens[1..].iter().any(|token| {
        token.is("copula")
            || token.is("have")
            || token.is("auxiliary")
            || token.verb().is_some_and(|verb| matches!(verb.form, Form::Third | Form::Past))
    });
    subject && (verb || somebody)
}

/// What leads to a wish: `it would be great if you could`, `when you have a moment,`, `set up a flow for us which`.
fn frame(tokens: &[Token]) -> Option<usize> {
    polite(tokens).or_else(|| at_leisure(tokens)).or_else(|| the_workflow(tokens))
}

/// The most commas that are looked at in what sets out a wish.
const MOST_COMMAS: usize = 4;

/// The longest that leads to a wish.
const LONGEST_FRAME: usize = 12;

/// `I would be most grateful if you could`, `it would be helpful to`
fn polite(tokens: &[Token]) -> Option<usize> {
    let first = tokens.first()?;
    if !matches!(first.lower.as_str(), "i" | "we" | "it" | "that" | "would" | "this" | "could") {
        return None;
    }
    let wishes = |token: &Token| {
        matches!(
            token.lower.as_str(),
            "would" | "could" | "wonder" | "wondering" | "appreciate" | "hoping" | "am" | "are" | "will" | "is" | "was"
        )
    };
    let most = tokens.len().min(LONGEST_FRAME);
    let plain = |range: &[Token]| range.iter().all(Token::is_word) && range.iter().any(wishes);
    let if_at = tokens[..most].iter().position(|token| token.marker() == Some(Marker::If) || token.lower == "whether");
    if let Some(at) = if_at.filter(|at| plain(&tokens[..*at])) {
        let asks = tokens[at + 1..].iter().take_while(|token| {
            matches!(
                token.lower.as_str(),
                "you"
                    | "we"
                    | "somebody"
                    | "someone"
                    | "could"
                    | "would"
                    | "can"
                    | "might"
                    | "will"
                    | "please"
                    | "also"
                    | "kindly"
            )
        });
        return Some(at + 1 + asks.count());
    }
    // `it would be helpful to`
    let to = tokens[..most].iter().position(|token| token.lower == "to")?;
    let be = tokens[..to].iter().position(|token| matches!(token.lower.as_str(), "be" | "is"))?;
    let says_how = matches!(first.lower.as_str(), "it" | "that" | "would" | "this") && to - be <= 4 && to > be + 1;
    let follows = tokens.get(to + 1).is_some_and(|next| next.verb().is_some() || next.is("have"));
    (says_how && plain(&tokens[..to]) && follows).then_some(to + 1)
}

/// `whenever you find the time,`
fn at_leisure(tokens: &[Token]) -> Option<usize> {
    let [when, you, ..] = tokens else { return None };
    let leisure = ["time", "moment", "minute", "second", "chance", "opportunity", "free", "ready", "able", "can"];
    let end = tokens.iter().position(|token| matches!(token.what, What::Comma | What::Colon)).unwrap_or(tokens.len());
    let is_leisure = tokens[..end].iter().any(|token| leisure.contains(&token.lower.as_str()));
    let asks = matches!(when.marker(), Some(Marker::When | Marker::If | Marker::After)) && you.lower == "you";
    (asks && is_leisure && end < 8).then_some((end + 1).min(tokens.len()))
}

/// `set up a flow for us which`, `we need something that`
fn the_workflow(tokens: &[Token]) -> Option<usize> {
    let most = tokens.len().min(LONGEST_FRAME);
    let thing = tokens[..most].iter().position(|token| {
        matches!(
            token.lower.as_str(),
            "workflow" | "flow" | "automation" | "process" | "pipeline" | "routine" | "something" | "procedure"
        )
    })?;
    let makes = tokens[..thing].iter().all(|token| {
        token.is("determiner")
            || token.is("new")
            || token.is("plain")
            || token.is("personal")
            || matches!(
                token.lower.as_str(),
                "i" | "we"
                    | "need"
                    | "want"
                    | "would"
                    | "like"
                    | "up"
                    | "set"
                    | "setup"
                    | "put"
                    | "together"
                    | "small"
                    | "little"
                    | "simple"
                    | "for"
            )
            || token.verb().is_some_and(|verb| {
                matches!(
                    verb.base.as_str(),
                    "create" | "build" | "make" | "design" | "setup" | "establish" | "get" | "compile"
                )
            })
    });
    let that =
        tokens[thing + 1..most].iter().position(|token| matches!(token.lower.as_str(), "that" | "which" | "to"))?;
    let between = &tokens[thing + 1..thing + 1 + that];
    let plain = between.iter().all(|token| token.is_word() && token.verb().is_none());
    let at = thing + 1 + that + 1;
    // `the process that …` is a thing like any other unless it does something.
    let does = tokens[at.min(tokens.len())..]
        .iter()
        .find(|token| !matches!(token.lower.as_str(), "first" | "then" | "just"))
        .is_some_and(|next| next.verb().is_some() || next.marker().is_some());
    (makes && plain && does).then_some(at)
}

/// `To get it started, …`, `With the visit coming up, …`, `Having thought about it, …`: up to the comma before what is to be done.
fn setting_out(tokens: &[Token]) -> Option<usize> {
    let first = tokens.first()?;
    let commas = (1..tokens.len()).filter(|at| tokens[*at].what == What::Comma);
    for comma in commas.take(MOST_COMMAS) {
        let clause = &tokens[1..comma];
        let sets_out = match first.lower.as_str() {
            "to" => clause.first().is_some_and(|next| next.what == What::Word && !next.is("determiner")),
            "with" => clause
                .iter()
                .any(|token| token.what == What::Word && token.lower.len() > 4 && token.lower.ends_with("ing")),
            "having" => true,
            // `we have far too many of them, …`
            "we" | "they" | "there" => states(clause),
            _ => false,
        };
        let rest = &tokens[comma + 1..];
        let follows = begins(rest);
        if sets_out && follows {
            return Some(comma + 1);
        }
    }
    None
}

/// True for a clause that says how things are, and wants nothing done.
fn states(clause: &[Token]) -> bool {
    let is = clause.first().is_some_and(|first| first.is("have") || first.is("copula"));
    let wants = clause.iter().skip(1).any(|token| {
        token.is("modal")
            || token.is("auxiliary")
            || token.lower == "to"
            || token
                .verb()
                .is_some_and(|verb| verb.form == Form::Base && verb.class.is_some() && !token.is("verb_or_noun"))
    });
    is && !wants
}

/// `I have been told that …`, `we think that …`: up to what is told.
fn told(tokens: &[Token]) -> Option<usize> {
    let first = tokens
        .first()
        .filter(|first| matches!(first.lower.as_str(), "i" | "we" | "i've" | "we've" | "i'm" | "we're"))?;
    let clause = tokens.iter().take_while(|token| token.is_word()).count().min(MOST_TOLD);
    let that = tokens[..clause].iter().position(|token| token.lower == "that")?;
    let tells = tokens[..that].iter().any(|token| token.is("telling"));
    (tells && that + 1 < tokens.len() && !first.is("telling")).then_some(that + 1)
}

/// `could somebody look at it`: somebody should.
pub(super) fn straight(sentence: &[Token]) -> Vec<Token> {
    let mut found = sentence.to_vec();
    if let Some(at) = found.windows(2).position(|pair| {
        matches!(pair[0].lower.as_str(), "could" | "can" | "would" | "will" | "should") && pair[1].is("somebody")
    }) && at.checked_sub(1).is_none_or(|before| !found[before].is_word())
    {
        found.swap(at, at + 1);
        found[at + 1] = Token { at: found[at + 1].at, ..Token::new("should", What::Word) };
    }
    found
}

/// True where something begins that is to be done or not, or a condition of that.
fn begins(tokens: &[Token]) -> bool {
    // `somebody should look at it`
    let somebody =
        matches!(tokens, [who, must, ..] if who.is("somebody") && (must.is("modal") || must.is("auxiliary")));
    somebody || begins_deed(tokens, false) || super::grammar::passive_deed(tokens) || opens_condition(tokens)
}

/// `, which takes an hour,`, `, of which there are sixty`, `, and there are many of them`, `, one for spring and one for autumn`
fn remark(tokens: &[Token]) -> Option<usize> {
    tokens.first().filter(|first| first.what == What::Comma)?;
    let joint = usize::from(tokens.get(1)?.marker() == Some(Marker::And));
    let clause = &tokens[1 + joint..];
    let end = clause
        .iter()
        .position(|token| token.what == What::Comma || matches!(token.marker(), Some(Marker::Then | Marker::Last)))
        .unwrap_or(clause.len());
    let clause = &clause[..end];
    let lower: Vec<&str> = clause.iter().map(|token| token.lower.as_str()).collect();
    // What is to be done is no remark.
    let wants = clause.iter().any(|token| {
        token.is("modal")
            || matches!(token.lower.as_str(), "need" | "want" | "like" | "should" | "please" | "can" | "could")
            || token.verb().is_some_and(|verb| verb.class.is_some() && matches!(verb.form, Form::Base | Form::Past))
    });
    let tells = match lower.as_slice() {
        ["which" | "who", ..] => !wants && joint == 0,
        ["if", "you" | "possible" | "that" | "it", ..] => {
            let polite =
                ["mind", "possible", "trouble", "like", "wish", "ok", "okay", "fine", "convenient", "could", "can"];
            lower.len() < 10 && lower.iter().any(|word| polite.contains(word))
        }
        ["of", "which" | "whom", ..] | ["there", "is" | "are" | "may" | "might" | "were" | "can", ..] => true,
        ["we" | "i" | "they" | "you" | "it", ..] if joint == 1 => !wants,
        // `two campaigns, one for spring and one for autumn`
        ["one", "for" | "in" | "of" | "about" | "with" | "to", rest @ ..] => rest.contains(&"one"),
        _ => false,
    };
    tells.then_some(1 + joint + end)
}
