//! Rows and records: files that are read in parts. Each piece can be understood alone: rows of a table come with its
//! header, parts of a JSON document with their path.

mod json;
mod rows;

use std::ops::Range;

use super::pieces::{Lines, PIECE};
use super::tokens::{self, PIECE_TOKENS};
use crate::store::entries::{NewPiece, Position};

pub(super) use json::{cut as cut_json, cut_lines as cut_json_lines};
pub(super) use rows::cut as cut_rows;

/// Whether a text is short enough for a piece.
fn fits(text: &str) -> bool {
    text.len() <= PIECE.end || text.chars().count() <= PIECE.end
}

/// Whether a text is short enough for a piece in every measure.
fn fits_whole(text: &str) -> bool {
    fits(text) && tokens::fits(text, PIECE_TOKENS)
}

/// Neighbours that fit into a piece together, as ranges of indices of `units`, which are parts of `text` in order. One
/// that does not fit is alone. `room` is what a piece holds besides.
fn grouped(text: &str, units: &[Range<usize>], besides: &str) -> Vec<Range<usize>> {
    let room = PIECE.end.saturating_sub(besides.chars().count());
    let mut groups = Vec::new();
    let mut first = 0;
    while first < units.len() {
        let (mut next, mut end, mut length) = (first, units[first].start, 0);
        while next < units.len() {
            length += text[end..units[next].end].chars().count();
            if next > first && length > room {
                break;
            }
            end = units[next].end;
            next += 1;
        }
        let fits = |next: usize| {
            let part = &text[units[first].start..units[next - 1].end];
            tokens::fits(&format!("{besides}{part}"), PIECE_TOKENS)
        };
        while next > first + 1 && !fits(next) {
            next = first + (next - first) / 2;
        }
        groups.push(first..next);
        first = next;
    }
    groups
}

/// Pieces of a text that are made one after the other.
struct Pieces<'a> {
    lines: Lines<'a>,
    made: Vec<NewPiece>,
}

impl<'a> Pieces<'a> {
    fn of(text: &'a str) -> Self {
        Self { lines: Lines::of(text), made: Vec::new() }
    }

    /// Adds what stands at `bytes`, in these words, unless there are none.
    fn add(&mut self, bytes: Range<usize>, heading: Option<String>, text: String) {
        if !text.chars().any(char::is_alphanumeric) {
            return;
        }
        let first = self.lines.line(bytes.start);
        let last = self.lines.line(bytes.end.saturating_sub(1).max(bytes.start));
        let position = Position::Text { bytes: bytes.start as u64..bytes.end as u64, lines: first..last + 1 };
        self.made.push(NewPiece { position: Some(position), heading, text });
    }
}

#[cfg(test)]
mod tests;
