//! Services: what they are called in tools' names, in their descriptions, and by people.

use std::collections::HashMap;

use super::super::lexicon::LEXICON;
use super::super::tokens::{Token, What};

/// The services that tools work with.
#[derive(Debug, Default)]
pub(in super::super) struct Services {
    names: Vec<String>,
    words: Vec<Vec<String>>,
    /// Further names, from descriptions.
    tails: Vec<Vec<Vec<String>>>,
    /// By words written as one in lower case: the services that these may mean, and how much of their name they are.
    aliases: HashMap<String, Vec<(usize, f64)>>,
}

/// Services that are named in a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Mentioned {
    weights: HashMap<usize, f64>,
    /// Where the words are that name them.
    words: Vec<usize>,
}

impl Mentioned {
    /// One service, by what was spoken of.
    pub(in super::super) fn of(service: usize) -> Self {
        Self { weights: HashMap::from([(service, 1.0)]), words: Vec::new() }
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    pub(in super::super) fn weight(&self, service: usize) -> Option<f64> {
        self.weights.get(&service).copied()
    }

    pub(in super::super) fn covers(&self, word: &Token) -> bool {
        self.words.contains(&word.at)
    }

    pub(in super::super) fn services(&self) -> impl Iterator<Item = (usize, f64)> {
        self.weights.iter().map(|(service, weight)| (*service, *weight))
    }

    pub(in super::super) fn add(&mut self, other: &Self) {
        for (service, weight) in &other.weights {
            let known = self.weights.entry(*service).or_insert(*weight);
            *known = known.max(*weight);
        }
        self.words.extend(&other.words);
    }
}

/// The longest name that is looked for, in words.
const LONGEST: usize = 7;

impl Services {
    /// The service with a name of these words.
    pub(super) fn add(&mut self, words: &[String], description: &str) -> usize {
        let name = words.join(" ");
        let at = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.words.push(words.iter().map(|word| word.to_lowercase()).collect());
            self.tails.push(Vec::new());
            self.names.len() - 1
        });
        if let Some(tail) = tail(description)
            && !self.tails[at].contains(&tail)
        {
            self.tails[at].push(tail);
        }
        at
    }

    /// To be called when all are there.
    pub(super) fn finish(&mut self) {
        for service in 0..self.names.len() {
            let words = self.words[service].clone();
            self.alias(service, &words, 1.0);
            // A tail that only some tools have may speak of something else.
            for tail in self.tails[service].clone() {
                self.alias(service, &tail, 0.9);
            }
        }
        let others: Vec<(String, String)> =
            LEXICON.services().map(|(other, name)| (squash(other), squash(name))).collect();
        for (other, name) in others {
            if let Some(known) = self.aliases.get(&name).cloned() {
                self.aliases.entry(other).or_default().extend(known);
            }
        }
    }

    /// All parts of a name by which the service may be called.
    fn alias(&mut self, service: usize, words: &[String], most: f64) {
        let telling = |word: &String| !LEXICON.is_common(word) && !word.chars().all(char::is_numeric);
        let length = |words: &[String]| -> usize { words.iter().map(String::len).sum() };
        let all = length(words).max(1);
        for start in 0..words.len() {
            for end in start + 1..=words.len().min(start + LONGEST) {
                let part = &words[start..end];
                // A part of only common words means the service if it is most of the name, or written as a name.
                let common = !part.iter().any(telling);
                if common && part.len() == 1 && (words.len() == 1 || part[0].len() < 4) && words.len() > 1 {
                    continue;
                }
                #[expect(clippy::cast_precision_loss, reason = "a handful of letters")]
                let share = if common { 0.5 } else { length(part) as f64 / all as f64 };
                let known = self.aliases.entry(part.concat()).or_default();
                match known.iter_mut().find(|(other, _)| *other == service) {
                    Some((_, weight)) => *weight = weight.max(share * most),
                    None => known.push((service, share * most)),
                }
            }
        }
    }

    pub(super) fn name(&self, service: usize) -> &str {
        self.names.get(service).map_or("", String::as_str)
    }

    pub(super) fn numbered(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The services that words name, the longest names first.
    pub(super) fn mentioned(&self, tokens: &[Token]) -> Mentioned {
        let mut mentioned = Mentioned::default();
        let words: Vec<(usize, String)> = tokens
            .iter()
            .enumerate()
            .map(|(at, token)| {
                let lower = squash(&token.lower);
                let lower =
                    LEXICON.services().find(|(other, _)| *other == lower).map_or(lower, |(_, name)| squash(name));
                (at, lower)
            })
            .collect();
        let mut at = 0;
        while at < tokens.len() {
            let longest = (1..=LONGEST.min(tokens.len() - at)).rev().find_map(|length| {
                let span = &tokens[at..at + length];
                if !span.iter().all(|token| matches!(token.what, What::Word | What::Number)) {
                    return None;
                }
                let joined: String = words[at..at + length].iter().map(|(_, word)| word.as_str()).collect();
                let services = self.aliases.get(&joined)?;
                let common = span.iter().all(|token| LEXICON.is_common(&token.lower) || token.is("filler"));
                let as_name = span.iter().all(Token::is_capital) && at > 0 || (length > 1 && joined.len() > 4);
                let after_preposition = at > 0
                    && tokens[at - 1].is("container")
                    && tokens.get(at + length).is_none_or(|next| !next.is_word() || next.is("preposition"))
                    && !span[0].is("pronoun");
                (!common || as_name || after_preposition).then_some((length, services))
            });
            let Some((length, services)) = longest else {
                at += 1;
                continue;
            };
            for (service, weight) in services {
                let known = mentioned.weights.entry(*service).or_insert(*weight);
                *known = known.max(*weight);
            }
            mentioned.words.extend(tokens[at..at + length].iter().map(|token| token.at));
            at += length;
        }
        mentioned
    }
}

fn squash(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The name at the end of a description: `… from Azure AD`.
fn tail(description: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = description.trim_end_matches(['.', ' ']).split_whitespace().collect();
    let start =
        words.iter().rposition(|word| LEXICON.is("container", word) || matches!(*word, "a" | "an" | "the"))? + 1;
    let tail = &words[start..];
    let name: Vec<String> = tail
        .iter()
        .take_while(|word| word.starts_with(|c: char| c.is_uppercase() || c.is_numeric()))
        .map(|word| squash(word))
        .collect();
    (!name.is_empty() && name.len() == tail.len() && name.len() <= LONGEST).then_some(name)
}
