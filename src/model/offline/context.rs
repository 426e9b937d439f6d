//! What sentences are worth by where they stand.

use std::collections::{BTreeMap, BTreeSet};

use super::material::{Passage, Sentence};
use super::question::Question;
use super::rank::{Corpus, normalized};
use super::sentences::Kind;
use super::words::Words;

/// Where sentences stand: what is said beside a sentence, and how early the search found its passage, tell as much about
/// it as its own words. The answer often follows the sentence that has the words of the question.
pub(super) struct Context {
    /// The passage of each sentence, and what it is worth.
    passages: Vec<(usize, f64)>,
    /// How well formed each sentence is.
    form: Vec<f64>,
}

impl Context {
    /// What the sentences beside a sentence count, each.
    const BESIDE: f64 = 0.4;

    pub(super) fn of(
        question: &Question,
        sentences: &[Sentence],
        corpus: &Corpus,
        passages: &[Passage],
        words: &Words,
    ) -> Self {
        let mut said: Vec<BTreeSet<&String>> = vec![BTreeSet::new(); passages.len()];
        for sentence in sentences {
            said[sentence.passage].extend(&sentence.stems);
        }
        let titles: Vec<Vec<String>> = passages
            .iter()
            .map(|passage| {
                words.stems(&format!("{} {}", passage.heading, passage.source.as_deref().unwrap_or_default()))
            })
            .collect();
        for (said, title) in said.iter_mut().zip(&titles) {
            said.extend(title);
        }
        let asked: BTreeSet<&String> = question.stems.iter().collect();
        let rarity = |stems: &mut dyn Iterator<Item = &&String>| stems.map(|stem| corpus.rarity(stem)).sum::<f64>();
        let whole = rarity(&mut asked.iter()).max(f64::MIN_POSITIVE);
        #[allow(clippy::cast_precision_loss, reason = "there are far fewer than 2^52 passages")]
        let worth = |passage: usize| {
            let early = 1.0 / (1.0 + 0.15 * passages[passage].rank as f64);
            let share = rarity(&mut asked.intersection(&said[passage])) / whole;
            let names = question.names.iter().filter(|name| said[passage].contains(name)).count();
            let about = if names < question.names.len() { 0.7 } else { 1.0 };
            (0.35 + 0.35 * early + 0.3 * share) * about
        };
        Self {
            passages: sentences.iter().map(|sentence| (sentence.passage, worth(sentence.passage))).collect(),
            form: sentences.iter().map(well_formed).collect(),
        }
    }

    /// The sentences just before and after, in the same passage.
    pub(super) fn beside(&self, index: usize) -> impl Iterator<Item = usize> {
        let passage = self.passages[index].0;
        let is_there = move |other: &usize| self.passages.get(*other).is_some_and(|(other, _)| *other == passage);
        [index.checked_sub(1), Some(index + 1)].into_iter().flatten().filter(is_there)
    }

    /// The best score in each passage.
    pub(super) fn best_of_passages(&self, scores: &[f64]) -> BTreeMap<usize, f64> {
        let mut best: BTreeMap<usize, f64> = BTreeMap::new();
        for ((passage, _), score) in self.passages.iter().zip(scores) {
            let best = best.entry(*passage).or_default();
            *best = best.max(*score);
        }
        best
    }

    /// Scores with a share of what the best of the passage has: answers stand together.
    pub(super) fn with_passages(&self, scores: &[f64]) -> Vec<f64> {
        let best = self.best_of_passages(scores);
        let top = best.values().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let shared = |((passage, _), score): (&(usize, f64), &f64)| score * (0.4 + 0.6 * best[passage] / top);
        self.passages.iter().zip(scores).map(shared).collect()
    }

    /// Scores in the light of what stands around, as shares of the best.
    pub(super) fn weigh(&self, scores: &[f64]) -> Vec<f64> {
        let scores = normalized(scores);
        let weighed = |index: usize| {
            let beside = self.beside(index).map(|other| scores[other]).fold(0.0, f64::max);
            (scores[index] + Self::BESIDE * beside) * self.passages[index].1 * self.form[index]
        };
        normalized(&(0..scores.len()).map(weighed).collect::<Vec<_>>())
    }
}

/// How much something looks like a statement, and not like code, a title or a line of a table.
fn well_formed(sentence: &Sentence) -> f64 {
    let text = sentence.plain.as_str();
    let all = text.chars().count().max(1);
    let letters = text.chars().filter(|c| c.is_alphabetic() || c.is_whitespace()).count();
    let ends = text.trim_end_matches(['"', '”', '’', ')', '\'', '*', '`']).ends_with(['.', '!', '?', ':', ';', '…']);
    let mostly_letters = letters * 10 >= all * 8 && !text.starts_with('(');
    let form = match (ends, mostly_letters) {
        (true, true) => 1.0,
        (true, false) | (false, true) => 0.75,
        (false, false) => 0.5,
    };
    // What is short and does not end as a sentence names a topic, and says nothing of it.
    let is_topic = !ends && text.split(' ').count() <= 8;
    match sentence.kind {
        Kind::Row | Kind::Field => 0.5 * form,
        _ if is_topic => 0.6 * form,
        _ => form,
    }
}
