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

use super::condition::{self, Condition};
use super::lexicon::{Form, LEXICON, Marker, Verb};
use super::phrase::{Phrase, phrases};
use super::tokens::{Token, What};

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
                What::Item | What::Colon => sentence.push(Token { what: What::Comma, ..token.clone() }),
                _ => sentence.push(token.clone()),
            }
        }
    }
    sentences.retain(|sentence| sentence.iter().any(|token| token.is_word() || token.marker().is_some()));
    sentences
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
                Marker::And | Marker::Or | Marker::But | Marker::Filler => None,
                Marker::Then => Some(Part::Then),
                Marker::First => Some(Part::First),
                Marker::Last => Some(Part::Last),
                Marker::BeforeThat => Some(Part::BeforeThat),
                Marker::Otherwise => Some(Part::Otherwise),
                Marker::Instead => Some(Part::Instead),
                Marker::Also => Some(Part::Also),
                Marker::InLoop => Some(Part::InLoop),
                Marker::AfterLoop => Some(Part::AfterLoop),
                Marker::Parallel => Some(Part::Parallel),
                Marker::If | Marker::Unless | Marker::When => {
                    length = end_of_condition(rest);
                    let words = &rest[..length];
                    let condition = Condition { only: token.lower.contains("only"), ..condition::read(words) };
                    Some(match marker {
                        Marker::If => Part::If(condition),
                        Marker::Unless => Part::If(condition.negated()),
                        _ => Part::When(condition, deed(words)),
                    })
                }
                Marker::ForEach => {
                    length = end_of_condition(rest);
                    let phrase = phrases(&rest[..length]).into_iter().next().unwrap_or_default();
                    Some(Part::Each(Phrase { each: true, ..phrase }))
                }
                // `between this and that`: after this.
                Marker::Between => {
                    length = end_of_deed(rest, false);
                    let end =
                        rest[..length].iter().position(|token| token.marker() == Some(Marker::And)).unwrap_or(length);
                    Some(Part::After(deed(&rest[..end])))
                }
                Marker::Before | Marker::After | Marker::InsteadOf | Marker::Not | Marker::Except => {
                    length = end_of_deed(rest, !(marker == Marker::Not && rest.first().is_some_and(is_gerund)));
                    let deed = deed(&rest[..length]);
                    Some(match marker {
                        Marker::Before => Part::Before(deed),
                        Marker::After => Part::After(deed),
                        Marker::InsteadOf => Part::InsteadOf(deed),
                        Marker::Not => Part::Not(deed),
                        _ => Part::Except(deed),
                    })
                }
            },
            _ => {
                length = end_of_deed(rest, is_gerund(token));
                let words = &tokens[at..=at + length];
                Some(match denied(words) {
                    Some(denied) => Part::Not(denied),
                    None => Part::Do(deed(words)),
                })
            }
        };
        found.extend(part);
        at += 1 + length;
    }
    share_objects(&mut found);
    // `we`, before something that we do not.
    let says_nothing = |deed: &Deed| {
        deed.verbs.is_empty()
            && deed.words.iter().all(|word| {
                !word.is_word()
                    || word.is("pronoun")
                    || word.is("auxiliary")
                    || matches!(word.lower.as_str(), "i" | "we" | "you" | "no" | "longer" | "need" | "also")
            })
    };
    found.retain(|part| !matches!(part, Part::Do(deed) if says_nothing(deed)));
    found
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

fn is_gerund(token: &Token) -> bool {
    token.verb().is_some_and(|verb| matches!(verb.form, Form::Gerund))
}

/// True if words begin with a verb that says what is to be done.
pub(super) fn begins_deed(tokens: &[Token], gerunds: bool) -> bool {
    let rest = skip_joints(tokens);
    let Some(first) = rest.first() else { return false };
    if first.marker().is_some_and(|marker| !matches!(marker, Marker::And | Marker::Or | Marker::Except)) {
        return true;
    }
    // `you send`, `it creates`, `to create`
    let rest = match first.lower.as_str() {
        "it" | "we" | "you" | "i" | "they" | "to" if rest.get(1).is_some_and(|next| next.verb().is_some()) => {
            &rest[1..]
        }
        _ => rest,
    };
    let Some(verb) = rest.first().and_then(Token::verb) else {
        // A verb that nothing is known of, before what it is done to.
        return rest.len() > 1
            && rest[0].what == What::Word
            && !is_function_word(&rest[0])
            && (rest[1].is("possessive")
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
        let towards = matches!(next.lower.as_str(), "to" | "on" | "for") && next.is_word();
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

fn skip_joints(tokens: &[Token]) -> &[Token] {
    let skipped = tokens.iter().take_while(|token| {
        matches!(token.what, What::Comma | What::Colon | What::Marker(Marker::And | Marker::But | Marker::Also))
            || token.is("filler")
    });
    &tokens[skipped.count()..]
}

/// True if a part of its own begins with this token.
fn opens_part(token: &Token) -> bool {
    token.marker().is_some_and(|marker| {
        !matches!(marker, Marker::And | Marker::Or | Marker::But | Marker::Also | Marker::Parallel)
    })
}

fn is_joint(token: &Token) -> bool {
    matches!(token.what, What::Comma | What::Colon | What::Marker(Marker::And | Marker::But))
}

/// Where a deed ends that begins before these tokens.
fn end_of_deed(tokens: &[Token], gerunds: bool) -> usize {
    (0..tokens.len())
        .find(|at| {
            let token = &tokens[*at];
            opens_part(token)
                || matches!(token.marker(), Some(Marker::Also | Marker::Parallel))
                || (is_joint(token) && begins_deed(&tokens[at + 1..], gerunds))
        })
        .unwrap_or(tokens.len())
}

/// Where a condition or a loop's phrase ends, so that what is to be done begins.
fn end_of_condition(tokens: &[Token]) -> usize {
    let mut seen_words = 0;
    for (at, token) in tokens.iter().enumerate() {
        let rest = &tokens[at + 1..];
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
            let takes = rest.first().is_some_and(|next| {
                matches!(next.marker(), Some(Marker::If))
                    || next.is("determiner")
                    || next.is("all")
                    || next.is("pronoun")
                    || next.is("new")
            });
            if !bound && (pure || takes) {
                return at;
            }
        }
        seen_words += usize::from(token.is_word());
    }
    tokens.len()
}

fn is_function_word(token: &Token) -> bool {
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

/// `a file is made`, `it should not be sent`: what is done comes first. The verb, the words without it, and whether it is denied.
fn passive(tokens: &[Token]) -> Option<(Option<Verb>, Vec<Token>, bool)> {
    let been = |at: usize| tokens[at].is("have") && tokens.get(at + 1).is_some_and(|next| next.lower == "been");
    let at = (0..tokens.len()).find(|at| tokens[*at].is("copula") || tokens[*at].is("auxiliary") || been(*at))?;
    if at == 0
        || tokens[..at]
            .iter()
            .any(|token| matches!(token.lower.as_str(), "that" | "which" | "who" | "whose") || token.marker().is_some())
    {
        return None;
    }
    let chain = tokens[at..]
        .iter()
        .take_while(|token| {
            token.is("copula")
                || token.is("have")
                || token.is("auxiliary")
                || token.is("negation")
                || token.is("filler")
                || token.marker() == Some(Marker::Not)
        })
        .count();
    let denied = tokens[at..at + chain].iter().any(|token| token.is("negation") || token.marker() == Some(Marker::Not));
    let done = tokens.get(at + chain)?;
    let (subject, rest) = (&tokens[..at], &tokens[at + chain + 1..]);
    let words = [subject, rest].concat();
    if done.is("unneeded") {
        return Some((None, subject.to_vec(), denied));
    }
    let verb = done.verb().filter(|verb| verb.form == Form::Past)?;
    Some((Some(Verb { form: Form::Base, ..verb }), words, denied))
}

/// What is said not to be done, or not to be needed.
fn denied(tokens: &[Token]) -> Option<Deed> {
    let (verb, words, denied) = passive(tokens)?;
    denied.then(|| Deed {
        all_words: verb.iter().map(|verb| Token::new(&verb.base, What::Word)).chain(words.iter().cloned()).collect(),
        verbs: verb.into_iter().collect(),
        objects: phrases(&words),
        said: said(tokens),
        words,
        only: false,
    })
}

fn said(tokens: &[Token]) -> String {
    let said: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).filter(|text| !text.is_empty()).collect();
    said.join(" ").replace(" ,", ",")
}

/// `make a copy of`: copy. The verb, and how many words say it.
fn light(tokens: &[Token]) -> Option<(Verb, usize)> {
    let first = tokens.first()?.verb()?;
    if !LEXICON.is("light", &first.base) {
        return None;
    }
    let articles = tokens[1..].iter().take_while(|token| token.is("determiner") || token.is("new")).count();
    let noun = tokens.get(1 + articles)?.verb().filter(|verb| matches!(verb.form, Form::Noun | Form::Base))?;
    let joint = tokens.get(2 + articles)?;
    let of = matches!(joint.lower.as_str(), "of")
        || (noun.form == Form::Noun && matches!(joint.lower.as_str(), "for" | "on" | "to"));
    (of && noun.base != "notify").then_some((Verb { form: Form::Base, ..noun }, 3 + articles))
}

/// Reads verbs and what they are about.
pub(super) fn deed(tokens: &[Token]) -> Deed {
    let said = said(tokens);
    let mut rest = skip_joints(tokens);
    let only = tokens.iter().take_while(|token| !token.is("determiner")).any(|token| token.lower == "only");
    let all_words = rest.to_vec();
    while rest.len() > 1 && rest[0].is("filler") {
        rest = &rest[1..];
    }
    if rest.first().is_some_and(|first| {
        first.verb().is_none_or(|verb| verb.form != Form::Base || LEXICON.is("verb_or_noun", &verb.base))
    }) && let Some((Some(verb), words, _)) = passive(rest)
    {
        return Deed { verbs: vec![verb], objects: phrases(&words), said, words, all_words, only };
    }
    // `you send`, `it creates`, `that it sends`, `to create`
    while rest.len() > 1
        && matches!(rest[0].lower.as_str(), "you" | "we" | "i" | "it" | "they" | "to" | "also" | "do")
        && rest[1].verb().is_some()
    {
        rest = &rest[1..];
    }
    let mut verbs: Vec<Verb> = Vec::new();
    if let Some((verb, length)) = light(rest) {
        let words = rest[length..].to_vec();
        return Deed { verbs: vec![verb], objects: phrases(&words), said, words, all_words, only };
    }
    let object_follows = |rest: &[Token]| rest.iter().skip(1).any(Token::is_word);
    // `the creation of a task`: the verb after its article.
    if rest.len() > 1
        && rest[0].is("determiner")
        && rest[1].verb().is_some_and(|verb| matches!(verb.form, Form::Noun | Form::Gerund))
    {
        rest = &rest[1..];
    }
    while let Some(verb) = rest.first().and_then(Token::verb) {
        let noun = LEXICON.is("verb_or_noun", &verb.base) && verbs.is_empty() && rest.get(1).is_none();
        if verb.form == Form::Past
            && verbs.is_empty()
            && rest.len() > 1
            && rest[1].what == What::Word
            && !rest[1].is("determiner")
        {
            // `closed tasks`: an adjective.
            break;
        }
        if verb.form == Form::Third
            && LEXICON.is("verb_or_noun", &verb.base)
            && !rest.get(1).is_some_and(|next| next.is("determiner") || next.is("all") || next.is("pronoun"))
        {
            break;
        }
        if noun && !object_follows(rest) && tokens.len() > 1 {
            break;
        }
        verbs.push(verb);
        rest = &rest[1..];
        let joint = rest.iter().take_while(|token| is_joint(token)).count();
        let more = rest.get(joint).and_then(Token::verb);
        let goes_on = joint > 0
            && more.is_some_and(|verb| {
                !LEXICON.is("verb_or_noun", &verb.base)
                    || rest
                        .get(joint + 1)
                        .is_some_and(|next| next.is("determiner") || next.is("all") || next.is("pronoun"))
            });
        if !goes_on {
            break;
        }
        rest = &rest[joint..];
    }
    if verbs.is_empty()
        && rest.len() > 1
        && rest[0].what == What::Word
        && !(rest[0].is("determiner")
            || rest[0].is("all")
            || rest[0].is("pronoun")
            || rest[0].is("preposition")
            || rest[0].is("new"))
        && (rest[1].is("determiner")
            || rest[1].is("all")
            || rest[1].is("possessive")
            || rest[1].is("pronoun")
            || rest[1].lower == "with")
    {
        // A verb that nothing is known of.
        verbs.push(Verb { base: rest[0].lower.clone(), class: None, role: None, form: Form::Base });
        rest = &rest[1..];
    }
    // `the card creation`
    if verbs.is_empty()
        && let Some((last, before)) = rest.split_last()
        && !before.is_empty()
        && before.iter().all(Token::is_word)
        && let Some(verb) = last.verb().filter(|verb| verb.form == Form::Noun)
        && verb.base != "notify"
    {
        verbs.push(verb);
        rest = before;
    }
    if verbs.iter().any(|verb| matches!(verb.form, Form::Noun | Form::Gerund))
        && rest.first().is_some_and(|token| token.lower == "of")
    {
        rest = &rest[1..];
    }
    Deed { verbs, objects: phrases(rest), said, words: rest.to_vec(), all_words, only }
}
