//! Texts as sparse vectors by which an index ranks them: BM25, whose part that depends on the whole
//! collection (idf) the index adds itself.

use std::collections::HashSet;

use qdrant_edge::bm25_embed::{EdgeBm25, EdgeBm25Config};

/// A sparse vector: what stands for each term, and its weight.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sparse {
    /// Hashes of the terms, each once.
    pub indices: Vec<u32>,
    /// The weight of each.
    pub values: Vec<f32>,
}

/// Turns text into sparse vectors: lower case, without English function words, stems.
///
/// Words of other languages are kept as they are; they match themselves.
#[derive(Debug)]
pub struct Encoder {
    bm25: EdgeBm25,
}

impl Encoder {
    /// The encoder that all indexes share, so that their vectors mean the same.
    ///
    /// # Errors
    /// A message, if the library refuses its own defaults.
    pub fn new() -> Result<Self, String> {
        // `avg_len` stays at its default of 256: pieces are cut to about that many words.
        let config = EdgeBm25Config { ascii_folding: Some(true), ..EdgeBm25Config::default() };
        Ok(Self { bm25: EdgeBm25::new(config).map_err(|error| error.to_string())? })
    }

    /// What is remembered.
    #[must_use]
    pub fn document(&self, text: &str) -> Sparse {
        let vector = self.bm25.embed_document(text);
        Sparse { indices: vector.indices, values: vector.values }
    }

    /// What is searched for.
    #[must_use]
    pub fn query(&self, text: &str) -> Sparse {
        let vector = self.bm25.embed_query(text);
        Sparse { indices: vector.indices, values: vector.values }
    }

    /// The words of a query that are found in a text, as the query has them: why it was found.
    #[must_use]
    pub fn matched(&self, query: &str, text: &str) -> Vec<String> {
        let found: HashSet<u32> = self.bm25.embed_document(text).indices.into_iter().collect();
        let mut matched: Vec<String> = Vec::new();
        for word in query.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let stands_in = self.bm25.embed_query(word).indices.iter().any(|index| found.contains(index));
            if stands_in && !matched.iter().any(|other| other.eq_ignore_ascii_case(word)) {
                matched.push(word.to_owned());
            }
        }
        matched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_match_by_their_stems_and_function_words_do_not_count() {
        let encoder = Encoder::new().unwrap();
        let text = "The payments were failing in Zürich.";
        assert_eq!(encoder.matched("Why did the payment fail? Payment in Zurich", text), ["payment", "fail", "Zurich"]);
        assert!(encoder.query("the of and").indices.is_empty());
    }
}
