//! Long texts in few words, and back: what a model is shown may be short, what it leaves alone stays whole.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;

/// What stands where a text was shortened.
const OPEN: &str = "⟨+";
const CLOSE: &str = " characters⟩";

/// Which texts were shown in short, and what they are in full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shortened {
    longest: usize,
    full: HashMap<String, String>,
}

impl Shortened {
    /// Nothing shown yet; texts of more than `longest` characters will be shortened.
    #[must_use]
    pub fn to(longest: usize) -> Self {
        Self { longest, full: HashMap::new() }
    }

    /// The value with its long texts in short. Expressions stay whole, wherever in a text they are.
    #[must_use]
    pub fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (name.clone(), self.value(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    /// The text in short.
    #[must_use]
    pub fn text(&mut self, text: &str) -> String {
        // A little more than allowed is shorter than what would stand in its place.
        if text.chars().count() <= self.longest + CLOSE.len() {
            return text.to_owned();
        }
        let mut short = String::new();
        let mut left = self.longest;
        for part in parts(text) {
            match part {
                Part::Expression(expression) => short.push_str(expression),
                Part::Plain(plain) => {
                    let length = plain.chars().count();
                    if length <= left + CLOSE.len() {
                        short.push_str(plain);
                        left = left.saturating_sub(length);
                    } else {
                        short.extend(plain.chars().take(left));
                        // Writing to a string cannot fail.
                        let _ = write!(short, "{OPEN}{}{CLOSE}", length - left);
                        left = 0;
                    }
                }
            }
        }
        // Two texts that look the same in short could not be told apart.
        match self.full.get(&short) {
            Some(other) if other != text => text.to_owned(),
            _ if short.len() >= text.len() => text.to_owned(),
            _ => {
                self.full.insert(short.clone(), text.to_owned());
                short
            }
        }
    }

    /// The value with the texts in full that were shown in short.
    ///
    /// # Errors
    /// A text that was shown in short and then changed: what is not shown would be lost.
    pub fn restored(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => match self.full.get(text) {
                Some(full) => full.clone().into(),
                None if is_short(text) => {
                    return Err(format!(
                        "`{}` was shown in short (`{OPEN}…{CLOSE}` stands for what was left out), and cannot be changed in \
                         part: write the whole text anew, or leave it as it is",
                        text.chars().take(40).collect::<String>()
                    ));
                }
                None => value.clone(),
            },
            Value::Array(items) => items.iter().map(|item| self.restored(item)).collect::<Result<_, _>>()?,
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| Ok((name.clone(), self.restored(value)?)));
                Value::Object(fields.collect::<Result<_, String>>()?)
            }
            other => other.clone(),
        })
    }
}

/// Whether part of a text was left out.
fn is_short(text: &str) -> bool {
    text.split(OPEN).skip(1).any(|rest| {
        rest.split_once(CLOSE).is_some_and(|(count, _)| !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit()))
    })
}

enum Part<'a> {
    Plain(&'a str),
    /// With its braces.
    Expression(&'a str),
}

/// A text in what is written and what is computed. Braces that do not close are text.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        let close = if rest[begin..].starts_with("{{") { "}}" } else { "%}" };
        let Some(end) = rest[begin..].find(close).map(|end| begin + end + close.len()) else { break };
        if begin > 0 {
            parts.push(Part::Plain(&rest[..begin]));
        }
        parts.push(Part::Expression(&rest[begin..end]));
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        parts.push(Part::Plain(rest));
    }
    parts
}
