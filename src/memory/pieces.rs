//! Cuts documents into pieces that are small enough to be found and quoted, each with its place.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};
use text_splitter::{ChunkConfig, MarkdownSplitter, TextSplitter};

use super::{html, tables, tokens};
use crate::store::entries::{NewPiece, Position};

/// How long a piece is, in characters: as long as it gets to be whole, but no longer.
pub(super) const PIECE: Range<usize> = 500..1200;
/// The longest code block or table that stays whole, in characters.
const LONGEST_WHOLE: usize = 6_000;
/// Longer documents are cut into stretches of about this many bytes first, so that cutting costs what the text is long.
const STRETCH: usize = 8 * 1024;
/// What some editors put before a text; it is no part of it.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// The longest heading that is kept, in characters.
pub(super) const LONGEST_HEADING: usize = 200;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Plain text.
    Text,
    /// Markdown.
    Markdown,
    /// HTML, of which the text is kept.
    Html,
    /// A table, a row a line: CSV and its relatives.
    Rows,
    /// JSON.
    Json,
    /// JSON, a document a line.
    JsonLines,
    /// PDF, of which the text is kept.
    Pdf,
}

impl Format {
    /// By the end of a file's name; anything unknown is plain text.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
            Some("md" | "markdown" | "mdx") => Self::Markdown,
            Some("html" | "htm" | "xhtml") => Self::Html,
            Some("csv" | "tsv" | "tab") => Self::Rows,
            Some("json") => Self::Json,
            Some("jsonl" | "ndjson") => Self::JsonLines,
            Some("pdf") => Self::Pdf,
            _ => Self::Text,
        }
    }
}

/// The pieces of a document that is a text, in order. A piece of text or Markdown is a part of it, word for word. What
/// should be JSON and is not is cut as text.
///
/// # Errors
/// What is wrong with the document, if it cannot be read as `format`.
pub fn cut(document: &str, format: Format) -> Result<Vec<NewPiece>, String> {
    let text = document.trim_start_matches(BYTE_ORDER_MARK);
    let mut pieces = match format {
        Format::Text | Format::Pdf => cut_text(text, &plain(), &[], &[]),
        Format::Rows => tables::cut_rows(text),
        Format::Json => tables::cut_json(text).unwrap_or_else(|| cut_text(text, &plain(), &[], &[])),
        Format::JsonLines => tables::cut_json_lines(text),
        Format::Markdown => cut_text(text, &markdown(), &headings(text), &wholes(text)),
        Format::Html => {
            let text = html::text(text)?;
            let headings = headings(&text);
            let splitter = if headings.is_empty() { plain() } else { markdown() };
            let mut pieces = cut_text(&text, &splitter, &headings, &[]);
            html::locate(document, &mut pieces);
            return Ok(pieces);
        }
    };
    let mark = (document.len() - text.len()) as u64;
    for piece in &mut pieces {
        if let Some(Position::Text { bytes, .. }) = &mut piece.position {
            *bytes = bytes.start + mark..bytes.end + mark;
        }
    }
    Ok(pieces)
}

/// Cuts a stretch of text into pieces, each with where in the stretch it begins.
type Splitter = Box<dyn for<'a> Fn(&'a str) -> Vec<(usize, &'a str)>>;

fn plain() -> Splitter {
    let splitter = TextSplitter::new(ChunkConfig::new(PIECE));
    Box::new(move |text| splitter.chunk_indices(text).collect())
}

/// The parts of a text that have at most so many characters and tokens, each with where it begins.
pub(super) fn plain_parts(text: &str, longest: usize, tokens: usize) -> Vec<(usize, &str)> {
    let splitter = TextSplitter::new(ChunkConfig::new(longest.max(1)));
    let mut parts = Vec::new();
    for stretch in stretches(text, 0..text.len()) {
        for (at, part) in splitter.chunk_indices(&text[stretch.clone()]) {
            let split = tokens::split(part, tokens);
            parts.extend(split.into_iter().map(|(within, part)| (stretch.start + at + within, part)));
        }
    }
    parts
}

fn markdown() -> Splitter {
    let splitter = MarkdownSplitter::new(ChunkConfig::new(PIECE));
    Box::new(move |text| splitter.chunk_indices(text).collect())
}

fn cut_text(text: &str, splitter: &Splitter, headings: &[Heading], wholes: &[Range<usize>]) -> Vec<NewPiece> {
    let mut lines = Lines::of(text);
    let mut pieces = Vec::new();
    let mut add = |start: usize, piece: &str| {
        let bytes = start..start + piece.len();
        let first = lines.line(bytes.start);
        let last = lines.line(bytes.end.saturating_sub(1).max(bytes.start));
        if piece.chars().any(char::is_alphanumeric) {
            pieces.push(NewPiece {
                position: Some(Position::Text { bytes: bytes.start as u64..bytes.end as u64, lines: first..last + 1 }),
                heading: heading_of(headings, piece, bytes),
                text: piece.to_owned(),
            });
        }
    };
    let mut start = 0;
    for whole in wholes.iter().cloned().chain(std::iter::once(text.len()..text.len())) {
        for stretch in stretches(text, start..whole.start) {
            for (at, piece) in splitter(&text[stretch.clone()]) {
                for (within, part) in tokens::split(piece, tokens::PIECE_TOKENS) {
                    add(stretch.start + at + within, part);
                }
            }
        }
        add(whole.start, text[whole.clone()].trim_end());
        start = whole.end;
    }
    pieces
}

/// Cuts at blank lines, each stretch as long as it may be; where there are none, at any line or at last any character.
fn stretches(text: &str, part: Range<usize>) -> Vec<Range<usize>> {
    let mut stretches = Vec::new();
    let Range { mut start, end: stop } = part;
    while stop.saturating_sub(start) > STRETCH {
        let window = &text[start..text.floor_char_boundary(start + STRETCH)];
        let end = ["\n\n", "\n"].iter().find_map(|cut| window.rfind(cut).filter(|at| *at > 0).map(|at| at + cut.len()));
        let end = start + end.unwrap_or(window.len());
        stretches.push(start..end);
        start = end;
    }
    if start < stop {
        stretches.push(start..stop);
    }
    stretches
}

/// The code blocks and tables of a Markdown text that are longer than a piece, and stay whole all the same: half of
/// one cannot be read. Shorter ones stay whole anyway, unless a stretch ended within them.
fn wholes(text: &str) -> Vec<Range<usize>> {
    let mut wholes: Vec<Range<usize>> = Vec::new();
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        let whole = matches!(event, Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_)) | Tag::Table(_)));
        if whole && wholes.last().is_none_or(|last| last.end <= range.start) {
            let length = text[range.clone()].chars().count();
            let cut_apart = length > PIECE.end || text.len() > STRETCH && length >= PIECE.start;
            if cut_apart && length <= LONGEST_WHOLE && tokens::fits(&text[range.clone()], tokens::WHOLE_TOKENS) {
                wholes.push(range);
            }
        }
    }
    wholes
}

/// Counts lines on the way through a text; asked in rising order, the whole costs one pass.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0, line: 1 }
    }

    /// The line, from 1, that the byte `at` is in.
    pub(super) fn line(&mut self, at: usize) -> u64 {
        if at < self.at {
            (self.at, self.line) = (0, 1);
        }
        self.line += self.text[self.at..at].split(|byte| *byte == b'\n').skip(1).count() as u64;
        self.at = at;
        self.line
    }
}

/// A heading in Markdown.
struct Heading {
    at: usize,
    level: usize,
    title: String,
}

/// The headings of a Markdown text, outside of fenced code.
fn headings(text: &str) -> Vec<Heading> {
    let mut headings = Vec::new();
    let mut fence: Option<&str> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim();
        let mark = ["```", "~~~"].into_iter().find(|mark| bare.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        let level = bare.len() - bare.trim_start_matches('#').len();
        if fence.is_none() && (1..=6).contains(&level) && bare[level..].starts_with(' ') {
            let title: String =
                bare[level..].trim().trim_end_matches('#').trim_end().chars().take(LONGEST_HEADING).collect();
            if !title.is_empty() {
                headings.push(Heading { at: start, level, title });
            }
        }
    }
    headings
}

/// The headings above the first words of a piece that are no heading themselves, joined by ` > `.
fn heading_of(headings: &[Heading], piece: &str, bytes: Range<usize>) -> Option<String> {
    let mut content = bytes.start;
    for line in piece.split_inclusive('\n') {
        let bare = line.trim();
        if !bare.is_empty() && !bare.starts_with('#') {
            break;
        }
        content += line.len();
    }
    let above = headings.partition_point(|heading| heading.at < content);
    let mut path: Vec<&Heading> = Vec::new();
    for heading in &headings[..above] {
        path.retain(|other| other.level < heading.level);
        path.push(heading);
    }
    let titles: Vec<&str> = path.iter().map(|heading| heading.title.as_str()).collect();
    (!titles.is_empty()).then(|| titles.join(" > "))
}
