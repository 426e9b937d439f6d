//! The text of PDF documents, page by page.
//!
//! The library that takes them apart can panic, and can take very long over a file that was made for that. So it works on a
//! thread of its own with a time limit. A thread cannot be stopped: one that is given up goes on, and while too many of
//! them do, nothing more is begun. Memory is bounded by the limit on the file, as far as its streams are not packed
//! beyond measure.

mod words;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use pdf_extract::{Document, output_doc_page};

use super::documents::unless_it_panics;
use super::pieces::{PIECE, plain_parts};
use super::tokens::PIECE_TOKENS;
use crate::store::entries::{NewPiece, Position};
use words::Words;

/// How long one document may take.
const LONGEST: Duration = Duration::from_mins(1);
/// How many threads that were given up may still be at work.
const MOST_GIVEN_UP: isize = 2;
/// The stack of such a thread, in bytes: documents nest.
const STACK: usize = 64 * 1024 * 1024;
/// How much text a document may hold, in bytes.
const LONGEST_TEXT: usize = 64 * 1024 * 1024;

static GIVEN_UP: AtomicIsize = AtomicIsize::new(0);

/// The pieces of a PDF, each on its page.
///
/// # Errors
/// Why there is no text.
pub(super) fn cut(content: &[u8]) -> Result<Vec<NewPiece>, String> {
    let content = content.to_vec();
    let Pages { texts, unread } = in_time(LONGEST, move || pages(&content))?;
    let pieces: Vec<NewPiece> = (1..).zip(&texts).flat_map(|(number, text)| page(number, text)).collect();
    if pieces.is_empty() {
        return Err(unread.unwrap_or_else(|| {
            let pages = texts.len();
            format!("holds no text on its {pages} pages, which may be pictures; recognise their text (OCR) first")
        }));
    }
    Ok(pieces)
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

/// Does `work` on a thread of its own, and waits only so long for it.
fn in_time<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    if GIVEN_UP.load(Ordering::Relaxed) >= MOST_GIVEN_UP {
        return Err("is not read while others of its kind that take too long are still being taken apart".to_owned());
    }
    let (sender, done) = mpsc::sync_channel(1);
    // Whoever of the two sets it second knows that the other is done with it.
    let over = Arc::new(AtomicBool::new(false));
    let waited_for = over.clone();
    let carry_out = move || {
        // Fails if nobody waits any longer.
        drop(sender.send(unless_it_panics(work)));
        if waited_for.swap(true, Ordering::Relaxed) {
            GIVEN_UP.fetch_sub(1, Ordering::Relaxed);
        }
    };
    let thread = thread::Builder::new().name("pdf".to_owned()).stack_size(STACK).spawn(carry_out);
    thread.map_err(|error| format!("cannot be taken apart now ({error})"))?;
    let result = done.recv_timeout(limit);
    if result.is_err() && !over.swap(true, Ordering::Relaxed) {
        GIVEN_UP.fetch_add(1, Ordering::Relaxed);
    }
    result.unwrap_or_else(|_| Err(format!("takes longer than {} to be taken apart", humantime::format_duration(limit))))
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
