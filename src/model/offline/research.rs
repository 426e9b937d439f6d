//! Finding what sources say: search, search once more if little was found, quote.

use serde_json::{Map, Value, json};

use super::conversation::Conversation;
use super::draft::Draft;
use super::material::{Finding, Leaning, Passage, Sentence, passages, question_in, quotable};
use super::question::{Part, Question};
use super::rank::{Corpus, covered, normalized};
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

fn found(conversation: &Conversation<'_>) -> Vec<Passage> {
    let mut found: Vec<Passage> = Vec::new();
    for exchange in &conversation.exchanges {
        let query = arguments::query_in(exchange.arguments).unwrap_or_default();
        for passage in exchange.result.map(|result| passages(result, query)).unwrap_or_default() {
            if found.iter().all(|other| other.text != passage.text || other.source != passage.source) {
                found.push(passage);
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
    let means = Means {
        overall: normalized(&corpus.bm25(&question.stems)),
        related: normalized(&corpus.bm25(&related)),
        subject: corpus.bm25(&question.parts.first().map(|part| part.stems.clone()).unwrap_or_default()),
    };
    let parts: Vec<Vec<f64>> = question.parts.iter().map(|part| means.score(part, &sentences, &corpus)).collect();
    let close = |index: usize| {
        let covers = |stems: &[String]| covered(stems, &sentences[index].stems) > 0.3;
        covers(&question.stems) || question.parts.iter().any(|part| covers(&part.stems))
    };
    let anchored = (0..sentences.len()).any(close);
    let eligible: Vec<bool> =
        (0..sentences.len()).map(|index| close(index) || (anchored && means.related[index] >= 0.3)).collect();
    let worth = |index: usize| {
        let best_part = parts.iter().map(|scores| scores[index]).fold(0.0, f64::max);
        if eligible[index] { means.overall[index] + best_part + 0.5 * means.related[index] } else { 0.0 }
    };
    let total: Vec<f64> = (0..sentences.len()).map(worth).collect();
    let floor = 0.25 * total.iter().copied().fold(0.0, f64::max);
    let mut picked: Vec<usize> = Vec::new();
    for scores in &parts {
        let scores: Vec<f64> =
            scores.iter().zip(&eligible).map(|(score, fits)| if *fits { *score } else { 0.0 }).collect();
        picked.extend(corpus.pick(&scores, 2).into_iter().filter(|index| scores[*index] >= 0.35));
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
    let found: Vec<(Finding, &str)> =
        kept.iter().enumerate().map(|(at, index)| finding(at + 1, &sentences[*index], passages)).collect();
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
    Draft::new(text, [("findings", Value::Array(records)), ("gaps", json!(gaps))])
}

/// How well each sentence fits the question as a whole.
struct Means {
    overall: Vec<f64>,
    related: Vec<f64>,
    subject: Vec<f64>,
}

impl Means {
    /// How well each sentence answers a part of the question, as a share of the best.
    fn score(&self, part: &Part, sentences: &[Sentence], corpus: &Corpus) -> Vec<f64> {
        let own = corpus.bm25(&part.stems);
        let score = |(index, sentence): (usize, &Sentence)| {
            let about = own[index] + 0.3 * self.subject[index] + 0.5 * self.related[index];
            let answers = if part.is_answered_by(&sentence.plain) { 1.6 } else { 1.0 };
            let asks = if sentence.plain.ends_with('?') { 0.4 } else { 1.0 };
            about * answers * asks
        };
        normalized(&sentences.iter().enumerate().map(score).collect::<Vec<_>>())
    }
}

fn finding<'a>(number: usize, sentence: &Sentence, passages: &'a [Passage]) -> (Finding, &'a str) {
    let passage = &passages[sentence.passage];
    let source = passage.source.clone().unwrap_or_else(|| "input".to_owned());
    let place = sentence.line.map_or(source.clone(), |line| format!("{source}:{line}"));
    let finding = Finding {
        id: format!("F{number}"),
        claim: sentence.plain.clone(),
        quote: sentence.text.clone(),
        source: place,
        line: sentence.line,
    };
    (finding, &passage.query)
}

/// The parts of the question that no claim has anything to do with. A claim that has the form of an answer
/// counts if it shares words with the question, or with another claim that counts.
pub(super) fn gaps(question: &Question, claims: &[&str], words: &Words) -> Vec<String> {
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
    let open = |part: &&Part| {
        !claims.iter().any(|(claim, stems)| {
            covered(&part.stems, stems) > 0.3
                || (part.is_answered_by(claim) && stems.iter().any(|stem| subject.contains(stem)))
        })
    };
    question.parts.iter().filter(open).map(|part| format!("Nothing was found about: {}", part.text)).collect()
}
