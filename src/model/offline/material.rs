//! What there is to work from: passages that tools returned, findings and points that others made.

use serde_json::{Map, Value, json};

use super::draft::theirs;
use super::rank::Corpus;
use super::sentences::{Kind, clean, sentences};
use super::words::Words;

/// How many sentences are looked at; what comes after is left out.
const MOST_SENTENCES: usize = 4000;

/// A piece of a source.
#[derive(Clone, Debug, Default)]
pub(super) struct Passage {
    pub(super) text: String,
    pub(super) source: Option<String>,
    /// The line of the source that it begins in, from 1.
    pub(super) line: Option<u64>,
    pub(super) heading: String,
    /// What was searched for when it was found.
    pub(super) query: String,
    /// How many passages were found before it.
    pub(super) rank: usize,
    /// Whether a colleague noted it; else it is from a document.
    pub(super) note: bool,
}

/// The pieces of sources in what a tool returned, whatever the tool calls them.
pub(super) fn passages(result: &Value, query: &str) -> Vec<Passage> {
    let mut found = Vec::new();
    collect(result, query, 0, &mut found);
    found.iter_mut().enumerate().for_each(|(rank, passage)| passage.rank = rank);
    found
}

fn collect(value: &Value, query: &str, depth: usize, found: &mut Vec<Passage>) {
    if depth > 4 {
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, query, depth + 1, found)),
        Value::Object(fields) => {
            let text = theirs(fields, "text").or_else(|| theirs(fields, "quote")).and_then(Value::as_str);
            match text.filter(|text| !text.trim().is_empty()) {
                Some(text) => found.push(Passage {
                    text: text.to_owned(),
                    source: text_of(fields, "source").filter(|source| source != text),
                    line: theirs(fields, "line").and_then(first_line),
                    heading: text_of(fields, "heading").unwrap_or_default(),
                    query: query.to_owned(),
                    rank: 0,
                    note: fields.get("note").and_then(Value::as_bool).unwrap_or_default(),
                }),
                None => fields.values().for_each(|field| collect(field, query, depth + 1, found)),
            }
        }
        Value::String(text) if depth == 0 && !text.trim().is_empty() => {
            found.push(Passage { text: text.clone(), query: query.to_owned(), ..Passage::default() });
        }
        _ => {}
    }
}

/// `12`, `"12-18"`, `[12, 18]` and `{"from": 12}` all begin in line 12.
fn first_line(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => {
            text.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty())?.parse().ok()
        }
        Value::Array(items) => items.first().and_then(first_line),
        Value::Object(fields) => {
            ["from", "start", "first", "line"].iter().find_map(|key| first_line(fields.get(*key)?))
        }
        _ => None,
    }
}

fn text_of(fields: &Map<String, Value>, own: &str) -> Option<String> {
    theirs(fields, own).and_then(Value::as_str).map(str::to_owned)
}

/// A sentence of a passage.
pub(super) struct Sentence {
    /// Word for word.
    pub(super) text: String,
    /// On one line, without markup.
    pub(super) plain: String,
    pub(super) stems: Vec<String>,
    /// The index of its passage, and where it is in there, in bytes.
    pub(super) passage: usize,
    pub(super) range: std::ops::Range<usize>,
    /// The line of the source that it begins in.
    pub(super) line: Option<u64>,
    /// The number of the block of the passage that it is in, and of what kind that is.
    pub(super) block: usize,
    pub(super) kind: Kind,
}

/// The sentences of passages that can stand as a quotation, each once, with a corpus to rank them by. The
/// words of a heading count for the sentences below it.
pub(super) fn quotable(passages: &[Passage], leaning: Leaning, words: &Words) -> (Vec<Sentence>, Corpus) {
    let mut found = collected(passages, leaning, &[Kind::Prose, Kind::Row, Kind::Field], words);
    if found.is_empty() {
        found = collected(passages, leaning, &[Kind::Title], words);
    }
    let corpus = Corpus::new(found.iter().map(|sentence| sentence.stems.as_slice()));
    (found, corpus)
}

fn collected(passages: &[Passage], leaning: Leaning, kinds: &[Kind], words: &Words) -> Vec<Sentence> {
    const WORDS: std::ops::RangeInclusive<usize> = 4..=160;
    let mut found: Vec<Sentence> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (index, passage) in passages.iter().enumerate() {
        let mut heading = words.stems(&passage.heading);
        for span in spans(&passage.text, leaning) {
            let text = &passage.text[span.range.clone()];
            let plain = clean(text);
            if matches!(span.kind, Kind::Heading | Kind::Title) {
                heading = words.stems(&plain);
            }
            let count = plain.split(' ').count();
            let is_wanted = kinds.contains(&span.kind) && WORDS.contains(&count);
            if !is_wanted || !seen.insert(plain.to_lowercase()) || found.len() >= MOST_SENTENCES {
                continue;
            }
            let mut stems = words.stems(&plain);
            stems.extend(heading.iter().cloned());
            let before = passage.text[..span.range.start].matches('\n').count() as u64;
            found.push(Sentence {
                text: text.to_owned(),
                plain,
                stems,
                passage: index,
                range: span.range.clone(),
                line: passage.line.map(|line| line + before),
                block: span.block,
                kind: span.kind,
            });
        }
    }
    found
}

impl Sentence {
    /// Whether one of two sentences is a part of the other.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.passage == other.passage && (self.text.contains(&other.text) || other.text.contains(&self.text))
    }
}

/// What is done with a sentence that leans on the one before it (`It …`, `This …`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaning {
    /// It stands by itself, since the one before it may be shown too.
    Alone,
    /// It is quoted together with the one before it, without which nobody knows what it is about.
    Joined,
}

fn spans(text: &str, leaning: Leaning) -> Vec<super::sentences::Span> {
    const LEANS: [&str; 14] =
        ["it", "its", "this", "that", "they", "these", "those", "he", "she", "es", "dies", "diese", "er", "sie"];
    let mut spans: Vec<super::sentences::Span> = Vec::new();
    for span in sentences(text) {
        let first = text[span.range.clone()].split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty());
        let leans = first.is_some_and(|word| LEANS.contains(&word.to_lowercase().as_str()));
        match spans.last_mut() {
            Some(last)
                if leaning == Leaning::Joined && leans && last.block == span.block && last.kind == Kind::Prose =>
            {
                let joined = last.range.start..span.range.end;
                // Where the sentence before is quoted with this one, it still stands for itself too.
                spans.push(super::sentences::Span { range: joined, ..span });
            }
            _ => spans.push(span),
        }
    }
    spans
}

/// What somebody found: something that a source says.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) id: String,
    pub(super) claim: String,
    /// Word for word.
    pub(super) quote: String,
    /// Where it stands: a path with a line, an address.
    pub(super) source: String,
    pub(super) line: Option<u64>,
}

impl Finding {
    /// The finding under our own names.
    pub(super) fn record(&self, query: &str) -> Value {
        let mut record = json!({
            "id": self.id, "claim": self.claim, "quote": self.quote, "source": self.source, "query": query
        });
        if let (Some(line), Some(fields)) = (self.line, record.as_object_mut()) {
            fields.insert("line".to_owned(), line.into());
        }
        record
    }

    /// Where it stands, with the line.
    pub(super) fn place(&self) -> String {
        match self.line {
            Some(line) if !self.source.ends_with(&format!(":{line}")) => format!("{}:{line}", self.source),
            _ => self.source.clone(),
        }
    }
}

/// What somebody concluded.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) statement: String,
    pub(super) citations: Vec<String>,
}

/// What others made that an agent builds on.
#[derive(Default)]
pub(super) struct Handed {
    pub(super) findings: Vec<Finding>,
    pub(super) points: Vec<Point>,
    pub(super) gaps: Vec<String>,
    pub(super) problems: Vec<String>,
    /// Long texts, by the name of the input.
    pub(super) texts: Vec<(String, String)>,
}

/// A string of the input that is at least this long, in characters, or has several lines, is a text and no question.
const TEXT_LENGTH: usize = 300;

impl Handed {
    pub(super) fn read(input: &Map<String, Value>) -> Self {
        let mut handed = Self::default();
        for (name, value) in input {
            handed.take(name, value, 0);
        }
        handed
    }

    fn take(&mut self, name: &str, value: &Value, depth: usize) {
        match value {
            Value::String(text) if text.chars().count() >= TEXT_LENGTH || text.trim().contains('\n') => {
                self.texts.push((name.to_owned(), text.clone()));
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for fields in items.iter().filter_map(Value::as_object) {
                    self.take_record(fields);
                }
            }
            Value::Array(items) => {
                let strings = || items.iter().filter_map(Value::as_str).map(str::to_owned);
                let one: Map<String, Value> = [(name.to_owned(), Value::Null)].into_iter().collect();
                if theirs(&one, "gaps").is_some() {
                    self.gaps.extend(strings());
                } else if theirs(&one, "problems").is_some() {
                    self.problems.extend(strings());
                } else {
                    let joined = strings().collect::<Vec<_>>().join("\n\n");
                    if joined.chars().count() >= TEXT_LENGTH {
                        self.texts.push((name.to_owned(), joined));
                    }
                }
            }
            Value::Object(fields) if depth < 3 => {
                for (name, value) in fields {
                    self.take(name, value, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn take_record(&mut self, fields: &Map<String, Value>) {
        let cited = ["citations", "finding_ids", "cites", "refs", "references", "supported_by", "evidence", "ids"]
            .iter()
            .find_map(|key| fields.get(*key)?.as_array());
        if let Some(cited) = cited
            && let Some(statement) = text_of(fields, "statement")
        {
            let citations = cited.iter().map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)).collect();
            self.points.push(Point { statement, citations });
            return;
        }
        let quote = text_of(fields, "quote").or_else(|| text_of(fields, "claim"));
        let Some(quote) = quote else {
            // What others found, each in a record of their own.
            for (name, value) in fields.iter().filter(|(_, value)| value.is_array()) {
                self.take(name, value, 1);
            }
            return;
        };
        let id = theirs(fields, "id").map_or_else(
            || format!("F{}", self.findings.len() + 1),
            |id| id.as_str().map_or_else(|| id.to_string(), str::to_owned),
        );
        let claim = text_of(fields, "claim").unwrap_or_else(|| clean(&quote));
        let source = text_of(fields, "source").unwrap_or_default();
        let line = theirs(fields, "line").and_then(first_line);
        self.findings.push(Finding { id, claim, quote, source, line });
    }
}

/// The question that an input asks, or what the goal says if it asks none.
pub(super) fn question_in(input: &Map<String, Value>, goal: &str) -> String {
    let short = |value: &Value| {
        value.as_str().filter(|text| text.chars().count() < TEXT_LENGTH && !text.trim().is_empty()).map(str::to_owned)
    };
    let named = ["question", "topic", "query", "subject", "task", "request", "prompt", "title"];
    let asked = named.iter().find_map(|name| short(input.get(*name)?));
    // Who asks is no part of what is asked.
    let others = || input.iter().filter(|(name, _)| *name != "asked_by").map(|(_, value)| value);
    let any = || {
        let texts: Vec<String> = others().filter_map(short).collect();
        (!texts.is_empty()).then(|| texts.join(". "))
    };
    asked.or_else(any).unwrap_or_else(|| goal.to_owned())
}
