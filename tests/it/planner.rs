//! The planner: words into proposals, through its public surface.

#![allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]

mod cli;
mod properties;
mod reach;
mod said;
mod size;
mod trial;
mod wire;

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use callboard::model::edits::Brief;
use callboard::model::{Model, ModelError, Reply, Request, TokenCount, Usage};
use callboard::planner::{About, Offer, Progress, Proposed, Wish, propose};
use callboard::workflow::{Catalog, CatalogAgent, CatalogTool, Effect, Workflow, yaml};
use serde_json::{Value, json};

/// A workflow of three steps, with a comment and a long text.
pub const WEEKLY: &str = r#"
name: weekly
inputs:
  topic: { type: string, default: Rust }
steps:
  - id: gather
    name: Gather sources
    process: { agent: research, goal: "Find what is new about {{ inputs.topic }}" }
  - id: write
    input: { findings: "{{ steps.gather.output.text }}" }
    process: { agent: implementation, goal: Write a brief }
  - id: mail
    input: { to: maria@example.com, subject: News, body: "{{ steps.write.output.text }}" }
    process: { tool: mail.send }
"#;

pub fn parsed(text: &str) -> Workflow {
    yaml::parse(text).unwrap_or_else(|problems| panic!("{problems:#?}")).workflow
}

fn tool(description: &str, effect: Effect, arguments: &[&str]) -> CatalogTool {
    let properties: serde_json::Map<String, Value> =
        arguments.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
    let parameters = json!({
        "type": "object", "properties": properties, "required": arguments, "additionalProperties": false,
    });
    CatalogTool { description: description.to_owned(), parameters, effect, denied: None }
}

/// A few tools and two roles.
pub fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for (name, known) in [
        ("mail.send", tool("Sends a mail.", Effect::Irreversible, &["to", "subject", "body"])),
        ("chat.post", tool("Posts a message to a channel.", Effect::Write, &["channel", "text"])),
        ("issues.list", tool("Lists the open issues.", Effect::Read, &[])),
        ("issues.close", tool("Closes an issue.", Effect::Write, &["id"])),
    ] {
        catalog.tools.insert(name.to_owned(), known);
    }
    for (name, description) in [("research", "Finds sources."), ("implementation", "Writes.")] {
        catalog.agents.insert(name.to_owned(), CatalogAgent { description: description.to_owned() });
    }
    catalog
}

pub fn offer() -> Offer {
    let about = catalog().tools.keys().map(|name| (name.clone(), About { output: None, is_own: true })).collect();
    Offer::new(catalog(), &about)
}

/// An offer that lets everything pass that is not wrong in itself.
pub fn open_offer() -> Offer {
    Offer::new(Catalog::open(), &HashMap::new())
}

/// A model that is a function of what it is asked.
pub struct ModelOf<F>(pub F);

#[async_trait]
impl<F: Fn(&Request) -> Result<String, ModelError> + Send + Sync + 'static> Model for ModelOf<F> {
    fn name(&self) -> &str {
        "offline"
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        let usage = Usage { input_tokens: 10, output_tokens: 2 };
        Ok(Reply { text: (self.0)(request)?, usage, ..Reply::default() })
    }
}

/// A model that says this, one after the other, and then the last again; and what it was asked.
pub struct Script {
    said: Vec<String>,
    asked: Mutex<Vec<Request>>,
}

impl Script {
    pub fn of(said: &[Value]) -> Self {
        Self { said: said.iter().map(ToString::to_string).collect(), asked: Mutex::default() }
    }

    pub fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Model for Script {
    fn name(&self) -> &str {
        "offline"
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        let mut asked = self.asked.lock().unwrap();
        let text = self.said[asked.len().min(self.said.len() - 1)].clone();
        asked.push(request.clone());
        Ok(Reply { text, usage: Usage { input_tokens: 10, output_tokens: 2 }, ..Reply::default() })
    }
}

/// A reply with just these edits.
pub fn edits(edits: Value) -> Value {
    json!({ "edits": edits, "questions": [], "assumptions": [], "doubts": [] })
}

/// What a model's words come to.
pub async fn proposed(model: &dyn Model, request: &str, workflow: Option<&Workflow>, offer: &Offer) -> Proposed {
    watched(model, request, workflow, offer).await.0.unwrap_or_else(|error| panic!("{error}"))
}

/// The same, with what was seen on the way.
pub async fn watched(
    model: &dyn Model,
    request: &str,
    workflow: Option<&Workflow>,
    offer: &Offer,
) -> (Result<Proposed, ModelError>, Vec<Progress>) {
    let wish = Wish { request, workflow, offer, turns: &[], memory: &[] };
    let mut seen = Vec::new();
    let proposed = propose(model, &TokenCount::of("offline"), &wish, &mut |progress| seen.push(progress)).await;
    (proposed, seen)
}

/// What the model was shown.
pub fn brief(request: &Request) -> Brief {
    Brief::read(request).expect("a brief")
}
