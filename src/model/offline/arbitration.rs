//! Which of several notes on the same thing holds: the one that a document bears out, figures and all; of several, the
//! one from the newer source. What the documents do not decide is left open, and the reason says what is missing.

use serde_json::{Map, Value, json};

use super::conversation::Conversation;
use super::draft::Draft;
use super::material::{Leaning, Passage, quotable};
use super::rank::covered;
use super::words::{Words, denies, figures, names};
use super::{Move, arguments, dates, research, task};

/// The share of a note's words that a sentence of a document must have.
const BORNE_OUT: f64 = 0.75;
/// How many notes are searched for.
const MOST_NOTES: usize = 8;
/// The longest query, in words: a search has no use for more.
const LONGEST_QUERY: usize = 40;

/// A note that somebody made.
struct Note<'a> {
    id: &'a Value,
    author: &'a str,
    text: &'a str,
    confidence: f64,
}

/// What bears a note out.
struct Evidence {
    /// The path and the line.
    place: String,
    quote: String,
    date: Option<dates::Date>,
}

/// The next move if it is asked which of several notes holds; `None` if something else is wanted.
pub(super) fn next(conversation: &Conversation<'_>, words: &Words) -> Option<Move> {
    let wants = conversation.output.and_then(|schema| schema.pointer("/properties/holds")).is_some();
    let notes = notes(&conversation.input);
    if !wants || notes.is_empty() {
        return None;
    }
    let calls = searches(conversation, &notes);
    if !calls.is_empty() {
        return Some(Move::Call(calls));
    }
    let (holds, reason) = judge(&notes, &research::found(conversation), words);
    let draft = Draft::new(reason.clone(), [("holds", holds), ("reason", json!(reason))]);
    Some(Move::Finish(draft))
}

fn notes(input: &Map<String, Value>) -> Vec<Note<'_>> {
    input.get("notes").and_then(Value::as_array).into_iter().flatten().filter_map(Note::read).take(MOST_NOTES).collect()
}

impl<'a> Note<'a> {
    fn read(note: &'a Value) -> Option<Self> {
        Some(Self {
            id: note.get("id")?,
            author: note["author"].as_str().unwrap_or("nobody known"),
            text: note["text"].as_str().filter(|text| !text.trim().is_empty())?,
            confidence: note["confidence"].as_f64().unwrap_or_default(),
        })
    }
}

/// A search for what each note says; nothing if that was done, or cannot be.
fn searches(conversation: &Conversation<'_>, notes: &[Note<'_>]) -> Vec<(String, Map<String, Value>)> {
    let Some(tool) = task::search_tool(conversation.tools) else { return Vec::new() };
    if conversation.called(&tool.name) {
        return Vec::new();
    }
    let mut queries: Vec<String> = Vec::new();
    for note in notes {
        let query = note.text.split_whitespace().take(LONGEST_QUERY).collect::<Vec<_>>().join(" ");
        if !queries.contains(&query) {
            queries.push(query);
        }
    }
    let call = |query: &String| Some((tool.name.clone(), arguments::search(&tool.parameters, query)?));
    queries.iter().filter_map(call).collect()
}

/// The id of the note that holds, or null, and why.
fn judge(notes: &[Note<'_>], found: &[Passage], words: &Words) -> (Value, String) {
    let documents: Vec<Passage> = found.iter().filter(|passage| !passage.note).cloned().collect();
    let borne: Vec<(&Note<'_>, Evidence)> = notes
        .iter()
        .filter_map(|note| Some((note, evidence(note, &distinct(note, notes, words), &documents, words)?)))
        .collect();
    let Some((best, why)) = borne.iter().max_by(|one, other| {
        one.1.date.cmp(&other.1.date).then_with(|| one.0.confidence.total_cmp(&other.0.confidence)).then_with(|| {
            // Of two that say the same, the earlier.
            let at = |note: &Note<'_>| notes.iter().position(|one| one.id == note.id);
            at(other.0).cmp(&at(one.0))
        })
    }) else {
        let texts: Vec<String> = notes.iter().map(|note| format!("“{}”", note.text.trim())).collect();
        let reason =
            format!("No document that was found bears out a note. What is missing: a source for {}.", listed(&texts));
        return (Value::Null, reason);
    };
    let rivals: Vec<&(&Note<'_>, Evidence)> =
        borne.iter().filter(|(note, _)| note.id != best.id && !agree(note, best, words)).collect();
    if let Some((rival, theirs)) = rivals.iter().find(|(_, theirs)| theirs.date.is_none() || theirs.date == why.date) {
        let missing = match (why.date, theirs.date) {
            (Some(_), Some(_)) => "both are of the same date, and nothing that was found is newer".to_owned(),
            (Some(_), None) => format!("the date of {}", theirs.place),
            (None, _) if why.place == theirs.place => format!("a source newer than {}", why.place),
            (None, _) => format!("the dates of {} and {}", why.place, theirs.place),
        };
        let reason = format!(
            "{} bears out {}, and {} bears out {}. What is missing: {missing}.",
            said(why),
            named(best),
            said(theirs),
            named(rival)
        );
        return (Value::Null, reason);
    }
    let others = match rivals.first() {
        Some((rival, theirs)) => format!(" {}, which bears out {}, is older.", said(theirs), named(rival)),
        None if borne.len() < notes.len() => {
            let is_borne = |note: &Note<'_>| borne.iter().any(|(one, _)| one.id == note.id);
            let without: Vec<String> = notes.iter().filter(|note| !is_borne(note)).map(named).collect();
            format!(" No document that was found bears out {}.", listed(&without))
        }
        None => String::new(),
    };
    (best.id.clone(), format!("{} bears out {}.{others}", said(why), named(best)))
}

/// What a note says and the others do not: what a document must say too.
fn distinct(note: &Note<'_>, notes: &[Note<'_>], words: &Words) -> Vec<String> {
    let own = said_of(note.text, words);
    let others: Vec<Vec<String>> =
        notes.iter().filter(|other| other.id != note.id).map(|other| said_of(other.text, words)).collect();
    // Where the notes share little, they are put differently, and every word of theirs is different.
    let is_put_alike = others.iter().any(|other| covered(&own, other) >= 0.5);
    let is_shared = |stem: &String| others.iter().all(|other| other.contains(stem));
    if is_put_alike { own.iter().filter(|stem| !is_shared(stem)).cloned().collect() } else { Vec::new() }
}

/// The stems of a text without its figures, which are compared by themselves.
fn said_of(text: &str, words: &Words) -> Vec<String> {
    words.stems(text).into_iter().filter(|stem| !stem.starts_with(|c: char| c.is_ascii_digit())).collect()
}

/// Whether two notes say the same: the same figures, and the same words.
fn agree(one: &Note<'_>, other: &Note<'_>, words: &Words) -> bool {
    let (mine, theirs) = (said_of(one.text, words), said_of(other.text, words));
    figures(one.text) == figures(other.text)
        && denies(one.text) == denies(other.text)
        && covered(&mine, &theirs).min(covered(&theirs, &mine)) >= BORNE_OUT
}

/// The newest sentence of a document that says what the note says.
fn evidence(note: &Note<'_>, distinct: &[String], documents: &[Passage], words: &Words) -> Option<Evidence> {
    let wanted = said_of(note.text, words);
    let (sentences, _) = quotable(documents, Leaning::Joined, words);
    let bears_out = sentences.iter().filter(|sentence| {
        let said = figures(&sentence.plain);
        let lower = sentence.plain.to_lowercase();
        let around = documents[sentence.passage].text.to_lowercase();
        let has_names =
            names(note.text).iter().all(|name| lower.contains(name.as_str()) || around.contains(name.as_str()));
        figures(note.text).iter().all(|figure| said.contains(figure))
            && denies(note.text) == denies(&sentence.plain)
            && has_names
            && covered(distinct, &sentence.stems) >= 1.0
            && covered(&wanted, &sentence.stems) >= BORNE_OUT
    });
    let mut best: Option<Evidence> = None;
    for sentence in bears_out {
        let passage = &documents[sentence.passage];
        let source = passage.source.clone().unwrap_or_else(|| "a document without a name".to_owned());
        let place = sentence.line.map_or(source.clone(), |line| format!("{source}:{line}"));
        let date = dates::latest(&sentence.plain).or_else(|| date_of(&source, documents));
        if best.as_ref().is_none_or(|best| date > best.date) {
            best = Some(Evidence { place, quote: sentence.plain.clone(), date });
        }
    }
    best
}

/// The latest date in what was found of a source, or in its name.
fn date_of(source: &str, documents: &[Passage]) -> Option<dates::Date> {
    let of_source = documents.iter().filter(|passage| passage.source.as_deref() == Some(source));
    of_source.filter_map(|passage| dates::latest(&passage.text)).max().or_else(|| dates::latest(source))
}

fn said(evidence: &Evidence) -> String {
    let date = evidence.date.map(|date| format!(" ({})", dates::written(date))).unwrap_or_default();
    format!("{}{date}, “{}”,", evidence.place, evidence.quote).replace(",,", ",")
}

fn named(note: &Note<'_>) -> String {
    format!("note {} by {}", note.id, note.author)
}

fn listed(texts: &[String]) -> String {
    match texts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}
