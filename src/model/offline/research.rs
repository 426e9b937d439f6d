//! Finding what sources say: search, search once more if little was found, quote.

use serde_json::{Map, Value, json};

use super::context::Context;
use super::conversation::Conversation;
use super::draft::Draft;
use super::material::{Finding, Leaning, Passage, Sentence, passages, question_in, quotable};
use super::question::{Part, Question};
use super::rank::{Corpus, covered, normalized};
use super::sentences::clean;
use super::words::Words;
use super::{Move, arguments, task};

/// How many findings are handed on.
const MOST_FINDINGS: usize = 10;
/// How many queries are made at first.
const MOST_QUERIES: usize = 5;
/// Fewer passages than this are searched on for.
const FEW_PASSAGES: usize = 3;

/// The next move of a researcher.
pub(super) fn next(conversation: &Conversation<'_>, words: &Words) -> Move {
    let question = Question::new(&question_in(&conversation.input, &conversation.goal), words);
    let Some(tool) = task::search_tool(conversation.tools) else {
        return Move::Finish(findings(&question, &[], words));
    };
    let searched: Vec<&str> = conversation
        .exchanges
        .iter()
        .filter(|exchange| exchange.tool == tool.name)
        .filter_map(|exchange| arguments::query_in(exchange.arguments))
        .collect();
    let found = found(conversation);
    let queries = if searched.is_empty() {
        first_queries(&question)
    } else if searched.len() <= question.parts.len() + 1 {
        further_queries(&question, &found, words)
    } else {
        Vec::new()
    };
    let calls: Vec<(String, Map<String, Value>)> = queries
        .into_iter()
        .filter(|query| !searched.contains(&query.as_str()))
        .filter_map(|query| Some((tool.name.clone(), arguments::search(&tool.parameters, &query)?)))
        .collect();
    if calls.is_empty() { Move::Finish(findings(&question, &found, words)) } else { Move::Call(calls) }
}

/// What the tools returned, each passage once.
pub(super) fn found(conversation: &Conversation<'_>) -> Vec<Passage> {
    let mut found: Vec<Passage> = Vec::new();
    for exchange in &conversation.exchanges {
        let query = arguments::query_in(exchange.arguments).unwrap_or_default();
        for passage in exchange.result.map(|result| passages(result, query)).unwrap_or_default() {
            let same = |other: &&mut Passage| other.text == passage.text && other.source == passage.source;
            match found.iter_mut().find(same) {
                Some(known) => known.rank = known.rank.min(passage.rank),
                None => found.push(passage),
            }
        }
    }
    found
}

/// The whole question, and each of its parts by itself.
fn first_queries(question: &Question) -> Vec<String> {
    let mut queries = vec![question.text.trim().trim_end_matches(['?', '.']).to_owned()];
    if question.parts.len() > 1 {
        queries.extend(question.parts.iter().map(|part| part.query.clone()));
    }
    queries.retain(|query| !query.is_empty());
    queries.dedup();
    queries.truncate(MOST_QUERIES);
    queries
}

/// What to search for once more: the words that the passages so far are about, for what they leave open.
fn further_queries(question: &Question, found: &[Passage], words: &Words) -> Vec<String> {
    let (sentences, corpus) = quotable(found, Leaning::Joined, words);
    let open = question
        .parts
        .iter()
        .any(|part| !sentences.iter().any(|sentence| answers(part, &sentence.plain, &sentence.stems)));
    if found.len() >= FEW_PASSAGES && !open {
        return Vec::new();
    }
    let related = related(question, &sentences, &corpus, words);
    if related.is_empty() {
        // Nothing was found for the words together: each of the longest by itself.
        let mut each: Vec<&str> = words.terms(&question.text).into_iter().map(|(word, _)| word).collect();
        each.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
        each.dedup();
        return each.into_iter().take(2).map(str::to_owned).collect();
    }
    let subject = question.parts.first().map(|part| part.query.as_str()).unwrap_or_default();
    let related: Vec<&str> = related.iter().take(4).map(|(word, _)| word.as_str()).collect();
    vec![format!("{subject} {}", related.join(" ")).trim().to_owned()]
}

/// The words that the sentences closest to the question are about besides its own, each with its stem
/// (pseudo-relevance feedback).
fn related(question: &Question, sentences: &[Sentence], corpus: &Corpus, words: &Words) -> Vec<(String, String)> {
    const CLOSEST: usize = 4;
    const MOST: usize = 8;
    let mut weights: Vec<(f64, String, String)> = Vec::new();
    for index in corpus.pick(&corpus.bm25(&question.stems), CLOSEST) {
        for (word, stem) in words.terms(&sentences[index].plain) {
            if question.stems.contains(&stem) || word.chars().count() < 4 || word.contains(|c: char| c.is_ascii_digit())
            {
                continue;
            }
            match weights.iter_mut().find(|(_, _, other)| *other == stem) {
                Some((weight, ..)) => *weight += 1.0,
                // What occurs often is what the documents are about; what occurs once leads nowhere.
                None => weights.push((1.0 / (1.0 + corpus.rarity(&stem)), word.to_owned(), stem)),
            }
        }
    }
    weights.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    weights.into_iter().take(MOST).map(|(_, word, stem)| (word, stem)).collect()
}

/// Whether a sentence has something to do with a part of the question: words, or the form of an answer.
fn answers(part: &Part, sentence: &str, stems: &[String]) -> bool {
    covered(&part.stems, stems) > 0.3 && (!part.wants_a_form() || part.is_answered_by(sentence))
}

/// Quotes what answers the question best, without saying the same twice, and something for each part that has an answer.
fn findings(question: &Question, passages: &[Passage], words: &Words) -> Draft {
    let (sentences, corpus) = quotable(passages, Leaning::Joined, words);
    let related: Vec<String> =
        related(question, &sentences, &corpus, words).into_iter().map(|(_, stem)| stem).collect();
    let context = Context::of(question, &sentences, &corpus, passages, words);
    let means = Means {
        overall: context.weigh(&plus(&about(question, &question.stems, &corpus), &corpus.bm25(&question.names))),
        related: normalized(&corpus.bm25(&related)),
        subject: corpus.bm25(&question.parts.first().map(|part| part.stems.clone()).unwrap_or_default()),
    };
    let parts: Vec<Vec<f64>> =
        question.parts.iter().map(|part| means.score(question, part, &sentences, &corpus, &context)).collect();
    let close = |index: usize| {
        let covers = |stems: &[String]| covered(stems, &sentences[index].stems) > 0.3;
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
    let floor = 0.12 * total.iter().copied().fold(0.0, f64::max);
    let mut picked: Vec<usize> = Vec::new();
    for (scores, part) in parts.iter().zip(&question.parts) {
        // Every date is worth knowing where it is asked since when something holds.
        let most = if part.wants_a_date() { 4 } else { 2 };
        let scores: Vec<f64> =
            scores.iter().zip(&eligible).map(|(score, fits)| if *fits { *score } else { 0.0 }).collect();
        picked.extend(corpus.pick(&scores, most).into_iter().filter(|index| scores[*index] >= 0.35));
    }
    let above: Vec<f64> = total.iter().map(|score| if *score < floor { 0.0 } else { *score }).collect();
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
    let found: Vec<(Finding, &str)> = kept
        .iter()
        .enumerate()
        .map(|(at, index)| {
            let next = following(question, &sentences, passages, *index).filter(|next| !kept.contains(next));
            finding(at + 1, &sentences[*index], next.map(|next| &sentences[next]), passages)
        })
        .collect();
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

/// The sentence that is quoted together with one that does not look like an answer by itself: the next, if it stands
/// right behind it.
fn following(question: &Question, sentences: &[Sentence], passages: &[Passage], index: usize) -> Option<usize> {
    /// How many words are quoted together.
    const TOGETHER: usize = 70;
    let one = &sentences[index];
    if question.parts.iter().any(|part| part.wants_a_form() && part.is_answered_by(&one.plain)) {
        return None;
    }
    let next = (index + 1..sentences.len()).find(|next| sentences[*next].range.start >= one.range.end)?;
    let other = &sentences[next];
    let is_near = other.passage == one.passage && {
        let between = &passages[one.passage].text[one.range.end..other.range.start];
        !between.contains(|c: char| c.is_alphanumeric() || c == '#')
    };
    let words = one.plain.split(' ').count() + other.plain.split(' ').count();
    (is_near && words <= TOGETHER).then_some(next)
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
        sentences: &[Sentence],
        corpus: &Corpus,
        context: &Context,
    ) -> Vec<f64> {
        let own = context.weigh(&about(question, &part.stems, corpus));
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
    corpus.bm25(&[stems, &question.compounds].concat())
}

fn plus(some: &[f64], others: &[f64]) -> Vec<f64> {
    some.iter().zip(others).map(|(one, other)| one + other).collect()
}

fn finding<'a>(
    number: usize,
    sentence: &Sentence,
    next: Option<&Sentence>,
    passages: &'a [Passage],
) -> (Finding, &'a str) {
    let passage = &passages[sentence.passage];
    let end = next.map_or(sentence.range.end, |next| next.range.end);
    let quote = &passage.text[sentence.range.start..end];
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

/// What is not known of a question, as it is said to people.
pub(super) fn gaps(question: &Question, claims: &[&str], words: &Words) -> Vec<String> {
    open_parts(question, claims, words).map(|part| format!("Nothing was found about: {}", part.text)).collect()
}

/// The parts of the question that no claim has anything to do with. A claim that has the form of an answer
/// counts if it shares words with the question, or with another claim that counts.
pub(super) fn open_parts<'q>(question: &'q Question, claims: &[&str], words: &Words) -> impl Iterator<Item = &'q Part> {
    let claims: Vec<(&str, Vec<String>)> = claims.iter().map(|claim| (*claim, words.stems(claim))).collect();
    let mut subject = question.stems.clone();
    // Each round reaches the claims that are one step further from the question.
    for _ in 0..claims.len() {
        let known = subject.len();
        for (_, stems) in claims
            .iter()
            .filter(|(_, stems)| stems.iter().any(|stem| subject.contains(stem)))
            .cloned()
            .collect::<Vec<_>>()
        {
            subject.extend(stems);
        }
        subject.sort_unstable();
        subject.dedup();
        if subject.len() == known {
            break;
        }
    }
    let open = move |part: &&Part| {
        !claims.iter().any(|(claim, stems)| {
            covered(&part.stems, stems) > 0.3
                || (part.is_answered_by(claim) && stems.iter().any(|stem| subject.contains(stem)))
        })
    };
    question.parts.iter().filter(open)
}
