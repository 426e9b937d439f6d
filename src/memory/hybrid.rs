//! One ranking of two: by words and by meaning, and what else counts.
//!
//! Where only words are searched, an entry's score is its BM25. Where both are, it is the sum over the rankings that it
//! stands in of `1 / (K + rank)`, ranks from 1: reciprocal rank fusion, from Cormack, Clarke and Büttcher, "Reciprocal
//! Rank Fusion outperforms Condorcet and individual Rank Learning Methods" (SIGIR 2009), with their `K` of 60. Either is
//! multiplied by `1 + RECENCY · 2^(-age / HALF_LIFE) + AUTHORITY · authority`.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::store::entries::{Entry, EntryId, EntryKind};

/// How little the first ranks count more than the next (`k` of reciprocal rank fusion).
const K: f32 = 60.0;
/// What having been remembered just now adds, of 1: about as much as one rank more among the first.
const RECENCY: f32 = 0.02;
/// After how long it adds half as much.
const HALF_LIFE: Duration = Duration::from_hours(30 * 24);
/// What full authority adds, of 1: about as much as three ranks more among the first.
const AUTHORITY: f32 = 0.05;
/// The authority of what nobody said how sure they are of: documents, and notes without a confidence.
const USUAL_AUTHORITY: f32 = 0.5;

/// An entry that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) id: EntryId,
    /// How well it fits, before its age and authority count.
    pub(super) score: f32,
    /// The cosine of the angle to the question's vector, if it was found by its meaning.
    pub(super) similarity: Option<f32>,
}

/// The candidates of one ranking or both, each best first; best first.
pub(super) fn fuse(words: &[(EntryId, f32)], meaning: Option<&[(EntryId, f32)]>) -> Vec<Candidate> {
    let Some(meaning) = meaning else {
        return words.iter().map(|(id, score)| Candidate { id: *id, score: *score, similarity: None }).collect();
    };
    let mut found: HashMap<EntryId, Candidate> = HashMap::new();
    let candidate = |id: EntryId| Candidate { id, score: 0.0, similarity: None };
    for ((id, _), gain) in words.iter().zip(gains()) {
        found.entry(*id).or_insert(candidate(*id)).score += gain;
    }
    for ((id, similarity), gain) in meaning.iter().zip(gains()) {
        let both = found.entry(*id).or_insert(candidate(*id));
        both.score += gain;
        both.similarity = Some(*similarity);
    }
    let mut fused: Vec<Candidate> = found.into_values().collect();
    fused.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.id.cmp(&other.id)));
    fused
}

/// What the ranks gain, from the first.
fn gains() -> impl Iterator<Item = f32> {
    std::iter::successors(Some(K + 1.0), |rank| Some(rank + 1.0)).map(f32::recip)
}

/// How much an entry's age and authority count: what its score is multiplied by. `ruled` says whether somebody ruled
/// that it holds.
pub(super) fn weight(entry: &Entry, ruled: bool, now: Timestamp) -> f32 {
    let authority = match entry.kind {
        EntryKind::Note if ruled => 1.0,
        EntryKind::Note => entry.confidence.map_or(USUAL_AUTHORITY, |percent| f32::from(percent.min(100)) / 100.0),
        EntryKind::Document => USUAL_AUTHORITY,
    };
    #[allow(clippy::cast_precision_loss, reason = "a share of a half-life of weeks")]
    let half_lives = now.0.saturating_sub(entry.created_at.0).max(0) as f32 / HALF_LIFE.as_millis() as f32;
    1.0 + RECENCY * (-half_lives).exp2() + AUTHORITY * authority
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::entries::EntryScope;

    fn ids(ids: &[u64]) -> Vec<(EntryId, f32)> {
        ids.iter().map(|id| (EntryId(*id), 0.5)).collect()
    }

    fn order(words: &[u64], meaning: &[u64]) -> Vec<u64> {
        fuse(&ids(words), Some(&ids(meaning))).iter().map(|found| found.id.0).collect()
    }

    #[test]
    fn what_stands_in_both_rankings_comes_first_then_by_rank() {
        assert_eq!(order(&[1, 2, 3], &[4, 3]), [3, 1, 4, 2]);
        assert_eq!(order(&[], &[2, 1]), [2, 1]);
        assert_eq!(order(&[7], &[]), [7]);
        assert_eq!(order(&[], &[]), [0; 0]);
        let both = fuse(&ids(&[1]), Some(&ids(&[1])));
        assert!((both[0].score - 2.0 / 61.0).abs() < 1e-6 && both[0].similarity == Some(0.5), "{both:?}");
        let words = fuse(&[(EntryId(1), 3.5)], None);
        assert_eq!(words, [Candidate { id: EntryId(1), score: 3.5, similarity: None }]);
    }

    #[test]
    fn age_and_authority_add_what_is_stated() {
        let entry = |kind, confidence| Entry {
            kind,
            confidence,
            created_at: Timestamp(0),
            ..crate::memory::tests::plain_entry(EntryScope::Workspace)
        };
        let old = Timestamp(i64::MAX);
        for (kind, confidence, ruled, now, expected) in [
            (EntryKind::Document, None, false, old, 1.025),
            (EntryKind::Document, None, false, Timestamp(0), 1.045),
            (EntryKind::Document, None, false, Timestamp(-5), 1.045),
            (EntryKind::Document, None, false, Timestamp(30 * 24 * 60 * 60 * 1000), 1.035),
            (EntryKind::Note, None, false, old, 1.025),
            (EntryKind::Note, Some(0), false, old, 1.0),
            (EntryKind::Note, Some(80), false, old, 1.04),
            (EntryKind::Note, Some(10), true, old, 1.05),
        ] {
            let weight = weight(&entry(kind, confidence), ruled, now);
            assert!((weight - expected).abs() < 1e-5, "{kind:?} {confidence:?} {ruled} {now:?}: {weight}");
        }
    }
}
