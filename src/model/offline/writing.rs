//! Writing a text from findings and points, in Markdown, with a citation for every sentence that states something.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::conversation::Conversation;
use super::draft::Draft;
use super::material::{Finding, Handed, Point, question_in};
use super::question::Question;
use super::rank::{Corpus, covered};
use super::sentences::{clean, sentences};
use super::words::Words;

/// How many points a text makes.
const MOST_POINTS: usize = 14;
/// How many of them stand in front as the answer.
const IN_FRONT: usize = 3;
/// The longest title, in characters.
const LONGEST_TITLE: usize = 120;

/// Writes the text.
pub(super) fn write(conversation: &Conversation<'_>, handed: &Handed, words: &Words) -> Draft {
    let question = Question::new(&question_in(&conversation.input, &conversation.goal), words);
    let points = points(handed);
    let placed = place(&points, &question, words);
    let title = title(&question.text);

    let list = |lines: Vec<String>| lines.into_iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n");
    let summary: Vec<String> = placed.front.iter().map(|point| sentence(point)).collect();
    let mut blocks = vec![format!("# {title}"), summary.join("\n")];
    for (heading, points) in &placed.sections {
        blocks.push(format!("## {heading}"));
        blocks.push(list(points.iter().map(|point| sentence(point)).collect()));
    }
    if !handed.gaps.is_empty() {
        blocks.push("## What is not known".to_owned());
        blocks.push(list(handed.gaps.iter().map(|gap| clean(gap)).collect()));
    }
    let cited: BTreeSet<&str> = points.iter().flat_map(|point| point.citations.iter().map(String::as_str)).collect();
    let sources: Vec<&Finding> = handed.findings.iter().filter(|finding| cited.contains(finding.id.as_str())).collect();
    let source = |finding: &&Finding| {
        let quote = finding.quote.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("[{}] {}: “{quote}”", finding.id, finding.place())
    };
    if !sources.is_empty() {
        blocks.push("## Sources".to_owned());
        blocks.push(list(sources.iter().map(source).collect()));
    }
    let text = blocks.join("\n\n") + "\n";
    let citations: Vec<Value> = sources.iter().map(|finding| finding.record("")).collect();
    Draft::new(
        text,
        [("title", json!(title)), ("summary", json!(summary.join(" "))), ("citations", Value::Array(citations))],
    )
}

/// The points to make: those that were handed on, else one for each finding; without what a reviewer
/// named, and with none that cites what does not exist.
fn points(handed: &Handed) -> Vec<Point> {
    let from_findings = || {
        handed
            .findings
            .iter()
            .map(|finding| Point { statement: finding.claim.clone(), citations: vec![finding.id.clone()] })
    };
    let all: Vec<Point> = if handed.points.is_empty() { from_findings().collect() } else { handed.points.clone() };
    let named = |point: &Point| {
        let statement = clean(&point.statement);
        let is_named = |sentence: &str| {
            let core = sentence.trim_end_matches('.');
            handed.problems.iter().any(|problem| !core.is_empty() && problem.contains(core))
        };
        is_named(&statement) || sentences(&statement).into_iter().any(|span| is_named(&statement[span.range]))
    };
    let exists = |id: &String| handed.findings.is_empty() || handed.findings.iter().any(|finding| finding.id == *id);
    all.into_iter()
        .filter(|point| !named(point))
        .map(|mut point| {
            point.citations.retain(exists);
            point
        })
        .filter(|point| !point.citations.is_empty() && !point.statement.trim().is_empty())
        .take(MOST_POINTS)
        .collect()
}

/// Where the points go.
struct Placed<'a> {
    /// The best of each part of the question: the answer.
    front: Vec<&'a Point>,
    /// The others, under what they belong to.
    sections: Vec<(String, Vec<&'a Point>)>,
}

fn place<'a>(points: &'a [Point], question: &Question, words: &Words) -> Placed<'a> {
    let stems: Vec<Vec<String>> = points.iter().map(|point| words.stems(&point.statement)).collect();
    let corpus = Corpus::new(stems.iter().map(Vec::as_slice));
    let scores: Vec<Vec<f64>> = question
        .parts
        .iter()
        .map(|part| {
            let own = corpus.bm25(&part.stems);
            let bonus = |index: usize| if part.is_answered_by(&points[index].statement) { 0.5 } else { 0.0 };
            own.iter().enumerate().map(|(index, score)| score + bonus(index)).collect()
        })
        .collect();
    let mut front: Vec<usize> = Vec::new();
    for scores in &scores {
        let free = (0..points.len()).filter(|index| !front.contains(index));
        let best = free.reduce(|best, index| if scores[index] > scores[best] { index } else { best });
        front.extend(best.filter(|best| scores[*best] > 0.0 && front.len() < IN_FRONT));
    }
    for index in 0..points.len() {
        if front.len() < IN_FRONT.min(points.len()) && !front.contains(&index) {
            front.push(index);
        }
    }
    let mut sections: Vec<(String, Vec<&Point>)> =
        question.parts.iter().map(|part| (heading(&part.text), Vec::new())).collect();
    let mut rest: Vec<&Point> = Vec::new();
    for (index, point) in points.iter().enumerate().filter(|(index, _)| !front.contains(index)) {
        let best =
            (0..scores.len()).reduce(|best, part| if scores[part][index] > scores[best][index] { part } else { best });
        match best.filter(|part| scores[*part][index] > 0.0 && scores.len() > 1) {
            Some(part) => sections[part].1.push(point),
            None => rest.push(point),
        }
    }
    let heading = if question.parts.len() > 1 { "What else the sources say" } else { "What the sources say" };
    sections.push((heading.to_owned(), rest));
    sections.retain(|(_, points)| !points.is_empty());
    Placed { front: front.into_iter().map(|index| &points[index]).collect(), sections }
}

/// A point as a sentence with its citations before the full stop.
fn sentence(point: &Point) -> String {
    let statement = clean(&point.statement);
    let cited = format!("[{}]", point.citations.join(", "));
    // What is cited already is not cited twice.
    if statement.contains(&cited) {
        return statement;
    }
    let cite = |sentence: &str| {
        let end = sentence.chars().next_back().filter(|c| matches!(c, '.' | '!' | '?'));
        match end {
            Some(mark) => format!("{} {cited}{mark}", &sentence[..sentence.len() - mark.len_utf8()]),
            None => format!("{sentence} {cited}."),
        }
    };
    let cited: Vec<String> = sentences(&statement).into_iter().map(|span| cite(&statement[span.range])).collect();
    if cited.is_empty() { cite(&statement) } else { cited.join(" ") }
}

fn title(question: &str) -> String {
    let line = clean(question.lines().next().unwrap_or_default());
    heading(&line)
}

/// A heading: with a capital letter, and not too long.
fn heading(text: &str) -> String {
    let mut heading: String = text.chars().take(LONGEST_TITLE).collect();
    if heading.len() < text.len() {
        let cut = heading.rfind(' ').unwrap_or(heading.len());
        heading.truncate(cut);
        heading.push('…');
    }
    let mut letters = heading.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Whether a heading is of a section that lists sources or names what is not known, in which nothing is to be cited.
pub(super) fn needs_no_citations(heading: &str, words: &Words) -> bool {
    let wanted = words.stems("sources references gaps unknown known open missing limitations quellen offen unbekannt");
    covered(&words.stems(heading), &wanted) >= 0.5 && !words.stems(heading).is_empty()
}
