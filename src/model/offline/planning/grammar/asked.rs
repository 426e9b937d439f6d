//! What is done by others or told in a roundabout way: `let her check it`, `have it printed`, `close it by changing its state`.

use super::super::lexicon::{Form, Verb};
use super::super::phrase::{Phrase, phrases};
use super::super::tokens::{Token, What};
use super::ends::is_function_word;
use super::{Deed, deed};

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
pub(super) fn asked(tokens: &[Token]) -> Option<Deed> {
    let bare = |token: &Token| token.verb().is_some_and(|verb| verb.form == Form::Base);
    let lets = matches!(tokens.first()?.lower.as_str(), "let" | "have") && tokens.get(1)?.is_word();
    let at = if lets {
        asks(tokens)?
    } else {
        let modal = tokens.iter().position(|token| token.is("modal") || token.lower == "should")?;
        let to = usize::from(tokens.get(modal + 1).is_some_and(|token| token.lower == "to"));
        let subject = &tokens[..modal];
        let ours = subject.is_empty()
            || subject.iter().any(|token| !token.is_word() || bare(token) && !token.is("verb_or_noun"))
            || subject.iter().all(|token| {
                token.is("determiner")
                    || matches!(token.lower.as_str(), "i" | "we" | "you" | "it" | "they" | "workflow" | "flow")
            });
        let at = modal + 1 + to;
        // `somebody should photograph it`: a verb that nothing is known of.
        let unknown = subject.iter().any(|token| token.is("somebody"))
            && tokens.get(at).is_some_and(|token| token.what == What::Word && !is_function_word(token))
            && tokens.get(at + 1).is_some_and(|next| next.is("determiner") || next.is("pronoun") || next.is("all"));
        let does = tokens.get(at).is_some_and(bare) || unknown;
        (!ours && does && tokens[at].lower != "be").then_some(at)?
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
pub(super) fn by_doing(tokens: &[Token]) -> Option<Deed> {
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
pub(super) fn caused(tokens: &[Token]) -> Option<Deed> {
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
pub(super) fn done(tokens: &[Token]) -> Option<Deed> {
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
