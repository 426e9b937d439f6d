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

mod asked;
mod cases;
mod deeds;
mod ends;
mod marked;
mod names;
mod plain;
mod shared;

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
    let obliges = words.iter().any(|token| token.is("modal") || matches!(token.lower.as_str(), "should" | "must"))
        || words.windows(2).any(|pair| pair[0].lower == "to" && pair[1].lower == "be");
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
            What::Marker(marker) => {
                let (parts, end) = marked::marked(marker, tokens, at, found.is_empty());
                found.extend(parts);
                length = end;
                None
            }
            // `for Bern, Basel and Chur: …`
            What::Word if opens_with_names(tokens, at).is_some() => {
                opens_with_names(tokens, at).map(|(phrase, end)| {
                    length = end;
                    Part::Each(phrase)
                })
            }
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
                if token.lower == "should"
                    && found.is_empty()
                    && rest.iter().any(|token| matches!(token.lower.as_str(), "be" | "have" | "turn" | "happen")) =>
            {
                length = end_of_condition(rest);
                Some(Part::If(condition::read(&rest[..length])))
            }
            _ => {
                length = end_of_deed(rest, is_gerund(token));
                let words = &tokens[at..=at + length];
                // `all the others get a mail`: a mail for each of them.
                let got = || deeds::receives(words).map(|(whom, what)| [Part::Each(whom), Part::Do(what)]);
                if let Some(parts) = plain::needs(words).or_else(got) {
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
                // `for the tickets that are new send a mail`
                if found.is_empty()
                    && token.lower == "for"
                    && let whom = end_of_condition(rest)
                    && begins_deed(&rest[whom..], false)
                    && let Some(phrase) = phrases(&rest[..whom]).into_iter().next().filter(|phrase| phrase.plural)
                {
                    found.push(Part::Each(Phrase { each: true, ..phrase }));
                    at += 1 + whom;
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
    shared::deliver(&mut found);
    shared::share_objects(&mut found);
    shared::tell_each(&mut found);
    shared::take_over(&mut found);
    found.retain(|part| !matches!(part, Part::Do(deed) if says_nothing(deed)));
    found
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
