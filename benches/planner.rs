//! What a request to the planner takes: tokens of the prompt as real models count them, and the time with the offline model.
//!
//! A workflow of 40 steps and 500 tools. `cargo bench --bench planner`.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops; what it prints is its result"
)]

mod support;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use callboard::model::{Model, ModelError, Offline, Reply, Request, TokenCount};
use callboard::planner::{Offer, Wish, propose};
use callboard::workflow::{Catalog, CatalogTool, Effect, Workflow, yaml};
use serde_json::json;

const STEPS: usize = 40;
const TOOLS: usize = 500;
/// The most tokens that a prompt may have.
const MOST_TOKENS: u32 = 6_000;
const REQUEST: &str = "Before the invoices are archived, ask the head of finance whether they may be, and post a message to the \
                       finance channel when they were not.";
const ROUNDS: usize = 50;

const SERVICES: [&str; 20] = [
    "mail",
    "chat",
    "tickets",
    "calendar",
    "crm",
    "files",
    "invoices",
    "payroll",
    "shop",
    "warehouse",
    "contracts",
    "surveys",
    "alerts",
    "deploys",
    "metrics",
    "wiki",
    "forms",
    "bank",
    "travel",
    "people",
];
const VERBS: [(&str, Effect); 5] = [
    ("list", Effect::Read),
    ("create", Effect::Write),
    ("update", Effect::Write),
    ("delete", Effect::Irreversible),
    ("archive", Effect::Write),
];
const OBJECTS: [&str; 5] = ["message", "record", "attachment", "comment", "report"];

/// Tools as catalogs have them.
fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for service in SERVICES {
        for (verb, effect) in VERBS {
            for object in OBJECTS {
                let parameters = json!({
                    "type": "object", "required": ["id", "workspace"],
                    "properties": {
                        "id": { "type": "string" }, "workspace": { "type": "string" }, "fields": { "type": "object" },
                        "limit": { "type": "integer" }, "notify": { "type": "boolean" },
                    },
                });
                let description = format!(
                    "Use this to {verb} a {object} of {service}; it works on the workspace that is given, and says what it has done."
                );
                let tool = CatalogTool { description, parameters, effect, denied: None };
                catalog.tools.insert(format!("{service}.{verb}_{object}"), tool);
            }
        }
    }
    assert_eq!(catalog.tools.len(), TOOLS);
    catalog
}

/// A workflow as people have them: calls with arguments, a condition, a few words here and there.
fn workflow() -> Workflow {
    let mut text = "name: month_end\ndescription: What is done at the end of every month in finance.\ninputs:\n  month: { type: string }\nsteps:\n".to_owned();
    for step in 0..STEPS {
        let (service, verb) = (SERVICES[step % SERVICES.len()], VERBS[step % VERBS.len()].0);
        let object = OBJECTS[step % OBJECTS.len()];
        let before = step.checked_sub(1).map(|before| format!("step_{before}")).unwrap_or_default();
        let from =
            if step == 0 { "{{ inputs.month }}".to_owned() } else { format!("{{{{ steps.{before}.output.id }}}}") };
        write!(
            text,
            "  - id: step_{step}\n    name: {verb} the {object} of {service} for the month\n    needs: [{before}]\n    input: {{ id: \"{from}\", workspace: finance, \
             fields: {{ note: \"Made for {{{{ inputs.month }}}} by the month end\" }} }}\n    process: {{ tool: {service}.{verb}_{object} }}\n    timeout: 5m\n"
        )
        .unwrap();
    }
    yaml::parse(&text).unwrap_or_else(|problems| panic!("{problems:#?}")).workflow
}

/// Keeps what it is asked, and proposes nothing.
#[derive(Default)]
struct Listener(Mutex<Option<Request>>);

#[async_trait]
impl Model for Listener {
    fn name(&self) -> &str {
        "listener"
    }
    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        *self.0.lock().unwrap() = Some(request.clone());
        let text = json!({ "edits": [], "questions": [], "assumptions": [], "doubts": [] }).to_string();
        Ok(Reply { text, ..Reply::default() })
    }
}

fn main() {
    support::runtime().block_on(bench());
}

async fn bench() {
    let begun = Instant::now();
    let offer = Offer::new(catalog(), &HashMap::new());
    let made = begun.elapsed();
    let workflow = workflow();
    println!("planner: a workflow of {STEPS} steps, {TOOLS} tools (made ready in {made:.1?})");
    for name in ["gpt-4.1-mini", "gpt-4", "llama3.1:8b"] {
        let count = TokenCount::of(name);
        count.ready().await;
        let listener = Listener::default();
        let wish = Wish { request: REQUEST, workflow: Some(&workflow), offer: &offer, turns: &[], memory: &[] };
        let begun = Instant::now();
        propose(&listener, &count, &wish, &mut |_| {}).await.unwrap();
        let took = begun.elapsed();
        let request = listener.0.lock().unwrap().take().unwrap();
        let tokens = count.request(&request);
        println!("  prompt for {name:<14} {tokens:>6} tokens, made in {took:.1?}");
        assert!(tokens <= MOST_TOKENS, "the prompt has {tokens} tokens, and {MOST_TOKENS} are allowed");
    }
    for (what, workflow) in [("an edit", Some(&workflow)), ("a new workflow", None)] {
        let count = TokenCount::of(Offline.name());
        let wish = Wish { request: REQUEST, workflow, offer: &offer, turns: &[], memory: &[] };
        let mut times: Vec<Duration> = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            propose(&Offline, &count, &wish, &mut |_| {}).await.unwrap();
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        println!(
            "  offline, {what}: {:.1?} (the middle of {ROUNDS}), {:.1?} at worst",
            times[ROUNDS / 2],
            times[ROUNDS - 1]
        );
    }
}
