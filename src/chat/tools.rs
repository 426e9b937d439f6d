//! The tools by which a model says what a person wants.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::model::talk;
use crate::model::{ToolCall, ToolSpec};

/// The longest text of an argument, in characters.
const LONGEST: usize = 8_000;

/// A call, understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    Propose(Propose),
    Decide(Decide),
    Run(RunOf),
    Simulate(RunOf),
    AskRuns(Ask),
    Show(Show),
    Search(Search),
    Remember(Remember),
    Keep(Keep),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Propose {
    pub(super) request: String,
    #[serde(default)]
    pub(super) new: bool,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decide {
    pub(super) decision: Verdict,
    #[serde(default)]
    pub(super) steps: Vec<String>,
    #[serde(default)]
    pub(super) run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Accept,
    Reject,
    Undo,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunOf {
    #[serde(default)]
    pub(super) workflow: Option<String>,
    #[serde(default)]
    pub(super) inputs: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    pub(super) question: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Show {
    #[serde(default)]
    pub(super) workflow: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    pub(super) query: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remember {
    pub(super) text: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keep {
    #[serde(default)]
    pub(super) name: Option<String>,
}

impl Wanted {
    /// What a call wants; else what is wrong with it.
    pub(super) fn read(call: &ToolCall) -> Result<Self, String> {
        let arguments = &call.arguments;
        if arguments.to_string().len() > 4 * LONGEST {
            return Err(format!("{}: the arguments are too long", call.name));
        }
        match call.name.as_str() {
            talk::PROPOSE => of(call).map(Self::Propose),
            talk::DECIDE => of(call).map(Self::Decide),
            talk::RUN => of(call).map(Self::Run),
            talk::SIMULATE => of(call).map(Self::Simulate),
            talk::ASK_RUNS => of(call).map(Self::AskRuns),
            talk::SHOW => of(call).map(Self::Show),
            talk::SEARCH => of(call).map(Self::Search),
            talk::REMEMBER => of(call).map(Self::Remember),
            talk::KEEP => of(call).map(Self::Keep),
            other => Err(format!("there is no tool `{other}`")),
        }
    }
}

fn of<T: serde::de::DeserializeOwned>(call: &ToolCall) -> Result<T, String> {
    serde_json::from_value(call.arguments.clone())
        .map_err(|error| format!("{}: the arguments do not fit: {error}", call.name))
}

/// What a model is offered.
#[must_use]
pub(super) fn specs() -> Vec<ToolSpec> {
    let text = |about: &str| json!({ "type": "string", "minLength": 1, "maxLength": LONGEST, "description": about });
    let workflow = || json!({ "type": "string", "description": "The workflow's name; the one in front of the person if it is left out" });
    let spec = |name: &str, description: &str, properties: Value, required: &[&str]| ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters: json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false
        }),
    };
    vec![
        spec(
            talk::PROPOSE,
            "Proposes a new workflow, a change of the one in front of the person, or a task for the agents. Nothing is changed until the \
             person accepts.",
            json!({
                "request": text("What the person wants, in their own words, with all that earlier messages say about it"),
                "new": { "type": "boolean", "description": "True if it is to be a new workflow although one is in front of the person" }
            }),
            &["request"],
        ),
        spec(
            talk::DECIDE,
            "Accepts, rejects or takes back a proposal, if the person's last message says just that.",
            json!({
                "decision": { "enum": ["accept", "reject", "undo"] },
                "steps": { "type": "array", "items": { "type": "string" }, "description": "The steps that are accepted; all if it is left out" },
                "run": { "type": "boolean", "description": "True if what is accepted is to be carried out at once" }
            }),
            &["decision"],
        ),
        spec(
            talk::RUN,
            "Begins a run of a saved workflow.",
            json!({ "workflow": workflow(), "inputs": { "type": "object", "description": "Its inputs, by name" } }),
            &[],
        ),
        spec(
            talk::SIMULATE,
            "Says what a run of a saved workflow would do, without any effect.",
            json!({ "workflow": workflow(), "inputs": { "type": "object", "description": "Its inputs, by name" } }),
            &[],
        ),
        spec(
            talk::ASK_RUNS,
            "Answers a question about runs from what is recorded: why one failed, what it cost, how long it took, what it waits for, what \
             came of it.",
            json!({ "question": text("The question: which run is meant, by its id, its workflow or its time, and what of it") }),
            &["question"],
        ),
        spec(talk::SHOW, "Shows what a saved workflow does, step by step.", json!({ "workflow": workflow() }), &[]),
        spec(
            talk::SEARCH,
            "Searches what the company remembers: documents and notes.",
            json!({ "query": text("What is looked for") }),
            &["query"],
        ),
        spec(
            talk::REMEMBER,
            "Notes something that the company is to remember, if the person asks for that.",
            json!({ "text": text("What is to be remembered") }),
            &["text"],
        ),
        spec(
            talk::KEEP,
            "Keeps a task that was carried out as a workflow, if the person asks for that.",
            json!({ "name": text("What it is to be called: small letters, digits and _") }),
            &[],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_that_is_offered_can_be_called_and_no_other() {
        for spec in specs() {
            let property = |name: &str| spec.parameters["properties"].get(name).is_some();
            let mut arguments = Map::new();
            for name in ["request", "question", "query", "text"] {
                if property(name) {
                    arguments.insert(name.to_owned(), "words".into());
                }
            }
            if property("decision") {
                arguments.insert("decision".to_owned(), "accept".into());
            }
            let call = |arguments: &Map<String, Value>| ToolCall {
                id: "1".to_owned(),
                name: spec.name.clone(),
                arguments: Value::Object(arguments.clone()),
            };
            assert!(Wanted::read(&call(&arguments)).is_ok(), "{}: {:?}", spec.name, Wanted::read(&call(&arguments)));
            arguments.insert("nonsense".to_owned(), Value::Null);
            assert!(Wanted::read(&call(&arguments)).is_err(), "{}", spec.name);
        }
        let call = ToolCall { id: "1".to_owned(), name: "files.write".to_owned(), arguments: json!({}) };
        assert_eq!(Wanted::read(&call), Err("there is no tool `files.write`".to_owned()));
    }
}
