//! What a piece of work came to, before it has the form that was asked for, and what things are commonly called.

use serde_json::{Map, Value};

/// What a piece of work came to.
pub(super) struct Draft {
    /// As a text for people.
    pub(super) text: String,
    /// Its parts under our own names, which are the first of each row of [`NAMES`].
    pub(super) parts: Map<String, Value>,
}

impl Draft {
    pub(super) fn new(text: String, parts: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let mut parts: Map<String, Value> = parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        parts.insert("text".to_owned(), text.clone().into());
        Self { text, parts }
    }
}

/// What the parts of results and of findings are called, our own name first, then the likeliest.
const NAMES: [&str; 18] = [
    "findings facts quotes quotations passages excerpts evidence results hits items sources",
    "points conclusions insights statements claims arguments observations takeaways highlights key_points analysis",
    "groups clusters themes topics categories sections",
    "gaps unknowns missing open_questions limitations unanswered open",
    "problems issues reasons errors defects complaints comments corrections remarks feedback",
    "verdict approved decision passed pass accepted ok valid judgement status outcome",
    "text markdown brief report content body document article answer response message draft output result summary",
    "title headline subject heading name topic",
    "summary abstract overview tldr conclusion",
    "citations finding_ids cites refs references supported_by evidence findings sources ids",
    "id key ref label number",
    "claim fact finding statement text summary point",
    "statement point conclusion claim sentence text insight summary",
    "quote quotation excerpt passage verbatim evidence snippet text content",
    "source path file url uri origin document reference location where title name",
    "line position lines from_line line_number row",
    "query question search",
    "heading section chapter",
];

/// Finds the value for a property called `name` in a record with our names; `description` helps when the name says nothing.
pub(super) fn part<'a>(record: &'a Map<String, Value>, name: &str, description: &str) -> Option<&'a Value> {
    let wanted = plain(name);
    let by_rank = |wanted: &str| {
        let ranked = record.iter().filter_map(|(own, value)| Some((rank(own, wanted)?, value)));
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, value)| value)
    };
    let last_word = wanted.rsplit('_').next().unwrap_or_default();
    by_rank(&wanted).or_else(|| by_rank(last_word)).or_else(|| {
        let words = description.split(|c: char| !c.is_alphanumeric()).map(plain);
        words.filter(|word| word.len() > 3).find_map(|word| record.get(&word))
    })
}

/// Finds what is ours called `own` in a record of somebody else.
pub(super) fn theirs<'a>(record: &'a Map<String, Value>, own: &str) -> Option<&'a Value> {
    let ranked = record.iter().filter_map(|(name, value)| Some((rank(own, &plain(name))?, value)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, value)| value)
}

/// How likely something that we call `own` is called `name`: 0 is the likeliest, `None` never.
fn rank(own: &str, name: &str) -> Option<usize> {
    let row = NAMES.iter().find(|row| row.split(' ').next() == Some(own));
    let Some(row) = row else { return (own == name).then_some(0) };
    row.split(' ').position(|known| {
        known == name || known.strip_suffix('s') == Some(name) || name.strip_suffix('s') == Some(known)
    })
}

/// `keyPoints` and `Key-Points` as `key_points`.
pub(super) fn plain(name: &str) -> String {
    let mut plain = String::new();
    let mut lower = false;
    for c in name.chars() {
        if c.is_uppercase() && lower {
            plain.push('_');
        }
        lower = c.is_lowercase() || c.is_numeric();
        if c.is_alphanumeric() {
            plain.extend(c.to_lowercase());
        } else if !plain.ends_with('_') {
            plain.push('_');
        }
    }
    plain.trim_matches('_').to_owned()
}
