//! One prompt: an answer or a summary from the text that comes with it.

use serde_json::{Value, json};

use super::conversation::{Conversation, strings};
use super::draft::Draft;
use super::material::{Leaning, Passage, quotable};
use super::rank::normalized;
use super::sentences::sentences;
use super::words::{Words, tokens};

/// How many sentences an answer has if the prompt does not say.
const SENTENCES: usize = 3;

/// Answers by extraction: the sentences that say most about what is asked, in the order in which they stand.
pub(super) fn answer(conversation: &Conversation<'_>, words: &Words) -> Draft {
    let (instruction, mut material) = instruction(&conversation.goal);
    strings(&Value::Object(conversation.input.clone()), &mut material);
    for exchange in &conversation.exchanges {
        if let Some(result) = exchange.result.as_deref() {
            strings(result, &mut material);
        }
    }
    let passage = Passage { text: material, ..Passage::default() };
    let (found, corpus) = quotable(std::slice::from_ref(&passage), Leaning::Alone, words);
    if found.is_empty() {
        let text = passage.text.trim();
        let text = if text.is_empty() {
            "There is nothing to answer this from: the offline model only works with the text that it is given."
                .to_owned()
        } else {
            text.to_owned()
        };
        return Draft::new(text, []);
    }
    // Beyond this many, how central a sentence is costs more to tell than it is worth.
    let central = if found.len() <= 300 { normalized(&corpus.centrality()) } else { vec![0.0; found.len()] };
    let relevant = normalized(&corpus.bm25(&words.stems(&instruction)));
    let early = |index: usize| if index < found.len().div_ceil(5) { 0.15 } else { 0.0 };
    let scores: Vec<f64> =
        (0..found.len()).map(|index| relevant[index] + 0.7 * central[index] + early(index)).collect();
    let mut picked = corpus.pick(&scores, wanted(&instruction));
    picked.sort_unstable();
    let quotes: Vec<&str> = picked.iter().map(|index| found[*index].plain.as_str()).collect();
    let lower = instruction.to_lowercase();
    let listed = ["bullet", "list", "points", "stichpunkt"].iter().any(|word| lower.contains(word));
    let text = if listed {
        quotes.iter().map(|quote| format!("- {quote}")).collect::<Vec<_>>().join("\n")
    } else {
        quotes.join(" ")
    };
    let points: Vec<Value> = quotes.iter().map(|quote| json!({ "statement": quote, "claim": quote })).collect();
    Draft::new(text, [("points", Value::Array(points)), ("summary", json!(quotes.join(" ")))])
}

/// What is asked, and the text that it is asked of: the first paragraph and the rest, or the first sentence and the rest.
fn instruction(prompt: &str) -> (String, String) {
    let prompt = prompt.trim();
    if let Some((first, rest)) = prompt.split_once('\n') {
        return (first.to_owned(), rest.to_owned());
    }
    if let Some((first, rest)) = prompt.split_once(": ")
        && rest.len() > first.len()
    {
        return (first.to_owned(), rest.to_owned());
    }
    let spans = sentences(prompt);
    match spans.first() {
        Some(first) if spans.len() > 1 => {
            (prompt[first.range.clone()].to_owned(), prompt[first.range.end..].to_owned())
        }
        _ => (prompt.to_owned(), String::new()),
    }
}

/// The number of sentences that is asked for: `in two sentences`, `3 bullet points`.
fn wanted(instruction: &str) -> usize {
    const NUMBERS: [&str; 10] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let said = tokens(instruction).find_map(|token| {
        let word = NUMBERS.iter().position(|number| *number == token.text).map(|at| at + 1);
        word.or_else(|| token.text.parse().ok().filter(|number| (1..=20).contains(number)))
    });
    said.unwrap_or(SENTENCES)
}
