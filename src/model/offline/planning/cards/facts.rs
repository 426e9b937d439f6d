//! What a tool does, as its name and its description tell it.

use std::collections::HashSet;

use super::super::Card;
use super::super::lexicon::{Form, LEXICON, Verb, stem};
use super::described::Described;
use super::services::Services;
use crate::workflow::Effect;

/// What a tool does.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Facts {
    /// The class of its verb.
    pub(in super::super) class: String,
    /// Its verb.
    pub(in super::super) base: String,
    /// What its description says that it does, where its name says no more than that something is made.
    told: Option<String>,
    /// What it does it to: the stems of the ways to call that, the head last.
    pub(in super::super) objects: Vec<Vec<String>>,
    /// The words of the first of these, as people write them.
    pub(in super::super) noun: Vec<String>,
    /// Other stems of its description.
    around: HashSet<String>,
    /// The stems of its name.
    named: HashSet<String>,
    /// Whether it retrieves several, or one, if its name says so.
    many: Option<bool>,
    pub(in super::super) service: Option<usize>,
    /// True if it changes nothing.
    reads: bool,
}

/// How well what does not search does where something is to be searched for.
const NO_SEARCH: f64 = 0.99;

/// A word of a tool's name.
struct Piece {
    /// In lower case.
    word: String,
    /// Written in capitals, as constants are.
    capitals: bool,
    /// Which of the parts between `__`, `.`, `/` and `:` it is in.
    part: usize,
}

impl Facts {
    pub(super) fn of(card: &Card, services: &mut Services) -> Self {
        let pieces = pieces(&card.name);
        let described = Described::of(&card.description, &card.name);
        let last = pieces
            .iter()
            .filter(|piece| !piece.word.chars().all(char::is_numeric))
            .map(|piece| piece.part)
            .max()
            .unwrap_or(0);
        let named = told_verb(&pieces, last, &described).or_else(|| named_verb(&pieces, last));
        let base = match (&named, &described.base) {
            // `get` and `post` in a name may be those of the web, and say little.
            (Some((verb, _)), Some(base)) if is_weak(verb) => base.clone(),
            // `mail_archive` archives; `mail` is a noun in it.
            (Some((verb, 0)), Some(base)) if pieces.len() > 1 && last == 0 && LEXICON.is("verb_or_noun", verb) => {
                base.clone()
            }
            (Some((verb, _)), _) => verb.clone(),
            (None, Some(base)) => base.clone(),
            (None, None) => String::new(),
        };
        let known = LEXICON.verb(&base).and_then(|verb| verb.class).map(std::borrow::Cow::into_owned);
        // What only reads and does not say how, retrieves.
        let reads = base.is_empty() && matches!(card.effect, Effect::Read | Effect::Pure);
        // What only reads tells what it found; it sends nothing and changes nothing.
        let only_reads = matches!(card.effect, Effect::Read | Effect::Pure);
        let known = known.map(|class| match class.as_str() {
            "send" | "publish" | "delete" | "move" | "share" if only_reads => "retrieve".to_owned(),
            _ => class,
        });
        let class = known.unwrap_or_else(|| if reads { "retrieve".to_owned() } else { base.clone() });
        let told = described
            .base
            .as_deref()
            .and_then(|base| LEXICON.verb(base)?.class)
            .map(std::borrow::Cow::into_owned)
            .filter(|told| class == "create" && matches!(told.as_str(), "send" | "publish" | "upload" | "update"));
        let verb_at = named.as_ref().map(|(_, at)| *at);
        let object: Vec<String> = object_words(&pieces, last, verb_at);
        let service = service_words(&card.name, &object, last, verb_at);
        let service = (!service.is_empty()).then(|| services.add(&service, &card.description));
        let object: Vec<String> = object.into_iter().filter(|word| !LEXICON.is("preposition", word)).collect();
        let mut nouns: Vec<Vec<String>> = described.objects;
        if !object.is_empty() && object.len() <= 4 {
            nouns.push(object);
        }
        let noun = nouns.iter().min_by_key(|words| words.len()).cloned().unwrap_or_default();
        let mut objects: Vec<Vec<String>> = Vec::new();
        // `time tracking records` are also called time tracking.
        let without_tail: Vec<Vec<String>> = nouns
            .iter()
            .filter(|words| words.len() > 1 && words.last().is_some_and(|last| LEXICON.is("generic", last)))
            .map(|words| words[..words.len() - 1].to_vec())
            .collect();
        nouns.extend(without_tail);
        for words in nouns {
            let stems: Vec<String> = words.iter().map(|word| stem(word)).collect();
            if !stems.is_empty() && !objects.contains(&stems) {
                objects.push(stems);
            }
        }
        let mut around = described.around;
        let named: HashSet<String> = pieces.iter().map(|piece| stem(&piece.word)).collect();
        around.extend(named.iter().cloned());
        let has = |words: &[&str]| pieces.iter().any(|piece| words.contains(&piece.word.as_str()));
        let many = match () {
            () if class != "retrieve" => None,
            () if has(&["list", "search", "query", "find", "all"]) => Some(true),
            () if has(&["get", "fetch", "read"]) => Some(false),
            () => None,
        };
        let reads = matches!(card.effect, Effect::Read | Effect::Pure);
        Self { class, base, told, objects, noun, around, named, many, service, reads }
    }

    /// How well this does what a verb asks for, from 0 to 1.
    pub(in super::super) fn does(&self, verb: &Verb) -> f64 {
        if verb.base == self.base {
            return 1.0;
        }
        let classes = LEXICON.classes(&verb.base);
        // To close is not to escalate, although both change something.
        if LEXICON.is("particular", &verb.base) && LEXICON.is("particular", &self.base) {
            return if self.named.contains(&stem(&verb.base)) { 0.97 } else { 0.45 };
        }
        // A verb that nothing is known of may be one that the name has.
        if classes.is_empty() && self.named.contains(&stem(&verb.base)) {
            return 0.97;
        }
        // The first meaning of a verb is the usual one, if it is not one of its own.
        let own = classes.iter().position(|class| *class == verb.base);
        let order = |at: usize| match own {
            Some(own) if own != at => 0.8,
            None if at > 0 => 0.93,
            _ => 1.0,
        };
        // To look at something is to check it, where that changes nothing.
        let looks = self.reads && LEXICON.is_for_people(&self.base) && classes.iter().any(|class| class == "retrieve");
        classes
            .iter()
            .enumerate()
            .map(|(at, class)| {
                LEXICON.fit(class, &self.class).max(self.told.as_deref().map_or(0.0, |told| LEXICON.fit(class, told)))
                    * order(at)
            })
            .fold(if looks { 0.8 } else { 0.0 }, f64::max)
            * if LEXICON.is("seeks", &verb.base) && !LEXICON.is("seeks", &self.base) { NO_SEARCH } else { 1.0 }
    }

    /// Whether it yields several things, as far as its name tells.
    pub(in super::super) fn yields_several(&self) -> bool {
        self.class == "retrieve" && self.many != Some(false)
    }

    /// True if its description says more of what it does than its name.
    pub(in super::super) fn tells(&self) -> bool {
        self.told.is_some()
    }

    /// True if a stem of its name is such.
    pub(in super::super) fn has_word(&self, which: impl Fn(&str) -> bool) -> bool {
        self.named.iter().any(|word| which(word))
    }

    /// True if its name has all of these stems.
    pub(in super::super) fn is_named(&self, stems: &[String]) -> bool {
        stems.iter().all(|stem| self.named.contains(stem))
    }

    /// True if its name or its description has all of these stems.
    pub(in super::super) fn tells_of(&self, stems: &[String]) -> bool {
        stems.iter().all(|stem| self.around.contains(stem))
    }

    /// How well what this works on is called by a phrase's stems, from 0 to 1.
    pub(in super::super) fn is_about(&self, phrase: &[String], around: &[String], plural: bool) -> f64 {
        let Some(head) = phrase.last() else { return 0.0 };
        let fits: Vec<f64> = self.objects.iter().map(|object| called(object, phrase, around, head)).collect();
        let best = fits.iter().copied().fold(0.0, f64::max);
        // Of two that are called so, the one that is called nothing else.
        let worst = fits.iter().copied().fold(best, f64::min);
        let best = best * 0.97 + worst * 0.03;
        if best == 0.0 {
            return 0.0;
        }
        let nearby = phrase.iter().chain(around).filter(|stem| self.around.contains(*stem)).count();
        // `get an order` is not `list the orders`.
        let other = self.many.is_some_and(|many| many != plural);
        let of_one = !plural && self.around.contains("id") && self.class == "retrieve";
        #[expect(clippy::cast_precision_loss, reason = "a handful of words")]
        let bonus = (nearby as f64 * 0.01).min(0.04);
        (best + bonus - if of_one { 0.02 } else { 0.0 } - if other { 0.03 } else { 0.0 }).clamp(0.0, 1.0)
    }
}

/// How well one name of a thing fits a phrase.
#[expect(clippy::cast_precision_loss, reason = "a handful of words")]
fn called(object: &[String], phrase: &[String], around: &[String], head: &str) -> f64 {
    let Some((last, rest)) = object.split_last() else { return 0.0 };
    // `pull request` and `pullrequest`
    if object.concat() == phrase.concat() {
        return 0.96;
    }
    let near = |word: &String| around.iter().map(|other| LEXICON.alike(word, other) * 0.9).fold(0.0, f64::max);
    let covered = |word: &String| phrase.iter().map(|other| LEXICON.alike(word, other)).fold(near(word), f64::max);
    let heads = LEXICON.alike(last, head);
    let phrase_covered: f64 = phrase
        .iter()
        .map(|word| object.iter().map(|other| LEXICON.alike(word, other)).fold(0.0, f64::max))
        .sum::<f64>()
        / phrase.len() as f64;
    let object_covered: f64 = object.iter().map(covered).sum::<f64>() / object.len() as f64;
    if heads == 0.0 {
        // `a message` is not `a message reply`, and a little like `message queue`.
        let inner = rest.iter().map(|word| LEXICON.alike(word, head)).fold(0.0, f64::max);
        return inner * (0.2 + 0.15 * object_covered + 0.1 * phrase_covered);
    }
    heads * (0.52 + 0.28 * object_covered + 0.16 * phrase_covered)
}

/// The words of a tool's name and description, in lower case.
pub(super) fn words(card: &Card) -> Vec<String> {
    let described = card.description.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    pieces(&card.name).into_iter().map(|piece| piece.word).chain(described.map(str::to_lowercase)).collect()
}

fn is_weak(verb: &str) -> bool {
    matches!(verb, "get" | "post" | "put" | "patch" | "run" | "call")
}

/// The words of a name, in lower case.
fn pieces(name: &str) -> Vec<Piece> {
    let marked = name.replace("__", "/");
    let mut pieces = Vec::new();
    for (part, text) in marked.split(['/', '.', ':']).enumerate() {
        for text in text.split(|c: char| !c.is_alphanumeric()).filter(|text| !text.is_empty()) {
            let capitals = text.chars().all(|c| c.is_uppercase() || c.is_numeric());
            pieces.extend(camel(text).into_iter().map(|word| Piece { word, capitals, part }));
        }
    }
    pieces
}

/// `PullRequest` is two words, `S3` and `IDs` are one.
fn camel(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| chars[before]);
        let next = chars.get(at + 1);
        let starts = c.is_uppercase()
            && (before.is_some_and(char::is_lowercase)
                || (before.is_some_and(char::is_uppercase) && next.is_some_and(|next| next.is_lowercase())));
        match words.last_mut() {
            Some(word) if !starts => word.extend(c.to_lowercase()),
            _ => words.push(c.to_lowercase().collect()),
        }
    }
    words
}

/// The verb that a description begins with, if the name has it, too, and where; a name may have words that look like others.
fn told_verb(pieces: &[Piece], last: usize, described: &Described) -> Option<(String, usize)> {
    let opens = described.opens.as_deref()?;
    let at = pieces.iter().rposition(|piece| {
        piece.part == last && opens.strip_prefix(&piece.word).is_some_and(|end| matches!(end, "" | "s" | "es"))
    })?;
    let unknown = LEXICON.verb(&pieces[at].word).is_none_or(|verb| verb.class.is_none());
    let alone = pieces.iter().filter(|piece| piece.part == last).count() == 1;
    // `employees` in `list_employees` is no verb: a verb comes first, or is all that is said.
    let first = at == 0 || pieces[at - 1].part != last || !described.is_noun;
    (unknown && !described.is_noun && (first || alone)).then(|| (pieces[at].word.clone(), at))
}

/// The verb of a name, and which of its words it is in.
fn named_verb(pieces: &[Piece], last: usize) -> Option<(String, usize)> {
    let base = |word: &str| {
        LEXICON.verb(word).filter(|verb| verb.form == Form::Base && verb.class.is_some()).map(|verb| verb.base)
    };
    let mut weak = None;
    // The last part of a name says what is done; the others, what with.
    let order = (0..pieces.len())
        .filter(|at| pieces[*at].part == last)
        .chain((0..pieces.len()).filter(|at| pieces[*at].part != last && *at > 0));
    for at in order {
        let word = &pieces[at].word;
        if let Some(verb) = base(word).or_else(|| fused(word, pieces[at].capitals)) {
            if LEXICON.is("verb_or_noun", &verb) && fused(word, pieces[at].capitals).is_none() {
                weak.get_or_insert((verb, at));
            } else {
                return Some((verb, at));
            }
        }
    }
    weak
}

/// The verb at the beginning of words written as one. Short verbs only begin what is written in capitals: `address` is no
/// adding.
fn fused(word: &str, capitals: bool) -> Option<String> {
    let shortest = if capitals { 3 } else { 5 };
    let ends = (shortest..word.len().saturating_sub(3)).rev().filter(|end| word.is_char_boundary(*end));
    ends.filter_map(|end| LEXICON.verb(&word[..end]))
        .find(|verb| verb.form == Form::Base && verb.class.is_some())
        .map(|verb| verb.base)
}

/// What is done to: the words of the last part but its verb, or those of the first part if it has no others.
fn object_words(pieces: &[Piece], last: usize, verb: Option<usize>) -> Vec<String> {
    let is_verb = |at: usize| Some(at) == verb || fused(&pieces[at].word, pieces[at].capitals).is_some();
    let only_verb = (0..pieces.len()).filter(|at| pieces[*at].part == last).all(is_verb);
    // `crm.deals.list`: the part before says what of. `gitlab_issue_list`: so does the word before.
    let part = if only_verb { last.saturating_sub(1) } else { last };
    let ends = last == 0 && pieces.len() > 2 && verb == Some(pieces.len() - 1);
    let first = if ends { pieces.len() - 2 } else { 0 };
    let mut words: Vec<String> = Vec::new();
    for (at, piece) in pieces.iter().enumerate().skip(first).filter(|(_, piece)| piece.part == part) {
        if Some(at) == verb || fused(&piece.word, piece.capitals).is_some() || piece.word.chars().all(char::is_numeric)
        {
            continue;
        }
        if words.last() != Some(&piece.word) {
            words.push(piece.word.clone());
        }
    }
    // `COPY_OBJECT_object`: the same twice.
    let half = words.len() / 2;
    if words.len() > 1 && words.len().is_multiple_of(2) && words[..half] == words[half..] {
        words.truncate(half);
    }
    words
}

/// What it is done with: the words before what it is done to.
fn service_words(name: &str, object: &[String], last: usize, verb_at: Option<usize>) -> Vec<String> {
    let marked = name.replace("__", "/");
    let parts: Vec<&str> = marked.split(['/', '.', ':']).collect();
    let raw = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let is_verb = |word: &String| {
        let words = camel(word);
        words.first().is_some_and(|first| {
            LEXICON.verb(first).is_some_and(|verb| verb.form == Form::Base && verb.class.is_some())
                && (words.len() > 1 || !LEXICON.is("verb_or_noun", first))
        }) || words.iter().any(|word| fused(word, false).is_some())
    };
    let mut words = raw(parts[0]);
    if last == 0 {
        // `github_create_issue`: what comes before the verb.
        let plain = words.iter().all(|word| camel(word).len() == 1);
        let verb = words.iter().position(is_verb).or(verb_at.filter(|_| plain));
        // `gitlab_issue_create`: what comes before the object.
        let verb = verb.map(|at| if at > 1 && at + 1 == words.len() { at - 1 } else { at });
        words.truncate(verb.unwrap_or(0));
        return words;
    }
    if let Some(verb) = words.iter().skip(1).position(is_verb) {
        words.truncate(verb + 1);
    }
    let flat: Vec<String> = words.iter().flat_map(|word| camel(word)).map(|word| stem(&word)).collect();
    let object: Vec<String> = object.iter().map(|word| stem(word)).collect();
    if !object.is_empty() && flat.len() > object.len() && flat.ends_with(&object) {
        // As many whole words as the object has.
        let mut left = object.len();
        while left > 0 && words.len() > 1 {
            left = left.saturating_sub(words.last().map_or(0, |word| camel(word).len()));
            words.pop();
        }
    }
    words
}
