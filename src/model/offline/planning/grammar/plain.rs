//! What is wanted without a verb of doing: `every order needs a label`, `I'd like the invoices in a mail`.

use super::super::lexicon::{Form, LEXICON, Verb, stem};
use super::super::phrase::{Phrase, phrases};
use super::super::tokens::Token;
use super::ends::skip_joints;
use super::{Deed, Part, deeds};

/// `every order needs a label`: a label is made for each order.
pub(super) fn needs(tokens: &[Token]) -> Option<[Part; 2]> {
    let words = skip_joints(tokens);
    words.first().filter(|first| first.is("all"))?;
    let at = words.iter().position(|token| token.is("wants"))?;
    let subject = &words[..at];
    let helper = subject.last().filter(|last| last.is("auxiliary") || last.is("modal")).map_or(at, |_| at - 1);
    let object = words[at + 1..]
        .first()
        .filter(|next| next.is("determiner") || next.is("new") || LEXICON.number(&next.lower).is_some())?;
    let plain =
        words[1..helper].iter().all(|token| token.is_word() && token.verb().is_none_or(|verb| verb.form == Form::Base));
    if helper < 2 || !plain || object.lower == "to" {
        return None;
    }
    let each = phrases(&words[..helper]).into_iter().next()?;
    let made = &words[at + 1..];
    let create = Verb { base: "create".into(), class: Some("create".into()), role: None, form: Form::Base };
    let deed = Deed {
        verbs: vec![create],
        objects: phrases(made),
        said: format!("create {}", deeds::said(made)),
        words: made.to_vec(),
        all_words: words.to_vec(),
        only: false,
    };
    Some([Part::Each(Phrase { each: true, ..each }), Part::Do(deed)])
}

/// `have the invoices in a mail`, `summarise them in a message`: what is wanted, and what it is sent in.
pub(super) fn delivered(deed: &Deed) -> Option<[Part; 2]> {
    let is_there = deed.objects.first().is_some_and(|first| first.definite && first.plural && !first.new);
    let wants = match deed.verbs.as_slice() {
        [] => is_there,
        [verb] => matches!(
            verb.base.as_str(),
            "have" | "want" | "need" | "receive" | "summarize" | "summarise" | "condense" | "put" | "wrap" | "pack"
        ),
        _ => false,
    };
    let retrieves = deed.is_verb(&["retrieve", "get"]);
    if !(wants || retrieves) {
        return None;
    }
    let mut objects = deed.objects.clone();
    let last = objects.last_mut()?;
    let at = last.places.iter().position(|(preposition, place)| {
        let is_message = place
            .head()
            .is_some_and(|head| ["messag", "mail"].iter().any(|noun| LEXICON.alike(&stem(&head.lower), noun) > 0.7));
        let by = matches!(preposition.as_str(), "in" | "into" | "by" | "as" | "via");
        by && is_message && !(retrieves && place.definite)
    })?;
    let (_, message) = last.places.remove(at);
    let words: Vec<Token> = message.words.clone();
    let create = Verb { base: "create".into(), class: Some("create".into()), role: None, form: Form::Base };
    let send = Deed {
        verbs: vec![create],
        objects: vec![message],
        said: deed.said.clone(),
        words: words.clone(),
        all_words: words,
        only: false,
    };
    let retrieve = Verb { base: "retrieve".into(), class: Some("retrieve".into()), role: None, form: Form::Base };
    let first = Deed { verbs: vec![retrieve], objects, ..deed.clone() };
    Some([Part::Do(first), Part::Do(send)])
}

/// True if a deed only sums up what is there, so that what it is told in is all of it.
pub(super) fn only_tells(deed: &Deed) -> bool {
    deed.objects.iter().all(|phrase| phrase.pronoun && phrase.places.is_empty())
}
