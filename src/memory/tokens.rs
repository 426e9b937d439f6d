//! How long a piece may be in tokens, so that whatever turns it into a vector takes the whole of it.
//!
//! Tokens are counted exactly, by the encoding of OpenAI's embedding models. What has no more bytes than it may have tokens
//! need not be counted: a token is at least one byte.

use text_splitter::{ChunkConfig, ChunkSizer, TextSplitter};

/// How many tokens a piece has at most.
pub(super) const PIECE_TOKENS: usize = 512;
/// How many tokens a code block or table has at most to stay whole though it is longer than a piece.
pub(super) const WHOLE_TOKENS: usize = 2_048;

/// Measures in tokens.
struct Tokens;

impl ChunkSizer for Tokens {
    fn size(&self, chunk: &str) -> usize {
        count(chunk)
    }
}

fn count(text: &str) -> usize {
    tiktoken_rs::cl100k_base_singleton().count_ordinary(text)
}

/// Whether a text has at most so many tokens.
pub(super) fn fits(text: &str, tokens: usize) -> bool {
    text.len() <= tokens || count(text) <= tokens
}

/// Cuts a text into parts of at most so many tokens, each with where in it it begins.
pub(super) fn split(text: &str, tokens: usize) -> Vec<(usize, &str)> {
    if fits(text, tokens) {
        return vec![(0, text)];
    }
    TextSplitter::new(ChunkConfig::new(tokens).with_sizer(Tokens)).chunk_indices(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]
        #[test]
        fn the_parts_fit_and_hold_the_whole(text in "(\\PC{0,60}\n?|[𠀀-𠿿]{0,300}|(word ){0,200}){0,9}") {
            let parts = split(&text, PIECE_TOKENS);
            for (at, part) in &parts {
                assert!(count(part) <= PIECE_TOKENS, "{} tokens", count(part));
                assert_eq!(&text[*at..at + part.len()], *part);
            }
            let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(bare(&parts.iter().map(|(_, part)| *part).collect::<String>()), bare(&text));
            assert_eq!(fits(&text, PIECE_TOKENS), count(&text) <= PIECE_TOKENS);
        }
    }
}
