//! What the description of a tool tells: a verb, what is done to what, and the words around it.

use std::collections::HashSet;

use super::super::lexicon::{Form, LEXICON, stem};

/// What a description tells.
#[derive(Default)]
pub(super) struct Described {
    /// Its first word.
    pub(super) opens: Option<String>,
    /// True if it begins with a noun: it has no verb.
    pub(super) is_noun: bool,
    pub(super) base: Option<String>,
    pub(super) objects: Vec<Vec<String>>,
    pub(super) around: HashSet<String>,
}

/// Words that stand for what they are of: `a list of users`.
const OF: [&str; 14] = [
    "list",
    "detail",
    "details",
    "information",
    "set",
    "copy",
    "content",
    "contents",
    "settings",
    "identifiers",
    "metadata",
    "records",
    "status",
    "values",
];

impl Described {
    pub(super) fn of(description: &str, name: &str) -> Self {
        let mut described = Self::default();
        // Some descriptions are just the name again.
        if description.is_empty() || description == name {
            return described;
        }
        let first = description.split(['.', '\n']).next().unwrap_or_default().replace(['"', '“', '”'], " ");
        let words = words_of(&first);
        described.around = words
            .iter()
            .filter(|word| !(LEXICON.is("determiner", word) || LEXICON.is("preposition", word)))
            .map(|word| stem(word))
            .collect();
        described.opens = words.first().cloned();
        // `Huddle: all channels`, `GitLab: issue, create`: the service first, then what is done to.
        if let Some((_, rest)) = first.split_once(": ") {
            let noun = rest.split_once(", ").map(|(noun, _)| words_of(noun).len());
            return described.apart(&words_of(rest), noun);
        }
        let at = verb_in(&words);
        let Some(at) = at else {
            // `Deals in the sales pipeline`; `Restart a service`, by a verb that nothing is known of.
            let article = words
                .get(1)
                .is_some_and(|word| word != "that" && LEXICON.is("determiner", word) || LEXICON.is("all", word));
            described.is_noun = !article || LEXICON.is("determiner", &words[0]);
            described.objects.extend(noun(&words[usize::from(!described.is_noun)..]).filter(|noun| noun.len() <= 4));
            return described;
        };
        described.base = LEXICON.verb(&words[at]).map(|verb| verb.base);
        // `A new message is posted`: what is done to comes before.
        let after = if at > 0 && words.get(at.wrapping_sub(1)).is_some_and(|word| LEXICON.is("copula", word)) {
            &words[..at - 1]
        } else {
            &words[at + 1..]
        };
        let mut start = 0;
        while let Some(object) = noun(&after[start..]) {
            let length = object.iter().map(String::as_str).next_back();
            let end = start + after[start..].iter().take_while(|word| !stops(word)).count();
            let goes_on = length.is_some_and(|head| OF.contains(&head))
                && after.get(end).is_some_and(|word| matches!(word.as_str(), "of" | "for" | "about"));
            let about = after[start..end].is_empty();
            if object.len() <= 4 && !goes_on {
                described.objects.push(object.clone());
            }
            if !goes_on && !about {
                break;
            }
            start = end + 1;
            if start >= after.len() {
                break;
            }
        }
        described
    }
}

impl Described {
    /// What comes after the name of the service: a verb and its object, or so many words of the object and then the verb.
    fn apart(mut self, words: &[String], noun_first: Option<usize>) -> Self {
        self.opens = words.first().cloned();
        if let Some(length) = noun_first {
            let (object, verb) = words.split_at(length.min(words.len()));
            self.is_noun = true;
            self.base = verb.first().and_then(|verb| LEXICON.verb(verb)).map(|verb| verb.base);
            self.objects.extend(noun(object));
        } else {
            let at = verb_in(words).filter(|at| *at == 0);
            self.base = at.and_then(|at| LEXICON.verb(&words[at])).map(|verb| verb.base);
            let article = words.get(1).is_some_and(|word| word != "that" && LEXICON.is("determiner", word));
            self.is_noun = at.is_none() && !article;
            self.objects.extend(noun(&words[usize::from(!self.is_noun).min(words.len())..]));
        }
        self
    }
}

/// Where the verb of a description is: at its beginning, or not far from it where another word leads to it.
fn verb_in(words: &[String]) -> Option<usize> {
    let is_verb =
        |word: &String| LEXICON.verb(word).is_some_and(|verb| !matches!(verb.form, Form::Noun | Form::Gerund));
    let leads = |word: &String| {
        LEXICON.is("copula", word)
            || LEXICON.is("auxiliary", word)
            || matches!(word.as_str(), "to" | "you" | "and" | "or" | "that" | "can" | "will" | "it")
    };
    (0..words.len().min(5)).find(|at| is_verb(&words[*at]) && (*at == 0 || leads(&words[at - 1])))
}

fn stops(word: &str) -> bool {
    LEXICON.is("preposition", word) || matches!(word, "that" | "which" | "called" | "and" | "or" | "to" | "you")
}

/// The words of the noun phrase at the beginning.
fn noun(words: &[String]) -> Option<Vec<String>> {
    let phrase: Vec<String> = words
        .iter()
        .take_while(|word| !stops(word))
        .filter(|word| {
            !(LEXICON.is("determiner", word)
                || LEXICON.is("all", word)
                || LEXICON.is("plain", word)
                || word.as_str() == "single-use")
        })
        .cloned()
        .collect();
    (!phrase.is_empty()).then_some(phrase)
}

/// The words of a text, in lower case.
fn words_of(text: &str) -> Vec<String> {
    let words: Vec<String> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '\''))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    LEXICON.joined(&words)
}
