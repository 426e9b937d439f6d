//! What a model is shown of a long conversation: the newest messages as they were said, and of the older ones what matters. Pure.
//!
//! What matters of the older ones: what was decided, which runs there were and how they stand, the ids and names that were spoken
//! of, questions that nobody has answered, and what the person said about how they want things. It is kept word for word, so that
//! nothing is made up; if it is more than fits, what was said longest ago goes first, names before wishes, wishes before questions,
//! and decisions and runs last.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::event::{Acceptance, Decision, MessageId};
use super::state::{Author, Held, Message, State};
use crate::model::planning::{Role, Turn};
use crate::model::{Message as Said, Request, TokenCount, untrusted};

/// How much of a conversation a model is shown, in tokens.
pub const BUDGET: u32 = 6_000;

/// The newest messages that are shown as they were said, however long they are.
const FEWEST: usize = 2;

/// The longest message that is shown whole, in characters.
const LONGEST: usize = 6_000;

/// No message is cut below this, in characters.
const SHORTEST: usize = 100;

/// The longest sentence that is kept, in characters.
const LONGEST_SENTENCE: usize = 300;

/// A conversation as a model is shown it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compacted {
    /// What matters of the older messages.
    pub summary: Option<String>,
    /// The newest messages, oldest first.
    pub messages: Vec<Said>,
    /// The first of them, if there are older ones.
    pub from: Option<MessageId>,
}

/// Fits the current branch into so many tokens.
#[must_use]
pub fn compact(state: &State, count: &TokenCount, budget: u32) -> Compacted {
    let branch = state.branch();
    let mut said: Vec<Said> = branch.iter().map(|message| as_said(message, LONGEST)).collect();
    let mut tokens: Vec<u32> = said.iter().map(|message| tokens_of(count, std::slice::from_ref(message))).collect();
    if tokens.iter().fold(0, |sum: u32, tokens| sum.saturating_add(*tokens)) <= budget {
        return Compacted { summary: None, messages: said, from: None };
    }
    // Half for what was said last, however dense it is, half for what matters of the rest.
    let each = budget / 2 / u32::try_from(FEWEST).unwrap_or(1);
    for at in branch.len().saturating_sub(FEWEST)..branch.len() {
        let mut longest = LONGEST;
        while tokens[at] > each && longest > SHORTEST {
            longest /= 2;
            said[at] = as_said(branch[at], longest);
            tokens[at] = tokens_of(count, std::slice::from_ref(&said[at]));
        }
    }
    let mut first = branch.len();
    let mut used = 0;
    while first > 0 {
        let next = tokens[first - 1];
        if branch.len() - first >= FEWEST && used + next > budget / 2 {
            break;
        }
        used += next;
        first -= 1;
    }
    let left = budget.saturating_sub(used);
    Compacted {
        summary: summary(state, &branch[..first], &branch[first..], count, left),
        messages: said[first..].to_vec(),
        from: branch.get(first).map(|message| message.id),
    }
}

/// The last turns as the planner is told of them.
#[must_use]
pub fn turns(state: &State, most: usize) -> Vec<Turn> {
    let branch = state.branch();
    let from = branch.len().saturating_sub(most);
    let turn = |message: &&Message| Turn {
        role: match message.by {
            Author::Person => Role::User,
            Author::Callboard if message.of_others => Role::Retelling,
            Author::Callboard => Role::Assistant,
        },
        text: clipped(&message.text, LONGEST_SENTENCE * 4),
    };
    branch[from..].iter().map(turn).collect()
}

fn as_said(message: &Message, longest: usize) -> Said {
    let text = clipped(&message.text, longest);
    match message.by {
        // Of whom it tells may have written anything.
        Author::Callboard if message.of_others => {
            Said::Assistant { text: untrusted::marked("earlier in this conversation", &text), calls: Vec::new() }
        }
        Author::Person => Said::User { text },
        Author::Callboard => Said::Assistant { text, calls: Vec::new() },
    }
}

fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let half = most / 2;
    let begin: String = text.chars().take(half).collect();
    let count = text.chars().count();
    let end: String = text.chars().skip(count - half).collect();
    format!("{begin}\n[… {} characters left out …]\n{end}", count - 2 * half)
}

fn tokens_of(count: &TokenCount, messages: &[Said]) -> u32 {
    count.request(&Request { messages: messages.to_vec(), ..Request::default() })
}

/// A line of the summary. Those of a smaller rank are kept longer.
#[derive(Debug)]
struct Line {
    rank: u8,
    /// The place in the conversation that it comes from.
    at: usize,
    text: String,
}

const DECISIONS: u8 = 0;
const QUESTIONS: u8 = 1;
const WISHES: u8 = 2;
const NAMES: u8 = 3;

const HEADINGS: [(u8, &str); 4] = [
    (DECISIONS, "Decided and done"),
    (QUESTIONS, "Not answered yet"),
    (WISHES, "What the person said about how they want things"),
    (NAMES, "Spoken of"),
];

fn summary(state: &State, older: &[&Message], newer: &[&Message], count: &TokenCount, budget: u32) -> Option<String> {
    let mut lines = decisions(state, older);
    let shown: String = newer.iter().map(|message| message.text.as_str()).collect::<Vec<_>>().join("\n");
    let mut named: BTreeSet<String> = BTreeSet::new();
    for (at, message) in older.iter().enumerate() {
        // What others wrote is not told of as if it were ours.
        if message.of_others {
            continue;
        }
        let follows = older.get(at + 1).or_else(|| newer.first()).copied();
        lines.extend(open_questions(at, message, follows));
        if message.by == Author::Person {
            lines.extend(wishes(at, message));
        }
        for name in names(&message.text) {
            if !shown.contains(&name) && named.insert(name.clone()) {
                lines.push(Line { rank: NAMES, at, text: name });
            }
        }
    }
    lines.sort_by_key(|line| (line.rank, line.at));
    let text = |lines: &[Line]| (!lines.is_empty()).then(|| written(lines, older.len()));
    // What has the least rank and is oldest goes first, a tenth at a time: counting tokens takes its time.
    let mut whole = text(&lines);
    while let Some(written) = &whole {
        if tokens_of(count, &[Said::User { text: written.clone() }]) <= budget {
            break;
        }
        for _ in 0..lines.len().div_ceil(10) {
            let worst = lines.iter().map(|line| line.rank).max();
            if let Some(index) = lines.iter().position(|line| Some(line.rank) == worst) {
                lines.remove(index);
            }
        }
        whole = text(&lines);
    }
    whole
}

fn written(lines: &[Line], older: usize) -> String {
    let mut text = format!("{older} earlier messages are not shown. What matters of them, word for word:\n");
    for (rank, heading) in HEADINGS {
        let mut of_rank = lines.iter().filter(|line| line.rank == rank).peekable();
        if of_rank.peek().is_none() {
            continue;
        }
        let _ = writeln!(text, "\n{heading}:");
        if rank == NAMES {
            let names: Vec<&str> = of_rank.map(|line| line.text.as_str()).collect();
            let _ = writeln!(text, "{}", names.join(" "));
        } else {
            for line in of_rank {
                let _ = writeln!(text, "- {}", line.text);
            }
        }
    }
    text
}

/// What was decided, and the runs, whether they were spoken of long ago or not.
fn decisions(state: &State, older: &[&Message]) -> Vec<Line> {
    let at_of = |held: &Held| older.iter().position(|message| Some(message.id) == held.after).unwrap_or(older.len());
    let mut lines: Vec<Line> = Vec::new();
    for held in state.proposals() {
        let Some(decision) = &held.decision else { continue };
        let what = one_line(&held.offered.request);
        let text = match decision {
            Decision::Accepted { acceptance: Acceptance { workflow, after, steps, .. }, .. } => {
                let part = if steps.is_empty() {
                    String::new()
                } else {
                    let steps: Vec<&str> = steps.iter().map(crate::workflow::StepId::as_str).collect();
                    format!(", only {}", steps.join(", "))
                };
                format!(
                    "{} accepted{part}: `{workflow}` version {} (asked for: {what})",
                    held.id,
                    short(&after.version)
                )
            }
            Decision::Rejected => {
                let why = held.reason.as_deref().map(|reason| format!("; since: {}", one_line(reason)));
                format!("{} rejected (asked for: {what}{})", held.id, why.unwrap_or_default())
            }
            Decision::Undone { .. } => format!("{} accepted and taken back (asked for: {what})", held.id),
            Decision::Kept { workflow, version, .. } => {
                format!("{} kept as `{workflow}` version {}", held.id, short(version))
            }
        };
        lines.push(Line { rank: DECISIONS, at: at_of(held), text });
    }
    for (run, held) in state.runs() {
        let status = held.status.map_or_else(|| "goes on".to_owned(), |status| status.to_string());
        lines.push(Line {
            rank: DECISIONS,
            at: older.len(),
            text: format!("run {run} of `{}`: {status}", held.workflow),
        });
    }
    lines
}

fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}

/// Questions that nobody has answered: those of the person whose turn came to no reply, and those that the next message does not
/// take up.
fn open_questions(at: usize, message: &Message, follows: Option<&Message>) -> Option<Line> {
    let question = sentences(&message.text).rev().find(|sentence| sentence.ends_with('?'))?;
    let is_open = match (message.by, follows) {
        (_, None) => true,
        // A reply that was cut short answers nothing, nor does the next message of the same side.
        (Author::Person, Some(next)) => next.by == Author::Person || next.cut.is_some(),
        (Author::Callboard, Some(next)) => next.by == Author::Callboard || next.text.trim_end().ends_with('?'),
    };
    let by = if message.by == Author::Person { "the person asked" } else { "you asked" };
    is_open.then(|| Line { rank: QUESTIONS, at, text: format!("{by}: {}", one_line(question)) })
}

/// Words by which a person says how they want things, from now on and not only once.
const WISHING: [&str; 16] = [
    "always",
    "never",
    "prefer",
    "from now on",
    "must",
    "i want",
    "i'd like",
    "i would like",
    "make sure",
    "remember",
    "do not",
    "don't",
    "only ever",
    "call me",
    "in future",
    "as a rule",
];

fn wishes(at: usize, message: &Message) -> Vec<Line> {
    let wish = |sentence: &&str| {
        let lower = format!(" {} ", sentence.to_lowercase().replace('’', "'"));
        WISHING.iter().any(|word| lower.contains(&format!(" {word} ")))
    };
    sentences(&message.text).filter(wish).map(|sentence| Line { rank: WISHES, at, text: one_line(sentence) }).collect()
}

/// Names and ids that a text speaks of: what stands in backticks, ids, proposals, files.
fn names(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 && !part.is_empty() && part.len() <= 80 && !part.contains('\n') {
            found.push(format!("`{part}`"));
        } else if index % 2 == 0 {
            let words = part.split(|c: char| c.is_whitespace() || "()[]{},;\"“”".contains(c));
            let words = words.map(|word| word.trim_end_matches(['.', ':', '!', '?']));
            found.extend(words.filter(|word| is_name(word)).map(str::to_owned));
        }
    }
    found
}

/// Whether a word is an id, a path, an address or a number that stands for something.
fn is_name(word: &str) -> bool {
    let length = word.chars().count();
    if !(2..=120).contains(&length) {
        return false;
    }
    let has_digit = word.chars().any(|c| c.is_ascii_digit());
    let is_id = has_digit && (word.contains('-') || word.contains('_') || word.chars().any(char::is_alphabetic));
    let is_path = word.contains('/') && word.chars().any(char::is_alphanumeric);
    let is_file = word.rsplit_once('.').is_some_and(|(name, ending)| {
        !name.is_empty() && (2..=5).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphanumeric())
    });
    is_id || is_path || is_file || (word.contains('@') && length > 3) || (word.contains('_') && length > 3)
}

/// The sentences of a text. A point within a name ends none.
fn sentences(text: &str) -> std::vec::IntoIter<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let is_end = |(at, c): (usize, char)| {
            let next = rest[at + c.len_utf8()..].chars().next();
            let ends = c == '\n' || (['.', '!', '?'].contains(&c) && next.is_none_or(char::is_whitespace));
            ends.then_some(at + c.len_utf8())
        };
        let end = rest.char_indices().find_map(is_end).unwrap_or(rest.len());
        let (sentence, after) = rest.split_at(end);
        found.push(sentence.trim());
        rest = after;
    }
    found.retain(|sentence| !sentence.is_empty());
    found.into_iter()
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST_SENTENCE {
        return line;
    }
    line.chars().take(LONGEST_SENTENCE - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
