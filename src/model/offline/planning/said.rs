//! What a clause says that may be an argument: quotations, addresses, names, numbers, lengths of time, each with the word that
//! leads to it and the nouns beside it.

use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};

use super::fields;
use super::lexicon::{LEXICON, stem};
use super::slots::{SLOTS, Shape};
use super::tokens::{Token, What};

/// A value that words name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) shape: Shape,
    /// As it was written.
    pub(super) text: String,
    pub(super) number: Option<f64>,
    pub(super) length: Option<Duration>,
    /// The preposition, or the word such as `called`, that leads to it.
    pub(super) after: Option<String>,
    /// The stems of the nouns beside it.
    pub(super) label: Vec<String>,
    /// Its words among those of the clause.
    pub(super) range: Range<usize>,
}

impl Said {
    /// A number as JSON writes it.
    pub(super) fn json_number(&self) -> Option<Value> {
        json_number(self.number?)
    }

    /// True for what may be an id: it has a digit, or stands in quotes.
    pub(super) fn is_code(&self) -> bool {
        match self.shape {
            Shape::Quoted | Shape::Number => true,
            Shape::Name | Shape::Channel => self.text.contains(|c: char| c.is_ascii_digit()),
            _ => false,
        }
    }
}

pub(super) fn json_number(number: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and in range")]
    if number.fract() == 0.0 && number.abs() < EXACT {
        return Some(json!(number as i64));
    }
    serde_json::Number::from_f64(number).map(Value::Number)
}

/// The values that the words of a clause name. `is_service` tells the words that name services.
pub(super) fn said(words: &[Token], request: &str, is_service: impl Fn(&Token) -> bool) -> Vec<Said> {
    let is_service: Vec<bool> = words.iter().map(is_service).collect();
    let mut reader = Reader { words, request, is_service, found: Vec::new() };
    reader.read();
    reader.phrases();
    reader.found
}

struct Reader<'t> {
    words: &'t [Token],
    request: &'t str,
    is_service: Vec<bool>,
    found: Vec<Said>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut at = 0;
        while at < self.words.len() {
            let end = self.value(at);
            at = end.max(at + 1);
        }
    }

    /// Reads the value that begins here, and says where it ends; here if none does.
    fn value(&mut self, at: usize) -> usize {
        let token = &self.words[at];
        match token.what {
            What::Quoted => self.push(Shape::Quoted, at, at + 1),
            What::Address if token.text.contains("://") => self.push(Shape::Web, at, at + 1),
            What::Address => self.push(Shape::Mail, at, at + 1),
            What::Number => self.phone(at).unwrap_or_else(|| self.number(at)),
            What::Word => self.word(at),
            _ => at,
        }
    }

    fn word(&mut self, at: usize) -> usize {
        let token = &self.words[at];
        if token.text.starts_with('#') {
            return self.push(Shape::Channel, at, at + 1);
        }
        if SLOTS.is("clauses", &token.lower) || self.is_report(at) {
            return self.clause(at);
        }
        if SLOTS.is("titles", &token.lower) {
            return self.title(at + 1);
        }
        if is_time(&token.lower) {
            return self.push(Shape::Date, at, at + 1);
        }
        // `May 3`, and `may` by itself is none.
        if SLOTS.is("months", &token.lower) && self.words.get(at + 1).is_some_and(|next| next.what == What::Number) {
            return self.push(Shape::Date, at, at + 2);
        }
        if SLOTS.number(&token.lower).is_some() || thousands(&token.lower).is_some() {
            return self.number(at);
        }
        if SLOTS.currency(&token.lower).is_some() && (token.text.len() == 3 || !token.is_capital()) {
            let end = self.push(Shape::Currency, at, at + 1);
            self.last_text(SLOTS.currency(&token.lower));
            return end;
        }
        if let Some(language) = SLOTS.language(&token.lower).filter(|_| token.is_capital()) {
            let end = self.push(Shape::Language, at, at + 1);
            self.last_text(Some(language));
            return end;
        }
        let is_name = |at: usize| {
            let token = &self.words[at];
            let is_other = self.is_service[at]
                || SLOTS.is("weekdays", &token.lower)
                || token.lower == "i"
                || token.is("determiner")
                || token.is("pronoun");
            token.is_capital() && !is_other
        };
        if is_name(at) {
            let length = (at..self.words.len())
                .take_while(|next| is_name(*next) || (*next > at && self.words[*next].what == What::Number))
                .count();
            return self.push(Shape::Name, at, at + length);
        }
        at
    }

    fn last_text(&mut self, text: Option<&str>) {
        if let (Some(last), Some(text)) = (self.found.last_mut(), text) {
            text.clone_into(&mut last.text);
        }
    }

    fn text(&self, range: Range<usize>) -> String {
        let mut text = String::new();
        for token in &self.words[range] {
            if !text.is_empty() && !matches!(token.what, What::Comma | What::Colon) {
                text.push(' ');
            }
            text.push_str(&token.text);
        }
        text
    }

    fn push(&mut self, shape: Shape, at: usize, end: usize) -> usize {
        let (after, mut label) = self.lead(at, shape);
        // `"Urgent" as the title`, `the "lobby" channel`
        let mut next = end;
        let is_as = self.words.get(next).is_some_and(|token| token.lower == "as");
        if is_as {
            next += 1;
        }
        while is_as && self.words.get(next).is_some_and(|token| token.is("determiner")) {
            next += 1;
        }
        if let Some(noun) = self.words.get(next)
            && noun.what == What::Word
            && !noun.is("preposition")
            && !noun.is("copula")
            && (is_as || shape != Shape::Mail)
        {
            label.push(noun.stem.clone());
        }
        self.found.push(Said {
            shape,
            text: self.text(at..end),
            number: None,
            length: None,
            after,
            label,
            range: at..end,
        });
        end
    }

    /// The word that leads to a place, and the nouns on the way.
    fn lead(&self, at: usize, shape: Shape) -> (Option<String>, Vec<String>) {
        // In a list, what leads to the first leads to all.
        let joint = at.checked_sub(1).filter(|before| {
            matches!(self.words[*before].what, What::Comma | What::Marker(super::lexicon::Marker::And))
        });
        if let Some(before) = joint
            && let Some(other) = self.found.iter().find(|other| other.range.end == before && other.shape == shape)
        {
            return (other.after.clone(), other.label.clone());
        }
        let mut label = Vec::new();
        for before in self.words[..at].iter().rev().take(5) {
            match before.what {
                What::Colon => {}
                What::Word
                    if before.is("preposition") || SLOTS.is("leads", &before.lower) || before.lower == "until" =>
                {
                    return (Some(before.lower.clone()), label);
                }
                What::Word if before.is("determiner") || before.is("copula") || before.is("filler") => {}
                What::Word if label.len() < 2 => label.push(before.stem.clone()),
                _ => break,
            }
        }
        (None, label)
    }

    /// `+43 1 555 0177`: several numbers in a row.
    fn phone(&mut self, at: usize) -> Option<usize> {
        let length = self.words[at..].iter().take_while(|token| token.what == What::Number).count();
        let text = self.text(at..at + length);
        let plus = format!("+{text}");
        let is_signed = self.request.contains(&plus);
        let digits = text.chars().filter(char::is_ascii_digit).count();
        if (length < 2 && !is_signed) || digits < 6 {
            return None;
        }
        let end = self.push(Shape::Phone, at, at + length);
        if is_signed {
            self.last_text(Some(&plus));
        }
        Some(end)
    }

    fn number(&mut self, at: usize) -> usize {
        let Some((number, mut end)) = number(self.words, at) else { return at };
        let sign = self.words[at].text.chars().next().filter(|c| !c.is_alphanumeric()).map(String::from);
        if self.words.get(end).is_some_and(|token| SLOTS.is("months", &token.lower)) {
            // `3 May`, `3 May 2026`
            end += 1;
            end += usize::from(
                self.words.get(end).is_some_and(|token| token.what == What::Number && token.text.len() == 4),
            );
            return self.push(Shape::Date, at, end);
        }
        // `half an hour`
        let unit_at =
            end + usize::from(self.words.get(end).is_some_and(|token| matches!(token.lower.as_str(), "a" | "an")));
        if let Some(unit) = self.words.get(unit_at).and_then(|token| fields::unit(&token.lower))
            && let Ok(length) = Duration::try_from_secs_f64(unit.as_secs_f64() * number)
        {
            let end = self.push(Shape::Duration, at, unit_at + 1);
            if let Some(last) = self.found.last_mut() {
                last.number = Some(number);
                last.length = Some(length);
            }
            return end;
        }
        let word = self.words.get(end).map(|token| token.lower.clone()).unwrap_or_default();
        let signed = sign.as_deref().and_then(|sign| SLOTS.currency(sign));
        let currency = signed.or_else(|| SLOTS.currency(&word)).map(str::to_owned);
        let shape = if currency.is_some() { Shape::Money } else { Shape::Number };
        let reached = self.push(shape, at, end);
        if let Some(last) = self.found.last_mut() {
            last.number = Some(number);
            last.text = last.text.trim_start_matches(['$', '€', '£', '#']).to_owned();
        }
        let Some(currency) = currency else { return reached };
        let range = if signed.is_some() { reached..reached } else { reached..reached + 1 };
        let end = range.end;
        self.found.push(Said {
            shape: Shape::Currency,
            text: currency,
            number: None,
            length: None,
            after: None,
            label: Vec::new(),
            range,
        });
        end
    }

    /// `that the server is down`, which is no `that was created`.
    fn is_report(&self, at: usize) -> bool {
        let Some(next) = self.words.get(at + 1) else { return false };
        self.words[at].lower == "that"
            && at > 0
            && (next.is("determiner") || next.is_capital() || next.is("pronoun"))
            && self.words[at + 1..]
                .iter()
                .any(|word| word.is("copula") || word.is("have") || word.is("auxiliary") || word.verb().is_some())
    }

    /// All that follows a word such as `saying`.
    fn clause(&mut self, at: usize) -> usize {
        let mut start = at + 1;
        while self.words.get(start).is_some_and(|token| token.lower == "that" || token.what == What::Colon) {
            start += 1;
        }
        let end = self.words.len();
        // What is quoted, or said elsewhere, is read by itself.
        if start >= end || matches!(self.words[start].what, What::Quoted) {
            return at + 1;
        }
        let text = self.verbatim(start).unwrap_or_else(|| self.text(start..end));
        self.found.push(Said {
            shape: Shape::Clause,
            text,
            number: None,
            length: None,
            after: Some(if self.words[at].lower == "that" {
                "saying".to_owned()
            } else {
                self.words[at].lower.clone()
            }),
            label: Vec::new(),
            range: start..end,
        });
        end
    }

    /// The words from here to the end as they were written.
    fn verbatim(&self, start: usize) -> Option<String> {
        let from = |words: &[Token]| {
            let mut at = 0;
            let mut first = None;
            for token in words.iter().filter(|token| token.is_word()) {
                let place = at + self.request[at..].find(&token.text)?;
                first.get_or_insert(place);
                at = place + token.text.len();
            }
            Some(first?..at)
        };
        let lead = from(&self.words[..start])?.end;
        let all = from(self.words)?;
        let text = self.request.get(lead..all.end)?.trim().trim_start_matches(':');
        let text = text.trim().trim_start_matches("that ").trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// What something is called, after the word that says so.
    fn title(&mut self, at: usize) -> usize {
        let end = self.end_of_run(at);
        if end == at || matches!(self.words[at].what, What::Quoted | What::Address) {
            return at;
        }
        let shape = if self.words[at].is_capital() { Shape::Name } else { Shape::Words };
        self.push(shape, at, end)
    }

    /// Where words end that belong together: at a joint, or before what has a value of its own.
    fn end_of_run(&self, at: usize) -> usize {
        let stops = |end: usize| {
            let token = &self.words[end];
            let next = self.words.get(end + 1);
            !token.is_word()
                || matches!(token.what, What::Address | What::Quoted)
                || SLOTS.is("leads", &token.lower)
                || (token.lower == "on" && next.is_some_and(|next| is_time(&next.lower)))
                || (end > at
                    && matches!(
                        token.lower.as_str(),
                        "to" | "in" | "into" | "with" | "via" | "using" | "from" | "by" | "until" | "for" | "at"
                    )
                    && next.is_none_or(|next| {
                        next.is("determiner")
                            || matches!(next.what, What::Address | What::Quoted | What::Number)
                            || next.text.starts_with('#')
                            || next.is_capital()
                    }))
        };
        (at..self.words.len()).find(|end| stops(*end)).unwrap_or(self.words.len())
    }

    /// Runs of words: `the releases channel`, `the channel releases`, `with the subject printer on fire`, `for cargo bikes`.
    fn phrases(&mut self) {
        let is_noun = |(at, token): (usize, &Token)| {
            token.what == What::Word
                && !self.is_service[at]
                && ["preposition", "determiner", "copula", "auxiliary", "pronoun", "have", "filler", "all"]
                    .iter()
                    .all(|set| !token.is(set))
                && !SLOTS.is("leads", &token.lower)
        };
        let nouns: Vec<bool> = self.words.iter().enumerate().map(is_noun).collect();
        let mut at = 0;
        while at < self.words.len() {
            let length = nouns[at..].iter().take_while(|is_noun| **is_noun).count();
            let before = (0..at)
                .rev()
                .map(|before| &self.words[before])
                .find(|token| !(token.is("determiner") || token.is("all")));
            let after = before
                .filter(|token| token.is("preposition") || SLOTS.is("leads", &token.lower))
                .map(|token| token.lower.clone());
            let words = at..at + length;
            at = words.end.max(at + 1);
            if words.is_empty() {
                continue;
            }
            let mut add = |label: Option<usize>, range: Range<usize>| {
                let range = range.start..range.end;
                let telling = range
                    .clone()
                    .any(|at| !["plain", "new", "state", "generic"].iter().any(|set| self.words[at].is(set)));
                if range.is_empty() || !telling {
                    return;
                }
                self.found.push(Said {
                    shape: Shape::Words,
                    text: self.text(range.clone()),
                    number: None,
                    length: None,
                    after: after.clone(),
                    label: label.iter().map(|at| self.words[*at].stem.clone()).collect(),
                    range,
                });
            };
            let last = words.end - 1;
            if words.len() > 1 {
                add(Some(last), words.start..last);
                add(Some(words.start), words.start + 1..words.end);
            }
            if matches!(after.as_deref(), Some("for" | "about" | "on")) {
                let end = self.end_of_run(words.start);
                self.push_run(words.start..end, after.as_deref());
            } else if matches!(after.as_deref(), Some("with")) && words.len() > 1 {
                // `with the subject printer on fire`: to the end.
                let end = self.end_of_run(words.start);
                self.push_run(words.start + 1..end, after.as_deref());
                let label = self.words[words.start].stem.clone();
                if let Some(last) = self.found.last_mut() {
                    last.label = vec![label];
                }
            }
        }
    }

    fn push_run(&mut self, range: Range<usize>, after: Option<&str>) {
        if range.is_empty() {
            return;
        }
        self.found.push(Said {
            shape: Shape::Words,
            text: self.text(range.clone()),
            number: None,
            length: None,
            after: after.map(str::to_owned),
            label: Vec::new(),
            range,
        });
    }
}

/// `9:30`, `5pm`, `2026-05-03`, `tomorrow`, `Friday`
fn is_time(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let clock = word.split_once(':').is_some_and(|(hours, minutes)| digits(hours) && digits(minutes));
    let half_day = word.strip_suffix("am").or_else(|| word.strip_suffix("pm")).is_some_and(digits);
    SLOTS.is("weekdays", word)
        || SLOTS.is("days", word)
        || clock
        || half_day
        || (word.len() >= 10
            && word.get(..10).is_some_and(|date| chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok()))
}

/// `40k`
fn thousands(word: &str) -> Option<f64> {
    let (digits, times) = match word.strip_suffix('k') {
        Some(digits) => (digits, 1_000.0),
        None => (word.strip_suffix('m')?, 1_000_000.0),
    };
    digits.trim_start_matches(['$', '€', '£']).parse::<f64>().ok().map(|number| number * times)
}

/// The number that begins here, in digits or in words, and where it ends.
fn number(words: &[Token], at: usize) -> Option<(f64, usize)> {
    let mut sum = 0.0;
    let mut current = None;
    let mut end = at;
    for token in &words[at..] {
        let digits = match token.what {
            What::Number if current.is_none() => token.lower.parse::<f64>().ok(),
            What::Word if current.is_none() => thousands(&token.lower),
            _ => None,
        };
        let named = if token.what == What::Word { SLOTS.number(&token.lower) } else { None };
        match (digits, named, current) {
            (Some(digits), _, _) => current = Some(digits),
            (None, Some(named), Some(so_far)) if named >= 1000.0 => {
                sum += so_far * named;
                current = Some(0.0);
            }
            (None, Some(named), Some(so_far)) if named >= 100.0 => current = Some(so_far * named),
            // `forty two`
            (None, Some(named), Some(so_far)) if so_far >= 20.0 && so_far % 10.0 == 0.0 && named < 10.0 => {
                current = Some(so_far + named);
            }
            (None, Some(named), None) => current = Some(named),
            _ => break,
        }
        end += 1;
    }
    Some((sum + current?, end))
}

/// The stems of a phrase's words.
pub(super) fn stems(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| stem(&word.to_lowercase()))
        .filter(|word| !LEXICON.is("determiner", word))
        .collect()
}
