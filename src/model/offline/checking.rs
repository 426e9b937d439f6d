//! Checking a text against the findings that it cites.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::conversation::Conversation;
use super::draft::Draft;
use super::length::Limit;
use super::material::{Finding, Handed, question_in};
use super::question::Question;
use super::rank::covered;
use super::sentences::{Kind, clean, sentences};
use super::words::{Words, names, numbers, tokens};
use super::writing::needs_no_citations;
use super::{Move, asking, proofs};

/// The share of a sentence's words that its citations must bear out.
const BORNE_OUT: f64 = 0.6;
/// How many problems are named.
const MOST_PROBLEMS: usize = 20;

/// How many reported quotations are looked for.
const MOST_ASKED: usize = 3;

/// The next move of a reviewer: first whoever finds things is asked where it says what a source only reports, if
/// anybody can be asked; then the text is checked.
pub(super) fn next(conversation: &Conversation<'_>, handed: &Handed, words: &Words) -> Move {
    if !asking::has_asked(conversation) {
        let reported = handed.findings.iter().flat_map(|finding| reported(&finding.quote)).take(MOST_ASKED);
        let ask = |quote: &str| asking::question(conversation, &format!("Where does it say “{quote}”?"));
        let mut calls: Vec<asking::Call> = reported.filter_map(ask).collect();
        calls.extend(proofs::look_ups(conversation, &cited_findings(handed)));
        if !calls.is_empty() {
            return Move::Call(calls);
        }
    }
    Move::Finish(check(conversation, handed, words))
}

/// The words that a text gives as those of somebody else.
fn reported(text: &str) -> Vec<&str> {
    const WORDS: std::ops::RangeInclusive<usize> = 4..=60;
    let mut found = Vec::new();
    for (open, close) in [('“', '”'), ('"', '"'), ('„', '“'), ('«', '»')] {
        let mut rest = text;
        while let Some((quote, after)) = rest.split_once(open).and_then(|(_, after)| after.split_once(close)) {
            if WORDS.contains(&quote.split_whitespace().count()) {
                found.push(quote.trim_matches(|c: char| c.is_whitespace() || ".,;".contains(c)));
            }
            rest = after;
        }
    }
    found
}

/// What is wrong with what findings report as the words of another source: that source was found, and does not have them.
fn invented(conversation: &Conversation<'_>, handed: &Handed, words: &Words) -> Vec<String> {
    let flat = |text: &str| tokens(text).map(|token| token.text).collect::<Vec<_>>().join(" ");
    let file = |finding: &Finding| finding.source.split(':').next().unwrap_or_default().to_owned();
    let answers = asking::answers(conversation);
    let mut problems = Vec::new();
    for finding in &handed.findings {
        for quote in reported(&finding.quote) {
            let asked =
                answers.iter().filter(|(asked, _)| asked["question"].as_str().is_some_and(|text| text.contains(quote)));
            let found: Vec<&Finding> = asked.flat_map(|(_, findings)| findings).collect();
            let others: Vec<&&Finding> = found.iter().filter(|other| file(other) != file(finding)).collect();
            if others.is_empty() || others.iter().any(|other| flat(&other.quote).contains(&flat(quote))) {
                continue;
            }
            let around = words.stems(&finding.quote.replace(quote, " "));
            let meant = others.iter().find(|other| words.stems(&file(other)).iter().any(|stem| around.contains(stem)));
            if let Some(meant) = meant {
                problems.push(format!(
                    "“{}” reports words that {} does not have: leave it out.",
                    clean(&finding.claim),
                    file(meant)
                ));
            }
        }
    }
    problems
}

/// Checks the longest text of the input.
fn check(conversation: &Conversation<'_>, handed: &Handed, words: &Words) -> Draft {
    let question = Question::new(&question_in(&conversation.input, &conversation.goal), words);
    let text = text_of(handed);
    let mut problems: Vec<String> = invented(conversation, handed, words);
    problems.retain(|problem| {
        problem.split(['“', '”']).nth(1).is_some_and(|claim| clean(text).contains(claim.trim_end_matches('.')))
    });
    problems.extend(proofs::not_in_sources(conversation, &cited_findings(handed)));
    let parts = Parts::of(text, words);
    for statement in &parts.statements {
        problems.extend(unsupported(statement, &handed.findings, words));
    }
    problems.extend(parts.gaps.iter().filter_map(|gap| not_a_gap(gap)));
    for source in parts.sources.iter().flatten() {
        problems.extend(quoted_wrongly(source, &handed.findings));
    }
    let ids = |lines: &[&str]| lines.iter().flat_map(|line| citations(line)).collect::<BTreeSet<String>>();
    let (cited, stated) = (ids(&parts.statements), parts.statements.join("\n"));
    problems.extend(proofs::unlisted(&cited, parts.sources.as_ref().map(|lines| ids(lines)).as_ref()));
    problems.extend(proofs::hidden(&stated, &cited, handed, words));
    let goals = [Some(conversation.goal.as_str()), conversation.input.get("goal_of_the_work").and_then(Value::as_str)];
    let limit = goals.into_iter().flatten().find_map(Limit::in_goal);
    problems.extend(limit.and_then(|limit| limit.broken_by(&stated)));
    let stated = parts.statements.len();
    if stated == 0 {
        problems.push("The text states nothing: write what the findings say.".to_owned());
    }
    let in_text = words.stems(text);
    if !question.stems.is_empty() && covered(&question.stems, &in_text) == 0.0 {
        problems.push(format!("The text does not answer what was asked: {}", question.text));
    }
    problems.truncate(MOST_PROBLEMS);
    let good = problems.is_empty();
    let mut report = if good {
        format!("Approved: each of the {stated} statements cites findings that bear it out.")
    } else {
        "Rejected:".to_owned()
    };
    for problem in &problems {
        report += "\n- ";
        report += problem;
    }
    Draft::new(report, [("verdict", json!(good)), ("problems", json!(problems))])
}

/// The longest text of the input: what is to be checked.
fn text_of(handed: &Handed) -> &str {
    handed.texts.iter().max_by_key(|(_, text)| text.len()).map_or("", |(_, text)| text)
}

/// The findings that the text cites anywhere.
fn cited_findings(handed: &Handed) -> Vec<&Finding> {
    let cited = citations(text_of(handed));
    handed.findings.iter().filter(|finding| cited.contains(&finding.id)).collect()
}

/// The sentences of a text by what is asked of them.
#[derive(Default)]
struct Parts<'a> {
    /// What states something.
    statements: Vec<&'a str>,
    /// The lines of what is not known.
    gaps: Vec<&'a str>,
    /// The lines of the list of sources; `None` if it has none.
    sources: Option<Vec<&'a str>>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str, words: &Words) -> Self {
        let mut parts = Self::default();
        let (mut exempt, mut in_sources) = (false, false);
        for span in sentences(text) {
            let sentence = &text[span.range.clone()];
            if span.kind == Kind::Heading {
                exempt = needs_no_citations(sentence, words);
                let names_sources =
                    words.stems(sentence).iter().any(|stem| words.stems("sources references quellen").contains(stem));
                in_sources = exempt && names_sources;
                if in_sources {
                    parts.sources.get_or_insert_default();
                }
                continue;
            }
            // The names of a table's columns state nothing.
            let after = text[span.range.end..].trim_start();
            if span.kind == Kind::Row && ["|-", "| -", "|:", "| :"].iter().any(|rule| after.starts_with(rule)) {
                continue;
            }
            match parts.sources.as_mut().filter(|_| in_sources) {
                Some(sources) => sources.push(sentence),
                None if exempt => parts.gaps.push(sentence),
                None => parts.statements.push(sentence),
            }
        }
        parts
    }
}

/// What is wrong with a sentence that states something, if anything.
fn unsupported(sentence: &str, findings: &[Finding], words: &Words) -> Option<String> {
    let shown = clean(sentence);
    let cited = citations(sentence);
    let mut statement = without_citations(&shown);
    if cited.is_empty() {
        // A line that only leads over to a list states nothing.
        let leads_over = words.stems(&statement).is_empty() || statement.ends_with(':');
        return (!leads_over)
            .then(|| format!("“{shown}” cites nothing: cite the finding that bears it out, or leave it out."));
    }
    let mut quotes = String::new();
    for id in &cited {
        let Some(finding) = findings.iter().find(|finding| finding.id == *id) else {
            return Some(format!("“{shown}” cites [{id}], which is no finding: cite one that exists."));
        };
        // Where it stands is no figure of what it says.
        statement = statement.replace(&finding.place(), "");
        quotes += &clean(&finding.quote);
        quotes.push('\n');
        if finding.quote.contains('|') {
            // What a row of a table says is read with the names of its columns.
            quotes += &clean(&finding.claim);
            quotes.push('\n');
        }
    }
    let in_quotes = numbers(&quotes);
    if let Some(number) = numbers(&statement).into_iter().find(|number| !in_quotes.contains(number)) {
        return Some(format!("“{shown}” says {number}, which its quotes do not: give the number of the source."));
    }
    let said = words.stems(&quotes);
    let lower = quotes.to_lowercase();
    if let Some(name) = names(&statement).into_iter().find(|name| !lower.contains(name.as_str())) {
        return Some(format!("“{shown}” names {name}, which its quotes do not: keep to what they say."));
    }
    let share = covered(&words.stems(&statement), &said);
    (share < BORNE_OUT).then(|| format!("“{shown}” says more than its quotes bear out: keep to what they say."))
}

/// What is wrong with a line of what is not known, if anything: it must not state what is.
fn not_a_gap(sentence: &str) -> Option<String> {
    const DENIALS: &str =
        "no not nothing none nobody never unknown unclear open missing without nicht nichts kein keine offen unklar";
    let denies = tokens(sentence).any(|token| DENIALS.split(' ').any(|denial| denial == token.text));
    let cites_or_asks = sentence.contains('[') || sentence.trim_end().ends_with('?');
    (!denies && !cites_or_asks)
        .then(|| format!("“{}” cites nothing, and names nothing that is not known.", clean(sentence)))
}

/// What is wrong with a line of the list of sources, if anything: a quotation must stand in the finding word for word.
fn quoted_wrongly(line: &str, findings: &[Finding]) -> Option<String> {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cited = citations(line);
    let quote = line.split_once('“').and_then(|(_, rest)| rest.rsplit_once('”')).map(|(quote, _)| flat(quote));
    for id in &cited {
        let Some(finding) = findings.iter().find(|finding| finding.id == *id) else {
            return Some(format!("The list of sources has [{id}], which is no finding: take it out."));
        };
        if let Some(quote) = &quote
            && !flat(&finding.quote).contains(quote.as_str())
        {
            return Some(format!("The quotation of [{id}] is not what the source says: copy it word for word."));
        }
    }
    None
}

/// The ids in square brackets: `[F1]`, `[F1, F4]`; not the labels of links.
fn citations(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('[') {
        let Some((inner, after)) = after.split_once(']') else { break };
        rest = after;
        let id = |id: &&str| {
            !id.is_empty() && id.len() <= 24 && id.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
        };
        let ids: Vec<&str> = inner.split([',', ';']).map(str::trim).collect();
        if !after.starts_with('(') && ids.iter().all(id) {
            found.extend(ids.into_iter().map(str::to_owned));
        }
    }
    found
}

fn without_citations(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        rest = after.split_once(']').map_or("", |(_, after)| after);
    }
    plain + rest
}
