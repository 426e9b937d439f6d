//! What a workflow is: a named DAG of steps, with the edits that change it.
//!
//! Pure: no async, no clock, no I/O, and nothing of ours is imported. A workflow is read from
//! YAML or JSON ([`yaml`]), checked against a [`Catalog`] ([`validate`]), changed by [`edit`]s,
//! compared ([`diff`]) and merged ([`merge`]). Its [`graph`] answers what depends on what.
//! [`expression`] evaluates `{{ … }}` as a pure function of values.

pub mod diff;
pub mod edit;
pub mod effect;
pub mod expression;
pub mod graph;
pub mod hash;
pub mod merge;
pub mod problem;
pub mod schema;
pub mod step;
pub mod valid;
pub mod validate;
pub mod yaml;

use indexmap::IndexMap;
use serde_json::Value;

pub use effect::{CallEffect, Effect};
pub use graph::{Graph, ListId, StepIndex};
pub(crate) use problem::nearest;
pub use problem::{Place, Problem};
pub use step::{
    Condition, ForEach, Human, HumanDefault, Join, Need, OnError, Outcome, Planned, Port, Process, Repeat, Retry, Step,
    StepId, Wait,
};
pub use valid::ValidWorkflow;

/// A workflow as written, with every need explicit; not yet checked against a catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// Its name, `[a-z][a-z0-9_]*`; versions of one workflow share it.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// JSON Schema of each input, by name, in written order. An input without a `default` is required.
    pub inputs: IndexMap<String, Value>,
    /// Constants that expressions can use as `vars.NAME`.
    pub vars: IndexMap<String, Value>,
    /// What starts a run without a person.
    pub triggers: Vec<Trigger>,
    /// The steps, in written order.
    pub steps: Vec<Step>,
    /// A value with expressions; `None` means the output of the last step that ran.
    pub result: Option<Value>,
}

/// What starts a run without a person.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// By the clock: a five- or six-field cron pattern in an IANA time zone (UTC if none is given).
    Cron {
        /// The pattern.
        pattern: String,
        /// The time zone's name.
        timezone: Option<String>,
    },
    /// By an HTTP request to `/hooks/PATH`.
    Webhook {
        /// The path, without a slash before it.
        path: String,
    },
    /// By a named event.
    Event {
        /// The event's name.
        name: String,
    },
    /// By the end of a run of another workflow, with the given outcome (`completed` if none is given).
    RunEnded {
        /// The other workflow's name.
        workflow: String,
        /// `completed`, `failed` or `cancelled`.
        outcome: Option<String>,
    },
}

/// What a workflow may refer to: plain data about tools, agents and other workflows.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Whether there may be more than is listed: names that are not are then no problem.
    pub open: bool,
    /// By tool name.
    pub tools: IndexMap<String, CatalogTool>,
    /// By role name.
    pub agents: IndexMap<String, CatalogAgent>,
    /// By workflow name.
    pub workflows: IndexMap<String, CatalogWorkflow>,
}

impl Catalog {
    /// A catalog that knows nothing and so finds no name unknown.
    #[must_use]
    pub fn open() -> Self {
        Self { open: true, ..Self::default() }
    }
}

/// What is known about a tool before it is called.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogTool {
    /// What it does, in a sentence.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
    /// The worst that a call of it can do.
    pub effect: Effect,
    /// Why nobody may call it, if that is so.
    pub denied: Option<String>,
}

/// What is known about an agent.
#[derive(Clone, Debug)]
pub struct CatalogAgent {
    /// What it is good for, in a sentence.
    pub description: String,
}

/// What is known about another workflow.
#[derive(Clone, Debug)]
pub struct CatalogWorkflow {
    /// What it is for, in a sentence.
    pub description: String,
    /// JSON Schema of each input.
    pub inputs: IndexMap<String, Value>,
    /// The workflows that it starts itself, so that a cycle can be named.
    pub starts: Vec<String>,
}
