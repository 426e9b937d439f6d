//! Writing a text from findings and points, in Markdown, with a citation for every sentence that states something.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::analysis::core;
use super::conversation::Conversation;
use super::draft::Draft;
use super::length::Limit;
use super::material::{Finding, Handed, Point, question_in};
use super::question::Question;
use super::rank::{Corpus, covered};
use super::sentences::{clean, sentences};
use super::table;
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
    let mut points = points(handed);
    if let Some(limit) = Limit::in_goal(&conversation.goal) {
        // What comes last matters least. The rest is left for a table, and for what is not known.
        let text = |points: &[Point]| points.iter().map(sentence).collect::<Vec<_>>().join("\n\n");
        while points.len() > 1 && !limit.holds(&text(&points)) {
            points.pop();
        }
    }
    let placed = place(&points, &handed.findings, &question, words);
    let title = title(&question.text);

    let list = |lines: Vec<String>| lines.into_iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n");
    let summary: Vec<String> = placed.front.iter().map(|point| sentence(point)).collect();
    let mut blocks = vec![format!("# {title}"), summary.join("\n")];
    let cited: BTreeSet<&str> = points.iter().flat_map(|point| point.citations.iter().map(String::as_str)).collect();
    let sources: Vec<&Finding> = handed.findings.iter().filter(|finding| cited.contains(finding.id.as_str())).collect();
    if let Some(table) = table::of_figures(&sources, question.compares, words) {
        blocks.push("## The figures side by side".to_owned());
        blocks.push(table);
    }
    for (heading, points) in &placed.sections {
        blocks.push(format!("## {heading}"));
        blocks.push(list(points.iter().map(|point| sentence(point)).collect()));
    }
    if !handed.gaps.is_empty() {
        blocks.push("## What is not known".to_owned());
        blocks.push(list(handed.gaps.iter().map(|gap| clean(gap)).collect()));
    }
    let source = |finding: &&Finding| {
        let quote =
            if handed.problems.is_empty() { finding.quote.as_str() } else { shown(&finding.quote, &handed.problems) };
        let quote = quote.split_whitespace().collect::<Vec<_>>().join(" ");
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
    // Of a point only the sentences go that a reviewer named.
    let unnamed = |statement: &str| {
        let statement = clean(statement);
        let spans = sentences(&statement).into_iter().map(|span| &statement[span.range]);
        spans.filter(|sentence| !is_named(sentence, &handed.problems)).collect::<Vec<_>>().join(" ")
    };
    let is_disproved = |id: &String| {
        let beginning = format!("The quotation of [{id}] does not stand in");
        handed.problems.iter().any(|problem| problem.starts_with(&beginning))
    };
    // What a reviewer missed is stated too.
    let missed = handed.findings.iter().filter(|finding| {
        let contradicts = format!("contradicts [{}]", finding.id);
        handed.problems.iter().any(|problem| problem.contains(&contradicts))
    });
    let missed = missed.map(|finding| Point { statement: core(finding), citations: vec![finding.id.clone()] });
    let exists = |id: &String| handed.findings.is_empty() || handed.findings.iter().any(|finding| finding.id == *id);
    let kept = all.into_iter().filter(|point| !point.citations.iter().any(is_disproved)).map(|mut point| {
        if !handed.problems.is_empty() {
            point.statement = unnamed(&point.statement);
        }
        point.citations.retain(exists);
        point
    });
    missed
        .chain(kept)
        .filter(|point| !point.citations.is_empty() && !point.statement.trim().is_empty())
        .take(MOST_POINTS)
        .collect()
}

/// Whether a reviewer named a sentence.
fn is_named(sentence: &str, problems: &[String]) -> bool {
    let core = sentence.trim_end_matches('.');
    problems.iter().any(|problem| !core.is_empty() && problem.contains(core))
}

/// The part of a quotation that is shown: all of it, or, if a reviewer named sentences of it, what stands before or between
/// them.
fn shown<'a>(quote: &'a str, problems: &[String]) -> &'a str {
    let mut first: Option<std::ops::Range<usize>> = None;
    for span in sentences(quote) {
        let is_named = is_named(&clean(&quote[span.range.clone()]), problems);
        match (&mut first, is_named) {
            (None, false) => first = Some(span.range),
            (Some(open), false) => open.end = span.range.end,
            (Some(_), true) => break,
            (None, true) => {}
        }
    }
    first.map_or(quote, |range| &quote[range])
}

/// Where the points go.
struct Placed<'a> {
    /// The best of each part of the question: the answer.
    front: Vec<&'a Point>,
    /// The others, under what they belong to.
    sections: Vec<(String, Vec<&'a Point>)>,
}

fn place<'a>(points: &'a [Point], findings: &[Finding], question: &Question, words: &Words) -> Placed<'a> {
    let stems: Vec<Vec<String>> = points.iter().map(|point| words.stems(&point.statement)).collect();
    let corpus = Corpus::new(stems.iter().map(Vec::as_slice));
    let weights: Vec<f64> = points.iter().map(|point| importance(point, findings)).collect();
    let scores: Vec<Vec<f64>> = question
        .parts
        .iter()
        .map(|part| {
            let own = corpus.bm25(&part.stems);
            let bonus = |index: usize| if part.is_answered_by(&points[index].statement) { 0.5 } else { 0.0 };
            own.iter().enumerate().map(|(index, score)| (score + bonus(index)) * weights[index]).collect()
        })
        .collect();
    let mut front: Vec<usize> = Vec::new();
    for scores in &scores {
        let free = (0..points.len()).filter(|index| !front.contains(index));
        let best = free.reduce(|best, index| if scores[index] > scores[best] { index } else { best });
        front.extend(best.filter(|best| scores[*best] > 0.0 && front.len() < IN_FRONT));
    }
    // What stands in front must come near to what answers best; there may be nothing else that does.
    let best_of = |index: usize| scores.iter().map(|scores| scores[index]).fold(0.0, f64::max);
    let enough = 0.5 * (0..points.len()).map(best_of).fold(0.0, f64::max);
    for index in 0..points.len() {
        if front.is_empty() || (front.len() < IN_FRONT && !front.contains(&index) && best_of(index) >= enough) {
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

/// How important a point is by the first of the findings that it cites, which are handed over with the most important first.
#[allow(clippy::cast_precision_loss, reason = "there are far fewer than 2^52 findings")]
fn importance(point: &Point, findings: &[Finding]) -> f64 {
    let first = findings.iter().position(|finding| point.citations.contains(&finding.id)).unwrap_or(findings.len());
    1.0 / (1.0 + 0.3 * first as f64)
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
