//! Arguments of tools, filled from the text at hand.

use serde_json::{Map, Value};

use super::conversation::Conversation;
use super::draft::plain;
use super::{fill, words};

/// What the parameter that holds a query is called.
const QUERY: [&str; 8] = ["query", "q", "question", "search", "text", "keywords", "terms", "input"];
/// What the parameter that limits the number of results is called.
const LIMIT: [&str; 6] = ["limit", "top_k", "k", "count", "max_results", "n"];
/// How many results are asked for.
const RESULTS: u64 = 16;

/// The calls that the goal asks for by the name of the tool, and that have not been made.
pub(super) fn asked_for(conversation: &Conversation<'_>) -> Vec<(String, Map<String, Value>)> {
    let goal = spaced(&conversation.goal);
    let wanted = conversation.tools.iter().filter(|tool| {
        let name = spaced(&tool.name);
        !name.trim().is_empty() && goal.contains(&name) && !conversation.called(&tool.name)
    });
    wanted.filter_map(|tool| Some((tool.name.clone(), fill::arguments(&tool.parameters, conversation)?))).collect()
}

/// The words in lower case, with one space around each.
fn spaced(text: &str) -> String {
    let mut spaced = String::from(" ");
    for token in words::tokens(&plain(text).replace('_', " ")) {
        spaced.push_str(&token.text);
        spaced.push(' ');
    }
    spaced
}

/// The parameter that holds what is searched for, if these are the parameters of a search.
pub(super) fn query_parameter(parameters: &Value) -> Option<&str> {
    let properties = parameters.get("properties")?.as_object()?;
    let required: Vec<&str> =
        parameters.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let is_text =
        |name: &str| properties.get(name).is_some_and(|schema| schema.get("type").is_none_or(|kind| kind == "string"));
    let found =
        QUERY.iter().find_map(|known| properties.keys().find(|name| plain(name) == **known && is_text(name)))?;
    // A tool that needs more than a query is no plain search.
    required.iter().all(|name| name == found).then_some(found)
}

/// The arguments of a search.
pub(super) fn search(parameters: &Value, query: &str) -> Option<Map<String, Value>> {
    let name = query_parameter(parameters)?;
    let mut arguments = Map::new();
    arguments.insert(name.to_owned(), query.into());
    let properties = parameters.get("properties")?.as_object()?;
    let limit = LIMIT.iter().find_map(|known| properties.iter().find(|(name, _)| plain(name) == **known));
    if let Some((name, schema)) = limit
        && schema.get("type").is_some_and(|kind| kind == "integer" || kind == "number")
    {
        let most = schema.get("maximum").and_then(Value::as_u64).unwrap_or(RESULTS);
        arguments.insert(name.clone(), RESULTS.min(most).into());
    }
    Some(arguments)
}

/// What a call searched for.
pub(super) fn query_in(arguments: &Value) -> Option<&str> {
    let arguments = arguments.as_object()?;
    QUERY.iter().find_map(|known| arguments.iter().find(|(name, _)| plain(name) == **known)?.1.as_str())
}
