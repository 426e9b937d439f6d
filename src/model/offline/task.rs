//! Which kind of work is wanted, told by the tools that are offered, by goal and role, and by the shape of
//! input and result.

use super::conversation::Conversation;
use super::draft::theirs;
use super::material::Handed;
use super::words::{self, Words};
use super::{Move, analysis, arbitration, arguments, checking, plain, research, writing};
use crate::model::ToolSpec;

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Find what sources say.
    Research,
    /// Weigh what was found.
    Analysis,
    /// Write a text from what was found.
    Writing,
    /// Check a text against what was found.
    Checking,
    /// Answer from the text at hand.
    Plain,
}

/// The words that ask for each kind of work, verbs first.
const WORDS: [(Kind, &str); 4] = [
    (
        Kind::Research,
        "find search research gather collect retrieve discover quote look researcher suche finde recherchiere sammle recherche",
    ),
    (
        Kind::Analysis,
        "analyse analyze weigh compare conclude evaluate assess interpret cluster group rank work analysis analyst bewerte \
         analysiere vergleiche",
    ),
    (
        Kind::Writing,
        "write draft compose implement mend revise rewrite summarize writer maker implementation author schreibe verfasse \
         überarbeite",
    ),
    (
        Kind::Checking,
        "check verify review validate audit proofread approve inspect reviewer quality qa prüfe überprüfe kontrolliere",
    ),
];

/// What to do next.
pub(super) fn next(conversation: &Conversation<'_>) -> Move {
    let calls = arguments::asked_for(conversation);
    if !calls.is_empty() {
        return Move::Call(calls);
    }
    let words = Words::of(&conversation.given_text());
    if let Some(next) = arbitration::next(conversation, &words) {
        return next;
    }
    let handed = Handed::read(&conversation.input);
    match kind(conversation, &handed) {
        Kind::Research => research::next(conversation, &words),
        Kind::Analysis => analysis::next(conversation, &handed, &words),
        Kind::Writing => Move::Finish(writing::write(conversation, &handed, &words)),
        Kind::Checking => checking::next(conversation, &handed, &words),
        Kind::Plain => Move::Finish(plain::answer(conversation, &words)),
    }
}

fn kind(conversation: &Conversation<'_>, handed: &Handed) -> Kind {
    let has_material = !handed.findings.is_empty() || !handed.points.is_empty();
    let possible = [
        // Whoever is handed findings is not asked to find them.
        (Kind::Research, !has_material && search_tool(conversation.tools).is_some()),
        (Kind::Analysis, has_material),
        (Kind::Writing, has_material),
        (Kind::Checking, has_material && !handed.texts.is_empty()),
    ];
    let words_of = |text: &str| words::tokens(text).map(|token| token.text).collect::<Vec<_>>();
    let goal = words_of(&conversation.goal);
    let title = words_of(conversation.role.lines().next().unwrap_or_default());
    let role = words_of(&conversation.role);
    let weight = |kind: Kind| {
        let asking = WORDS.iter().find(|(other, _)| *other == kind).map_or("", |(_, words)| words);
        let asks = |word: &String| asking.split_whitespace().any(|other| other == word);
        // The first word of a goal that asks is what is to be done; later ones say how.
        let first = goal.iter().position(asks).map_or(0, |at| 12_usize.saturating_sub(at).max(2));
        let titled = if title.iter().any(asks) { 6 } else { 0 };
        first + titled + role.iter().filter(|word| asks(word)).count().min(3) + result_speaks_for(kind, conversation)
    };
    let candidates = possible.into_iter().filter(|(_, possible)| *possible).map(|(kind, _)| (weight(kind), kind));
    candidates.reduce(|best, other| if other.0 > best.0 { other } else { best }).map_or(Kind::Plain, |(_, kind)| kind)
}

/// Whether this is the name of a role that finds things.
pub(super) fn is_for_research(role: &str) -> bool {
    let words = WORDS.iter().find(|(kind, _)| *kind == Kind::Research).map_or("", |(_, words)| words);
    words.split_whitespace().any(|word| word == role)
}

/// What the form of the result says about the work.
fn result_speaks_for(kind: Kind, conversation: &Conversation<'_>) -> usize {
    let properties = conversation.output.and_then(|schema| schema.get("properties")).and_then(|p| p.as_object());
    let Some(properties) = properties else { return 0 };
    let own = match kind {
        Kind::Research => "findings",
        Kind::Analysis => "points",
        Kind::Writing => "text",
        Kind::Checking => "verdict",
        Kind::Plain => return 0,
    };
    if properties.contains_key(own) {
        8
    } else if theirs(properties, own).is_some() {
        3
    } else {
        0
    }
}

/// The tool to search with: by its name if that says so, else by its description.
pub(super) fn search_tool(tools: &[ToolSpec]) -> Option<&ToolSpec> {
    let says = |text: &str| {
        ["search", "recall", "retriev", "find", "lookup"].iter().any(|word| text.to_lowercase().contains(word))
    };
    let usable = |tool: &&ToolSpec| arguments::query_parameter(&tool.parameters).is_some();
    let named = tools.iter().find(|tool| says(&tool.name) && usable(tool));
    named.or_else(|| tools.iter().find(|tool| says(&tool.description) && usable(tool)))
}
