//! Finding what sources say: what to search for, once more if little was found, and what is not known after it.

use serde_json::{Map, Value};

use super::conversation::Conversation;
use super::material::{Leaning, Passage, Sentence, passages, question_in, quotable};
use super::question::{Part, Question};
use super::rank::Corpus;
use super::thesaurus::Thesaurus;
use super::words::Words;
use super::{Move, arguments, quoting, task};

/// How many queries are made at first.
const MOST_QUERIES: usize = 5;
/// Fewer passages than this are searched on for.
pub(super) const FEW_PASSAGES: usize = 3;

/// The next move of a researcher.
pub(super) fn next(conversation: &Conversation<'_>, words: &Words) -> Move {
    let question = Question::new(&question_in(&conversation.input, &conversation.goal), words);
    let Some(tool) = task::search_tool(conversation.tools) else {
        return Move::Finish(quoting::findings(&question, &[], words));
    };
    let searched: Vec<&str> = conversation
        .exchanges
        .iter()
        .filter(|exchange| exchange.tool == tool.name)
        .filter_map(|exchange| arguments::query_in(exchange.arguments))
        .collect();
    let found = found(conversation);
    let queries = if searched.is_empty() {
        first_queries(&question, words)
    } else if searched.len() <= question.parts.len() + 2 {
        further_queries(&question, &found, words)
    } else {
        Vec::new()
    };
    let calls: Vec<(String, Map<String, Value>)> = queries
        .into_iter()
        .filter(|query| !searched.contains(&query.as_str()))
        .filter_map(|query| Some((tool.name.clone(), arguments::search(&tool.parameters, &query)?)))
        .collect();
    if calls.is_empty() { Move::Finish(quoting::findings(&question, &found, words)) } else { Move::Call(calls) }
}

/// What the tools returned, each passage once.
pub(super) fn found(conversation: &Conversation<'_>) -> Vec<Passage> {
    found_by(conversation, |_| true)
}

/// What those tools returned whose name `counts`, each passage once.
pub(super) fn found_by(conversation: &Conversation<'_>, counts: impl Fn(&str) -> bool) -> Vec<Passage> {
    let mut found: Vec<Passage> = Vec::new();
    for exchange in conversation.exchanges.iter().filter(|exchange| counts(exchange.tool)) {
        let query = arguments::query_in(exchange.arguments).unwrap_or_default();
        for passage in exchange.result.as_deref().map(|result| passages(result, query)).unwrap_or_default() {
            let same = |other: &&mut Passage| other.text == passage.text && other.source == passage.source;
            match found.iter_mut().find(same) {
                Some(known) => known.rank = known.rank.min(passage.rank),
                None => found.push(passage),
            }
        }
    }
    found
}

/// The whole question, each of its parts by itself, and the whole as a source would perhaps put it.
fn first_queries(question: &Question, words: &Words) -> Vec<String> {
    let mut queries = vec![question.text.trim().trim_end_matches(['?', '.']).to_owned()];
    if question.parts.len() > 1 {
        queries.extend(question.parts.iter().map(|part| part.query.clone()));
    }
    queries.retain(|query| !query.is_empty());
    queries.dedup();
    queries.truncate(MOST_QUERIES - 1);
    queries.extend(put_otherwise(question, words));
    queries
}

/// The question in other words that mean about the same; `None` if it has none.
fn put_otherwise(question: &Question, words: &Words) -> Option<String> {
    /// How many words are taken for one.
    const OTHERS: usize = 3;
    let thesaurus = Thesaurus::of(words);
    let mut put: Vec<&str> = Vec::new();
    let mut is_other = false;
    for (word, stem) in words.terms(&question.text) {
        let others = thesaurus.others(&stem, words);
        is_other |= !others.is_empty();
        if others.is_empty() {
            put.push(word);
        }
        put.extend(others.into_iter().take(OTHERS));
    }
    is_other.then(|| put.join(" "))
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
pub(super) fn related(
    question: &Question,
    sentences: &[Sentence],
    corpus: &Corpus,
    words: &Words,
) -> Vec<(String, String)> {
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
    part.concerns(stems) && (!part.wants_a_form() || part.is_answered_by(sentence))
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
            part.concerns(stems) || (part.is_answered_by(claim) && stems.iter().any(|stem| subject.contains(stem)))
        })
    };
    question.parts.iter().filter(open)
}
