//! Asking colleagues: which of the tools does that, whom to ask, and what they brought.

use serde_json::{Map, Value, json};

use super::conversation::{Conversation, Exchange};
use super::material::{Finding, Handed};
use super::task;
use crate::model::ToolSpec;

/// A call: the tool's name and its arguments.
pub(super) type Call = (String, Map<String, Value>);

/// A question to whoever finds things; `None` if nobody can be asked.
pub(super) fn question(conversation: &Conversation<'_>, text: &str) -> Option<Call> {
    call(conversation, &["role", "question"], |role| json!({ "role": role, "question": text }))
}

/// An objection to whoever finds things; `None` if nobody can be told.
pub(super) fn objection(conversation: &Conversation<'_>, about: &str, reasons: &[String]) -> Option<Call> {
    call(
        conversation,
        &["role", "about", "reasons"],
        |role| json!({ "role": role, "about": about, "reasons": reasons }),
    )
}

/// Whether somebody was asked before.
pub(super) fn has_asked(conversation: &Conversation<'_>) -> bool {
    exchanges(conversation).next().is_some()
}

fn exchanges<'a>(conversation: &'a Conversation<'_>) -> impl Iterator<Item = &'a Exchange<'a>> {
    let asks = |tool: &str| conversation.tools.iter().any(|spec| spec.name == tool && who(spec).is_some());
    conversation.exchanges.iter().filter(move |exchange| asks(exchange.tool))
}

/// What colleagues brought, each with what they were asked: the arguments of the call.
pub(super) fn answers<'a>(conversation: &'a Conversation<'_>) -> Vec<(&'a Value, Vec<Finding>)> {
    exchanges(conversation)
        .map(|exchange| {
            let result = exchange.result.as_deref().and_then(Value::as_object);
            (exchange.arguments, result.map(|result| Handed::read(result).findings).unwrap_or_default())
        })
        .collect()
}

/// The findings that were handed over and the best that colleagues brought besides, the latter under ids of their own.
/// `matters` says whether one matters that was brought for a call with these arguments.
pub(super) fn all_findings(
    conversation: &Conversation<'_>,
    handed: &Handed,
    matters: impl Fn(&Value, &Finding) -> bool,
) -> Vec<Finding> {
    /// How many are taken of an answer.
    const BEST: usize = 3;
    let mut all = handed.findings.clone();
    for (asked, findings) in answers(conversation) {
        for finding in findings.into_iter().filter(|finding| matters(asked, finding)).take(BEST) {
            let is_known =
                |known: &Finding| known.quote.contains(&finding.quote) || finding.quote.contains(&known.quote);
            if !all.iter().any(is_known) {
                let is_free = |number: &usize| all.iter().all(|known| known.id != format!("F{number}"));
                let number = (1..=all.len() + 1).find(is_free).unwrap_or_default();
                all.push(Finding { id: format!("F{number}"), ..finding });
            }
        }
    }
    all
}

fn call(conversation: &Conversation<'_>, needs: &[&str], arguments: impl Fn(&str) -> Value) -> Option<Call> {
    let takes = |spec: &&ToolSpec| {
        let required = spec.parameters.get("required").and_then(Value::as_array);
        required.is_some_and(|required| {
            required.len() == needs.len() && needs.iter().all(|need| required.iter().any(|name| name == need))
        })
    };
    let spec = conversation.tools.iter().find(takes)?;
    let arguments = arguments(who(spec)?);
    Some((spec.name.clone(), arguments.as_object()?.clone()))
}

/// Whom to ask by a tool that asks: the role that finds things, by its name, else the first.
fn who(spec: &ToolSpec) -> Option<&str> {
    let roles = spec.parameters.pointer("/properties/role/enum")?.as_array()?;
    let names: Vec<&str> = roles.iter().filter_map(Value::as_str).collect();
    names.iter().find(|name| task::is_for_research(name)).or(names.first()).copied()
}
