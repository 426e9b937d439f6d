//! The one JSON Schema of what a model says.
//!
//! Within what `OpenAI` takes as strict (every object is closed and has all of its properties, `anyOf` but not at the root) and
//! what Ollama turns into a grammar, so that both hold a model to it letter by letter.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

/// The title by which the form is known.
pub(super) const TITLE: &str = "workflow_edits";

/// The schema of a reply.
#[must_use]
pub fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let mut schema = closed([
            ("edits", list(&refer("edit"))),
            ("questions", list(&refer("question"))),
            ("assumptions", list(&text())),
            ("doubts", list(&closed([("step", text()), ("why", text())]))),
        ]);
        schema["title"] = TITLE.into();
        schema["$defs"] = json!({
            "edit": { "anyOf": edits() },
            "work": { "anyOf": works() },
            "pair": { "anyOf": [
                closed([("name", text()), ("value", json!({ "type": ["string", "number", "boolean", "null"] }))]),
                closed([("name", text()), ("json", text())]),
            ] },
            "question": closed([
                ("ask", text()),
                ("choices", list(&closed([("label", text()), ("request", text())]))),
            ]),
        });
        schema
    });
    &SCHEMA
}

fn edits() -> Vec<Value> {
    let texts = || list(&text());
    let pairs = || list(&refer("pair"));
    let loop_id = || json!({ "type": ["string", "null"] });
    vec![
        closed([
            ("do", one("add")),
            ("step", text()),
            ("work", refer("work")),
            ("input", pairs()),
            ("set", pairs()),
            ("after", texts()),
            ("before", texts()),
            ("within", loop_id()),
        ]),
        closed([("do", one("change")), ("step", text()), ("set", pairs())]),
        closed([("do", one("remove")), ("step", text())]),
        closed([("do", one("rename")), ("step", text()), ("to", text())]),
        closed([("do", one("move")), ("step", text()), ("after", texts()), ("before", texts()), ("within", loop_id())]),
        closed([("do", one("workflow")), ("set", pairs())]),
    ]
}

fn works() -> Vec<Value> {
    vec![
        closed([("kind", one("tool")), ("tool", text())]),
        closed([("kind", one("agent")), ("agent", text()), ("goal", text())]),
        closed([("kind", one("model")), ("prompt", text())]),
        closed([("kind", one("human")), ("ask", text()), ("choices", list(&text())), ("to", list(&text()))]),
        closed([("kind", one("branch")), ("cases", list(&closed([("outcome", text()), ("when", text())])))]),
        closed([("kind", one("for_each")), ("items", text()), ("as", text())]),
        closed([
            ("kind", one("repeat")),
            ("tested", of(&["until", "while"])),
            ("condition", text()),
            ("max", json!({ "type": "integer" })),
        ]),
        closed([("kind", one("wait")), ("wait_for", of(&["time", "instant", "event"])), ("value", text())]),
        closed([("kind", one("workflow")), ("workflow", text())]),
        closed([("kind", one("transform")), ("value", text())]),
        closed([("kind", one("other")), ("json", text())]),
    ]
}

/// An object with just these properties.
fn closed<const N: usize>(properties: [(&str, Value); N]) -> Value {
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let required = json!(required);
    let properties: Map<String, Value> =
        properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn list(of: &Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn refer(to: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{to}") })
}

fn one(value: &str) -> Value {
    of(&[value])
}

fn of(values: &[&str]) -> Value {
    json!({ "type": "string", "enum": values })
}
