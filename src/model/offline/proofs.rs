//! What a reviewer holds against a text as a whole: that its citations resolve, and that contradictions
//! are shown.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::analysis::core;
use super::conversation::Conversation;
use super::doubts::contradictions;
use super::material::{Finding, Handed};
use super::sentences::clean;
use super::words::{Words, figures};
use super::{arguments, research, task};

/// How many quotations are looked up again.
const MOST_LOOKED_UP: usize = 16;
/// How many words of a quotation it is looked up by.
const LOOKED_UP_BY: usize = 40;
/// Searches for the quotations of the findings that are cited, to see them in their sources; nothing if that was done, or if
/// there is nothing to search with.
pub(super) fn look_ups(conversation: &Conversation<'_>, cited: &[&Finding]) -> Vec<(String, Map<String, Value>)> {
    let Some(tool) = task::search_tool(conversation.tools) else { return Vec::new() };
    if conversation.called(&tool.name) {
        return Vec::new();
    }
    let call = |finding: &&Finding| {
        let query = finding.quote.split_whitespace().take(LOOKED_UP_BY).collect::<Vec<_>>().join(" ");
        Some((tool.name.clone(), arguments::search(&tool.parameters, &query)?))
    };
    cited.iter().take(MOST_LOOKED_UP).filter_map(call).collect()
}

/// The findings whose quotation is not in what was found of the lines that they name. A source of which nothing was found
/// speaks neither for a quotation nor against it.
pub(super) fn not_in_sources(conversation: &Conversation<'_>, cited: &[&Finding]) -> Vec<String> {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some(tool) = task::search_tool(conversation.tools) else { return Vec::new() };
    let found = research::found_by(conversation, |name| name == tool.name);
    let mut problems = Vec::new();
    for finding in cited {
        let place = finding.place();
        let Some((file, line)) =
            place.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<u64>().ok()?)))
        else {
            continue;
        };
        let covering: Vec<&str> = found
            .iter()
            .filter(|passage| !passage.note && passage.source.as_deref() == Some(file))
            .filter(|passage| {
                let lines = passage.text.matches('\n').count() as u64;
                passage.line.is_some_and(|first| (first..=first + lines).contains(&line))
            })
            .map(|passage| passage.text.as_str())
            .collect();
        let quote = flat(&finding.quote);
        let stands =
            found.iter().any(|passage| passage.source.as_deref() == Some(file) && flat(&passage.text).contains(&quote));
        if !covering.is_empty() && !stands {
            problems
                .push(format!("The quotation of [{}] does not stand in {place}: leave out what cites it.", finding.id));
        }
    }
    problems
}

/// What is wrong with what the text cites and lists: `cited` are the ids in its statements, `listed` those in its list of
/// sources with their quotations, `None` if it has no such list.
pub(super) fn unlisted(cited: &BTreeSet<String>, listed: Option<&BTreeSet<String>>) -> Vec<String> {
    let Some(listed) = listed else {
        return if cited.is_empty() {
            Vec::new()
        } else {
            vec![
                "The text has no list of sources: add one with the source and the quotation of each finding."
                    .to_owned(),
            ]
        };
    };
    cited
        .difference(listed)
        .map(|id| format!("[{id}] is cited, but not in the list of sources: add it with its source and its quotation."))
        .collect()
}

/// The contradictions between findings of which the text shows one side only.
pub(super) fn hidden(stated: &str, cited: &BTreeSet<String>, handed: &Handed, words: &Words) -> Vec<String> {
    let shown = figures(stated);
    let is_shown = |finding: &Finding| {
        cited.contains(&finding.id) && figures(&core(finding)).iter().all(|one| shown.contains(one))
    };
    contradictions(&handed.findings, words)
        .into_iter()
        .map(|(one, other)| (&handed.findings[one], &handed.findings[other]))
        .filter(|(one, other)| is_shown(one) != is_shown(other))
        .map(|(one, other)| {
            let (there, missing) = if is_shown(one) { (one, other) } else { (other, one) };
            format!(
                "[{}] contradicts [{}], which the text does not show: say that {} has “{}”.",
                there.id,
                missing.id,
                missing.place(),
                clean(&core(missing))
            )
        })
        .collect()
}
