//! The text of an HTML document, and where in the document it stands.

mod main;

use html2text::RcDom;

use super::pieces::Lines;
use crate::store::entries::{NewPiece, Position};

/// Lines are not wrapped: where they end means something.
const WIDTH: usize = 1_000_000;
/// A page's main text is taken alone only if it has at least this share of the text, in percent: some pages mark little
/// of it.
const LEAST_SHARE: usize = 25;
/// How deep elements may nest. Browsers stop at 512.
const DEEPEST: usize = 1_000;
/// How many words of a piece are looked for in the document.
const WORDS: usize = 3;
/// How far apart two of them may be there, in bytes: tags stand between them.
const APART: usize = 400;
/// How far ahead a piece is looked for, in bytes: scripts and styles stand between them.
const AHEAD: usize = 256 * 1024;

/// The page, if it does not nest so deep that whatever is done with it would take for ever.
///
/// # Errors
/// Why it cannot be read.
pub(crate) fn page(document: &str) -> Result<RcDom, String> {
    let page = html2text::config::plain().parse_html(document.as_bytes());
    let page = page.map_err(|error| format!("cannot be read as HTML ({error})"))?;
    let mut open = vec![(page.document.clone(), 0)];
    while let Some((node, depth)) = open.pop() {
        if depth > DEEPEST {
            return Err(format!("nests its elements more than {DEEPEST} deep, and cannot be read as HTML"));
        }
        open.extend(node.children.borrow().iter().map(|child| (child.clone(), depth + 1)));
    }
    Ok(page)
}

/// The text, with headings and lists as Markdown has them.
pub(crate) fn text(document: &str) -> Result<String, String> {
    let config = || html2text::config::plain().link_footnotes(false).no_table_borders().allow_width_overflow();
    let page = page(document)?;
    let read = || {
        let render = || config().render_to_string(config().dom_to_render_tree(&page)?, WIDTH);
        main::without_around(&page);
        let text = render()?;
        if !text.chars().any(char::is_alphanumeric) {
            return config().string_from_read(document.as_bytes(), WIDTH);
        }
        if main::main_alone(&page) {
            let main = render()?;
            return Ok(if main.len() * 100 >= text.len() * LEAST_SHARE { main } else { text });
        }
        Ok(text)
    };
    let text = read().map_err(|error: html2text::Error| format!("cannot be read as HTML ({error})"))?;
    Ok(without_raised(&text))
}

/// The text with what is raised in it, such as the mark of a footnote, set on the line: `^{[1]}` is `[1]`.
fn without_raised(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("^{") {
        plain.push_str(before);
        let Some((raised, after)) = after.split_once('}') else {
            plain.push_str("^{");
            rest = after;
            continue;
        };
        plain.push_str(raised.trim());
        rest = after;
    }
    plain + rest
}

/// Gives pieces of the text their place in the document, by the first words of each. A piece that is not
/// found has no place.
pub(super) fn locate(document: &str, pieces: &mut [NewPiece]) {
    let mut at = body(document);
    let mut places: Vec<Option<usize>> = Vec::new();
    for piece in pieces.iter() {
        let place = find(document, at, &piece.text);
        at = place.unwrap_or(at);
        places.push(place);
    }
    // A piece ends where the next begins; the space between belongs to neither.
    let mut ends = vec![document.len(); places.len()];
    for index in (1..places.len()).rev() {
        ends[index - 1] = places[index].unwrap_or(ends[index]);
    }
    let mut lines = Lines::of(document);
    for ((piece, place), end) in pieces.iter_mut().zip(places).zip(ends) {
        piece.position = place.map(|start| {
            let stop = start + document[start..end.max(start)].trim_end().len();
            let lines = lines.line(start)..lines.line(stop) + 1;
            Position::Text { bytes: start as u64..stop as u64, lines }
        });
    }
}

fn body(document: &str) -> usize {
    let lower = document.to_ascii_lowercase();
    lower.find("<body").unwrap_or(0)
}

/// Where, from `from` on, the first words of a text follow each other.
fn find(document: &str, from: usize, text: &str) -> Option<usize> {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() > 1 || word.chars().all(|c| c.is_ascii_digit()))
        .filter(|word| !word.is_empty())
        .take(WORDS)
        .collect();
    let (first, rest) = words.split_first()?;
    let ahead = &document[from..document.floor_char_boundary((from + AHEAD).min(document.len()))];
    ahead.match_indices(first).map(|(at, _)| from + at).find(|at| {
        let mut next = at + first.len();
        rest.iter().all(|word| {
            let window = &document[next..document.floor_char_boundary((next + APART).min(document.len()))];
            window.find(word).is_some_and(|found| {
                next += found + word.len();
                true
            })
        })
    })
}
