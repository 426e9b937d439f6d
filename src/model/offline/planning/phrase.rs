//! Phrases: the things that a clause speaks of.

use super::condition::Condition;
use super::lexicon::LEXICON;
use super::tokens::{Token, What};

/// A thing, or several of a kind.
#[expect(clippy::struct_excessive_bools, reason = "each is a word that was said or was not")]
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Phrase {
    /// What it is called: nouns and adjectives, names of services among them.
    pub(super) words: Vec<Token>,
    /// What it is in, of, to, … by preposition.
    pub(super) places: Vec<(String, Phrase)>,
    /// What must hold for it, from words such as `that are closed`.
    pub(super) conditions: Vec<Condition>,
    /// `all`, `every`, `each`
    pub(super) all: bool,
    /// `each`, `every`: one after the other
    pub(super) each: bool,
    /// `a new`, `another`
    pub(super) new: bool,
    /// `the`, `my`, `this`
    pub(super) definite: bool,
    pub(super) plural: bool,
    /// `it`, `them`
    pub(super) pronoun: bool,
    /// `its`, `their`: of what was spoken of before
    pub(super) owned: bool,
    /// How many.
    pub(super) number: Option<u32>,
    /// What they are called, if they are named one by one: `Bern, Basel and Chur`.
    pub(super) names: Vec<String>,
}

impl Phrase {
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty() && !self.pronoun
    }

    /// As it was said, without what it is in.
    pub(super) fn said(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        words.join(" ")
    }

    /// The last of its words that names something.
    pub(super) fn head(&self) -> Option<&Token> {
        self.words.iter().rev().find(|word| word.what == What::Word)
    }

    /// This phrase and all phrases within it.
    pub(super) fn each_part(&self) -> Vec<&Phrase> {
        let mut parts = vec![self];
        for (_, place) in &self.places {
            parts.extend(place.each_part());
        }
        parts
    }
}

/// Reads objects, and what they are in, from the words after a verb.
pub(super) fn phrases(tokens: &[Token]) -> Vec<Phrase> {
    let mut reader = Reader { tokens, at: 0, found: Vec::new() };
    reader.read();
    let mut found = reader.found;
    // `the file from Box and from Drive`: the file from each.
    for at in 1..found.len() {
        let (before, this) = (found[at - 1].clone(), &mut found[at]);
        let same = |one: &Phrase| one.places.last().map(|(preposition, _)| preposition.clone());
        if this.words.is_empty()
            && !this.pronoun
            && !before.words.is_empty()
            && same(this).is_some()
            && same(this) == same(&before)
        {
            *this = Phrase { places: std::mem::take(&mut this.places), ..before };
        }
    }
    found.retain(|phrase| !phrase.is_empty() || !phrase.places.is_empty());
    // `the result` is what came of what was done before.
    for phrase in &mut found {
        let of = phrase.places.iter().any(|(preposition, _)| matches!(preposition.as_str(), "of" | "from"));
        if phrase.definite && !of && matches!(phrase.words.as_slice(), [word] if word.is("outcome")) {
            (phrase.pronoun, phrase.plural) = (true, false);
            phrase.words.clear();
        }
    }
    found
}

struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
    found: Vec<Phrase>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut current = Phrase::default();
        while self.at < self.tokens.len() {
            let token = &self.tokens[self.at];
            if joins(token) {
                self.at += 1;
                if !current.is_empty() || !current.places.is_empty() {
                    if self.goes_on_with_a_place(&current) {
                        if let Some((preposition, _)) = current.places.last().cloned() {
                            let place = self.phrase();
                            current.places.push((preposition, place));
                        }
                    } else {
                        self.found.push(std::mem::take(&mut current));
                    }
                }
            } else if let Some(skipped) = self.says_where() {
                self.at += skipped;
            } else if let Some(conditions) = self.relative(&current) {
                let inner = current.places.last_mut().map(|(_, place)| place);
                match inner {
                    // `files in the folder that are old`: the nearest plural, or the nearest.
                    Some(place) if !current.plural || place.plural => place.conditions.extend(conditions),
                    _ => current.conditions.extend(conditions),
                }
            } else if token.is("preposition")
                && !(current.is_empty() && current.places.is_empty() && token.lower == "about")
            {
                let preposition = token.lower.clone();
                self.at += 1;
                let place = self.phrase();
                if place.is_empty() {
                    continue;
                }
                match property(&preposition, &place) {
                    Some(condition) => current.conditions.push(condition),
                    None => current.places.push((preposition, place)),
                }
            } else {
                let mut phrase = self.phrase();
                if current.is_empty() && current.places.is_empty() {
                    current = phrase;
                } else if current.is_empty() {
                    phrase.places.append(&mut current.places);
                    current = phrase;
                } else if !phrase.is_empty() {
                    // `send John a message`: to John.
                    let whom = std::mem::take(&mut current);
                    if whom.places.is_empty() && whom.conditions.is_empty() {
                        phrase.places.insert(0, ("to".to_owned(), whom));
                    } else {
                        self.found.push(whom);
                    }
                    current = phrase;
                }
            }
        }
        self.found.push(current);
    }

    /// `that exist on`, `which are stored in`: how many words before the preposition say no more than that it is there.
    fn says_where(&self) -> Option<usize> {
        let rest = &self.tokens[self.at..];
        // `we have in`
        let ours = matches!(rest.first()?.lower.as_str(), "we" | "you" | "i" | "they")
            && rest.get(1)?.is("have")
            && rest.get(2)?.is("preposition");
        if ours {
            return Some(2);
        }
        let relative = matches!(rest.first()?.lower.as_str(), "that" | "which" | "who");
        let copula = usize::from(rest.get(1)?.is("copula"));
        let there = rest.get(1 + copula)?.is("lies");
        (relative && there && rest.get(2 + copula)?.is("preposition")).then_some(2 + copula)
    }

    /// After `in Box and`: true if another place follows, not another thing.
    fn goes_on_with_a_place(&self, current: &Phrase) -> bool {
        let Some((_, place)) = current.places.last() else { return false };
        let rest = &self.tokens[self.at..];
        let Some(first) = rest.first() else { return false };
        let end = rest.iter().position(|token| !token.is_word()).unwrap_or(rest.len());
        let has_place = rest[..end].iter().any(|token| token.is("preposition"));
        !has_place
            && !first.is("determiner")
            && !first.is("all")
            && first.what != What::Number
            && LEXICON.number(&first.lower).is_none()
            && first.is_capital() == place.words.last().is_some_and(Token::is_capital)
    }

    /// One phrase up to a preposition, a joint, or a clause about it.
    fn phrase(&mut self) -> Phrase {
        let mut phrase = Phrase::default();
        while let Some(token) = self.tokens.get(self.at) {
            let last = self.tokens.get(self.at + 1).is_none_or(|next| {
                !next.is_word()
                    || (token.is("personal") && opens_another(next))
                    || next.is("preposition")
                    || matches!(next.lower.as_str(), "that" | "which" | "who" | "whose" | "where" | "having")
                    || (matches!(token.lower.as_str(), "those" | "ones" | "others")
                        && selects(&self.tokens[self.at + 1..]))
            });
            if joins(token) || (token.is("preposition") && !phrase.is_empty()) || self.opens_relative(&phrase) {
                break;
            }
            // `the records we have in the store`
            if !phrase.words.is_empty() && self.says_where().is_some() {
                break;
            }
            // `get me profit and loss`
            let is_whom = matches!(token.lower.as_str(), "me" | "us") && phrase.words.is_empty() && !last;
            if is_whom && token.what == What::Word {
                phrase.words.push(token.clone());
                self.at += 1;
                break;
            }
            // `John a message`, `me the invoices`: another thing begins.
            if !phrase.words.is_empty() && !last && opens_another(token) {
                break;
            }
            if token.is("preposition") {
                // A preposition after another: `out of`.
                self.at += 1;
                continue;
            }
            if phrase.words.is_empty()
                && (token.is("determiner") || token.is("all") || token.is("new") || token.is("filler"))
                && !(last && token.is("pronoun"))
            {
                phrase.all |= token.is("all");
                phrase.each |= token.is("each");
                phrase.new |= token.is("new");
                phrase.plural |= token.lower == "all";
                phrase.definite |= matches!(token.lower.as_str(), "the" | "this" | "that" | "these" | "those")
                    || token.is("possessive");
                phrase.owned |= matches!(token.lower.as_str(), "its" | "their" | "his" | "her");
                self.at += 1;
                // `all of them`, `each of the files`
                let of = token.is("all")
                    && self.tokens.get(self.at).is_some_and(|next| next.lower == "of")
                    && self.tokens.get(self.at + 1).is_some_and(|next| next.is("determiner") || next.is("pronoun"));
                self.at += usize::from(of);
                continue;
            }
            if phrase.words.is_empty() && token.is("pronoun") && last {
                phrase.pronoun = true;
                phrase.plural |= token.is("plural_pronoun");
                self.at += 1;
                // Nothing more belongs to a pronoun.
                break;
            }
            let number = match token.what {
                What::Number => token.lower.parse::<u32>().ok(),
                What::Word => LEXICON.number(&token.lower),
                _ => None,
            };
            if let Some(number) = number.filter(|_| !last && phrase.words.iter().all(|word| word.is("plain"))) {
                phrase.number = Some(number);
                phrase.plural |= number > 1;
                self.at += 1;
                continue;
            }
            if token.is("new") && !last && phrase.words.iter().all(|word| word.is("plain")) {
                phrase.new = true;
            }
            // `the retired ones`: those that are retired.
            if last
                && token.lower == "ones"
                && !phrase.words.iter().all(|word| word.is("plain"))
                && phrase.words.iter().all(|word| word.what == What::Word && (!word.is_capital() || word.is("state")))
            {
                let mut said = vec![Token::new("is", What::Word)];
                said.append(&mut phrase.words);
                phrase.conditions.push(super::condition::read(&said));
                (phrase.pronoun, phrase.plural) = (true, true);
                self.at += 1;
                break;
            }
            // `the old one` is what was spoken of.
            if last
                && matches!(token.lower.as_str(), "one" | "ones")
                && phrase.words.iter().all(|word| word.is("plain"))
            {
                phrase.words.clear();
                phrase.pronoun = true;
                phrase.plural |= token.lower == "ones";
                self.at += 1;
                break;
            }
            if token.is_word() && !(last && matches!(token.lower.as_str(), "itself" | "themselves" | "there" | "only"))
            {
                phrase.words.push(token.clone());
            }
            self.at += 1;
        }
        if let Some(head) = phrase.head() {
            phrase.plural |= is_plural(&head.lower) && !phrase.each;
        }
        phrase
    }

    fn opens_relative(&self, phrase: &Phrase) -> bool {
        let Some(token) = self.tokens.get(self.at) else { return false };
        let next = self.tokens.get(self.at + 1);
        if phrase.is_empty() {
            return false;
        }
        match token.lower.as_str() {
            _ if token.what != What::Word => false,
            "that" | "which" | "who" | "whose" | "having" | "where" | "are" | "is" | "was" | "were" => next.is_some(),
            // `tasks marked as done`, `a file named 'x'`
            _ if token.is("marked") => next.is_some_and(|next| {
                next.what == What::Quoted
                    || matches!(next.lower.as_str(), "as" | "to" | "with")
                    || !next.is("preposition") && next.is_word() && token.lower.ends_with("ed")
            }),
            "below" | "above" | "over" | "under" | "exceeding" | "beyond" => {
                next.is_some_and(|next| next.what == What::Number)
            }
            "at" => next.is_some_and(|next| matches!(next.lower.as_str(), "least" | "most")),
            "older" | "newer" | "larger" | "greater" | "bigger" | "smaller" | "less" | "more" | "higher" | "lower" => {
                next.is_some_and(|next| next.lower == "than")
            }
            _ => false,
        }
    }

    /// A clause about the phrase before, to the end of what belongs to it.
    fn relative(&mut self, current: &Phrase) -> Option<Vec<Condition>> {
        let with_value = |rest: &[Token]| {
            // `with a 'hot' rating`, `with status open`: a property; `with a comment` is none.
            rest[0].lower == "with" && {
                let end = rest.iter().position(joins).unwrap_or(rest.len());
                let words = &rest[1..end.min(6)];
                words.iter().any(|word| word.is("property"))
                    && words.iter().filter(|word| word.is_word() && !word.is("determiner")).count() > 1
            }
        };
        let rest = &self.tokens[self.at..];
        if !(self.opens_relative(current) || (!current.is_empty() && with_value(rest))) {
            return None;
        }
        // `called Archive in the store`: the name, and where it is.
        let named = rest[0].is("marked") && matches!(rest[0].lower.as_str(), "called" | "named" | "titled");
        if named {
            let name = rest[1..]
                .iter()
                .take_while(|token| token.is_capital() || matches!(token.what, What::Quoted | What::Number));
            let end = 1 + name.count();
            if end > 1 && rest.get(end).is_some_and(|next| next.is("preposition")) {
                self.at += end;
                return Some(vec![super::condition::read(&rest[..end])]);
            }
        }
        self.at = self.tokens.len();
        // `that belong to`, before something that is spoken of apart.
        if rest.last().is_some_and(|last| last.is("preposition")) {
            return Some(Vec::new());
        }
        Some(vec![super::condition::read(rest)])
    }
}

/// True for a word that a thing begins with: `an`, `every`.
fn opens_another(token: &Token) -> bool {
    token.is("all") || (token.is("determiner") && !matches!(token.lower.as_str(), "this" | "that" | "these" | "those"))
}

/// True if words after `those` tell which: `below 50`, `marked as done`, `with a comment`.
fn selects(rest: &[Token]) -> bool {
    let Some(first) = rest.first() else { return true };
    let compares = matches!(
        first.lower.as_str(),
        "below"
            | "above"
            | "over"
            | "under"
            | "exceeding"
            | "beyond"
            | "older"
            | "newer"
            | "larger"
            | "greater"
            | "smaller"
            | "less"
            | "more"
            | "at"
    );
    compares || first.is("marked") || first.is("copula")
}

/// `in the "Finance" department`, `of type bug`: a property, and what it is.
fn property(preposition: &str, place: &Phrase) -> Option<Condition> {
    if !matches!(preposition, "in" | "of" | "with" | "at" | "under") {
        return None;
    }
    let named = place.words.iter().any(|word| word.is("property"));
    let quoted = place.words.iter().any(|word| word.what == What::Quoted);
    // `of type bug`: the property first.
    let typed = preposition == "of" && place.words.len() > 1 && place.words[0].is("property");
    (named && (quoted || typed)).then(|| super::condition::read(&place.words))
}

fn joins(token: &Token) -> bool {
    matches!(token.what, What::Comma | What::Colon | What::Stop | What::Item | What::Marker(_))
}

/// True for a noun that is written as several are.
pub(super) fn is_plural(word: &str) -> bool {
    (word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is") && word.len() > 3)
        || matches!(word, "people" | "data" | "children" | "staff")
}
