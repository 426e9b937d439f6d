//! What stands for a word in a vector. Finding a word's stem costs far more than remembering it, and a text is made
//! of few different words.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use qdrant_edge::bm25_embed::EdgeBm25;

/// How many words are kept. Then they are forgotten, and those that are in use are asked for again.
const MOST_KEPT: usize = 100_000;
/// The longest word that is kept, in bytes: longer ones are hardly words.
const LONGEST_KEPT: usize = 32;

/// The words that were asked for, and what stands for each.
pub(super) struct Words {
    library: EdgeBm25,
    known: Mutex<HashMap<Box<str>, Option<u32>>>,
}

impl Words {
    pub(super) fn new(library: EdgeBm25) -> Self {
        Self { library, known: Mutex::default() }
    }

    /// What stands for each of some words; `None` for a function word.
    pub(super) fn terms<'a>(&self, words: impl Iterator<Item = &'a str>) -> Vec<Option<u32>> {
        // A panic of the library leaves what is known as it was.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut term = |word: &str| {
            if let Some(term) = known.get(word) {
                return *term;
            }
            let term = self.library.embed_query(word).indices.first().copied();
            if word.len() <= LONGEST_KEPT {
                if known.len() >= MOST_KEPT {
                    known.clear();
                }
                known.insert(word.into(), term);
            }
            term
        };
        words.map(&mut term).collect()
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").finish_non_exhaustive()
    }
}

/// The words of a text, as the library splits them.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_words_are_kept_than_may_be_and_all_are_answered() {
        let words = Words::new(super::super::library().unwrap());
        let first = words.terms(["payments"].into_iter());
        let many: Vec<String> = (0..=MOST_KEPT).map(|number| format!("w{number}")).collect();
        assert!(words.terms(many.iter().map(String::as_str)).iter().all(Option::is_some));
        assert!(words.known.lock().unwrap().len() <= MOST_KEPT);
        assert_eq!(words.terms(["payment", "the"].into_iter()), [first[0], None]);
        words.terms(["x".repeat(1000).as_str()].into_iter());
        assert!(words.known.lock().unwrap().keys().all(|word| word.len() <= LONGEST_KEPT));
    }
}
