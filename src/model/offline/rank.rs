//! How much a text says about a query, how central it is among others, and how alike two texts are.

use std::collections::{BTreeMap, BTreeSet};

/// Texts as the stems of their words, ready to be ranked.
pub(super) struct Corpus {
    counts: Vec<BTreeMap<String, f64>>,
    lengths: Vec<f64>,
    /// In how many of the texts a stem occurs.
    found_in: BTreeMap<String, f64>,
    mean: f64,
}

impl Corpus {
    #[allow(clippy::cast_precision_loss, reason = "texts are far shorter than 2^52 words")]
    pub(super) fn new<'a>(texts: impl IntoIterator<Item = &'a [String]>) -> Self {
        let mut corpus = Self { counts: Vec::new(), lengths: Vec::new(), found_in: BTreeMap::new(), mean: 1.0 };
        for stems in texts {
            let mut counts: BTreeMap<String, f64> = BTreeMap::new();
            for stem in stems {
                *counts.entry(stem.clone()).or_default() += 1.0;
            }
            for stem in counts.keys() {
                *corpus.found_in.entry(stem.clone()).or_default() += 1.0;
            }
            corpus.lengths.push(stems.len() as f64);
            corpus.counts.push(counts);
        }
        let total: f64 = corpus.lengths.iter().sum();
        corpus.mean = (total / corpus.lengths.len().max(1) as f64).max(1.0);
        corpus
    }

    /// How rare a stem is among the texts: the idf of BM25, never negative.
    #[allow(clippy::cast_precision_loss, reason = "there are far fewer than 2^52 texts")]
    pub(super) fn rarity(&self, stem: &str) -> f64 {
        let found = self.found_in.get(stem).copied().unwrap_or_default();
        ((self.counts.len() as f64 - found + 0.5) / (found + 0.5)).ln_1p()
    }

    /// Okapi BM25 (k1 = 1.2, b = 0.75) of each text for the stems of a query.
    pub(super) fn bm25(&self, query: &[String]) -> Vec<f64> {
        let query: BTreeSet<&String> = query.iter().collect();
        let score = |(counts, length): (&BTreeMap<String, f64>, &f64)| {
            let saturation = 1.2 * (0.25 + 0.75 * length / self.mean);
            query
                .iter()
                .filter_map(|stem| {
                    counts.get(*stem).map(|count| self.rarity(stem) * count * 2.2 / (count + saturation))
                })
                .sum()
        };
        self.counts.iter().zip(&self.lengths).map(score).collect()
    }

    /// How much each text says about all that is asked for: BM25 in which no stem counts for little, and whoever has
    /// more of the stems counts for more. The texts were found by these stems, so that what the question is about is not
    /// rare among them.
    pub(super) fn asked_for(&self, query: &[String]) -> Vec<f64> {
        const LEAST_RARITY: f64 = 2.5;
        const FOR_ALL: f64 = 0.8;
        let query: BTreeSet<&String> = query.iter().collect();
        let weight = |stem: &String| self.rarity(stem).max(LEAST_RARITY);
        let known: f64 = query.iter().filter(|stem| self.found_in.contains_key(**stem)).map(|stem| weight(stem)).sum();
        let score = |(counts, length): (&BTreeMap<String, f64>, &f64)| {
            let saturation = 1.2 * (0.25 + 0.75 * length / self.mean);
            let said = query.iter().filter_map(|stem| Some((weight(stem), counts.get(*stem)?)));
            let (mass, sum) = said.fold((0.0, 0.0), |(mass, sum), (weight, count)| {
                (mass + weight, sum + weight * count * 2.2 / (count + saturation))
            });
            let share = if known > 0.0 { mass / known } else { 0.0 };
            sum * (1.0 - FOR_ALL + FOR_ALL * share)
        };
        self.counts.iter().zip(&self.lengths).map(score).collect()
    }

    /// The cosine of two texts, weighing each stem by its rarity; 0 to 1.
    pub(super) fn likeness(&self, one: usize, other: usize) -> f64 {
        let dot: f64 = self.counts[one]
            .iter()
            .filter_map(|(stem, count)| {
                self.counts[other].get(stem).map(|other| count * other * self.rarity(stem).powi(2))
            })
            .sum();
        let norm = |index: usize| -> f64 {
            self.counts[index].iter().map(|(stem, count)| (count * self.rarity(stem)).powi(2)).sum::<f64>().sqrt()
        };
        let norms = norm(one) * norm(other);
        if norms > 0.0 { dot / norms } else { 0.0 }
    }

    /// How central each text is among all: `TextRank` (Mihalcea and Tarau, 2004) over their likeness.
    #[allow(clippy::cast_precision_loss, reason = "there are far fewer than 2^52 texts")]
    pub(super) fn centrality(&self) -> Vec<f64> {
        const DAMPING: f64 = 0.85;
        const ROUNDS: usize = 20;
        let count = self.counts.len();
        let alike: Vec<Vec<f64>> = (0..count)
            .map(|one| (0..count).map(|other| if one == other { 0.0 } else { self.likeness(one, other) }).collect())
            .collect();
        let given: Vec<f64> = alike.iter().map(|row| row.iter().sum()).collect();
        let mut ranks = vec![1.0 / count.max(1) as f64; count];
        for _ in 0..ROUNDS {
            let received = |one: usize| -> f64 {
                (0..count)
                    .filter(|other| given[*other] > 0.0)
                    .map(|other| alike[other][one] / given[other] * ranks[other])
                    .sum()
            };
            ranks = (0..count).map(|one| (1.0 - DAMPING) / count as f64 + DAMPING * received(one)).collect();
        }
        ranks
    }

    /// Picks at most `limit` texts by their scores, passing over what says the same as one that was
    /// picked already (maximal marginal relevance). Only scores above 0 are picked; in the order of picking.
    pub(super) fn pick(&self, scores: &[f64], limit: usize) -> Vec<usize> {
        const RELEVANCE: f64 = 0.75;
        let top = scores.iter().copied().fold(0.0, f64::max);
        let mut left: Vec<usize> = (0..scores.len()).filter(|index| scores[*index] > 0.0).collect();
        let mut closest = vec![0.0_f64; scores.len()];
        let mut picked: Vec<usize> = Vec::new();
        while picked.len() < limit {
            let worth = |index: usize| RELEVANCE * scores[index] / top - (1.0 - RELEVANCE) * closest[index];
            let best = left
                .iter()
                .copied()
                .filter(|index| closest[*index] < 0.8)
                .reduce(|best, index| if worth(index) > worth(best) { index } else { best });
            let Some(best) = best else { break };
            left.retain(|index| *index != best);
            for index in &left {
                closest[*index] = closest[*index].max(self.likeness(best, *index));
            }
            picked.push(best);
        }
        picked
    }
}

/// Scores as shares of the best one; 0 to 1.
pub(super) fn normalized(scores: &[f64]) -> Vec<f64> {
    let top = scores.iter().copied().fold(0.0, f64::max);
    scores.iter().map(|score| if top > 0.0 { score / top } else { 0.0 }).collect()
}

/// The share of `part` that is found in `whole`; 1 if there is nothing to find.
#[allow(clippy::cast_precision_loss, reason = "sentences are far shorter than 2^52 words")]
pub(super) fn covered(part: &[String], whole: &[String]) -> f64 {
    let part: BTreeSet<&String> = part.iter().collect();
    if part.is_empty() {
        return 1.0;
    }
    let whole: BTreeSet<&String> = whole.iter().collect();
    part.intersection(&whole).count() as f64 / part.len() as f64
}
