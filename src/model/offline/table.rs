//! A table of figures that can be compared: the same measured thing for several subjects, or as several sources give it.
//!
//! Two sentences are comparable if they are put alike: what they have in common says what is measured, what is left of
//! each before its figure says of what. Nothing is put into the table that does not stand in a finding.

use std::collections::BTreeSet;

use super::material::Finding;
use super::sentences::{clean, sentences};
use super::words::{Token, Words, tokens};

/// A table has at least this many rows, unless the question compares or the sources disagree.
const FEWEST_ROWS: usize = 3;
/// And at most this many.
const MOST_ROWS: usize = 12;
/// What a row is about is named by at most this many words.
const LONGEST_LABEL: usize = 6;
/// How many words that carry meaning two sentences must have in common.
const IN_COMMON: usize = 2;

/// A figure in a sentence: a number with its unit.
struct Figure {
    /// The words of the sentence in lower case.
    words: Vec<String>,
    /// As they are written.
    written: Vec<String>,
    /// Where the figure is among them, unit included.
    from: usize,
    to: usize,
    /// As it is written: `41,200 euros`.
    value: String,
    unit: String,
    id: String,
    source: String,
}

/// A row: what it is about, and its cells, each with the finding that bears it out.
struct Row {
    label: String,
    cells: Vec<String>,
}

/// Figures that are put alike.
struct Column {
    heading: String,
    /// What each figure is of, the figure, and the id of its finding.
    cells: Vec<(String, String, String)>,
    /// Whether the sources give the same thing differently.
    disagrees: bool,
}

/// A table in Markdown of the figures that findings have in common; `None` if there are none, or too few to help.
pub(super) fn of_figures(findings: &[&Finding], compares: bool, words: &Words) -> Option<String> {
    let figures: Vec<Figure> = findings.iter().flat_map(|finding| figures(finding, words)).collect();
    let mut columns: Vec<Column> = Vec::new();
    let mut used: BTreeSet<usize> = BTreeSet::new();
    for index in 0..figures.len() {
        if used.contains(&index) {
            continue;
        }
        let alike: Vec<usize> = (index + 1..figures.len())
            .filter(|other| !used.contains(other) && are_alike(&figures[index], &figures[*other], words))
            .collect();
        let members: Vec<&Figure> =
            std::iter::once(index).chain(alike.iter().copied()).map(|at| &figures[at]).collect();
        if let Some(column) = column(&members, compares, words) {
            used.extend(std::iter::once(index).chain(alike));
            columns.push(column);
        }
    }
    let first = columns.first()?;
    let labels = |column: &Column| column.cells.iter().map(|(label, ..)| label.clone()).collect::<Vec<_>>();
    // What is measured of the same subjects stands side by side.
    let beside: Vec<&Column> = columns
        .iter()
        .filter(|other| labels(other).iter().collect::<BTreeSet<_>>() == labels(first).iter().collect::<BTreeSet<_>>())
        .collect();
    let row = |label: &String| Row {
        label: label.clone(),
        cells: beside
            .iter()
            .map(|column| {
                let cell = column.cells.iter().find(|(other, ..)| other == label);
                cell.map_or_else(|| "–".to_owned(), |(_, value, id)| format!("{value} [{id}]"))
            })
            .collect(),
    };
    let rows: Vec<Row> = labels(first).iter().map(row).collect();
    let line = |cells: Vec<&str>| format!("| {} |", cells.join(" | "));
    let subject = if first.disagrees { "Source" } else { "" };
    let mut lines =
        vec![line(std::iter::once(subject).chain(beside.iter().map(|column| column.heading.as_str())).collect())];
    lines.push(format!("|{}", "---|".repeat(beside.len() + 1)));
    let shown =
        |row: &Row| line(std::iter::once(row.label.as_str()).chain(row.cells.iter().map(String::as_str)).collect());
    lines.extend(rows.iter().map(shown));
    Some(lines.join("\n"))
}

/// The figures of a finding, sentence by sentence.
fn figures(finding: &Finding, words: &Words) -> Vec<Figure> {
    let claim = clean(&finding.claim);
    let mut found = Vec::new();
    for span in sentences(&claim) {
        let sentence = &claim[span.range];
        let all: Vec<Token> = tokens(sentence).collect();
        let mut in_sentence: Vec<Figure> = Vec::new();
        for at in 0..all.len() {
            let Some((to, value, unit)) = measured(sentence, &all, at, words) else { continue };
            in_sentence.push(Figure {
                words: all.iter().map(|token| token.text.clone()).collect(),
                written: all.iter().map(|token| sentence[token.start..token.end].to_owned()).collect(),
                from: at,
                to,
                value,
                unit,
                id: finding.id.clone(),
                source: finding.place(),
            });
        }
        // Of several figures of the same kind it cannot be told which is meant.
        let is_alone = |figure: &Figure| in_sentence.iter().filter(|other| other.unit == figure.unit).count() == 1;
        let alone: Vec<bool> = in_sentence.iter().map(is_alone).collect();
        found.extend(in_sentence.into_iter().zip(alone).filter(|(_, alone)| *alone).map(|(figure, _)| figure));
    }
    found
}

/// The figure that begins with the word at `at`: where it ends, as it is written, and its unit. A bare number, a year, a date
/// or a time is none.
fn measured(sentence: &str, all: &[Token], at: usize, words: &Words) -> Option<(usize, String, String)> {
    const SCALES: [&str; 8] = ["thousand", "million", "billion", "tausend", "millionen", "mio", "mrd", "millions"];
    let token = &all[at];
    let is_number = token.text.starts_with(|c: char| c.is_ascii_digit())
        && token.text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
    if !is_number {
        return None;
    }
    let sign = sentence[..token.start].chars().next_back().filter(|c| matches!(c, '$' | '€' | '£' | '¥'));
    if let Some(sign) = sign {
        let from = token.start - sign.len_utf8();
        return Some((at + 1, sentence[from..token.end].to_owned(), sign.to_string()));
    }
    let after = sentence[token.end..].trim_start();
    if let Some(sign) = after.chars().next().filter(|c| matches!(c, '%' | '€' | '$' | '£' | '°')) {
        let end = sentence.len() - after.len() + sign.len_utf8();
        return Some((at + 1, sentence[token.start..end].to_owned(), sign.to_string()));
    }
    let scaled = all.get(at + 1).is_some_and(|next| SCALES.contains(&next.text.as_str()));
    let unit = all.get(at + 1 + usize::from(scaled))?;
    let gap = &sentence[all[at + usize::from(scaled)].end..unit.start];
    let is_unit = gap == " "
        && unit.text.chars().all(char::is_alphabetic)
        && sentence[unit.start..].starts_with(char::is_lowercase);
    let stem = words.stems(&unit.text).into_iter().next()?;
    is_unit.then(|| (at + 2 + usize::from(scaled), sentence[token.start..unit.end].to_owned(), stem))
}

/// Whether two figures are of the same thing: the same unit, and sentences that are put alike.
fn are_alike(one: &Figure, other: &Figure, words: &Words) -> bool {
    if one.unit != other.unit || one.id == other.id {
        return false;
    }
    let shared = shared(&[one, other]);
    let meaning = |figure: &Figure, in_common: bool| -> usize {
        let stated = figure.words.iter().enumerate().filter(|(at, _)| !(figure.from..figure.to).contains(at));
        stated.filter(|(_, word)| !in_common || shared.contains(*word)).map(|(_, word)| words.stems(word).len()).sum()
    };
    let common = meaning(one, true).min(meaning(other, true));
    let shorter = meaning(one, false).min(meaning(other, false));
    common >= IN_COMMON.min(shorter) && common > 0 && common * 2 >= shorter
}

/// The words that all sentences have in common, in the order of the first (their longest common subsequence, two at a time),
/// figures apart.
fn shared(figures: &[&Figure]) -> Vec<String> {
    let stated = |figure: &Figure| -> Vec<String> {
        let around = figure.words.iter().enumerate().filter(|(at, _)| !(figure.from..figure.to).contains(at));
        around.map(|(_, word)| word.clone()).collect()
    };
    let mut common = figures.first().map(|figure| stated(figure)).unwrap_or_default();
    for figure in figures.iter().skip(1) {
        common = subsequence(&common, &stated(figure));
    }
    common
}

/// The longest common subsequence.
pub(super) fn subsequence(one: &[String], other: &[String]) -> Vec<String> {
    let mut longest = vec![vec![0_usize; other.len() + 1]; one.len() + 1];
    for (i, word) in one.iter().enumerate().rev() {
        for (j, theirs) in other.iter().enumerate().rev() {
            longest[i][j] =
                if word == theirs { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut common) = (0, 0, Vec::new());
    while i < one.len() && j < other.len() {
        if one[i] == other[j] {
            common.push(one[i].clone());
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    common
}

/// The column that figures make, if it helps: each of another subject, or of the same by another source.
fn column(members: &[&Figure], compares: bool, words: &Words) -> Option<Column> {
    if members.len() < 2 || members.len() > MOST_ROWS {
        return None;
    }
    let common = shared(members);
    let labels: Vec<String> = members.iter().map(|figure| label(figure, &common, words)).collect();
    let are_named = labels.iter().all(|label| (1..=LONGEST_LABEL).contains(&label.split_whitespace().count()));
    let distinct: BTreeSet<String> = labels.iter().map(|label| label.to_lowercase()).collect();
    let values: BTreeSet<&str> = members.iter().map(|figure| figure.value.as_str()).collect();
    let sources: BTreeSet<&str> = members.iter().map(|figure| figure.source.as_str()).collect();
    let heading = heading(members[0], &common);
    let cells = |labels: Vec<String>| {
        let cell = |(label, figure): (String, &&Figure)| (label, figure.value.clone(), figure.id.clone());
        labels.into_iter().zip(members).map(cell).collect()
    };
    if are_named && distinct.len() == members.len() {
        let helps = members.len() >= FEWEST_ROWS || compares;
        return helps.then(|| Column { heading, cells: cells(labels), disagrees: false });
    }
    let disagrees = values.len() > 1 && sources.len() == members.len() && labels.iter().all(|one| *one == labels[0]);
    let places = members.iter().map(|figure| figure.source.clone()).collect();
    disagrees.then(|| Column { heading, cells: cells(places), disagrees: true })
}

/// What a sentence says before its figure and the others do not: what the figure is of.
fn label(figure: &Figure, common: &[String], words: &Words) -> String {
    let mut left = common.iter().peekable();
    let mut own: Vec<usize> = Vec::new();
    for at in 0..figure.from {
        if left.peek().is_some_and(|word| **word == figure.words[at]) {
            left.next();
        } else {
            own.push(at);
        }
    }
    let means = |at: &usize| !words.stems(&figure.words[*at]).is_empty();
    while own.first().is_some_and(|at| !means(at)) {
        own.remove(0);
    }
    // The first words that stand together.
    let mut label: Vec<usize> = Vec::new();
    for at in own {
        if label.last().is_none_or(|last| last + 1 == at) {
            label.push(at);
        }
    }
    while label.last().is_some_and(|at| !means(at)) {
        label.pop();
    }
    capital(&label.iter().map(|at| figure.written[*at].as_str()).collect::<Vec<_>>().join(" "))
}

/// What is measured: what the sentences have in common, as the first puts it, without what only leads to what is left out.
fn heading(figure: &Figure, common: &[String]) -> String {
    const ARTICLES: [&str; 8] = ["the", "a", "an", "der", "die", "das", "le", "la"];
    const LEADING: [&str; 14] =
        ["is", "are", "was", "were", "of", "by", "with", "at", "for", "in", "from", "von", "ist", "beträgt"];
    let mut left = common.iter().peekable();
    let kept: Vec<usize> = (0..figure.words.len())
        .filter(|at| {
            let is_common =
                !(figure.from..figure.to).contains(at) && left.peek().is_some_and(|next| **next == figure.words[*at]);
            if is_common {
                left.next();
            }
            is_common
        })
        .collect();
    let stays = |at: &&usize| kept.contains(&(**at + 1)) || !LEADING.contains(&figure.words[**at].as_str());
    let shown: Vec<&str> = kept
        .iter()
        .filter(stays)
        .map(|at| figure.written[*at].as_str())
        .skip_while(|word| ARTICLES.contains(&word.to_lowercase().as_str()))
        .collect();
    capital(&shown.join(" "))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
