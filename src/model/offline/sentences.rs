//! Where the sentences of a text are, be it plain or Markdown.

use std::ops::Range;

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

/// What a part of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A sentence of running text.
    Prose,
    /// A heading.
    Heading,
    /// A row of a table.
    Row,
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

struct Block {
    range: Range<usize>,
    kind: Kind,
}

/// Paragraphs, list items, headings and rows.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Range<usize>> = None;
    let mut in_fence = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim();
        let indent = line.len() - line.trim_start().len();
        if bare.starts_with("```") || bare.starts_with("~~~") {
            in_fence = !in_fence;
            blocks.extend(open.take().map(prose));
            continue;
        }
        if in_fence {
            continue;
        }
        let marker = list_marker(bare);
        if bare.is_empty() || bare.starts_with(['#', '|']) || is_rule(bare) || marker > 0 {
            blocks.extend(open.take().map(prose));
        }
        let content = start + indent + marker..start + indent + bare.len();
        if bare.is_empty() || is_rule(bare) || content.is_empty() {
            continue;
        }
        if bare.starts_with('#') {
            let level = bare.len() - bare.trim_start_matches('#').len();
            blocks.push(Block { range: content.start + level..content.end, kind: Kind::Heading });
        } else if bare.starts_with('|') {
            blocks.push(Block { range: content, kind: Kind::Row });
        } else {
            open = Some(open.map_or(content.clone(), |open| open.start..content.end));
        }
    }
    blocks.extend(open.map(prose));
    blocks
}

fn prose(range: Range<usize>) -> Block {
    Block { range, kind: Kind::Prose }
}

/// How long the marker of a list item or a quotation is, with the space after it; 0 if there is none.
fn list_marker(line: &str) -> usize {
    let after = |length: usize| length + line[length..].len() - line[length..].trim_start().len();
    if let Some(rest) = line.strip_prefix(['-', '*', '+', '•', '>'])
        && rest.starts_with(' ')
    {
        let marker = after(line.len() - rest.len());
        let task = ["[ ] ", "[x] ", "[X] "].iter().find(|mark| line[marker..].starts_with(*mark));
        return marker + task.map_or(0, |mark| mark.len());
    }
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if (1..=3).contains(&digits) && (line[digits..].starts_with(". ") || line[digits..].starts_with(") ")) {
        return after(digits + 1);
    }
    0
}

/// A line that only divides, such as `---` or the line under a table's head.
fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.chars().all(|c| matches!(c, '-' | '=' | '*' | '_' | '|' | ':' | ' ' | '+'))
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
        let piece = &paragraph[start.min(end)..end];
        let lead = piece.len() - piece.trim_start().len();
        if !piece.trim().is_empty() {
            let from = within.start + start + lead;
            ranges.push(from..from + piece.trim().len());
        }
        start = start.max(end);
    }
    ranges.into_iter()
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
    if !closed.is_empty() && !closed.starts_with(char::is_whitespace) {
        return None;
    }
    let next = closed.trim_start().chars().next();
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

/// The label of the link or image that `text` begins with, and what follows it.
fn link(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix("![").or_else(|| text.strip_prefix('['))?;
    let (label, target) = inner.split_once("](")?;
    let (_, after) = target.split_once(')')?;
    (!label.contains(['[', '\n'])).then_some((label, after))
}
