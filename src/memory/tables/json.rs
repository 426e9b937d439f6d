//! JSON and JSON Lines. A piece is a part of the document, word for word but for escaped letters, under the path of what
//! it is a part of.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Pieces, fits_whole, grouped};
use crate::memory::pieces::{self, LONGEST_HEADING, PIECE};
use crate::memory::tokens::PIECE_TOKENS;
use crate::store::entries::NewPiece;

/// How deep a document is taken apart; what lies deeper is cut as text.
const DEEPEST: usize = 64;

/// The pieces of a JSON document; `None` if it is none.
pub(in crate::memory) fn cut(text: &str) -> Option<Vec<NewPiece>> {
    let whole: &RawValue = serde_json::from_str(text).ok()?;
    let mut cutter = Cutter { text, pieces: Pieces::of(text) };
    cutter.value(within(text, whole.get())?, "", 0);
    Some(cutter.pieces.made)
}

/// The pieces of a text with a JSON document in each line.
pub(in crate::memory) fn cut_lines(text: &str) -> Vec<NewPiece> {
    let mut lines = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        lines.push(at..at + line.trim_end().len());
        at += line.len();
    }
    let mut cutter = Cutter { text, pieces: Pieces::of(text) };
    for group in grouped(text, &lines, "") {
        let bytes = lines[group.start].start..lines[group.end - 1].end;
        if group.len() == 1 && !fits_whole(&text[bytes.clone()]) {
            cutter.value(bytes, &format!("line {}", group.start + 1), 0);
        } else {
            cutter.add(bytes, "");
        }
    }
    cutter.pieces.made
}

struct Cutter<'a> {
    text: &'a str,
    pieces: Pieces<'a>,
}

/// A part of a container.
struct Member {
    /// Where it stands, with its name if it has one.
    whole: Range<usize>,
    /// Where its value stands.
    value: Range<usize>,
    /// Its name or number, as a step of a path.
    step: String,
}

impl Cutter<'_> {
    /// Cuts the value at `bytes`, which has this path.
    fn value(&mut self, bytes: Range<usize>, path: &str, depth: usize) {
        if fits_whole(&self.text[bytes.clone()]) {
            return self.add(bytes, path);
        }
        match self.members(&bytes).filter(|_| depth < DEEPEST) {
            Some(members) => self.members_of(&members, path, depth),
            None => self.long(bytes, path),
        }
    }

    fn members_of(&mut self, members: &[Member], path: &str, depth: usize) {
        let parts: Vec<Range<usize>> = members.iter().map(|member| member.whole.clone()).collect();
        for group in grouped(self.text, &parts, "") {
            let (first, last) = (&members[group.start], &members[group.end - 1]);
            let bytes = first.whole.start..last.whole.end;
            if group.len() == 1 && !fits_whole(&self.text[bytes.clone()]) {
                let inner = format!("{path}{}", first.step);
                self.value(first.value.clone(), inner.trim_start_matches('.'), depth + 1);
            } else if first.step.starts_with('.') {
                self.add(bytes, path);
            } else {
                self.add(bytes, &format!("{path}[{}..{}]", group.start, group.end));
            }
        }
    }

    /// What cannot be taken apart and is too long for a piece.
    fn long(&mut self, bytes: Range<usize>, path: &str) {
        for (at, part) in pieces::plain_parts(&self.text[bytes.clone()], PIECE.end, PIECE_TOKENS) {
            self.add(bytes.start + at..bytes.start + at + part.len(), path);
        }
    }

    fn add(&mut self, bytes: Range<usize>, path: &str) {
        let heading: String = path.chars().take(LONGEST_HEADING).collect();
        let heading = (!heading.is_empty()).then_some(heading);
        let text = unescaped(&self.text[bytes.clone()]).into_owned();
        self.pieces.add(bytes, heading, text);
    }

    /// The parts of an object or an array; `None` if it is neither.
    fn members(&self, bytes: &Range<usize>) -> Option<Vec<Member>> {
        let raw = &self.text[bytes.clone()];
        let mut members = Vec::new();
        match raw.trim_start().as_bytes().first()? {
            b'[' => {
                for (index, value) in serde_json::from_str::<Vec<&RawValue>>(raw).ok()?.into_iter().enumerate() {
                    let value = within(self.text, value.get())?;
                    members.push(Member { whole: value.clone(), value, step: format!("[{index}]") });
                }
            }
            b'{' => {
                let mut after = bytes.start;
                for (name, value) in serde_json::from_str::<Named<'_>>(raw).ok()?.0 {
                    let value = within(self.text, value.get())?;
                    let start = after + self.text[after..value.start].find('"')?;
                    after = value.end;
                    members.push(Member { whole: start..value.end, value, step: format!(".{name}") });
                }
            }
            _ => return None,
        }
        Some(members)
    }
}

/// The members of an object in the order in which they are written, those too whose names are the same.
struct Named<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Named<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Named<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Named(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Where in `text` its part `part` stands.
fn within(text: &str, part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (start + part.len() <= text.len()).then_some(start..start + part.len())
}

/// The text with the letters that it holds as `\u00e9` and the like, so that they can be found.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let length = escape(&rest[at..]);
        let written = &rest[at..at + length];
        let read: Option<char> =
            serde_json::from_str::<String>(&format!("\"{written}\"")).ok().and_then(|read| read.chars().next());
        match read.filter(|c| written.starts_with("\\u") && !c.is_control() && !matches!(c, '"' | '\\')) {
            Some(c) => plain.push(c),
            None => plain.push_str(written),
        }
        rest = &rest[at + length..];
    }
    Cow::Owned(plain + rest)
}

/// How long the escape is that `text` begins with; of a letter in two halves, both.
fn escape(text: &str) -> usize {
    let is_unit = |at: usize| {
        text.get(at..at + 2) == Some("\\u")
            && text.get(at + 2..at + 6).is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let is_high = |at: usize| {
        text.get(at + 2..at + 4)
            .is_some_and(|digits| matches!(digits.as_bytes(), [b'd' | b'D', b'8'..=b'9' | b'a' | b'b' | b'A' | b'B']))
    };
    match (is_unit(0), is_high(0) && is_unit(6)) {
        (true, true) => 12,
        (true, false) => 6,
        (false, _) => 1 + text.chars().nth(1).map_or(0, char::len_utf8),
    }
}
