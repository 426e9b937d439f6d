//! Texts as sparse vectors by which an index ranks them: BM25, whose part that depends on the whole
//! collection (idf) the index adds itself.

mod words;

use std::collections::HashSet;

use qdrant_edge::bm25_embed::{EdgeBm25, EdgeBm25Config};
use words::Words;

/// How soon a word that stands often in a text counts no more (`k1` of BM25).
const SATURATION: f64 = 1.2;
/// How much a text's length counts against it (`b` of BM25).
const LENGTH: f64 = 0.75;
/// How many words a text has that is neither long nor short: pieces are cut to about that many.
const USUAL_LENGTH: f64 = 256.0;

/// A sparse vector: what stands for each term, and its weight.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sparse {
    /// Hashes of the terms, each once, in rising order.
    pub indices: Vec<u32>,
    /// The weight of each.
    pub values: Vec<f32>,
}

/// Turns text into sparse vectors: lower case, without English function words, stems.
///
/// Words of other languages are kept as they are; they match themselves.
///
/// What a word comes to is asked of the library, so that the vectors are those that Qdrant makes; most words were
/// asked for before, and are only looked up.
#[derive(Debug)]
pub struct Encoder {
    words: Words,
}

impl Encoder {
    /// The encoder that all indexes share, so that their vectors mean the same.
    ///
    /// # Errors
    /// A message, if the library refuses its own defaults.
    pub fn new() -> Result<Self, String> {
        Ok(Self { words: Words::new(library()?) })
    }

    /// What is remembered.
    #[must_use]
    pub fn document(&self, text: &str) -> Sparse {
        let mut terms = self.terms(text);
        let length = f64::from(u32::try_from(terms.len()).unwrap_or(u32::MAX));
        terms.sort_unstable();
        let mut sparse = Sparse::default();
        for same in terms.chunk_by(PartialEq::eq) {
            let often = f64::from(u32::try_from(same.len()).unwrap_or(u32::MAX));
            let weight =
                often * (SATURATION + 1.0) / SATURATION.mul_add(1.0 - LENGTH + LENGTH * length / USUAL_LENGTH, often);
            sparse.indices.push(same[0]);
            #[allow(clippy::cast_possible_truncation, reason = "between 0 and 2.2")]
            sparse.values.push(weight as f32);
        }
        sparse
    }

    /// What is searched for.
    #[must_use]
    pub fn query(&self, text: &str) -> Sparse {
        let mut indices = self.terms(text);
        indices.sort_unstable();
        indices.dedup();
        Sparse { values: vec![1.0; indices.len()], indices }
    }

    /// The words of a query that are found in a text, as the query has them: why it was found.
    #[must_use]
    pub fn matched(&self, query: &str, text: &str) -> Vec<String> {
        let found: HashSet<u32> = self.terms(text).into_iter().collect();
        let mut matched: Vec<String> = Vec::new();
        for (word, term) in words::split(query).zip(self.words.terms(words::split(query))) {
            let stands_in = term.is_some_and(|term| found.contains(&term));
            if stands_in && !matched.iter().any(|other| other.eq_ignore_ascii_case(word)) {
                matched.push(word.to_owned());
            }
        }
        matched
    }

    /// What stands for the words of a text, in their order; function words are left out.
    fn terms(&self, text: &str) -> Vec<u32> {
        self.words.terms(words::split(text)).into_iter().flatten().collect()
    }
}

/// The library's own encoder.
fn library() -> Result<EdgeBm25, String> {
    let config = EdgeBm25Config { ascii_folding: Some(true), ..EdgeBm25Config::default() };
    EdgeBm25::new(config).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_match_by_their_stems_and_function_words_do_not_count() {
        let encoder = Encoder::new().unwrap();
        let text = "The payments were failing in Zürich.";
        assert_eq!(encoder.matched("Why did the payment fail? Payment in Zurich", text), ["payment", "fail", "Zurich"]);
        assert!(encoder.query("the of and").indices.is_empty());
    }

    proptest! {
        #[test]
        fn the_vectors_are_those_of_the_library(
            words in prop::collection::vec("[a-zA-Zäöüßéñ0-9]{1,12}|the|and|running|\\PC{0,20}", 0..60),
            between in "[ ,.;_\n-]{1,3}",
        ) {
            let text = words.join(&between);
            let (ours, theirs) = (Encoder::new().unwrap(), library().unwrap());
            // Twice: the second time every word is known.
            for _ in 0..2 {
                let (document, expected) = (ours.document(&text), theirs.embed_document(&text));
                prop_assert_eq!(&document.indices, &expected.indices);
                prop_assert_eq!(&document.values, &expected.values);
                let (query, expected) = (ours.query(&text), theirs.embed_query(&text));
                prop_assert_eq!(&query.indices, &expected.indices);
                prop_assert_eq!(&query.values, &expected.values);
            }
        }
    }
}
