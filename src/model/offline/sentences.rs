//! Where the sentences of a text are, be it plain or Markdown.

use std::ops::Range;

pub(super) use super::blocks::Kind;
use super::blocks::blocks;

/// A sentence: a part of the text, word for word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Where in the text, in bytes.
    pub(super) range: Range<usize>,
    /// The number of the block (paragraph, list item) that it is in.
    pub(super) block: usize,
    /// What it is.
    pub(super) kind: Kind,
}

/// Words that a full stop follows without ending the sentence. Single letters and numbers need no entry.
const ABBREVIATIONS: &str = "al approx art bzw ca cf co corp dept dr ed eds eg etc evtl fig figs ggf hrsg ie inc incl jr ltd \
    max min mr mrs ms mt nos nr pp prof resp sec sect sr st str tel usw vgl vol vs";

/// The sentences of a text, in order. What stands in a code fence is left out.
pub(super) fn sentences(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    for (number, block) in blocks(text).into_iter().enumerate() {
        match block.kind {
            Kind::Prose => {
                found.extend(split(text, block.range).map(|range| Span { range, block: number, kind: Kind::Prose }));
            }

            kind => found.push(Span { range: block.range, block: number, kind }),
        }
    }
    found
}

/// The sentences of a paragraph.
fn split(text: &str, within: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let paragraph = &text[within.clone()];
    let mut start = 0;
    let mut ends: Vec<usize> = Vec::new();
    for (at, c) in paragraph.char_indices() {
        if matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？')
            && let Some(end) = end_of_sentence(paragraph, at, c)
        {
            ends.push(end);
        }
    }
    ends.push(paragraph.len());
    let mut ranges = Vec::new();
    for end in ends {
        let from = start.min(end);
        let said = said_in(&paragraph[from..end]);
        if !said.is_empty() {
            ranges.push(within.start + from + said.start..within.start + from + said.end);
        }
        start = start.max(end);
    }
    ranges.into_iter()
}

/// Where the words of a sentence are, without the white space and the footnote marks before and after them.
fn said_in(piece: &str) -> Range<usize> {
    let mut rest = piece.trim_start();
    while let Some(after) = footnote_mark(rest) {
        rest = after.trim_start();
    }
    let start = piece.len() - rest.len();
    let mut said = rest.trim_end();
    while let Some(at) = said.rfind('[').map(|at| if said[..at].ends_with('[') { at - 1 } else { at })
        && footnote_mark(&said[at..]) == Some("")
        && said[..at].trim_end().ends_with(['.', '!', '?', '”', '"', ')'])
    {
        said = said[..at].trim_end();
    }
    start..start + said.len()
}

/// What follows the footnote mark that a text begins with: `[[43]]`, `[43]`, `[^a]`.
fn footnote_mark(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let (name, close) = match inner.strip_prefix('[') {
        Some(inner) => (inner, "]]"),
        None => (inner, "]"),
    };
    let (name, after) = name.split_once(close)?;
    let is_number = |name: &str| (1..=3).contains(&name.len()) && name.chars().all(|c| c.is_ascii_digit());
    let is_mark = is_number(name) || (name.starts_with('^') && name.len() <= 20 && !name.contains(char::is_whitespace));
    (is_mark && !after.starts_with('(')).then_some(after)
}

/// Where the sentence ends whose closing mark is `mark` at `at`; `None` if the mark closes none.
fn end_of_sentence(paragraph: &str, at: usize, mark: char) -> Option<usize> {
    // A mark that stands by itself is spoken of.
    if paragraph[..at].ends_with(|c: char| c.is_whitespace() || matches!(c, '(' | '`' | '"' | '“')) {
        return None;
    }
    let after = &paragraph[at + mark.len_utf8()..];
    let closed = after.trim_start_matches(|c| {
        matches!(c, ')' | ']' | '"' | '\'' | '”' | '’' | '»' | '*' | '_' | '`' | '.' | '!' | '?')
    });
    let end = paragraph.len() - closed.len();
    if matches!(mark, '。' | '！' | '？') {
        return Some(end);
    }
    let mut following = closed;
    while let Some(after) = footnote_mark(following.trim_start()) {
        following = after;
    }
    let is_marked = following.len() < closed.len();
    if !following.is_empty() && !is_marked && !following.starts_with(char::is_whitespace) {
        return None;
    }
    let next = following.trim_start().chars().next();
    if next.is_some_and(char::is_lowercase) || (mark == '.' && next.is_some() && is_abbreviation(&paragraph[..at])) {
        return None;
    }
    Some(end)
}

fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| !c.is_alphanumeric() && c != '.').next().unwrap_or_default();
    let last = word.rsplit('.').next().unwrap_or_default();
    let single = last.chars().count() == 1 && last.chars().all(char::is_alphabetic);
    single || ABBREVIATIONS.split(' ').any(|known| known.eq_ignore_ascii_case(word))
}

/// The text of a sentence on one line and without markup: how a claim or a title is shown.
pub(super) fn clean(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((label, after)) = link(rest) {
            plain.push_str(label);
            rest = after;
            continue;
        }
        // A mark in single brackets could be anything else that has a number; only behind a sentence's end it is none.
        let marks =
            rest.starts_with("[[") || rest.starts_with("[^") || plain.trim_end().ends_with(['.', '!', '?', '”']);
        if marks && let Some(after) = footnote_mark(rest) {
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '*' | '`' => {}
            '_' if plain.ends_with(|c: char| !c.is_alphanumeric()) || !rest.starts_with(char::is_alphanumeric) => {}
            '|' => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The label of the link or image that `text` begins with, and what follows it. A link whose target was left out, as in
/// what is made of HTML, is known by a label that could be no citation: one with several words.
fn link(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix("![").or_else(|| text.strip_prefix('['))?;
    let (label, after) = inner.split_once(']')?;
    if label.contains(['[', '\n']) {
        return None;
    }
    if let Some(target) = after.strip_prefix('(') {
        return Some((label, target.split_once(')')?.1));
    }
    let is_words = label.contains(' ')
        && !label.contains([',', ';', '=', '-', '|', '.'])
        && label.starts_with(char::is_alphabetic);
    is_words.then_some((label, after))
}
