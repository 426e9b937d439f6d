//! What parameters hold: roles that go by the words of their names, and the words and shapes that each is said with, as data
//! beside this file.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::lexicon::stem;

/// What the words of parameters mean, read once.
pub(super) static SLOTS: LazyLock<Slots> = LazyLock::new(|| {
    let written: Written = toml::from_str(include_str!("slots.toml")).unwrap_or_default();
    Slots::of(written)
});

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shape {
    Quoted,
    Mail,
    Web,
    Phone,
    Number,
    /// A number with its currency.
    Money,
    Currency,
    Language,
    Date,
    Duration,
    /// `#general`
    Channel,
    /// Words with capitals.
    Name,
    /// Words of a phrase.
    Words,
    /// All that follows.
    Clause,
    /// What an earlier step yields.
    Reference,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    role: Vec<WrittenRole>,
    words: HashMap<String, String>,
    currencies: HashMap<String, String>,
    languages: HashMap<String, String>,
    numbers: HashMap<String, f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRole {
    names: String,
    after: String,
    sure: String,
    likely: String,
    #[serde(default)]
    named: bool,
}

/// What a kind of parameter holds.
#[derive(Debug, Default)]
pub(super) struct Role {
    names: HashSet<String>,
    after: HashSet<String>,
    sure: Vec<Shape>,
    likely: Vec<Shape>,
    /// Whether the word may stand beside the value: `the releases channel`.
    pub(super) is_named: bool,
}

#[derive(Debug, Default)]
pub(super) struct Slots {
    roles: Vec<Role>,
    words: HashMap<String, HashSet<String>>,
    currencies: HashMap<String, String>,
    languages: HashMap<String, String>,
    numbers: HashMap<String, f64>,
}

impl Slots {
    fn of(written: Written) -> Self {
        let set = |words: &str| words.split_whitespace().map(str::to_owned).collect::<HashSet<_>>();
        let shapes = |words: &str| {
            let shape = |word: &str| {
                Shape::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(word)).ok()
            };
            words.split_whitespace().filter_map(shape).collect()
        };
        let role = |role: WrittenRole| Role {
            names: role.names.split_whitespace().map(stem).collect(),
            after: set(&role.after),
            sure: shapes(&role.sure),
            likely: shapes(&role.likely),
            is_named: role.named,
        };
        Self {
            roles: written.role.into_iter().map(role).collect(),
            words: written.words.iter().map(|(name, words)| (name.clone(), set(words))).collect(),
            currencies: written.currencies,
            languages: written.languages,
            numbers: written.numbers,
        }
    }

    /// The roles of a parameter whose name has these stems, the head last.
    pub(super) fn roles(&self, stems: &[String]) -> impl Iterator<Item = &Role> {
        let head = stems.last().cloned().unwrap_or_default();
        self.roles.iter().filter(move |role| role.names.contains(&head))
    }

    pub(super) fn is(&self, set: &str, word: &str) -> bool {
        self.words.get(set).is_some_and(|words| words.contains(word))
    }

    /// True if a word in lower case names a day, a currency, a language, a number or what parameters are called.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.words.values().any(|words| words.contains(word))
            || self.currencies.contains_key(word)
            || self.languages.contains_key(word)
            || self.numbers.contains_key(word)
            || self.roles.iter().any(|role| role.names.contains(&stem(word)))
    }

    /// The code of a currency, by code, name or sign.
    pub(super) fn currency(&self, word: &str) -> Option<&str> {
        self.currencies.get(word).map(String::as_str)
    }

    /// The code of a language.
    pub(super) fn language(&self, word: &str) -> Option<&str> {
        self.languages.get(word).map(String::as_str)
    }

    pub(super) fn number(&self, word: &str) -> Option<f64> {
        self.numbers.get(word).copied()
    }
}

impl Role {
    /// How well a value of this shape, which this word leads to, is what the role holds; 0 if it is not.
    pub(super) fn takes(&self, shape: Shape, after: Option<&str>) -> f64 {
        let is_led = after.is_some_and(|word| self.after.contains(word));
        if self.sure.contains(&shape) {
            if is_led { 2.3 } else { 2.0 }
        } else if self.likely.contains(&shape) && is_led {
            1.8
        } else {
            0.0
        }
    }

    /// Whether it may hold this at all.
    pub(super) fn allows(&self, shape: Shape) -> bool {
        self.sure.contains(&shape) || self.likely.contains(&shape)
    }
}

/// The stems of a name in any style: `chargeId`, `charge_id`, `Charge-ID`.
pub(super) fn name_stems(name: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(name.len() + 4);
    let mut before_is_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && before_is_lower {
            spaced.push(' ');
        }
        before_is_lower = c.is_lowercase() || c.is_numeric();
        spaced.push(if c.is_alphanumeric() { c } else { ' ' });
    }
    spaced.to_lowercase().split_whitespace().map(stem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_read_whole() {
        let written: Written = toml::from_str(include_str!("slots.toml")).unwrap();
        assert!(written.role.len() > 10);
        let unknown: Vec<&str> = written
            .role
            .iter()
            .flat_map(|role| role.sure.split_whitespace().chain(role.likely.split_whitespace()))
            .filter(|word| {
                Shape::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(word)).is_err()
            })
            .collect();
        assert_eq!(unknown, [""; 0]);
    }

    #[test]
    fn names_in_any_style() {
        for name in ["chargeId", "charge_id", "Charge-ID", "charge.id"] {
            assert_eq!(name_stems(name), ["charg", "id"], "{name}");
        }
    }
}
