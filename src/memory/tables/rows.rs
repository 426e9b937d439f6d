//! Tables as text: CSV and its relatives. The first row is taken for the header.

use std::ops::Range;

use super::{Pieces, fits_whole, grouped};
use crate::memory::pieces::{PIECE, plain_parts};
use crate::memory::tokens::{self, PIECE_TOKENS};
use crate::store::entries::NewPiece;

/// What stands between fields, in order of preference.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many rows are looked at to see which of them it is.
const LOOKED_AT: usize = 20;

/// The pieces of a table, each of them rows under the header, word for word.
pub(in crate::memory) fn cut(text: &str) -> Vec<NewPiece> {
    let rows = rows(text, delimiter(text));
    let Some((header, rows)) = rows.split_first() else { return Vec::new() };
    let names = text[header.clone()].trim();
    // One that would take up most of each piece is told of once.
    let is_short = names.chars().count() <= PIECE.end / 2 && tokens::fits(names, PIECE_TOKENS / 2);
    let repeated = if is_short { format!("{names}\n") } else { String::new() };
    let mut pieces = Pieces::of(text);
    let in_parts = |pieces: &mut Pieces<'_>, bytes: Range<usize>, before: &str| {
        let longest = PIECE.end.saturating_sub(before.chars().count());
        let most = if before.is_empty() { PIECE_TOKENS } else { PIECE_TOKENS / 2 };
        for (at, part) in plain_parts(&text[bytes.clone()], longest, most) {
            pieces.add(bytes.start + at..bytes.start + at + part.len(), None, format!("{before}{part}"));
        }
    };
    if rows.is_empty() || repeated.is_empty() {
        in_parts(&mut pieces, header.clone(), "");
    }
    for group in grouped(text, rows, &repeated) {
        let bytes = trimmed(text, rows[group.start].start..rows[group.end - 1].end);
        let piece = format!("{repeated}{}", &text[bytes.clone()]);
        if fits_whole(&piece) {
            pieces.add(bytes, None, piece);
        } else {
            in_parts(&mut pieces, bytes, &repeated);
        }
    }
    pieces.made
}

/// A part of a text without the white space around it.
fn trimmed(text: &str, bytes: Range<usize>) -> Range<usize> {
    let part = &text[bytes.clone()];
    let start = bytes.start + part.len() - part.trim_start().len();
    start..start + part.trim().len()
}

/// The rows as parts of the text; one can hold line breaks, if they are quoted.
fn rows(text: &str, delimiter: u8) -> Vec<Range<usize>> {
    let mut reader = reader(text, delimiter);
    let mut starts = Vec::new();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).unwrap_or(false) {
        let start = record.position().and_then(|at| usize::try_from(at.byte()).ok()).unwrap_or(text.len());
        starts.push(text.floor_char_boundary(start));
    }
    // What is before the first belongs to it.
    if let Some(first) = starts.first_mut() {
        *first = 0;
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| start..end).collect()
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes())
}

/// The delimiter by which the first rows have the same number of fields, and the most of them.
fn delimiter(text: &str) -> u8 {
    let fields = |delimiter: u8| {
        let mut reader = reader(text, delimiter);
        let mut counts = reader.byte_records().take(LOOKED_AT).map_while(Result::ok).map(|record| record.len());
        let first = counts.next().unwrap_or(1);
        (first > 1 && counts.all(|count| count == first), first)
    };
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| fields(*delimiter)).unwrap_or(b',')
}
