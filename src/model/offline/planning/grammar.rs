//! Sentences into their parts: what is done, to each of what, if what holds, before or after what.
//!
//! ```text
//! request  := sentence*                        at full stops, new lines, and items that begin with a verb
//! sentence := part*
//! part     := deed | "not" deed                 create two issues in the tracker
//!           | "for each" phrase                 for every file in the folder
//!           | "if" condition | "unless" condition | "otherwise"
//!           | ("before" | "after") deed | "before that" | "then" | "first" | "finally"
//!           | "instead of" deed | "instead" | "except" deed | "in the loop" | "at the same time"
//! deed     := verb ("and" verb)* phrase ("," phrase)*
//! ```
//!
//! A deed ends where another part begins, or where `and` or a comma comes before a verb.

mod cases;
mod deeds;
mod ends;
mod names;
mod plain;

use super::condition::{self, Condition};
use super::lexicon::{Form, LEXICON, Marker, Verb};
use super::phrase::{Phrase, phrases};
use super::tokens::{Token, What};
pub(super) use cases::is_the_rest;
pub(super) use deeds::deed;
use deeds::{denied, said as said_of};
pub(super) use ends::begins_deed;
use ends::{end_of_condition, end_of_deed, is_gerund};

/// One part of a sentence.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Do(Deed),
    Not(Deed),
    Each(Phrase),
    If(Condition),
    /// `when …`: an event, a condition, or what comes before.
    When(Condition, Deed),
    Otherwise,
    Before(Deed),
    After(Deed),
    BeforeThat,
    Then,
    First,
    Last,
    InsteadOf(Deed),
    Instead,
    Except(Deed),
    Also,
    InLoop,
    AfterLoop,
    Parallel,
}

/// What is to be done, or was: verbs and what they are about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Deed {
    /// Several if they share what they are about; none if just a thing is named.
    pub(super) verbs: Vec<Verb>,
    pub(super) objects: Vec<Phrase>,
    pub(super) said: String,
    /// The words, the verbs left out.
    pub(super) words: Vec<Token>,
    /// All words.
    pub(super) all_words: Vec<Token>,
    /// `only`, `just`
    pub(super) only: bool,
}

impl Deed {
    pub(super) fn verb(&self) -> Option<&Verb> {
        self.verbs.first()
    }

    pub(super) fn is_verb(&self, bases: &[&str]) -> bool {
        self.verbs.iter().any(|verb| bases.contains(&verb.base.as_str()))
    }

    pub(super) fn words_with_verbs(&self) -> Vec<Token> {
        self.all_words.clone()
    }
}

/// At full stops, and at items that say what is to be done; other items are things of a list.
pub(super) fn split(tokens: &[Token]) -> Vec<Vec<Token>> {
    let mut sentences: Vec<Vec<Token>> = vec![Vec::new()];
    // What stands before a colon, until `it` is said for it.
    let mut about: Vec<Token> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let rest = &tokens[at + 1..];
        let ends = match token.what {
            // A line that goes on with an item belongs to the list.
            What::Stop => {
                let goes_on = token.text == "\n"
                    && rest.first().is_some_and(|next| {
                        matches!(next.what, What::Comma | What::Item) && !begins_deed(&rest[1..], false)
                    });
                if goes_on {
                    continue;
                }
                true
            }
            What::Item => begins_deed(rest, false),
            _ => false,
        };
        if let Some(sentence) = sentences.last_mut() {
            match token.what {
                _ if ends => sentences.push(Vec::new()),
                // `onboard somebody: create an account, send a mail`: the first says what the rest is for.
                What::Colon if is_heading(sentence) && begins_deed(rest, false) => {
                    let topic = std::mem::take(sentence);
                    if deed(&topic).verbs.is_empty() {
                        about = topic;
                    }
                }
                _ if token.is("pronoun") && !about.is_empty() => sentence.append(&mut about),
                What::Item | What::Colon => sentence.push(Token { what: What::Comma, ..token.clone() }),
                _ => sentence.push(token.clone()),
            }
        }
    }
    sentences.retain(|sentence| sentence.iter().any(|token| token.is_word() || token.marker().is_some()));
    sentences
}

/// True for a clause that says all: `it exists`, `the file is made`.
fn is_whole(tokens: &[Token]) -> bool {
    deeds::passive(tokens).is_some() || tokens.last().is_some_and(|last| last.is("present"))
}

/// `the card is created and the board updated`
fn two_done(tokens: &[Token]) -> Option<(Deed, Deed)> {
    let at = tokens.iter().position(|token| token.marker() == Some(Marker::And) || token.what == What::Comma)?;
    let (one, other) = (&tokens[..at], ends::skip_joints(&tokens[at + 1..]));
    deeds::passive(one)?;
    let (done, what) = other.split_last()?;
    let verb = done.verb().filter(|verb| verb.form == Form::Past)?;
    let words = what.to_vec();
    let other = Deed {
        verbs: vec![Verb { form: Form::Base, ..verb.clone() }],
        objects: phrases(what),
        said: said_of(other),
        all_words: std::iter::once(Token::new(&verb.base, What::Word)).chain(words.iter().cloned()).collect(),
        words,
        only: false,
    };
    Some((deed(one), other))
}

/// True for words before a colon that are no part of what is done: a verb with its object, or a name.
fn is_heading(tokens: &[Token]) -> bool {
    let plain = tokens.iter().all(Token::is_word) && super::triggers::take(tokens).triggers.is_empty();
    let deed = deed(tokens);
    let goes_through = deed.verbs.iter().any(|verb| verb.class.as_deref() == Some("retrieve"));
    plain
        && !goes_through
        && !deed.objects.is_empty()
        && !deed.verbs.iter().any(|verb| LEXICON.edits("remove", &verb.base) || LEXICON.edits("replace", &verb.base))
        && !tokens.iter().any(|token| token.is("step"))
}

/// True if words begin with something that is to be done to what comes first: `a file should be made`.
pub(super) fn passive_deed(tokens: &[Token]) -> bool {
    let end = tokens.iter().position(|token| token.what == What::Comma).unwrap_or(tokens.len());
    let words = ends::skip_joints(&tokens[..end]);
    let obliges = words.iter().any(|token| token.is("modal") || matches!(token.lower.as_str(), "should" | "must"));
    obliges && deeds::passive(words).is_some_and(|(verb, _, _)| verb.is_some())
}

/// The parts of one sentence.
pub(super) fn parts(tokens: &[Token]) -> Vec<Part> {
    let mut found: Vec<Part> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let rest = &tokens[at + 1..];
        let mut length = 0;
        let part = match token.what {
            What::Comma | What::Colon | What::Stop | What::Item => None,
            What::Marker(marker) => match marker {
                Marker::And | Marker::Or | Marker::But | Marker::Because | Marker::Filler => None,
                marker if alone(marker).is_some() => alone(marker),
                // `every time add a contact, …`: add one.
                Marker::When
                    if rest.first().is_some_and(|next| {
                        next.verb().is_some_and(|verb| verb.form == Form::Base) && !next.is("verb_or_noun")
                    }) =>
                {
                    None
                }
                Marker::If | Marker::Unless | Marker::When => {
                    length = end_of_condition(rest);
                    let words = &rest[..length];
                    // `when that is done`: then.
                    if let Some(end) = done_so_far(rest).filter(|_| marker == Marker::When) {
                        found.push(Part::Then);
                        at += 1 + end;
                        continue;
                    }
                    let condition = Condition { only: token.lower.contains("only"), ..condition::read(words) };
                    Some(match marker {
                        Marker::If => Part::If(condition),
                        Marker::Unless => Part::If(condition.negated()),
                        _ => Part::When(condition, deed(words)),
                    })
                }
                Marker::ForEach if let Some((phrase, end)) = names::named(rest) => {
                    length = end;
                    Some(Part::Each(phrase))
                }
                Marker::ForEach => {
                    length = end_of_condition(rest);
                    let trails = at > 0 && tokens[at - 1].is_word() && !found.is_empty();
                    each_and(&rest[..length], rest.get(length).filter(|_| trails), &mut found)
                }
                Marker::After if done_so_far(rest).is_some() => {
                    length = done_so_far(rest).unwrap_or(0);
                    Some(Part::Then)
                }
                // `between this and that`: after this.
                Marker::Between => {
                    length = end_of_deed(rest, false);
                    let end =
                        rest[..length].iter().position(|token| token.marker() == Some(Marker::And)).unwrap_or(length);
                    Some(Part::After(deed(&rest[..end])))
                }
                _ => {
                    length = end_of_deed(rest, !(marker == Marker::Not && rest.first().is_some_and(is_gerund)));
                    let is_time = matches!(marker, Marker::Before | Marker::After);
                    if is_time {
                        length = end_of_time(rest, length, found.is_empty());
                    }
                    // `once the card is created and the board updated`
                    if marker == Marker::After
                        && let Some((one, other)) = two_done(&rest[..length])
                    {
                        found.push(Part::After(one));
                        found.push(Part::After(other));
                        at += 1 + length;
                        continue;
                    }
                    // `no approval needed anymore`
                    let words = rest[..length].iter().rposition(|token| !(token.is("unneeded") || token.is("anymore")));
                    let end = words.filter(|_| marker == Marker::Not).map_or(length, |end| end + 1);
                    // `before the mail goes out`
                    let happens = rest[..end].iter().rposition(|token| !token.is("happening")).map_or(end, |at| at + 1);
                    let deed = deed(&rest[..if is_time { happens } else { end }]);
                    Some(match marker {
                        Marker::Before => Part::Before(deed),
                        Marker::After => Part::After(deed),
                        Marker::InsteadOf => Part::InsteadOf(deed),
                        Marker::Not => Part::Not(deed),
                        _ => Part::Except(deed),
                    })
                }
            },
            // `for Bern, Basel and Chur: …`
            What::Word if opens_with_names(tokens, at).is_some() => opens_with_names(tokens, at).map(|(phrase, end)| {
                length = end;
                Part::Each(phrase)
            }),
            // `for those that are open …`
            What::Word
                if at.checked_sub(1).is_none_or(|before| !tokens[before].is_word())
                    && cases::case(&tokens[at..]).is_some() =>
            {
                cases::case(&tokens[at..]).map(|(phrase, end)| {
                    length = end;
                    Part::Each(phrase)
                })
            }
            // `should it be closed, …`
            What::Word
                if token.lower == "should" && found.is_empty() && rest.iter().any(|token| token.lower == "be") =>
            {
                length = end_of_condition(rest);
                Some(Part::If(condition::read(&rest[..length])))
            }
            _ => {
                length = end_of_deed(rest, is_gerund(token));
                let words = &tokens[at..=at + length];
                if let Some(parts) = plain::needs(words) {
                    found.extend(parts);
                    at += 1 + length;
                    continue;
                }
                // `all tags should be fetched and those called 'old' deleted`
                if let Some((one, other)) = two_done(words).filter(|_| denied(words).is_none()) {
                    found.push(Part::Do(one));
                    found.push(Part::Do(other));
                    at += 1 + length;
                    continue;
                }
                Some(match denied(words) {
                    Some(denied) => Part::Not(denied),
                    None => Part::Do(deed(words)),
                })
            }
        };
        found.extend(part);
        at += 1 + length;
    }
    deliver(&mut found);
    share_objects(&mut found);
    tell_each(&mut found);
    take_over(&mut found);
    found.retain(|part| !matches!(part, Part::Do(deed) if says_nothing(deed)));
    found
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

/// `for Bern, Basel and Chur: …`, before what is done for each.
fn opens_with_names(tokens: &[Token], at: usize) -> Option<(Phrase, usize)> {
    let leads = matches!(tokens[at].lower.as_str(), "for" | "in" | "with");
    let opens = at.checked_sub(1).is_none_or(|before| !tokens[before].is_word());
    let rest = &tokens[at + 1..];
    let (phrase, end) = names::named(rest).filter(|_| leads && opens)?;
    let follows = begins_deed(&rest[end..], false);
    follows.then_some((phrase, end))
}

/// Where a clause with `before` or `after` ends, which is so long at most.
fn end_of_time(rest: &[Token], length: usize, opens: bool) -> usize {
    // `after the report send a mail`: no comma between.
    let length = if opens { length.min(end_of_condition(rest)) } else { length };
    // `as soon as it exists, two more`
    let comma = rest[..length].iter().position(|token| token.what == What::Comma);
    comma.filter(|comma| is_whole(&rest[..*comma])).unwrap_or(length)
}

/// `have the invoices in a mail`: they are retrieved, and a mail is sent.
fn deliver(parts: &mut Vec<Part>) {
    let mut at = 0;
    while at < parts.len() {
        if let Part::Do(deed) = &parts[at]
            && let Some([first, send]) = plain::delivered(deed)
        {
            let tells = matches!(&first, Part::Do(first) if plain::only_tells(first));
            let instead = if tells { vec![send] } else { vec![first, send] };
            parts.splice(at..=at, instead);
        }
        at += 1;
    }
}

/// `we`, before something that we do not.
fn says_nothing(deed: &Deed) -> bool {
    let empty = |word: &Token| {
        !word.is_word()
            || word.is("pronoun")
            || word.is("auxiliary")
            || matches!(word.lower.as_str(), "i" | "we" | "you" | "no" | "longer" | "need" | "also")
    };
    deed.verbs.is_empty() && deed.words.iter().all(empty)
}

/// The part for `for each`. In `a message for each topic and a mail` only the first is for each.
fn each_and(words: &[Token], next: Option<&Token>, found: &mut Vec<Part>) -> Option<Part> {
    let mut phrase = phrases(words).into_iter().next().unwrap_or_default();
    // `to each of the teams`: each team.
    if phrase.words.is_empty()
        && let [(of, inner)] = phrase.places.as_slice()
        && of == "of"
    {
        phrase = inner.clone();
    }
    found.push(Part::Each(Phrase { each: true, ..phrase }));
    next.is_some_and(|next| next.marker() == Some(Marker::And)).then_some(Part::Also)
}

/// What is done for each of something, wherever that is told.
fn tell_each(found: &mut Vec<Part>) {
    // `send each customer a message`: for each customer.
    let mut at = 0;
    while at < found.len() {
        if let Part::Do(deed) = &mut found[at]
            && let [phrase] = deed.objects.as_mut_slice()
            && let Some((_, place)) = phrase.places.iter_mut().find(|(_, place)| place.each && !place.words.is_empty())
            && !phrase.each
        {
            let each = place.clone();
            // What it is done with is one of them.
            (place.each, place.all, place.plural) = (false, false, false);
            found.insert(at + 1, Part::Each(each));
            at += 1;
        }
        at += 1;
    }
    // `take every file, …`: for each of them.
    for at in 0..found.len().saturating_sub(1) {
        let Part::Do(deed) = &found[at] else { continue };
        if let ([verb], [phrase]) = (deed.verbs.as_slice(), deed.objects.as_slice())
            && verb.class.as_deref() == Some("retrieve")
            && phrase.each
            && found[at + 1..].iter().any(|part| matches!(part, Part::Do(_) | Part::If(_)))
        {
            found[at] = Part::Each(phrase.clone());
        }
    }
}

/// `get the users and then the groups`, `delete it from Box and also from Drive`: what is not said again is as before.
fn take_over(parts: &mut [Part]) {
    let mut before: Option<Deed> = None;
    for part in parts {
        let Part::Do(deed) = part else {
            if matches!(
                part,
                Part::If(_) | Part::Otherwise | Part::Not(_) | Part::InsteadOf(_) | Part::Instead | Part::Except(_)
            ) {
                before = None;
            }
            continue;
        };
        if let Some(before) = before.as_ref().filter(|_| deed.verbs.is_empty()) {
            let places_only = !deed.objects.is_empty()
                && deed
                    .objects
                    .iter()
                    .all(|phrase| phrase.words.is_empty() && !phrase.pronoun && !phrase.places.is_empty());
            let indefinite =
                deed.all_words.first().is_some_and(|word| matches!(word.lower.as_str(), "a" | "an" | "another"));
            let class = before.verb().and_then(|verb| verb.class.as_deref()).unwrap_or_default();
            let made_anew = matches!(class, "create" | "send" | "") || (indefinite && class == "retrieve");
            if places_only {
                let place = deed.objects[0].places.clone();
                deed.objects =
                    before.objects.iter().map(|phrase| Phrase { places: place.clone(), ..phrase.clone() }).collect();
                deed.verbs.clone_from(&before.verbs);
            } else if !(made_anew || deed.objects.is_empty()) {
                deed.verbs.clone_from(&before.verbs);
            }
        }
        before = (!deed.verbs.is_empty()).then(|| deed.clone());
    }
}

/// `retrieve and delete the folder`: both the folder.
fn share_objects(parts: &mut Vec<Part>) {
    let mut at = 0;
    while at + 1 < parts.len() {
        let merged = match (&parts[at], &parts[at + 1]) {
            (Part::Do(one), Part::Do(other))
                if one.objects.is_empty()
                    && one.verbs.iter().all(|verb| verb.class.is_some())
                    && !other.verbs.is_empty()
                    && !other.objects.is_empty() =>
            {
                let verbs = one.verbs.iter().chain(&other.verbs).cloned().collect();
                Some(Part::Do(Deed { verbs, said: format!("{} and {}", one.said, other.said), ..other.clone() }))
            }
            _ => None,
        };
        match merged {
            Some(merged) => {
                parts[at] = merged;
                parts.remove(at + 1);
            }
            None => at += 1,
        }
    }
}
