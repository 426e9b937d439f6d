//! A workflow file after edits, with everything that they leave alone as it was written: comments, order and spacing.
//!
//! The text is cut where its top keys and its steps begin; what stands above one of them belongs to it. What is as it was keeps
//! its piece of the text, what is not is written anew. The result is read again: if it is not the workflow that it should be,
//! all of it is written anew, and whoever asked is told how many comments that costs.

use serde_json::Value;

use super::write::{step_to_json, to_json, to_yaml};
use super::{Parsed, parse, write};
use crate::workflow::hash::{step_hash, workflow_hash};
use crate::workflow::{Port, Step, Workflow};

/// A file's new text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The text.
    pub text: String,
    /// How many lines with a comment are no longer in it.
    pub lost_comments: usize,
}

/// The key of the steps.
const STEPS: &str = "steps";

/// The text of a file after its workflow has become `new`.
#[must_use]
pub fn rewrite(text: &str, new: &Workflow) -> Rewritten {
    let after = if text.trim_start().starts_with('{') {
        serde_json::to_string_pretty(&to_json(new)).unwrap_or_default() + "\n"
    } else {
        let spliced = parse(text).ok().and_then(|parsed| splice(text, &parsed, new));
        let is_right =
            |text: &String| parse(text).is_ok_and(|parsed| workflow_hash(&parsed.workflow) == workflow_hash(new));
        spliced.filter(is_right).unwrap_or_else(|| write(new))
    };
    let lost_comments = comments(text).saturating_sub(comments(&after));
    Rewritten { text: after, lost_comments }
}

/// How many lines have a comment, or what looks like one.
fn comments(text: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with('#') || line.contains(" #")).count()
}

/// A piece of a text, in lines.
#[derive(Clone, Copy)]
struct Piece {
    begin: usize,
    end: usize,
}

fn splice(text: &str, parsed: &Parsed, new: &Workflow) -> Option<String> {
    let old = &parsed.workflow;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let keys = keys(&lines);
    let (old_head, new_head) = (to_json(old), to_json(new));
    let mut result: String = lines[..keys.first().map_or(0, |(_, piece)| piece.begin)].concat();
    let is_end = |key: &str| key == "result";
    let mut left: Vec<(&String, &Value)> =
        new_head.as_object()?.iter().filter(|(key, _)| !keys.iter().any(|(known, _)| known == *key)).collect();
    for (key, piece) in &keys {
        let whole = lines[piece.begin..piece.end].concat();
        if key == STEPS {
            // What is new stands where a file that is written anew would have it.
            for (key, value) in left.iter().filter(|(key, _)| !is_end(key)) {
                result.push_str(&entry(key, value));
            }
            left.retain(|(key, _)| is_end(key));
            end_line(&mut result);
            result.push_str(&steps(&lines, *piece, parsed, new)?);
        } else if old_head.get(key) == new_head.get(key) && same_order(old_head.get(key), new_head.get(key)) {
            result.push_str(&whole);
        } else if let Some(value) = new_head.get(key) {
            result.push_str(&above(&lines, *piece));
            result.push_str(&entry(key, value));
        } else {
            // What is said above it may be about more than what is gone.
            result.push_str(&above(&lines, *piece));
        }
        end_line(&mut result);
    }
    for (key, value) in left {
        result.push_str(&entry(key, value));
    }
    Some(result)
}

/// The lines of comments above what a piece is about.
fn above(lines: &[&str], piece: Piece) -> String {
    lines[piece.begin..piece.end].iter().take_while(|line| is_loose(line)).copied().collect()
}

fn same_order(old: Option<&Value>, new: Option<&Value>) -> bool {
    old.map(ToString::to_string) == new.map(ToString::to_string)
}

fn entry(key: &str, value: &Value) -> String {
    to_yaml(&Value::Object([(key.to_owned(), value.clone())].into_iter().collect()))
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

/// An empty line or a comment: it belongs to what stands below it.
fn is_loose(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The top keys with their pieces.
fn keys(lines: &[&str]) -> Vec<(String, Piece)> {
    let is_key = |line: &str| line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '"' || c == '\'');
    let starts: Vec<usize> = (0..lines.len()).filter(|at| is_key(lines[*at])).collect();
    cut(lines, &starts, 0, lines.len())
        .into_iter()
        .zip(&starts)
        .map(|(piece, at)| {
            let key = lines[*at].split(':').next().unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned();
            (key, piece)
        })
        .collect()
}

/// The pieces that begin at these lines, each with the comments above it.
fn cut(lines: &[&str], starts: &[usize], begin: usize, end: usize) -> Vec<Piece> {
    let with_loose = |at: usize| {
        let mut at = at;
        while at > begin && is_loose(lines[at - 1]) {
            at -= 1;
        }
        // Empty lines may be the end of a text that stands before: they stay with it.
        while lines[at].trim().is_empty() {
            at += 1;
        }
        at
    };
    let begins: Vec<usize> = starts.iter().map(|at| with_loose(*at)).collect();
    let ends = begins.iter().skip(1).copied().chain([end]);
    begins.iter().zip(ends).map(|(begin, end)| Piece { begin: *begin, end }).collect()
}

/// The text of the steps.
fn steps(lines: &[&str], piece: Piece, parsed: &Parsed, new: &Workflow) -> Option<String> {
    let old = &parsed.workflow.steps;
    let mut starts = Vec::with_capacity(old.len());
    for index in 0..old.len() {
        let place = parsed.places.place(&format!("steps[{index}]"));
        let (line, column) = (usize::try_from(place.line?).ok()? - 1, usize::try_from(place.column?).ok()? - 1);
        // Each begins with its dash in a line of its own, else it is no list of blocks.
        let before: String = lines.get(line)?.chars().take(column).collect();
        if before.trim() != "-" || starts.last().is_some_and(|last| *last >= line) {
            return None;
        }
        starts.push(line);
    }
    let first = *starts.first()?;
    let key = (piece.begin..first).find(|at| lines[*at].trim_start().starts_with(STEPS))?;
    let indent = lines[first].len() - lines[first].trim_start().len();
    let pieces = cut(lines, &starts, key + 1, piece.end);
    let is_short = !pieces.iter().any(|piece| has_needs(&lines[piece.begin..piece.end], indent));
    let stays_short = is_short && is_chain(&new.steps);
    // A list of which no step says what it needs would be taken for a chain.
    let must_say =
        new.steps.len() > 1 && !stays_short && (is_short || new.steps.iter().all(|step| step.needs.is_empty()));
    let mut text: String = lines[piece.begin..pieces.first()?.begin].concat();
    for step in &new.steps {
        let at = old.iter().position(|before| before.id == step.id);
        let written = at.map(|at| pieces[at]);
        let stays = at.is_some_and(|at| is_as_it_was(&old[at], step, stays_short));
        if let Some(piece) = written.filter(|_| stays) {
            let own = &lines[piece.begin..piece.end];
            if must_say && !has_needs(own, indent) {
                text.push_str(&with_needs(own, indent, step));
            } else {
                text.push_str(&own.concat());
            }
        } else {
            text.push_str(&written.map(|piece| above(lines, piece)).unwrap_or_default());
            text.push_str(&item(step, indent, !stays_short));
        }
        end_line(&mut text);
    }
    Some(text)
}

/// Whether a step's text can stay. In a chain that is written without needs, what comes before it is not in its text.
fn is_as_it_was(old: &Step, new: &Step, is_short: bool) -> bool {
    let bare = |step: &Step| Step { needs: Vec::new(), ..step.clone() };
    step_hash(old) == step_hash(new) || (is_short && step_hash(&bare(old)) == step_hash(&bare(new)))
}

/// Whether a step needs just the one before it, and the first needs nothing.
fn is_chain(steps: &[Step]) -> bool {
    steps.iter().enumerate().all(|(at, step)| {
        let before = at.checked_sub(1).map(|before| &steps[before].id);
        let only = step.needs.iter().map(|need| (&need.step, &need.port)).collect::<Vec<_>>();
        only == before.map(|before| (before, &Port::Main)).into_iter().collect::<Vec<_>>()
    })
}

fn has_needs(lines: &[&str], indent: usize) -> bool {
    lines.iter().any(|line| {
        let rest = line.trim_start().trim_start_matches("- ").trim_start();
        let depth = line.len() - rest.len();
        depth <= indent + 4 && rest.starts_with("needs:")
    })
}

/// The lines of a step, with its needs after the line with the dash.
fn with_needs(lines: &[&str], indent: usize, step: &Step) -> String {
    let dash = lines.iter().position(|line| line.trim_start().starts_with('-')).unwrap_or(0);
    let inside = lines[dash].len() - lines[dash].trim_start().trim_start_matches('-').trim_start().len();
    let needs: Vec<String> = step.needs.iter().map(ToString::to_string).collect();
    let line = format!("{:inside$}needs: [{}]\n", "", needs.join(", "), inside = inside.max(indent + 1));
    let mut text: String = lines[..=dash].concat();
    end_line(&mut text);
    text.push_str(&line);
    text.push_str(&lines[dash + 1..].concat());
    text
}

/// A step as an item of a list.
fn item(step: &Step, indent: usize, says_needs: bool) -> String {
    let mut json = step_to_json(step);
    if let Some(fields) = json.as_object_mut().filter(|_| !says_needs) {
        fields.shift_remove("needs");
    }
    let list = to_yaml(&Value::Array(vec![json]));
    list.lines().fold(String::new(), |mut text, line| {
        if !line.is_empty() {
            text.push_str(&" ".repeat(indent));
            text.push_str(line);
        }
        text.push('\n');
        text
    })
}
