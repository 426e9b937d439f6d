//! Conditions: what must hold for a thing, as it can be compared.

use super::lexicon::{LEXICON, Marker, stem};
use super::tokens::{Token, What};

/// Comparisons that all must hold, or one of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Condition {
    pub(super) tests: Vec<Test>,
    /// True if one of the tests is enough.
    pub(super) any: bool,
    /// As it was said.
    pub(super) said: String,
    /// `only if`
    pub(super) only: bool,
    /// What is counted: `500 employees`.
    pub(super) counted: Vec<String>,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    /// What is spoken of: `the lead`, `its`; with the name of the property if there is one.
    pub(super) subject: Vec<Token>,
    /// The property that is compared, if it is named.
    pub(super) property: Option<String>,
    pub(super) compares: Compares,
    pub(super) value: Constant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compares {
    Equal,
    Unequal,
    Greater,
    AtLeast,
    Less,
    AtMost,
    Contains,
}

/// What is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Constant {
    Text(String),
    Number(String),
    Nothing,
    Truth(bool),
    /// That it failed: no comparison, but the step's end by an error.
    Failure,
}

impl Compares {
    fn negated(self) -> Self {
        match self {
            Self::Equal => Self::Unequal,
            Self::Unequal => Self::Equal,
            Self::Greater => Self::AtMost,
            Self::AtLeast => Self::Less,
            Self::Less => Self::AtLeast,
            Self::AtMost => Self::Greater,
            Self::Contains => Self::Contains,
        }
    }

    /// `is`, `is not`
    pub(super) fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::Unequal)
    }

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Contains => "in",
        }
    }
}

impl Condition {
    /// What holds when this does not.
    pub(super) fn negated(mut self) -> Self {
        for test in &mut self.tests {
            test.compares = test.compares.negated();
        }
        self.any = !self.any && self.tests.len() > 1;
        self
    }

    pub(super) fn is_about_failure(&self) -> bool {
        self.tests.iter().any(|test| test.value == Constant::Failure)
    }
}

/// Phrases by which two things are compared, the longest first.
const COMPARISONS: [(&str, Compares); 47] = [
    ("greater than or equal to", Compares::AtLeast),
    ("less than or equal to", Compares::AtMost),
    ("is not equal to", Compares::Unequal),
    ("does not equal", Compares::Unequal),
    ("is different from", Compares::Unequal),
    ("is other than", Compares::Unequal),
    ("not equal to", Compares::Unequal),
    ("is equal to", Compares::Equal),
    ("no more than", Compares::AtMost),
    ("no less than", Compares::AtLeast),
    ("larger than", Compares::Greater),
    ("greater than", Compares::Greater),
    ("bigger than", Compares::Greater),
    ("higher than", Compares::Greater),
    ("longer than", Compares::Greater),
    ("older than", Compares::Greater),
    ("more than", Compares::Greater),
    ("in excess of", Compares::Greater),
    ("smaller than", Compares::Less),
    ("shorter than", Compares::Less),
    ("newer than", Compares::Less),
    ("younger than", Compares::Less),
    ("lower than", Compares::Less),
    ("fewer than", Compares::Less),
    ("less than", Compares::Less),
    ("at least", Compares::AtLeast),
    ("at most", Compares::AtMost),
    ("up to", Compares::AtMost),
    ("equal to", Compares::Equal),
    ("exceeds", Compares::Greater),
    ("exceed", Compares::Greater),
    ("exceeding", Compares::Greater),
    ("above", Compares::Greater),
    ("over", Compares::Greater),
    ("below", Compares::Less),
    ("under", Compares::Less),
    ("equals", Compares::Equal),
    ("equal", Compares::Equal),
    ("matches", Compares::Equal),
    ("contains", Compares::Contains),
    ("contain", Compares::Contains),
    ("includes", Compares::Contains),
    ("starts with", Compares::Contains),
    (">=", Compares::AtLeast),
    ("<=", Compares::AtMost),
    (">", Compares::Greater),
    ("<", Compares::Less),
];

/// Reads what is said after `if`, or of a thing.
pub(super) fn read(tokens: &[Token]) -> Condition {
    let said: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let mut condition = Condition { said: said.join(" "), ..Condition::default() };
    let counts = tokens.windows(2).filter(|pair| pair[0].what == What::Number && pair[1].what == What::Word);
    condition.counted = counts.map(|pair| pair[1].lower.clone()).collect();
    let mut parts: Vec<&[Token]> = Vec::new();
    let mut start = 0;
    for (at, token) in tokens.iter().enumerate() {
        let joint = matches!(token.what, What::Marker(Marker::And | Marker::Or | Marker::But) | What::Comma);
        if joint {
            condition.any |= token.marker() == Some(Marker::Or);
            parts.push(&tokens[start..at]);
            start = at + 1;
        }
    }
    parts.push(&tokens[start..]);
    for part in parts.into_iter().filter(|part| part.iter().any(Token::is_word)) {
        let before = condition.tests.last().cloned();
        condition.tests.push(test(part, before.as_ref()));
    }
    condition
}

/// One comparison. What it does not say is as in the one before: `is open or pending`.
fn test(tokens: &[Token], before: Option<&Test>) -> Test {
    let tokens: Vec<Token> = tokens.iter().filter(|token| !token.is("filler")).cloned().collect();
    let tokens = strip_relative(&tokens);
    let negated = tokens.iter().any(|token| token.is("negation") || token.marker() == Some(Marker::Not));
    let flip = |compares: Compares| if negated { compares.negated() } else { compares };
    // `does not work` has failed.
    let works = tokens.iter().position(|token| negated && token.is("work"));
    if let Some(at) = works {
        return Test {
            subject: tokens[..at]
                .iter()
                .filter(|token| !token.is("auxiliary") && !token.is("negation"))
                .cloned()
                .collect(),
            property: None,
            compares: Compares::Equal,
            value: Constant::Failure,
        };
    }
    if let Some(fail) = tokens.iter().position(|token| token.is("fail")) {
        let value = if negated { Constant::Nothing } else { Constant::Failure };
        return Test { subject: tokens[..fail].to_vec(), property: None, compares: Compares::Equal, value };
    }
    if let Some((at, length, compares)) = comparison(tokens) {
        let (subject, value) = (&tokens[..at], &tokens[at + length..]);
        if value.iter().any(Token::is_word) {
            let constant = constant(value);
            let negated_before = subject.iter().any(|token| token.is("negation"));
            let compares = if negated_before { compares.negated() } else { compares };
            let subject = if subject.iter().any(names) {
                subject.to_vec()
            } else {
                before.map(|test| test.subject.clone()).unwrap_or_default()
            };
            return Test { property: property(&subject), subject, compares, value: constant };
        }
    }
    let quoted = tokens.iter().position(|token| token.what == What::Quoted);
    if let Some(at) = quoted {
        let subject: Vec<Token> = tokens
            .iter()
            .enumerate()
            .filter(|(index, token)| *index != at && !token.is("marked"))
            .map(|(_, token)| token.clone())
            .collect();
        return Test {
            property: property(&subject),
            subject,
            compares: flip(Compares::Equal),
            value: Constant::Text(tokens[at].text.clone()),
        };
    }
    // `does not exist`, `is missing`, `there is no lead`
    let absent = tokens.iter().any(|token| token.is("absent"));
    let exists = tokens.iter().any(|token| token.is("present") && token.lower != "there")
        || tokens.first().is_some_and(|token| token.lower == "there");
    if absent || exists {
        let is_absent = absent != (negated && !absent) || (negated && exists);
        let compares = if is_absent { Compares::Equal } else { Compares::Unequal };
        let subject: Vec<Token> =
            tokens.iter().filter(|token| !token.is("absent") && !token.is("present")).cloned().collect();
        // `is empty` said of something that has a state is that state.
        let empty = tokens.iter().find(|token| matches!(token.lower.as_str(), "empty" | "unavailable" | "available"));
        let value = match empty {
            Some(word) if !negated => Constant::Text(word.lower.clone()),
            _ => Constant::Nothing,
        };
        let compares = if matches!(value, Constant::Text(_)) { Compares::Equal } else { compares };
        return Test { property: property(&subject), subject, compares, value };
    }
    for (word, value) in
        [("true", Constant::Truth(true)), ("yes", Constant::Truth(true)), ("false", Constant::Truth(false))]
    {
        if let Some(at) = tokens.iter().position(|token| token.lower == word) {
            return Test {
                property: property(&tokens[..at]),
                subject: tokens[..at].to_vec(),
                compares: flip(Compares::Equal),
                value,
            };
        }
    }
    if let Some(at) = tokens.iter().position(|token| token.what == What::Number) {
        let subject = tokens[..at].to_vec();
        return Test {
            property: property(&subject),
            subject,
            compares: flip(Compares::Equal),
            value: Constant::Number(tokens[at].lower.clone()),
        };
    }
    said_of(tokens, flip(Compares::Equal), before)
}

/// What remains: `the status is closed`, `has high priority`, `are completed`, `belongs to me`.
fn said_of(tokens: &[Token], compares: Compares, before: Option<&Test>) -> Test {
    let is_verb =
        |token: &Token| token.is("copula") || token.is("have") || token.is("auxiliary") || token.lower == "with";
    let Some(at) = tokens.iter().position(is_verb) else {
        // Words alone: the value, if something was said before; else a name that holds or does not.
        let words: Vec<&Token> = tokens.iter().filter(|token| names(token)).collect();
        let property = words.iter().find(|word| word.is("property")).map(|word| word.lower.clone());
        let value: Vec<&str> = words
            .iter()
            .filter(|word| !word.is("property") && !word.is("marked"))
            .map(|word| word.lower.as_str())
            .collect();
        return match before {
            Some(before) => Test { value: text(&value), ..before.clone() },
            None => Test {
                subject: tokens.to_vec(),
                property,
                compares,
                value: text(&value[value.len().saturating_sub(1)..]),
            },
        };
    };
    let subject = if tokens[..at].iter().any(names) {
        tokens[..at].to_vec()
    } else {
        before.map(|test| test.subject.clone()).unwrap_or_default()
    };
    // `do have`
    let has =
        tokens[at..].iter().take_while(|token| is_verb(token)).any(|token| token.is("have") || token.lower == "with");
    let rest: Vec<&Token> = tokens[at..]
        .iter()
        .skip_while(|token| is_verb(token) || token.is("negation"))
        .filter(|token| !(token.is("determiner") || token.is("negation") || is_verb(token) || token.marker().is_some()))
        .collect();
    let named = rest.iter().find(|token| token.is("property")).map(|token| token.lower.clone());
    let mut value: Vec<&str> = rest
        .iter()
        .filter(|token| names(token) && !(token.is("property") || token.is("marked") || token.is("preposition")))
        .map(|token| token.lower.as_str())
        .collect();
    if value.is_empty() {
        // `has a status`
        value = rest.iter().map(|token| token.lower.as_str()).filter(|_| !has).collect();
    }
    if has && named.is_none() {
        // `has an attachment`: it is there.
        let compares = if compares == Compares::Equal { Compares::Unequal } else { Compares::Equal };
        return Test {
            property: rest.last().map(|token| token.lower.clone()),
            subject,
            compares,
            value: Constant::Nothing,
        };
    }
    if value.is_empty() {
        return Test {
            property: named.or_else(|| property(&subject)),
            subject,
            compares: Compares::Unequal,
            value: Constant::Nothing,
        };
    }
    Test { property: named.or_else(|| property(&subject)), subject, compares, value: text(&value) }
}

/// True for what may name something: neither a function word nor a joint.
fn names(token: &Token) -> bool {
    token.is_word()
        && !(token.is("determiner")
            || token.is("pronoun")
            || token.is("copula")
            || token.is("have")
            || token.is("auxiliary")
            || token.is("preposition")
            || token.is("negation"))
        && !matches!(token.lower.as_str(), "that" | "which" | "who" | "whose" | "if" | "where")
}

fn strip_relative(tokens: &[Token]) -> &[Token] {
    match tokens.first() {
        Some(first)
            if matches!(first.lower.as_str(), "that" | "which" | "who" | "where" | "having") && tokens.len() > 1 =>
        {
            &tokens[1..]
        }
        _ => tokens,
    }
}

/// Where something is compared, how long the phrase for it is, and which.
fn comparison(tokens: &[Token]) -> Option<(usize, usize, Compares)> {
    for (at, _) in tokens.iter().enumerate() {
        for (phrase, compares) in COMPARISONS {
            let words: Vec<&str> = phrase.split(' ').collect();
            let matches = tokens.len() >= at + words.len()
                && words
                    .iter()
                    .zip(&tokens[at..])
                    .all(|(word, token)| token.lower == *word && token.what == What::Word);
            if matches {
                // `10 or more` has its number before it.
                return Some((at, words.len(), compares));
            }
        }
    }
    None
}

fn constant(tokens: &[Token]) -> Constant {
    if let Some(quoted) = tokens.iter().find(|token| token.what == What::Quoted) {
        return Constant::Text(quoted.text.clone());
    }
    let number = tokens.iter().find_map(|token| match token.what {
        What::Number => Some(token.lower.clone()),
        What::Word => LEXICON.number(&token.lower).map(|number| number.to_string()),
        _ => None,
    });
    if let Some(number) = number {
        return Constant::Number(number);
    }
    if tokens.iter().any(|token| token.is("absent") && token.lower != "empty") {
        return Constant::Nothing;
    }
    let words: Vec<&str> =
        tokens.iter().filter(|token| names(token) && !token.is("property")).map(|token| token.text.as_str()).collect();
    text(&words)
}

fn text(words: &[&str]) -> Constant {
    match words {
        [] | ["true"] => Constant::Truth(true),
        ["false"] => Constant::Truth(false),
        _ => Constant::Text(words.join(" ")),
    }
}

/// The property that a subject ends with: `the size of the object`, `the object size`, `its status`.
fn property(subject: &[Token]) -> Option<String> {
    let properties: Vec<&Token> =
        subject.iter().filter(|token| token.is("property") || token.lower.ends_with("_id")).collect();
    properties.last().map(|token| token.lower.clone())
}

/// The stems of the words of a condition that say what it is about.
pub(super) fn stems(tokens: &[Token]) -> Vec<String> {
    tokens.iter().filter(|token| names(token)).map(|token| stem(&token.lower)).collect()
}
