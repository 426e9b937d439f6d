//! Choosing what to quote of the passages that were found.

use serde_json::{Value, json};

use super::context::Context;
use super::draft::Draft;
use super::material::{Finding, Leaning, Passage, Sentence, quotable};
use super::question::{Part, Question};
use super::rank::{Corpus, covered, normalized};
use super::research::{FEW_PASSAGES, gaps, related};
use super::sentences::{Kind, clean};
use super::thesaurus::Thesaurus;
use super::words::Words;

/// How many findings are handed on.
const MOST_FINDINGS: usize = 10;
/// What is worth less than this share of the best is not quoted.
const WORTH_QUOTING: f64 = 0.3;
/// The same for what looks like an answer.
const WORTH_QUOTING_AS_ANSWER: f64 = 0.12;
/// How many words are quoted together.
const TOGETHER: usize = 70;

/// Quotes what answers the question best, without saying the same twice, and something for each part that has an answer.
pub(super) fn findings(question: &Question, passages: &[Passage], words: &Words) -> Draft {
    let (mut sentences, _) = quotable(passages, Leaning::Joined, words);
    let thesaurus = Thesaurus::of(words);
    for sentence in &mut sentences {
        sentence.stems = thesaurus.with_meanings(&sentence.stems);
    }
    let corpus = Corpus::new(sentences.iter().map(|sentence| sentence.stems.as_slice()));
    let related: Vec<String> =
        related(question, &sentences, &corpus, words).into_iter().map(|(_, stem)| stem).collect();
    let context = Context::of(question, &sentences, &corpus, passages, words);
    let means = Means {
        overall: context.weigh(&plus(
            &about(question, &thesaurus.with_meanings(&question.stems), &corpus),
            &corpus.bm25(&question.names),
        )),
        related: normalized(&corpus.bm25(&related)),
        subject: corpus.bm25(&question.parts.first().map(|part| part.stems.clone()).unwrap_or_default()),
    };
    let parts: Vec<Vec<f64>> = question
        .parts
        .iter()
        .map(|part| means.score(question, part, &thesaurus, &sentences, &corpus, &context))
        .collect();
    let close = |index: usize| {
        let covers = |stems: &[String]| covered(&thesaurus.with_meanings(stems), &sentences[index].stems) > 0.3;
        covers(&question.stems) || question.parts.iter().any(|part| covers(&part.stems))
    };
    let close: Vec<bool> = (0..sentences.len()).map(close).collect();
    let anchored = close.contains(&true);
    let best = context.best_of_passages(&means.overall);
    let fits = |index: usize| {
        // Where nothing is close to the question, what the search put first is all there is.
        let first = !anchored && passages[sentences[index].passage].rank < FEW_PASSAGES;
        let beside = context.beside(index).any(|other| close[other]);
        let is_date = |part: &Part| part.wants_a_date() && part.is_answered_by(&sentences[index].plain);
        let has_date = best[&sentences[index].passage] >= 0.5 && question.parts.iter().any(is_date);
        close[index] || first || beside || has_date || means.related[index] >= 0.3
    };
    let eligible: Vec<bool> = (0..sentences.len()).map(fits).collect();
    let worth = |index: usize| {
        let best_part = parts.iter().map(|scores| scores[index]).fold(0.0, f64::max);
        if eligible[index] { means.overall[index] + best_part + 0.5 * means.related[index] } else { 0.0 }
    };
    let total: Vec<f64> = context.with_passages(&(0..sentences.len()).map(worth).collect::<Vec<_>>());
    let mut picked: Vec<usize> = Vec::new();
    for (scores, part) in parts.iter().zip(&question.parts) {
        let scores: Vec<f64> =
            scores.iter().zip(&eligible).map(|(score, fits)| if *fits { *score } else { 0.0 }).collect();
        picked.extend(corpus.pick(&scores, 2).into_iter().filter(|index| scores[*index] >= 0.35));
        if part.wants_a_date() {
            // Every date is worth knowing where it is asked since when something holds.
            let is_date = |index: usize| part.is_answered_by(&sentences[index].plain);
            let dates: Vec<f64> =
                scores.iter().enumerate().map(|(index, score)| if is_date(index) { *score } else { 0.0 }).collect();
            picked.extend(corpus.pick(&dates, 4).into_iter().filter(|index| scores[*index] >= 0.2));
        }
    }
    let best = total.iter().copied().fold(0.0, f64::max);
    let answers = |index: usize| {
        question.parts.iter().any(|part| part.wants_a_form() && part.is_answered_by(&sentences[index].plain))
    };
    let least = |index: usize| if answers(index) { WORTH_QUOTING_AS_ANSWER } else { WORTH_QUOTING };
    let is_worth_it = |(index, score): (usize, &f64)| if *score < least(index) * best { 0.0 } else { *score };
    let above: Vec<f64> = total.iter().enumerate().map(is_worth_it).collect();
    picked.extend(corpus.pick(&above, MOST_FINDINGS));
    let mut kept: Vec<usize> = Vec::new();
    for index in picked {
        let repeats = |other: &usize| {
            *other == index || sentences[*other].overlaps(&sentences[index]) || corpus.likeness(*other, index) > 0.95
        };
        if kept.len() < MOST_FINDINGS && !kept.iter().any(repeats) {
            kept.push(index);
        }
    }
    kept.sort_by(|one, other| total[*other].total_cmp(&total[*one]).then_with(|| one.cmp(other)));
    let quotes = together(question, &kept, &sentences, passages);
    let found: Vec<(Finding, &str)> =
        quotes.iter().enumerate().map(|(at, quote)| finding(at + 1, quote, &sentences, passages)).collect();
    let claims: Vec<&str> = found.iter().map(|(finding, _)| finding.claim.as_str()).collect();
    let gaps = gaps(question, &claims, words);
    let mut text = String::new();
    for (finding, _) in &found {
        let quote = finding.quote.split_whitespace().collect::<Vec<_>>().join(" ");
        text += &["- [", &finding.id, "] “", &quote, "” (", &finding.place(), ")\n"].concat();
    }
    for gap in &gaps {
        text += &["- ", gap, "\n"].concat();
    }
    let records: Vec<Value> = found.iter().map(|(finding, query)| finding.record(query)).collect();
    let answer = claims.first().copied().unwrap_or("Nothing was found.");
    let answer = json!(answer);
    Draft::new(text, [("findings", Value::Array(records)), ("gaps", json!(gaps)), ("answer", answer)])
}

/// The sentences of each quotation, first to last, in the order of `kept`. What was chosen and stands together in a
/// paragraph is quoted together, and what does not look like an answer by itself is quoted with what follows it.
fn together(question: &Question, kept: &[usize], sentences: &[Sentence], passages: &[Passage]) -> Vec<(usize, usize)> {
    let mut quotes: Vec<(usize, usize)> = Vec::new();
    let is_within = |index: usize, quotes: &[(usize, usize)]| {
        quotes.iter().position(|(first, last)| {
            sentences[*first].passage == sentences[index].passage
                && sentences[*first].range.start <= sentences[index].range.start
                && sentences[index].range.end <= sentences[*last].range.end
        })
    };
    for &index in kept {
        if is_within(index, &quotes).is_some() {
            continue;
        }
        let (mut first, mut last) = (index, index);
        while let Some(before) = preceding(sentences, passages, first).filter(|before| kept.contains(before))
            && is_within(before, &quotes).is_none()
            && length(sentences, before, last) <= TOGETHER
        {
            first = before;
        }
        while let Some(next) = following(sentences, passages, last)
            && (kept.contains(&next) || wants_more(question, &sentences[last]))
            && is_within(next, &quotes).is_none()
            && length(sentences, first, next) <= TOGETHER
        {
            let is_chosen = kept.contains(&next);
            last = next;
            if !is_chosen {
                break;
            }
        }
        quotes.push((first, last));
    }
    quotes
}

fn length(sentences: &[Sentence], first: usize, last: usize) -> usize {
    (first..=last).map(|index| sentences[index].plain.split(' ').count()).sum()
}

/// Whether a sentence says too little by itself: it does not look like an answer where one can be told.
fn wants_more(question: &Question, sentence: &Sentence) -> bool {
    let is_answer = |part: &Part| part.wants_a_form() && part.is_answered_by(&sentence.plain);
    sentence.kind == Kind::Prose && (sentence.plain.ends_with(':') || !question.parts.iter().any(is_answer))
}

/// The sentence right behind one, in the same paragraph or in what a colon leads to.
fn following(sentences: &[Sentence], passages: &[Passage], index: usize) -> Option<usize> {
    let one = &sentences[index];
    let next = (index + 1..sentences.len()).find(|next| sentences[*next].range.start >= one.range.end)?;
    let other = &sentences[next];
    if other.passage != one.passage || other.kind != Kind::Prose || one.kind != Kind::Prose {
        return None;
    }
    let between = &passages[one.passage].text[one.range.end..other.range.start];
    let is_near = !between.contains(|c: char| c.is_alphabetic() || c == '#');
    // A colon leads to what follows, and so does an item that is no sentence to the paragraph below it.
    let heads = !one.plain.ends_with(['.', '!', '?', ';']) && between.trim().is_empty();
    let belongs = one.block == other.block || one.plain.ends_with(':') || heads;
    (is_near && belongs && !other.plain.ends_with(['?', ':'])).then_some(next)
}

/// The sentence right before one, in the same paragraph.
fn preceding(sentences: &[Sentence], passages: &[Passage], index: usize) -> Option<usize> {
    let before = (0..index).rev().find(|before| sentences[*before].range.end <= sentences[index].range.start)?;
    following(sentences, passages, before).filter(|next| *next == index).map(|_| before)
}

/// How well each sentence fits the question as a whole.
struct Means {
    overall: Vec<f64>,
    related: Vec<f64>,
    subject: Vec<f64>,
}

impl Means {
    /// How well each sentence answers a part of the question, as a share of the best.
    fn score(
        &self,
        question: &Question,
        part: &Part,
        thesaurus: &Thesaurus,
        sentences: &[Sentence],
        corpus: &Corpus,
        context: &Context,
    ) -> Vec<f64> {
        let own = context.weigh(&about(question, &thesaurus.with_meanings(&part.stems), corpus));
        let subject = normalized(&self.subject);
        let best = context.best_of_passages(&self.overall);
        let score = |(index, sentence): (usize, &Sentence)| {
            // What has the form of an answer and stands beside what was asked about is one, whatever its words.
            let near = context.beside(index).map(|other| self.overall[other]).fold(self.overall[index], f64::max);
            let around = if part.wants_a_date() { 0.7 * best[&sentence.passage] } else { 0.0 };
            let near = near.max(around);
            let fits = if part.wants_a_form() && part.is_answered_by(&sentence.plain) { 0.5 * near } else { 0.0 };
            let about = own[index] + 0.15 * subject[index] + 0.15 * self.related[index] + fits;
            let answers = part.form_counts(&sentence.plain);
            let asks = if sentence.plain.ends_with('?') { 0.4 } else { 1.0 };
            about * answers * asks
        };
        normalized(&sentences.iter().enumerate().map(score).collect::<Vec<_>>())
    }
}

/// How much each sentence says about some words of the question.
fn about(question: &Question, stems: &[String], corpus: &Corpus) -> Vec<f64> {
    corpus.asked_for(&[stems, &question.compounds].concat())
}

fn plus(some: &[f64], others: &[f64]) -> Vec<f64> {
    some.iter().zip(others).map(|(one, other)| one + other).collect()
}

fn finding<'a>(
    number: usize,
    (first, last): &(usize, usize),
    sentences: &[Sentence],
    passages: &'a [Passage],
) -> (Finding, &'a str) {
    let sentence = &sentences[*first];
    let passage = &passages[sentence.passage];
    let quote = &passage.text[sentence.range.start..sentences[*last].range.end];
    let source = passage.source.clone().unwrap_or_else(|| "input".to_owned());
    let place = sentence.line.map_or(source.clone(), |line| format!("{source}:{line}"));
    let finding = Finding {
        id: format!("F{number}"),
        claim: clean(quote),
        quote: quote.to_owned(),
        source: place,
        line: sentence.line,
    };
    (finding, &passage.query)
}
