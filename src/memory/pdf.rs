//! The text of PDF documents, page by page.
//!
//! Memory is bounded by the limit on the file, as far as its streams are not packed beyond measure.

mod words;

use std::fmt::Write as _;

use pdf_extract::{Document, output_doc_page};

use super::apart::unless_it_panics;
use super::pieces::{PIECE, plain_parts};
use super::tokens::PIECE_TOKENS;
use crate::store::entries::{NewPiece, Position};
use words::Words;

/// How much text a document may hold, in bytes.
const LONGEST_TEXT: usize = 64 * 1024 * 1024;

/// The pieces of a PDF, each on its page.
///
/// # Errors
/// Why there is no text.
pub(super) fn cut(content: &[u8]) -> Result<Vec<NewPiece>, String> {
    Ok((1..).zip(&texts(content)?).flat_map(|(number, text)| page(number, text)).collect())
}

/// The text of a PDF, its pages apart by form feeds.
///
/// # Errors
/// Why there is none.
pub(crate) fn text(content: &[u8]) -> Result<String, String> {
    Ok(texts(content)?.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join("\n\u{c}\n"))
}

/// The text of each page, of which one holds a word at least.
fn texts(content: &[u8]) -> Result<Vec<String>, String> {
    let Pages { texts, unread } = pages(content)?;
    if texts.iter().any(|text| text.chars().any(char::is_alphanumeric)) {
        return Ok(texts);
    }
    Err(unread.unwrap_or_else(|| {
        let pages = texts.len();
        format!("holds no text on its {pages} pages, which may be pictures; recognise their text (OCR) first")
    }))
}

/// The pieces of a page.
pub(super) fn page(number: u64, text: &str) -> Vec<NewPiece> {
    let words = |(_, part): &(usize, &str)| part.chars().any(char::is_alphanumeric);
    let piece = |(_, part): (usize, &str)| NewPiece {
        position: Some(Position::Pages(number..number + 1)),
        heading: None,
        text: part.to_owned(),
    };
    plain_parts(text, PIECE.end, PIECE_TOKENS).into_iter().filter(words).map(piece).collect()
}

/// What was read.
struct Pages {
    /// The text of each page; of one that cannot be read, none.
    texts: Vec<String>,
    /// Why the first of those cannot be read.
    unread: Option<String>,
}

fn pages(content: &[u8]) -> Result<Pages, String> {
    let mut document = Document::load_mem(content).map_err(|error| format!("cannot be read as PDF ({error})"))?;
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err("is encrypted with a password; save it without one".to_owned());
    }
    let mut pages = Pages { texts: Vec::new(), unread: None };
    let mut length = 0;
    for number in document.get_pages().into_keys() {
        let mut text = String::new();
        let read = unless_it_panics(|| {
            let mut output = Words::new(&mut text);
            output_doc_page(&document, &mut output, number).map_err(|error| error.to_string())
        });
        if let Err(reason) = read {
            tracing::debug!(number, reason, "a page of a PDF cannot be read");
            pages.unread.get_or_insert(format!("cannot be read on page {number} ({reason})"));
        }
        length += text.len();
        if length > LONGEST_TEXT {
            return Err(format!("holds more than {LONGEST_TEXT} bytes of text; split it"));
        }
        pages.texts.push(tidy(&text));
    }
    Ok(pages)
}

/// Without the white space at the ends of lines and the blank lines that stand for what was set apart.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut blank = 0;
    for line in text.lines().map(str::trim) {
        blank = if line.is_empty() { blank + 1 } else { 0 };
        if blank < 2 {
            // Writing to a String cannot fail.
            let _ = writeln!(tidy, "{line}");
        }
    }
    tidy
}

#[cfg(test)]
mod tests;
