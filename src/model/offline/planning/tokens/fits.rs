//! Whether the words of a phrase mean what it means, where they stand: `order`, `next`, `so` and `as` are also other things.

use super::super::lexicon::{Form, LEXICON, Marker, Meaning};
use super::{Token, What};

/// Where a phrase stands.
struct Place<'t> {
    tokens: &'t [Token],
    at: usize,
    length: usize,
    before: Option<&'t Token>,
    next: Option<&'t Token>,
    /// Nothing of the clause comes before it.
    opens: bool,
    closes: bool,
}

/// Whether a phrase means this where it stands.
pub(super) fn fits(meaning: &Meaning, length: usize, tokens: &[Token], at: usize) -> bool {
    let Meaning::Marker(marker) = meaning else { return true };
    let place = Place::of(tokens, at, length);
    match marker {
        Marker::Then | Marker::First | Marker::Last => place.orders(*marker),
        Marker::Because => place.gives_reason(),
        Marker::If => place.asks(),
        Marker::InsteadOf => place.contrasts(),
        Marker::Filler => place.fills(),
        Marker::Not => place.denies(),
        // `everything but the card`
        Marker::But => place.word() != "but" || !place.is_after(&["everything", "all", "anything", "nothing"]),
        Marker::Except => {
            place.word() != "but" || length > 1 || place.is_after(&["everything", "all", "anything", "nothing"])
        }
        Marker::Instead => place.word() != "rather" || place.opens || place.closes,
        Marker::ForEach => place.is_for_each(),
        _ => true,
    }
}

impl<'t> Place<'t> {
    fn of(tokens: &'t [Token], at: usize, length: usize) -> Self {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        let next = tokens.get(at + length);
        let opens = before
            .is_none_or(|token| !token.is_word() || matches!(token.lower.as_str(), "and" | "then" | "but" | "so"));
        Self { tokens, at, length, before, next, opens, closes: next.is_none_or(|token| !token.is_word()) }
    }

    /// The first of its words.
    fn word(&self) -> &str {
        &self.tokens[self.at].lower
    }

    /// The last of its words.
    fn end(&self) -> &str {
        &self.tokens[self.at + self.length - 1].lower
    }

    fn is_after(&self, words: &[&str]) -> bool {
        self.before.is_some_and(|token| words.contains(&token.lower.as_str()))
    }

    fn orders(&self, marker: Marker) -> bool {
        match marker {
            // `move it to the top`, but not `to the top of the page`
            Marker::Last | Marker::First if self.word() == "to" && self.length > 2 => self.closes,
            Marker::Then if self.length == 1 => {
                self.opens || matches!(self.word(), "then" | "afterwards" | "afterward" | "subsequently" | "thereafter")
            }
            Marker::First if self.length == 1 => self.opens || self.closes,
            // `create the file last`
            Marker::Last if self.length == 1 && self.word() == "last" => {
                let led = |token: &Token| token.is_word() && !token.is("determiner") && !token.is("preposition");
                self.closes && self.before.is_some_and(led)
            }
            _ => true,
        }
    }

    /// `as a lead`, `since Monday`, `so many` give no reason.
    fn gives_reason(&self) -> bool {
        if self.length > 1 || self.word() == "because" {
            return true;
        }
        let clause = &self.tokens[self.at + 1..];
        let end = clause.iter().position(|token| !token.is_word()).unwrap_or(clause.len());
        let clause = &clause[..end];
        let Some(first) = clause.first() else { return false };
        let somebody = matches!(first.lower.as_str(), "we" | "i" | "you" | "they" | "he" | "she");
        let thing = matches!(first.lower.as_str(), "the" | "this" | "that" | "it" | "there" | "nobody" | "everything");
        let subject = somebody || thing || first.is("possessive") || first.is("somebody");
        let verb = clause.iter().skip(1).any(|token| {
            token.is("copula")
                || token.is("have")
                || token.is("auxiliary")
                || token.verb().is_some_and(|verb| matches!(verb.form, Form::Third | Form::Past))
        });
        let opens = self.opens || self.word() == "so";
        opens && (somebody || (subject && (verb || clause.len() < 4)) || (verb && self.word() == "since"))
    }

    fn asks(&self) -> bool {
        match self.word() {
            // `check whether it is there`, but `ask whether to go on`
            "whether" => {
                let checks = self.before.is_some_and(|before| before.verb().is_some_and(|verb| verb.base != "ask"));
                checks && self.next.is_some_and(|next| next.lower != "to")
            }
            // `…, where its name is 'old', …`
            "where" => {
                let clause = &self.tokens[self.at + 1..];
                let end = clause.iter().position(|token| token.what == What::Comma).unwrap_or(0);
                self.at > 0 && self.opens && clause[..end].iter().any(|token| token.is("copula") || token.is("have"))
            }
            _ => true,
        }
    }

    fn contrasts(&self) -> bool {
        // `on Slack, not on Teams`
        if self.end() == "not" {
            let doing = self.next.and_then(Token::verb).is_some_and(|verb| verb.form == Form::Base);
            let contrast = self.length == 2 || self.before.is_some_and(|token| token.what == What::Comma);
            let thing = |next: &Token| {
                next.is_word()
                    && !next.is("copula")
                    && !next.is("auxiliary")
                    && !matches!(next.lower.as_str(), "yet" | "only" | "before" | "until")
            };
            return contrast && !doing && self.next.is_some_and(thing);
        }
        // `rather this than that`, `I prefer this over that`
        if self.length == 1 {
            let wish = if self.word() == "than" { ["rather", "sooner"] } else { ["prefer", "favour"] };
            let mut sentence = self.tokens[..self.at].iter().rev().take_while(|token| token.what != What::Stop);
            return sentence.any(|token| wish.contains(&token.lower.as_str()));
        }
        true
    }

    fn fills(&self) -> bool {
        // `the report has to be checked`, `somebody needs to look at it`: who or what comes first.
        if self.length == 2 && self.end() == "to" {
            let ours = ["i", "we", "you", "and", "then", "also", "please", "but", "it"];
            let led = self.before.is_some_and(Token::is_word) && !self.is_after(&ours);
            return !led && self.next.is_none_or(|next| next.lower != "be");
        }
        if self.length > 1 {
            return true;
        }
        match self.word() {
            // `should it be closed, …` is a condition.
            "should" => {
                let subject = |next: &Token| next.is("possessive") || next.is("determiner") || next.is("pronoun");
                self.opens && !self.next.is_some_and(subject)
            }
            "must" => self.opens,
            // `if so`
            "so" => !self.is_after(&["if", "when"]),
            // `service now`
            word => !self
                .before
                .is_some_and(|before| LEXICON.services().any(|(name, _)| name == format!("{} {word}", before.lower))),
        }
    }

    fn denies(&self) -> bool {
        let joints = ["and", "but", "so", "then"];
        // `the card doesn't have to be made`: what is not done comes before.
        if self.length > 1
            && self.end() == "to"
            && self.next.is_some_and(|next| next.lower == "be")
            && self.before.is_some_and(|token| token.what == What::Word)
            && !self.is_after(&joints)
        {
            return false;
        }
        match self.word() {
            // `no comments`, said of the workflow; `there are no comments` says what is.
            "no" if self.length == 1 => {
                self.before.is_none() || self.is_after(&["actually", "please", "so", "ok", "sorry"])
            }
            "stop" | "skip" | "omit" | "exclude" | "avoid" | "without" | "never" if self.length == 1 => true,
            _ if self.length == 1 => self.opens || self.is_after(&["please", "we", "you", "i"]),
            // `it should not be made` has what is not done before it.
            "should" | "shouldn't" | "does" | "doesn't" | "need" | "needn't" | "not" => {
                self.opens || self.is_after(&["we", "you", "i", "it"])
            }
            _ => true,
        }
    }

    /// `per` and `in each` count only before what there are several of; `upload each of them`: what is uploaded.
    fn is_for_each(&self) -> bool {
        let goes_on = self.next.is_some_and(Token::is_word);
        if matches!(self.word(), "each" | "any" | "every") {
            return goes_on && self.before.is_some_and(|before| before.is("preposition"));
        }
        let made = self.before.and_then(Token::verb).is_some_and(|verb| verb.form == Form::Noun);
        // `for each`, at the end
        let all = !goes_on && self.word() == "for";
        (goes_on || all) && !made
    }
}
