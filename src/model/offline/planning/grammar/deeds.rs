//! Verbs and what they are about, in the active and in the passive.

use super::super::lexicon::{Form, LEXICON, Marker, Verb};
use super::super::phrase::{Phrase, phrases};
use super::super::tokens::{Token, What};
use super::Deed;
use super::asked::{asked, by_doing, caused, done};
use super::ends::{is_function_word, is_joint, skip_joints};

/// `a file is made`, `it should not be sent`: what is done comes first. The verb, the words without it, and whether it is denied.
pub(super) fn passive(tokens: &[Token]) -> Option<(Option<Verb>, Vec<Token>, bool)> {
    let been = |at: usize| tokens[at].is("have") && tokens.get(at + 1).is_some_and(|next| next.lower == "been");
    // `has to be`
    let must = |at: usize| {
        tokens.get(at).is_some_and(|token| token.is("have") || token.is("modal"))
            && matches!(tokens.get(at + 1..at + 3), Some([to, be]) if to.lower == "to" && be.lower == "be")
    };
    // `get created`
    let gets = |at: usize| {
        matches!(tokens[at].lower.as_str(), "get" | "gets" | "got")
            && tokens.get(at + 1).is_some_and(|next| next.verb().is_some_and(|verb| verb.form == Form::Past))
    };
    // `the folder to be moved`
    let to_be = |at: usize| {
        matches!(tokens.get(at..at + 3), Some([to, be, done])
            if to.lower == "to" && be.lower == "be" && done.verb().is_some_and(|verb| verb.form == Form::Past))
    };
    let is_relative = |token: &Token| matches!(token.lower.as_str(), "that" | "which" | "who" | "whose");
    // `every file that is old has to be moved`: what has to be done comes after what is said of the file.
    let obliges = |at: usize| {
        at > 1
            && !is_relative(&tokens[at - 1])
            && (must(at)
                || gets(at)
                || must(at + 1)
                || (tokens[at].is("auxiliary") && tokens.get(at + 1).is_some_and(|next| next.lower == "be")))
    };
    let at = (0..tokens.len()).find(|at| {
        let is_chain = to_be(*at)
            || gets(*at)
            || tokens[*at].is("copula")
            || tokens[*at].is("auxiliary")
            || been(*at)
            || must(*at);
        is_chain && (!tokens[..*at].iter().any(is_relative) || obliges(*at))
    })?;
    if at == 0 || tokens[..at].iter().any(|token| token.marker().is_some_and(|marker| marker != Marker::And)) {
        return None;
    }
    let chain = tokens[at..]
        .iter()
        .take_while(|token| {
            token.is("copula")
                || matches!(token.lower.as_str(), "get" | "gets" | "got")
                || token.is("have")
                || token.is("modal")
                || token.is("auxiliary")
                || token.is("negation")
                || token.is("filler")
                || token.lower == "to"
                || token.marker() == Some(Marker::Not)
        })
        .count();
    let denied = tokens[at..at + chain].iter().any(|token| token.is("negation") || token.marker() == Some(Marker::Not));
    let done = tokens.get(at + chain)?;
    let (subject, rest) = (&tokens[..at], &tokens[at + chain + 1..]);
    // `be left as it is` says no more than that.
    let same = matches!(rest, [so, it, ..] if so.lower == "as" && it.is("pronoun"));
    let rest = if rest.iter().any(Token::is_word) && !same { rest } else { &[] };
    let kept = |token: &&Token| !token.is("anymore");
    let words: Vec<Token> = subject.iter().chain(rest.iter().filter(kept)).cloned().collect();
    // `a mail should go out to her`
    if done.lower == "go"
        && let [way, to @ ..] = rest
        && way.is("preposition")
    {
        let rest = if matches!(way.lower.as_str(), "out" | "over") { to } else { rest };
        let send = Verb { base: "send".into(), class: Some("send".into()), role: None, form: Form::Base };
        return Some((Some(send), [subject, rest].concat(), denied));
    }
    // `is pointless`, `can go`
    let goes = done.lower == "go" && rest.is_empty();
    if done.is("useless") || goes {
        return Some((None, subject.to_vec(), true));
    }
    if done.is("unneeded") {
        return Some((None, subject.to_vec(), denied));
    }
    // `have to be calculated`: a verb that nothing is known of.
    let unknown = || {
        let base = done.lower.strip_suffix("ed").filter(|base| chain > 1 && base.len() > 2 && done.verb().is_none())?;
        Some(Verb { base: base.to_owned(), class: None, role: None, form: Form::Past })
    };
    let verb = done.verb().filter(|verb| verb.form == Form::Past).or_else(unknown)?;
    Some((Some(Verb { form: Form::Base, ..verb }), words, denied))
}

/// `leave a note on it`: a note is made.
fn left(tokens: &[Token]) -> Option<Deed> {
    let [leave, article, ..] = tokens else { return None };
    let makes = leave.lower == "leave" && matches!(article.lower.as_str(), "a" | "an" | "another" | "two" | "three");
    let verb = LEXICON.verb("add").filter(|_| makes)?;
    Some(Deed { verbs: vec![verb], objects: phrases(&tokens[1..]), words: tokens[1..].to_vec(), ..Deed::default() })
}

/// `all the other guests get a mail`: each of whom, and what is made for them.
pub(super) fn receives(tokens: &[Token]) -> Option<(Phrase, Deed)> {
    let at = tokens.iter().position(|token| matches!(token.lower.as_str(), "get" | "gets" | "receive" | "receives"))?;
    let whom = &tokens[..at];
    let opens = whom.first().is_some_and(|first| first.is("all") || first.is("each"));
    let given = tokens.get(at + 1).is_some_and(|next| matches!(next.lower.as_str(), "a" | "an" | "another"));
    let whom = phrases(whom).into_iter().next().filter(|whom| opens || (whom.plural && !whom.conditions.is_empty()))?;
    if !given || !tokens.iter().all(Token::is_word) {
        return None;
    }
    let what = Deed { said: said(&tokens[at + 1..]), ..deed(&tokens[at + 1..]) };
    Some((Phrase { each: true, all: true, ..whom }, what))
}

/// `the guests need no mail`: no mail for the guests.
fn needless(tokens: &[Token]) -> Option<Deed> {
    let at = tokens.windows(2).position(|pair| pair[0].is("needs") && pair[1].lower == "no")?;
    let (whom, what) = (&tokens[..at], &tokens[at + 2..]);
    if whom.is_empty() || what.is_empty() || !tokens.iter().all(Token::is_word) {
        return None;
    }
    let words = [what, &[Token::new("for", What::Word)], whom].concat();
    Some(Deed { objects: phrases(&words), said: said(tokens), all_words: words.clone(), words, ..Deed::default() })
}

/// `nothing has to be done`, `nothing should happen`: not anything.
fn nothing(tokens: &[Token]) -> Option<Deed> {
    let first = tokens.first().filter(|first| first.lower == "nothing")?;
    let last = tokens.iter().rev().find(|token| !token.is("anymore"))?;
    let happens = matches!(last.lower.as_str(), "happen" | "happens" | "done" | "needed" | "required");
    let done = last.verb().is_some_and(|verb| verb.form == Form::Past);
    let plain = tokens[1..].iter().all(|token| {
        token.at == last.at
            || token.is("auxiliary")
            || token.is("modal")
            || token.is("copula")
            || token.is("have")
            || token.is("anymore")
            || matches!(token.lower.as_str(), "to" | "else" | "at" | "all")
    });
    let everything = Token { at: first.at, ..Token::new("everything", What::Word) };
    (plain && (happens || done)).then(|| Deed {
        said: said(tokens),
        words: vec![everything.clone()],
        objects: phrases(std::slice::from_ref(&everything)),
        all_words: vec![everything],
        ..Deed::default()
    })
}

/// `the guests should not get a mail`: no mail for them.
fn refused(tokens: &[Token]) -> Option<Deed> {
    let at = tokens.iter().position(|token| matches!(token.lower.as_str(), "get" | "receive"))?;
    let chain = tokens[..at]
        .iter()
        .rev()
        .take_while(|token| {
            token.is("auxiliary") || token.is("modal") || token.is("negation") || token.marker() == Some(Marker::Not)
        })
        .count();
    let denies = tokens[at - chain..at].iter().any(|token| token.is("negation") || token.marker() == Some(Marker::Not));
    let (whom, what) = (&tokens[..at - chain], &tokens[at + 1..]);
    let given = what.first().is_some_and(|first| first.is("determiner") || first.lower == "any");
    if whom.is_empty() || !denies || !given || !whom.iter().chain(what).all(Token::is_word) {
        return None;
    }
    let words = [what, &[Token::new("for", What::Word)], whom].concat();
    Some(Deed { objects: phrases(&words), said: said(tokens), all_words: words.clone(), words, ..Deed::default() })
}

/// What is said not to be done, or not to be needed.
pub(super) fn denied(tokens: &[Token]) -> Option<Deed> {
    if let Some(needless) = needless(tokens).or_else(|| nothing(tokens)).or_else(|| refused(tokens)) {
        return Some(needless);
    }
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

pub(super) fn said(tokens: &[Token]) -> String {
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
    // `put a copy into the archive`: of what was spoken of.
    if matches!(noun.base.as_str(), "copy" | "duplicate" | "backup") && joint.is("container") {
        return Some((Verb { form: Form::Base, ..noun }, 2 + articles));
    }
    let of = matches!(joint.lower.as_str(), "of")
        || (noun.form == Form::Noun && matches!(joint.lower.as_str(), "for" | "on" | "to"));
    (of && noun.base != "notify").then_some((Verb { form: Form::Base, ..noun }, 3 + articles))
}

/// The verbs that words begin with, and what follows them. Of so many words in all.
fn verbs(tokens: &[Token], all: usize) -> (Vec<Verb>, &[Token]) {
    let object_follows = |rest: &[Token]| rest.iter().skip(1).any(Token::is_word);
    let mut rest = tokens;
    let mut verbs: Vec<Verb> = Vec::new();
    while let Some(verb) = rest.first().and_then(Token::verb) {
        // `pull requests` are things.
        let request = rest.get(1).is_some_and(|next| matches!(next.lower.as_str(), "request" | "requests"));
        if request && matches!(verb.base.as_str(), "pull" | "merge") {
            break;
        }
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
        if noun && !object_follows(rest) && all > 1 {
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
    // `hand over the keys`: a verb that nothing is known of, with its particle.
    if let [verb, particle, thing, ..] = rest
        && verbs.is_empty()
        && verb.what == What::Word
        && !is_function_word(verb)
        && matches!(particle.lower.as_str(), "over" | "out" | "up" | "down" | "off" | "back" | "away")
        && (thing.is("determiner") || thing.is("pronoun"))
    {
        verbs.push(Verb { base: verb.lower.clone(), class: None, role: None, form: Form::Base });
        rest = &rest[2..];
    }
    if verbs.is_empty()
        && rest.len() > 1
        && rest[0].what == What::Word
        && !(rest[0].is("determiner")
            || rest[0].is("all")
            || rest[0].is("pronoun")
            || rest[0].is("preposition")
            || rest[0].is("new"))
        && !tells_of(&rest[1..])
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
    (verbs, rest)
}

/// `that do have a head`: a clause about what stands before it.
fn tells_of(tokens: &[Token]) -> bool {
    matches!(tokens, [that, next, ..] if matches!(that.lower.as_str(), "that" | "which" | "who")
        && (next.is("copula") || next.is("auxiliary") || next.is("have")))
}

/// Reads verbs and what they are about.
pub(in super::super) fn deed(tokens: &[Token]) -> Deed {
    let said = said(tokens);
    let mut rest = skip_joints(tokens);
    let only = tokens.iter().take_while(|token| !token.is("determiner")).any(|token| token.lower == "only")
        || tokens.last().is_some_and(|last| last.lower == "only");
    let all_words = rest.to_vec();
    while rest.len() > 1 && (rest[0].is("filler") || rest[0].lower == "having") {
        rest = &rest[1..];
    }
    if rest.first().is_some_and(|first| {
        first.verb().is_none_or(|verb| verb.form != Form::Base || LEXICON.is("verb_or_noun", &verb.base))
    }) && let Some((Some(verb), words, _)) = passive(rest)
    {
        return Deed { verbs: vec![verb], objects: phrases(&words), said, words, all_words, only };
    }
    rest = without_subject(rest);
    if let Some(inner) = by_doing(rest) {
        return Deed { said, all_words, only, ..inner };
    }
    if let Some(done) = done(rest) {
        return Deed { said, all_words, only, ..done };
    }
    if let Some(left) = left(rest) {
        return Deed { said, all_words, only, ..left };
    }
    if let Some((verb, length)) = light(rest) {
        let words = rest[length..].to_vec();
        return Deed { verbs: vec![verb], objects: phrases(&words), said, words, all_words, only };
    }
    if let Some(asked) = asked(rest) {
        return Deed { said, all_words, only, ..asked };
    }
    if let Some(caused) = caused(rest) {
        return Deed { said, all_words, only, ..caused };
    }
    // `the creation of a task`: the verb after its article.
    let of = rest.get(2).is_some_and(|next| next.lower == "of");
    if rest.len() > 1
        && rest[0].is("determiner")
        && rest[1]
            .verb()
            .is_some_and(|verb| matches!(verb.form, Form::Noun | Form::Gerund) || of && verb.form == Form::Base)
    {
        rest = &rest[1..];
    }
    let (mut verbs, mut rest) = verbs(rest, tokens.len());
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
    // `card creation in both of them`
    let joined: Vec<Token>;
    if verbs.is_empty()
        && let Some((verb, words)) = nominal(rest)
    {
        verbs.push(verb);
        joined = words;
        rest = &joined;
    }
    if !verbs.is_empty() && rest.first().is_some_and(|token| token.lower == "of") {
        rest = &rest[1..];
    }
    let objects = phrases(rest);
    verbs = meant(verbs, rest, &objects);
    Deed { verbs, objects, said, words: rest.to_vec(), all_words, only }
}

/// `card creation in both of them`: the verb, and the words without it.
fn nominal(words: &[Token]) -> Option<(Verb, Vec<Token>)> {
    let of_doing = |token: &Token| token.verb().filter(|verb| verb.form == Form::Noun && verb.base != "notify");
    let ends = |token: &Token| of_doing(token).is_some() || !token.is_word() || token.is("preposition");
    let at = words.iter().position(ends).filter(|at| *at > 0)?;
    words.get(at + 1).filter(|next| next.is("preposition"))?;
    Some((of_doing(&words[at])?, [&words[..at], &words[at + 1..]].concat()))
}

/// `a message`, `an email`
fn is_message(phrase: &Phrase) -> bool {
    phrase.head().is_some_and(|head| ["messag", "mail"].iter().any(|noun| LEXICON.alike(&head.stem, noun) > 0.7))
}

/// `we have to send it`: send it.
fn without_subject(tokens: &[Token]) -> &[Token] {
    let mut rest = tokens;
    // `you send`, `it creates`, `that it sends`, `to create`
    while rest.len() > 1
        && matches!(rest[0].lower.as_str(), "you" | "we" | "i" | "it" | "they" | "to" | "also" | "do")
        && rest[1].verb().is_some()
    {
        rest = &rest[1..];
    }
    // `we have to send it`
    if let [who, have, to, does, ..] = rest
        && matches!(who.lower.as_str(), "you" | "we" | "i")
        && (have.is("have") || have.is("modal"))
        && to.lower == "to"
        && does.verb().is_some()
    {
        rest = &rest[3..];
    }
    // `to have a card made`
    if let [to, have, ..] = rest
        && to.lower == "to"
        && have.lower == "have"
    {
        rest = &rest[1..];
    }
    // `we can drop it`
    if let [who, can, does, ..] = rest
        && matches!(who.lower.as_str(), "you" | "we" | "i")
        && can.is("auxiliary")
        && does.verb().is_some_and(|verb| verb.form == Form::Base)
    {
        rest = &rest[2..];
    }
    rest
}

/// What verbs mean that say little without what follows them.
fn meant(mut verbs: Vec<Verb>, rest: &[Token], objects: &[Phrase]) -> Vec<Verb> {
    // `leave a note`, `have a folder`: it is made; `have all invoices`: they are there.
    if let [verb] = verbs.as_mut_slice()
        && matches!(verb.base.as_str(), "have" | "leave" | "want" | "get" | "receive")
        && let Some(first) = objects.first()
        // `get a file` fetches one; `get a message` is told something.
        && (!matches!(verb.base.as_str(), "get" | "receive") || is_message(first))
    {
        let anew =
            rest.first().is_some_and(|next| matches!(next.lower.as_str(), "a" | "an" | "another") || next.is("new"));
        if anew || (first.all && matches!(verb.base.as_str(), "have" | "want")) {
            let base = if anew { "create" } else { "retrieve" };
            *verb = Verb { base: base.into(), class: Some(base.into()), role: None, form: Form::Base };
        }
    }
    // `write to her`: a message.
    let writes = matches!(verbs.as_slice(), [verb] if verb.base == "write")
        && rest.first().is_some_and(|next| next.lower == "to" || next.is("personal"));
    if writes {
        verbs = vec![Verb { base: "message".into(), class: Some("send".into()), role: None, form: Form::Base }];
    }
    verbs
}
