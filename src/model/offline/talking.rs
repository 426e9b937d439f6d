//! The offline model's part in a conversation: it chooses tools by the grammar of [`super::intent`], and says what they bring.

use serde_json::{Map, Value, json};

use super::anew::anew;
use super::intent::{Intent, intent};
use super::{draft::Draft, plain, words::Words};
use crate::model::offline::conversation::Conversation;
use crate::model::talk::{self, Now};
use crate::model::{Message, Request, untrusted};

/// What it says when nothing is asked.
const TALK: &str = "Say what is to be done, and I propose a workflow for it: “every Monday at 9, fetch the open issues and mail me \
    a summary”. With a workflow in front of us, say what is to change. I also run and simulate workflows, answer questions \
    about runs (“why did the last run fail?”, “what did it cost?”), remember what you tell me, and search what is remembered.";

/// How many passages a spoken answer names as its sources.
const MOST_SOURCES: usize = 3;

/// What comes next in the conversation: a call, or the text of the reply.
pub(super) enum Next {
    /// Call this.
    Call(&'static str, Map<String, Value>),
    /// Say this.
    Say(String),
}

/// What comes next.
pub(super) fn next(request: &Request, now: &Now) -> Next {
    let Some(at) = request.messages.iter().rposition(|message| matches!(message, Message::User { .. })) else {
        return Next::Say(TALK.to_owned());
    };
    let Message::User { text } = &request.messages[at] else { return Next::Say(TALK.to_owned()) };
    let mut results = request.messages[at..].iter().filter_map(|message| match message {
        Message::Tool { result, .. } => Some(result),
        _ => None,
    });
    match results.next_back() {
        Some(result) => Next::Say(told(text, result)),
        None => chosen(text, now),
    }
}

fn chosen(text: &str, now: &Now) -> Next {
    let (tool, arguments) = match intent(text, now) {
        Intent::Accept { steps, run } => (talk::DECIDE, json!({ "decision": "accept", "steps": steps, "run": run })),
        Intent::Reject { .. } => (talk::DECIDE, json!({ "decision": "reject" })),
        Intent::Undo => (talk::DECIDE, json!({ "decision": "undo" })),
        Intent::Run { workflow, inputs } => {
            let inputs: Map<String, Value> = inputs.into_iter().map(|(key, value)| (key, value.into())).collect();
            (talk::RUN, json!({ "workflow": workflow, "inputs": inputs }))
        }
        Intent::Simulate { workflow } => (talk::SIMULATE, json!({ "workflow": workflow })),
        Intent::AskRuns => (talk::ASK_RUNS, json!({ "question": text })),
        Intent::Show { workflow } => (talk::SHOW, json!({ "workflow": workflow })),
        Intent::Search { query } => (talk::SEARCH, json!({ "query": query })),
        Intent::Remember { text } => (talk::REMEMBER, json!({ "text": text })),
        Intent::Keep { name } => (talk::KEEP, json!({ "name": name })),
        Intent::Propose | Intent::Another => {
            // Without a workflow in front of the person it is a new one in any case.
            let new = now.focus.as_ref().and(anew(text)).map(|_| true);
            (talk::PROPOSE, json!({ "request": text, "new": new }))
        }
        Intent::NothingToDecide => return Next::Say("Nothing is proposed that waits for a decision.".to_owned()),
        Intent::Talk => return Next::Say(TALK.to_owned()),
    };
    let mut arguments = arguments.as_object().cloned().unwrap_or_default();
    // What is not said is left out, as the tools' schemas want it.
    arguments.retain(|_, value| !value.is_null());
    Next::Call(tool, arguments)
}

/// What a result says, in a reply.
fn told(asked: &str, result: &Value) -> String {
    let result = untrusted::unwrap(result).unwrap_or_else(|| result.clone());
    if let Some(error) = result.get("error") {
        let message = error.get("message").unwrap_or(error);
        return message.as_str().map_or_else(|| message.to_string(), str::to_owned);
    }
    if let Some(text) = result.get("text").and_then(Value::as_str) {
        return text.to_owned();
    }
    match result.get("hits").and_then(Value::as_array) {
        Some(hits) if hits.is_empty() => {
            "Nothing of that is remembered. `callboard remember FILE` has documents remembered; “remember that …” notes something."
                .to_owned()
        }
        Some(hits) => found(asked, hits),
        None => result.to_string(),
    }
}

/// What was found, in the words in which it is remembered, with its sources.
fn found(asked: &str, hits: &[Value]) -> String {
    let field = |hit: &Value, name: &str| hit.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let texts: Vec<String> = hits.iter().map(|hit| field(hit, "text")).collect();
    let prompt = format!("{asked}\n{}", texts.join("\n\n"));
    let request = Request { messages: vec![Message::User { text: prompt.clone() }], ..Request::default() };
    let words = Words::of(&prompt);
    let conversation = Conversation::read(&request);
    let Draft { text, .. } = plain::answer(&conversation, &words);
    let mut sources: Vec<String> = Vec::new();
    for source in hits.iter().take(MOST_SOURCES).map(|hit| field(hit, "source")) {
        if !source.is_empty() && !sources.contains(&source) {
            sources.push(source);
        }
    }
    if sources.is_empty() { text } else { format!("{text}\n\nFrom: {}", sources.join(", ")) }
}
