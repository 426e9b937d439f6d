//! The offline model through the same door as any other: requests in, replies out.

mod briefs;
mod forms;
mod notes;
mod roles;

use serde_json::{Value, json};

use super::*;
use crate::model::{Message, ToolSpec};

/// Three documents that tell of the same incident, as a search tool would serve them.
const DOCUMENTS: [(&str, &str); 3] = [
    (
        "notes/incident.md",
        "# Checkout incident of 12 May\n\nCheckout failed on 12 May 2026 from 10:42 to 12:07 because the payment gateway ran \
         out of database\nconnections. The connection pool had been lowered from 200 to 40 in release 7.3.\n\n## Impact\n\n\
         - The outage cost 41,200 euros in lost orders.\n- Support answered 318 tickets about failed payments.\n",
    ),
    (
        "notes/actions.md",
        "# What was done\n\nThe pool size is now checked before every release. An alert fires when fewer than 20 percent of \
         the connections are free.\nIt was tested on 20 May.\n\nThe canteen serves lunch from noon.\n",
    ),
    (
        "notes/finance.txt",
        "Finance estimates that the outage cost 45,000 euros in lost orders. The number of tickets is not in dispute.\n",
    ),
];

pub(super) const QUESTION: &str =
    "Why did checkout fail, what did it cost, and what has been done so that it does not happen again?";

pub(super) fn search_spec() -> ToolSpec {
    ToolSpec {
        name: "memory.search".to_owned(),
        description: "Searches what the company remembers.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {
                "query": { "type": "string" },
                "limit": { "type": "integer", "minimum": 1, "maximum": 50 }
            },
            "required": ["query"],
            "additionalProperties": false
        }),
    }
}

/// The paragraphs of the documents that share a longer word with the query.
fn search(query: &str) -> Value {
    let wanted: Vec<String> = query.to_lowercase().split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
    let mut hits = Vec::new();
    for (source, text) in DOCUMENTS {
        let mut line = 1;
        for paragraph in text.split("\n\n## ") {
            let lower = paragraph.to_lowercase();
            if wanted.iter().any(|word| word.len() > 3 && lower.contains(word.as_str())) {
                hits.push(json!({ "text": paragraph, "source": source, "lines": [line, line], "score": 1.0 }));
            }
            line += paragraph.matches('\n').count() + 2;
        }
    }
    json!({ "hits": hits })
}

/// What an agent is told, in the form that the company uses.
pub(super) fn request(role: &str, goal: &str, input: &Value, output: Option<Value>, tools: Vec<ToolSpec>) -> Request {
    let text =
        format!("# Goal\n\n{goal}\n\n# Input\n\n```json\n{input:#}\n```\n\n# Result\n\nReply with the result.\n");
    let messages = vec![Message::System { text: role.to_owned() }, Message::User { text }];
    Request { messages, tools, output, ..Request::default() }
}

/// Asks until there is a result, answering searches from the documents; also the queries that were made.
pub(super) async fn work(mut request: Request) -> (String, Vec<String>) {
    let mut queries = Vec::new();
    for _ in 0..8 {
        let reply = Offline.reply(&request).await.unwrap();
        if reply.calls.is_empty() {
            return (reply.text, queries);
        }
        request.messages.push(Message::Assistant { text: reply.text, calls: reply.calls.clone() });
        for call in reply.calls {
            let query = call.arguments["query"].as_str().unwrap().to_owned();
            request.messages.push(Message::Tool { call: call.id, result: search(&query) });
            queries.push(query);
        }
    }
    panic!("no result after 8 exchanges");
}

pub(super) async fn work_as_json(request: Request) -> Value {
    let schema = request.output.clone().unwrap();
    let (text, _) = work(request).await;
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"));
    jsonschema::validate(&schema, &value).unwrap();
    value
}

pub(super) fn list_of(name: &str, fields: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "required": [name],
        "properties": {
            name: {
                "type": "array", "minItems": 1,
                "items": { "type": "object", "required": required, "properties": fields }
            },
            "gaps": { "type": "array", "items": { "type": "string" } }
        }
    })
}

/// The whole of a source, for checking that a quotation stands in it.
pub(super) fn document(source: &str) -> &'static str {
    let path = source.split(':').next().unwrap();
    DOCUMENTS.iter().find(|(name, _)| *name == path).unwrap_or_else(|| panic!("no document {path}")).1
}
