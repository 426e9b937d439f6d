//! What a text is made of, be it plain or Markdown: paragraphs, list items, headings, rows, and what is only around them.

use std::ops::Range;

/// What a part of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Running text.
    Prose,
    /// What is marked as a heading.
    Heading,
    /// What looks like a heading: a short line that stands by itself, or a question that does.
    Title,
    /// A row of a table.
    Row,
    /// A field of a record, such as a line of a mail's head: `Subject: Lunch`.
    Field,
    /// What leads elsewhere and says nothing: a line of links.
    Links,
}

/// A paragraph, a list item, a heading, a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
    /// Whether it is an item of a list.
    pub(super) item: bool,
    /// How many lines it has.
    lines: usize,
}

/// A heading that is not marked as one has at most this many words, on at most two lines.
const LONGEST_TITLE: usize = 12;

/// The blocks of a text, in order. What stands in a code fence is left out.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    let mut in_fence = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim();
        let indent = line.len() - line.trim_start().len();
        if bare.starts_with("```") || bare.starts_with("~~~") {
            in_fence = !in_fence;
            blocks.extend(open.take());
            continue;
        }
        if in_fence {
            continue;
        }
        let marker = list_marker(bare);
        let (heading, level) = heading(bare);
        let is_field = open.as_ref().is_none_or(|open| open.kind == Kind::Field) && is_field(bare);
        if bare.is_empty() || heading || bare.starts_with('|') || is_rule(bare) || marker > 0 || is_field {
            blocks.extend(open.take());
        }
        let content = start + indent + marker..start + indent + bare.len();
        if bare.is_empty() || is_rule(bare) || content.is_empty() {
            continue;
        }
        let block = |range, kind| Block { range, kind, item: marker > 0, lines: 1 };
        if heading {
            blocks.push(block(content.start + level..content.end, Kind::Heading));
        } else if bare.starts_with('|') {
            blocks.push(block(content, Kind::Row));
        } else if let Some(open) = open.as_mut() {
            open.range.end = content.end;
            open.lines += 1;
        } else {
            open = Some(block(content, if is_field { Kind::Field } else { Kind::Prose }));
        }
    }
    blocks.extend(open);
    settle(text, &mut blocks);
    blocks
}

/// What a block is can depend on those around it.
fn settle(text: &str, blocks: &mut [Block]) {
    for index in 0..blocks.len() {
        let capitals = leading_capitals(&text[blocks[index].range.clone()]);
        if blocks[index].kind == Kind::Prose {
            blocks[index].range.start += capitals;
        }
        let block = &blocks[index];
        let shown = &text[block.range.clone()];
        let kind = match block.kind {
            // One line with a colon is a sentence like any other; several in a row are a record.
            Kind::Field if !is_beside_a_field(text, blocks, index) => Kind::Prose,
            Kind::Prose if is_made_of_links(shown) => Kind::Links,
            Kind::Prose if !block.item && block.lines <= 2 && is_title(shown) && index + 1 < blocks.len() => {
                Kind::Title
            }
            kind => kind,
        };
        blocks[index].kind = kind;
    }
}

/// How long a first line in capitals is, with the line's end, if what follows is not: a heading without a line of its own.
fn leading_capitals(text: &str) -> usize {
    let Some((first, rest)) = text.split_once('\n') else { return 0 };
    let is_capitals =
        |line: &str| line.chars().filter(|c| c.is_uppercase()).count() >= 3 && !line.contains(char::is_lowercase);
    let second = rest.lines().next().unwrap_or_default();
    if !is_capitals(first) || is_capitals(second) || first.split_whitespace().count() > LONGEST_TITLE {
        return 0;
    }
    text.len() - rest.trim_start().len()
}

fn is_beside_a_field(text: &str, blocks: &[Block], index: usize) -> bool {
    let joins = |one: usize, other: usize| {
        blocks[other].kind == Kind::Field
            && text[blocks[one].range.end..blocks[other].range.start].matches('\n').count() == 1
    };
    (index > 0 && joins(index - 1, index) && blocks[index - 1].kind == Kind::Field)
        || (index + 1 < blocks.len() && joins(index, index + 1))
}

/// Whether a line is `Name: value`, where the name is one word, or several joined by hyphens.
fn is_field(line: &str) -> bool {
    let Some((name, value)) = line.split_once(": ") else { return false };
    let is_name = |name: &str| {
        name.starts_with(char::is_uppercase)
            && name.len() <= 30
            && name.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    is_name(name) && !value.trim().is_empty()
}

/// Whether a block that is not marked as a heading is one: short, and no sentence; or a question by itself, which what is
/// below it answers.
fn is_title(text: &str) -> bool {
    let words = text.split_whitespace().count();
    let ends = text.ends_with(['.', '!', ':', ';', ',', '…', '”', '"']);
    let is_question = text.ends_with('?') && !text.contains(". ");
    words <= LONGEST_TITLE && !ends && !text.contains(": ") && text.starts_with(|c: char| !c.is_lowercase())
        || is_question && words <= 3 * LONGEST_TITLE
}

/// Whether at least half of the words of a text are labels of links: `[[Prev]] [[Next]] [Home]`.
fn is_made_of_links(text: &str) -> bool {
    let (mut inside, mut all, mut depth) = (0, 0, 0_usize);
    for word in text.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '[' | ']')) {
        if word.chars().any(char::is_alphanumeric) {
            all += 1;
            // What has a digit cites or counts.
            inside += usize::from(depth > 0 && !word.contains(|c: char| c.is_ascii_digit()));
        }
        match word.chars().next_back() {
            Some('[') => depth += 1,
            Some(']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    all > 0 && inside * 2 >= all && text.matches('[').count() >= 2
}

/// Whether a line is marked as a heading, by `#` or, as in an outline, by several `*`; and how long the marker is.
fn heading(line: &str) -> (bool, usize) {
    let stars = line.len() - line.trim_start_matches('*').len();
    if stars >= 2 && line[stars..].starts_with(' ') {
        return (true, stars);
    }
    (line.starts_with('#'), line.len() - line.trim_start_matches('#').len())
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
    // `12.`, `12)`, `(12)`, `[12]`, `a)`, `a.`
    let inner = line.trim_start_matches(['(', '[']);
    let open = line.len() - inner.len();
    let digits = inner.len() - inner.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let letter = usize::from(digits == 0 && inner.starts_with(|c: char| c.is_ascii_lowercase()));
    let (name, rest) = inner.split_at(digits + letter);
    let closes: &[&str] = if open > 0 { &[") ", "] "] } else { &[". ", ") "] };
    if open <= 1 && (1..=3).contains(&name.len()) && closes.iter().any(|close| rest.starts_with(close)) {
        return after(open + name.len() + 1);
    }
    0
}

/// A line that only divides, such as `---` or the line under a table's head.
fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.chars().all(|c| matches!(c, '-' | '=' | '*' | '_' | '|' | ':' | ' ' | '+'))
}

#[cfg(test)]
mod tests {
    use super::{Kind, blocks};

    #[test]
    fn a_first_line_in_capitals_is_no_part_of_what_follows() {
        let text = "WEBHOOKS\n  Payments are confirmed by\n  webhooks.\n\nALL OF THIS IS SAID\nALOUD.\n";
        let found: Vec<&str> = blocks(text).into_iter().map(|block| &text[block.range]).collect();
        assert_eq!(found, ["Payments are confirmed by\n  webhooks.", "ALL OF THIS IS SAID\nALOUD."]);
    }

    #[test]
    fn each_part_of_a_text_is_known_for_what_it_is() {
        let text = "From: Anna <anna@example.com>\nSubject: Lunch\nDate: 3 May 2026\n\nLunch is at noon. Bring\nyour own cup.\n\n\
            Where is it?\n\nIn the yard.\n\nWhat to bring\n\n1. A cup.\n(b) A spoon.\n** Changes\n\nNote: the yard is wet.\n\n\
            [[Prev]] [[Next]] [Home]\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
        let found: Vec<(Kind, &str)> = blocks(text).into_iter().map(|block| (block.kind, &text[block.range])).collect();
        assert_eq!(
            found,
            [
                (Kind::Field, "From: Anna <anna@example.com>"),
                (Kind::Field, "Subject: Lunch"),
                (Kind::Field, "Date: 3 May 2026"),
                (Kind::Prose, "Lunch is at noon. Bring\nyour own cup."),
                (Kind::Title, "Where is it?"),
                (Kind::Prose, "In the yard."),
                (Kind::Title, "What to bring"),
                (Kind::Prose, "A cup."),
                (Kind::Prose, "A spoon."),
                (Kind::Heading, " Changes"),
                (Kind::Prose, "Note: the yard is wet."),
                (Kind::Links, "[[Prev]] [[Next]] [Home]"),
                (Kind::Row, "| a | b |"),
                (Kind::Row, "| 1 | 2 |"),
            ]
        );
    }
}
