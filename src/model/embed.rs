//! What turns texts into vectors, so that memory finds by meaning, too. Without one, that is `None`.

use std::sync::OnceLock;

use async_trait::async_trait;

use super::{ModelError, Trouble};

/// Turns texts into vectors, of which those of like meaning are near each other.
#[async_trait]
pub trait Embedder: Send + Sync + 'static {
    /// Its name, `PROVIDER/MODEL`: vectors of two names cannot be compared.
    fn name(&self) -> &str;

    /// How many numbers a vector has: as it was configured, or known after the first call.
    fn dimensions(&self) -> Option<usize>;

    /// One vector for each text, in their order, in as many requests as it takes.
    ///
    /// # Errors
    /// [`ModelError`], by what can be done about it. Nothing is given if one request fails.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError>;
}

/// The most texts in a request.
const MOST_TEXTS: usize = 128;

/// The most bytes of texts in a request; one text that is longer goes alone.
const MOST_BYTES: usize = 256 << 10;

/// The texts in the order that they have, cut into what one request holds.
pub(super) fn batches(texts: &[String]) -> impl Iterator<Item = &[String]> {
    let mut rest = texts;
    std::iter::from_fn(move || {
        let mut bytes = 0_usize;
        let fits = |text: &&String| {
            bytes = bytes.saturating_add(text.len());
            bytes <= MOST_BYTES
        };
        let count = rest.iter().take(MOST_TEXTS).take_while(fits).count().max(1);
        let (batch, others) = rest.split_at_checked(count)?;
        rest = others;
        Some(batch)
    })
}

/// How many numbers each vector has: all of them the same.
#[derive(Debug)]
pub(super) struct Dimensions(OnceLock<usize>);

impl Dimensions {
    pub(super) fn new(configured: Option<usize>) -> Self {
        Self(configured.map_or_else(OnceLock::new, OnceLock::from))
    }

    pub(super) fn known(&self) -> Option<usize> {
        self.0.get().copied()
    }

    /// Holds what came for `count` texts against what must be.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(&self, count: usize, vectors: &[Vec<f32>]) -> Result<(), (Trouble, String)> {
        if vectors.len() != count {
            return Err((Trouble::Malformed, format!("{} vectors came for {count} texts", vectors.len())));
        }
        if vectors.iter().flatten().any(|number| !number.is_finite()) {
            return Err((Trouble::Malformed, "a vector holds what is no finite number".to_owned()));
        }
        let Some(length) = vectors.first().map(Vec::len) else { return Ok(()) };
        let length = if length == 0 { length } else { *self.0.get_or_init(|| length) };
        match vectors.iter().find(|vector| vector.is_empty() || vector.len() != length) {
            None => Ok(()),
            Some(other) if other.is_empty() => {
                Err((Trouble::Rejected, "it gives empty vectors; is it a model for embeddings?".to_owned()))
            }
            Some(other) => Err((
                Trouble::Rejected,
                format!(
                    "vectors should have {length} numbers, but one has {}; is it still the same model?",
                    other.len()
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(lengths: &[usize]) -> Vec<usize> {
        let texts: Vec<String> = lengths.iter().map(|length| "x".repeat(*length)).collect();
        let sizes: Vec<usize> = batches(&texts).map(<[String]>::len).collect();
        assert_eq!(batches(&texts).flatten().count(), texts.len());
        sizes
    }

    #[test]
    fn texts_are_cut_into_requests_by_number_and_by_length() {
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&[0]), [1]);
        assert_eq!(sizes(&[1; 300]), [128, 128, 44]);
        assert_eq!(sizes(&[MOST_BYTES / 2, MOST_BYTES / 2, 1]), [2, 1]);
        assert_eq!(sizes(&[1, MOST_BYTES + 1, 1, 1]), [1, 1, 2]);
    }

    #[test]
    fn vectors_are_held_against_what_is_known_of_them() {
        let dimensions = Dimensions::new(None);
        let check = |count, vectors: &[Vec<f32>]| dimensions.check(count, vectors).map_err(|(_, told)| told);
        check(0, &[]).unwrap();
        assert!(check(2, &[vec![1.0]]).unwrap_err().contains("1 vectors came for 2 texts"));
        assert!(check(1, &[vec![]]).unwrap_err().contains("empty"));
        assert!(check(1, &[vec![f32::INFINITY]]).unwrap_err().contains("finite"));
        assert_eq!(dimensions.known(), None);
        check(2, &[vec![1.0, 2.0], vec![0.0, 1.0]]).unwrap();
        assert_eq!(dimensions.known(), Some(2));
        assert!(check(1, &[vec![1.0]]).unwrap_err().contains("should have 2 numbers, but one has 1"));
        assert!(Dimensions::new(Some(3)).check(1, &[vec![1.0]]).is_err());
    }
}
