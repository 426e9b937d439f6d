//! Verbs and what they are about, in the active and in the passive.

use super::super::lexicon::{Form, LEXICON, Marker, Verb};
use super::super::phrase::{Phrase, phrases};
use super::super::tokens::{Token, What};
use super::Deed;
use super::ends::{is_function_word, is_joint, skip_joints};

/// `a file is made`, `it should not be sent`: what is done comes first. The verb, the words without it, and whether it is denied.
pub(super) fn passive(tokens: &[Token]) -> Option<(Option<Verb>, Vec<Token>, bool)> {
    let been = |at: usize| tokens[at].is("have") && tokens.get(at + 1).is_some_and(|next| next.lower == "been");
    // `has to be`
    let must = |at: usize| {
        (tokens[at].is("have") || tokens[at].is("modal"))
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
            && (must(at) || gets(at) || (tokens[at].is("auxiliary") && tokens.get(at + 1).is_some_and(|next| next.lower == "be")))
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
    let rest = if rest.iter().any(Token::is_word) { rest } else { &[] };
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
    if !opens || !given || !tokens.iter().all(Token::is_word) {
        return None;
    }
    let whom = phrases(whom).into_iter().next()?;
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

/// What is said not to be done, or not to be needed.
pub(super) fn denied(tokens: &[Token]) -> Option<Deed> {
    if let Some(needless) = needless(tokens) {
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

/// `let the manager review it`, `have someone in the kitchen taste the soup`: where what is to be done begins.
pub(super) fn asks(tokens: &[Token]) -> Option<usize> {
    let bare = |token: &Token| token.verb().is_some_and(|verb| verb.form == Form::Base);
    if !(matches!(tokens.first()?.lower.as_str(), "let" | "have") && tokens.get(1)?.is_word()) {
        return None;
    }
    let somebody = tokens[1..3.min(tokens.len())].iter().any(|token| token.is("somebody") || token.is("person"))
        || matches!(tokens, [_, a, who, ..] if a.is("determiner") && who.what == What::Word && !who.is("preposition"));
    let end = tokens.iter().position(|token| !token.is_word()).unwrap_or(tokens.len());
    // A verb that nothing is known of, before what it is done to.
    let unknown = |at: usize| {
        somebody
            && tokens[at].what == What::Word
            && !is_function_word(&tokens[at])
            && !is_function_word(&tokens[at - 1])
            && tokens.get(at + 1).is_some_and(|next| next.is("determiner") || next.is("pronoun") || next.is("all"))
    };
    // Somebody comes between; `let me know` is a message.
    let at = (2..end)
        .find(|at| bare(&tokens[*at]) && !tokens[*at].is("verb_or_noun") || tokens[*at].is("people") || unknown(*at))?;
    (somebody || !tokens[1..at].iter().any(|token| token.is("preposition"))).then_some(at)
}

/// `let the manager review it`, `someone must check the invoices`: somebody is asked.
fn asked(tokens: &[Token]) -> Option<Deed> {
    let bare = |token: &Token| token.verb().is_some_and(|verb| verb.form == Form::Base);
    let lets = matches!(tokens.first()?.lower.as_str(), "let" | "have") && tokens.get(1)?.is_word();
    let at = if lets {
        asks(tokens)?
    } else {
        let modal = tokens.iter().position(|token| token.is("modal"))?;
        let to = usize::from(tokens.get(modal + 1).is_some_and(|token| token.lower == "to"));
        let subject = &tokens[..modal];
        let ours = subject.is_empty()
            || subject.iter().any(|token| !token.is_word() || bare(token) && !token.is("verb_or_noun"))
            || subject.iter().all(|token| {
                token.is("determiner")
                    || matches!(token.lower.as_str(), "i" | "we" | "you" | "it" | "they" | "workflow" | "flow")
            });
        let at = modal + 1 + to;
        (!ours && tokens.get(at).is_some_and(bare) && tokens[at].lower != "be").then_some(at)?
    };
    let ask = Verb { base: "ask".into(), class: None, role: None, form: Form::Base };
    Some(Deed {
        verbs: vec![ask],
        objects: phrases(&tokens[at + 1..]),
        words: tokens[at + 1..].to_vec(),
        ..Deed::default()
    })
}

/// `close it by changing its state`: what is done is told after what it comes to.
fn by_doing(tokens: &[Token]) -> Option<Deed> {
    let at = tokens.windows(2).position(|pair| {
        pair[0].lower == "by" && pair[1].verb().is_some_and(|verb| verb.form == Form::Gerund && verb.class.is_some())
    })?;
    let (outer, mut inner) = (deed(&tokens[..at]), deed(&tokens[at + 1..]));
    if outer.verbs.is_empty() || inner.verbs.is_empty() || inner.objects.is_empty() {
        return None;
    }
    for verb in &mut inner.verbs {
        verb.form = Form::Base;
    }
    // `its state` is that of what was named before.
    if let Some(whole) = outer.objects.first().filter(|whole| !whole.words.is_empty()) {
        for phrase in inner.objects.iter_mut().filter(|phrase| phrase.owned || phrase.pronoun) {
            let of = phrase.owned && !phrase.words.is_empty();
            if of {
                phrase.places.insert(0, ("of".to_owned(), Phrase { places: Vec::new(), ..whole.clone() }));
            } else {
                phrase.clone_from(whole);
            }
        }
    }
    Some(inner)
}

/// `have it printed`, `have a card made for her`: print it.
fn caused(tokens: &[Token]) -> Option<Deed> {
    if !matches!(tokens.first()?.lower.as_str(), "have" | "get") {
        return None;
    }
    let end = tokens.iter().position(|token| token.lower == "by" || !token.is_word()).unwrap_or(tokens.len());
    let past = |token: &Token| {
        token.what == What::Word
            && (token.lower.ends_with("ed") || token.verb().is_some_and(|verb| verb.form == Form::Past))
    };
    // An adjective has its noun after it.
    let ends =
        |at: usize| tokens.get(at + 1..end).is_none_or(|rest| rest.first().is_none_or(|next| next.is("preposition")));
    let at = (2..end).find(|at| past(&tokens[*at]) && ends(*at))?;
    let (done, object) = (&tokens[at], &tokens[1..at]);
    let base = done.verb().unwrap_or_else(|| {
        let base = done.lower.strip_suffix("ed").unwrap_or(&done.lower).to_owned();
        Verb { base, class: None, role: None, form: Form::Base }
    });
    let words = [object, &tokens[at + 1..end]].concat();
    Some(Deed { verbs: vec![Verb { form: Form::Base, ..base }], objects: phrases(&words), words, ..Deed::default() })
}

/// `you have replied to it`, `be sent to her`: of what was spoken of.
fn done(tokens: &[Token]) -> Option<Deed> {
    let (done, length) = match tokens {
        [who, have, done, ..] if who.is("pronoun") || matches!(who.lower.as_str(), "i" | "we" | "you") => {
            have.is("have").then_some((done, 3))?
        }
        [be, done, ..] if be.is("copula") => (done, 2),
        _ => return None,
    };
    let verb = done.verb().filter(|verb| verb.form == Form::Past)?;
    let words = tokens[length..].to_vec();
    let mut objects = phrases(&words);
    if objects.first().is_none_or(|phrase| phrase.words.is_empty() && !phrase.pronoun) {
        let places = objects.first().map(|phrase| phrase.places.clone()).unwrap_or_default();
        objects = vec![Phrase { pronoun: true, places, ..Phrase::default() }];
    }
    Some(Deed { verbs: vec![Verb { form: Form::Base, ..verb }], objects, words, ..Deed::default() })
}

/// The verbs that words begin with, and what follows them. Of so many words in all.
fn verbs(tokens: &[Token], all: usize) -> (Vec<Verb>, &[Token]) {
    let object_follows = |rest: &[Token]| rest.iter().skip(1).any(Token::is_word);
    let mut rest = tokens;
    let mut verbs: Vec<Verb> = Vec::new();
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
    let nominal = rest.iter().position(|token| {
        token.verb().is_some_and(|verb| verb.form == Form::Noun && verb.base != "notify") || !token.is_word() || token.is("preposition")
    });
    let joined: Vec<Token>;
    if let Some(at) = nominal.filter(|at| verbs.is_empty() && *at > 0)
        && rest.get(at + 1).is_some_and(|next| next.is("preposition"))
        && let Some(verb) = rest[at].verb().filter(|verb| verb.form == Form::Noun)
    {
        verbs.push(verb);
        joined = [&rest[..at], &rest[at + 1..]].concat();
        rest = &joined;
    }
    if !verbs.is_empty() && rest.first().is_some_and(|token| token.lower == "of") {
        rest = &rest[1..];
    }
    let objects = phrases(rest);
    // `leave a note`, `have a folder`: it is made; `have all invoices`: they are there.
    if let [verb] = verbs.as_mut_slice()
        && matches!(verb.base.as_str(), "have" | "leave" | "want")
        && let Some(first) = objects.first()
    {
        let anew = rest.first().is_some_and(|next| matches!(next.lower.as_str(), "a" | "an" | "another") || next.is("new"));
        if anew || (first.all && verb.base != "leave") {
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
    Deed { verbs, objects, said, words: rest.to_vec(), all_words, only }
}
