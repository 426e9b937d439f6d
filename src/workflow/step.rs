//! A step: input bindings, a process, an output schema; and the ports by which it is left.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A step's id, `[a-z][a-z0-9_]*`, unique in its file, bodies included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub Arc<str>);

/// The port by which a step was left: `ok`, `error`, a branch's case, a person's choice, …
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outcome(pub Arc<str>);

macro_rules! text_newtype {
    ($type:ident) => {
        impl $type {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
text_newtype!(StepId);
text_newtype!(Outcome);

impl Outcome {
    /// The main outcome of all processes but `branch` and `human`.
    pub const OK: &'static str = "ok";
    /// A failure after all retries.
    pub const ERROR: &'static str = "error";
    /// The main outcome of `human`.
    pub const APPROVED: &'static str = "approved";
    /// The other outcome of a `human` without choices of its own.
    pub const REJECTED: &'static str = "rejected";
    /// A `branch` of which no case was true.
    pub const OTHERWISE: &'static str = "otherwise";
    /// A `repeat` that reached its `max`.
    pub const EXHAUSTED: &'static str = "exhausted";
    /// A `wait` for an event that did not come in time.
    pub const TIMEOUT: &'static str = "timeout";
}

/// One step of a workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// What people call it; the id if `None`.
    pub name: Option<String>,
    /// What must have happened before it: always explicit, never the shorthand for a chain.
    pub needs: Vec<Need>,
    /// How many of the needs must come true.
    pub join: Join,
    /// Values with expressions, by name.
    pub input: IndexMap<String, Value>,
    /// Who or what does it.
    pub process: Process,
    /// JSON Schema that its output must satisfy.
    pub output: Option<Value>,
    /// What happens after a failed attempt; one attempt if `None`.
    pub retry: Option<Retry>,
    /// The longest that one attempt may take.
    pub timeout: Option<Duration>,
}

/// One need: a step of the same list, and the port by which it must have been left.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Need {
    /// The step that is needed.
    pub step: StepId,
    /// The port.
    pub port: Port,
}

/// Which ends of a step satisfy a need.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Port {
    /// `step`: the main outcome; `approved` for `human`, any case for `branch`, else `ok`.
    Main,
    /// `step.done`: any end except skipped.
    Done,
    /// `step.NAME`: just this outcome.
    Named(Outcome),
}

/// How many needs must come true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// All of them; skipped once one no longer can.
    #[default]
    All,
    /// The first that does; skipped when none can.
    Any,
}

/// Who or what does a step: a closed set of ten.
#[derive(Clone, Debug, PartialEq)]
pub enum Process {
    /// A role of the company works towards a goal with its tools.
    Agent {
        /// The role's name.
        agent: String,
        /// The goal; may hold expressions.
        goal: String,
        /// The calls that are meant, whatever the agent reads on the way: made without a question to a person.
        plan: Vec<Planned>,
    },
    /// One prompt to one model.
    Model {
        /// The model's alias.
        model: String,
        /// The prompt; may hold expressions.
        prompt: String,
        /// What the model is told of itself; may hold expressions.
        system: Option<String>,
    },
    /// One call of a tool, with the step's input as arguments.
    Tool {
        /// The tool's name.
        tool: String,
    },
    /// A value with expressions.
    Transform {
        /// The value.
        value: Value,
    },
    /// Cases in written order; leaves by the first that is true, else by `otherwise`.
    Branch {
        /// Conditions, by the outcome that they lead to. Their order matters, though equality does not look at it:
        /// [`super::hash::step_hash`] does.
        cases: IndexMap<Outcome, String>,
    },
    /// A body for each item of a list.
    ForEach(ForEach),
    /// A body until or while a condition holds.
    Repeat(Repeat),
    /// Another workflow, with the step's input as its inputs; `version` is a hash, or `None` for the live one.
    Workflow {
        /// Its name.
        workflow: String,
        /// Its content hash.
        version: Option<String>,
    },
    /// Time, or an event.
    Wait(Wait),
    /// A person decides.
    Human(Human),
}

/// A call that the author of an agent's step means it to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The tool, or a group such as `files.*`.
    pub tool: String,
    /// Arguments that the call must have, by name; may hold expressions. The others are the agent's to choose.
    pub with: IndexMap<String, Value>,
}

/// A body for each item of a list. Its output is the list of the bodies' values, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct ForEach {
    /// The list: an expression or a literal.
    pub items: Value,
    /// The name that the item has in the body's expressions.
    pub item_name: String,
    /// How many items are worked on at once, at least 1.
    pub concurrency: u32,
    /// What the failure of an item means for the others.
    pub on_error: OnError,
    /// The body.
    pub steps: Vec<Step>,
}

/// What the failure of one item of a `for_each` means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// No further item is begun, and the step fails.
    #[default]
    Stop,
    /// The others go on; the failed item's value is `{error: …}`.
    Collect,
}

/// A body, again and again. Its output is the last body's value.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeat {
    /// When to stop.
    pub condition: Condition,
    /// Leaves by `exhausted` after this many bodies, at least 1.
    pub max: u32,
    /// The body.
    pub steps: Vec<Step>,
}

/// When a `repeat` stops: an expression without braces or with them.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Tested after each body; stops when true.
    Until(String),
    /// Tested before each body; stops when false.
    While(String),
}

/// What a `wait` waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wait {
    /// So long.
    For(Duration),
    /// Until an instant: an expression or text in RFC 3339.
    Until(String),
    /// A signal of this name whose payload makes `matching` true (as `event`); leaves by `timeout` after `timeout`.
    Event {
        /// The signal's name.
        name: String,
        /// A condition on the payload; every signal of the name matches if `None`.
        matching: Option<String>,
        /// How long to wait; for ever if `None`.
        timeout: Option<Duration>,
    },
}

/// A question to a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Human {
    /// What is asked; may hold expressions.
    pub ask: String,
    /// The outcomes to choose from: `approved` and `rejected` unless given.
    pub choices: Vec<Outcome>,
    /// JSON Schema of what is to be filled in, if anything; it becomes the output.
    pub form: Option<Value>,
    /// Who may answer; anybody if empty.
    pub to: Vec<String>,
    /// What is taken for the answer when none came in time.
    pub default: Option<HumanDefault>,
}

impl ForEach {
    /// The name that the item has unless another is given.
    pub const ITEM: &'static str = "item";
}

impl Human {
    /// A question that anybody may answer with `approved` or `rejected`, at any time.
    #[must_use]
    pub fn asking(ask: String) -> Self {
        let choices = vec![Outcome::from(Outcome::APPROVED), Outcome::from(Outcome::REJECTED)];
        Self { ask, choices, form: None, to: Vec::new(), default: None }
    }
}

impl Step {
    /// A step with an id and a process, and nothing else.
    #[must_use]
    pub fn of(id: StepId, process: Process) -> Self {
        Self {
            id,
            process,
            name: None,
            needs: Vec::new(),
            join: Join::All,
            input: IndexMap::new(),
            output: None,
            retry: None,
            timeout: None,
        }
    }

    /// The step without the steps of its body.
    #[must_use]
    pub fn without_body(&self) -> Self {
        let mut step = self.clone();
        if let Some(body) = step.process.body_mut() {
            body.clear();
        }
        step
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.port {
            Port::Main => write!(f, "{}", self.step),
            Port::Done => write!(f, "{}.done", self.step),
            Port::Named(outcome) => write!(f, "{}.{outcome}", self.step),
        }
    }
}

/// The answer that is taken when a person gave none in time.
#[derive(Clone, Debug, PartialEq)]
pub struct HumanDefault {
    /// How long to wait.
    pub after: Duration,
    /// The outcome by which the step is left then.
    pub outcome: Outcome,
}

/// What happens after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, at least 1.
    pub max_attempts: u32,
    /// Whether each pause doubles.
    pub backoff: Backoff,
    /// The first pause.
    pub initial: Duration,
    /// The longest pause.
    pub max: Duration,
}

/// How pauses between attempts grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backoff {
    /// Every pause is the first one.
    Fixed,
    /// Every pause is twice the one before, up to the longest.
    #[default]
    Exponential,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff: Backoff::Exponential,
            initial: Duration::from_secs(1),
            max: Duration::from_mins(1),
        }
    }
}

impl Process {
    /// The body's steps, for the two processes that have one.
    #[must_use]
    pub fn body(&self) -> Option<&[Step]> {
        match self {
            Self::ForEach(ForEach { steps, .. }) | Self::Repeat(Repeat { steps, .. }) => Some(steps),
            _ => None,
        }
    }

    /// The body's steps, to be changed.
    pub fn body_mut(&mut self) -> Option<&mut Vec<Step>> {
        match self {
            Self::ForEach(ForEach { steps, .. }) | Self::Repeat(Repeat { steps, .. }) => Some(steps),
            _ => None,
        }
    }

    /// The kind, as the file spells it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Agent { .. } => "agent",
            Self::Model { .. } => "model",
            Self::Tool { .. } => "tool",
            Self::Transform { .. } => "transform",
            Self::Branch { .. } => "branch",
            Self::ForEach(_) => "for_each",
            Self::Repeat(_) => "repeat",
            Self::Workflow { .. } => "workflow",
            Self::Wait(_) => "wait",
            Self::Human(_) => "human",
        }
    }

    /// Every outcome by which the process can be left, `error` included.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = match self {
            Self::Branch { cases } => cases.keys().cloned().chain([Outcome::from(Outcome::OTHERWISE)]).collect(),
            Self::Human(human) => human.choices.clone(),
            Self::Repeat(_) => vec![Outcome::OK.into(), Outcome::EXHAUSTED.into()],
            Self::Wait(Wait::Event { timeout: Some(_), .. }) => vec![Outcome::OK.into(), Outcome::TIMEOUT.into()],
            _ => vec![Outcome::OK.into()],
        };
        outcomes.push(Outcome::ERROR.into());
        outcomes
    }

    /// True if leaving this process by `outcome` satisfies a need for its `port`.
    #[must_use]
    pub fn satisfies(&self, port: &Port, outcome: &Outcome) -> bool {
        match port {
            Port::Done => true,
            Port::Named(name) => name == outcome,
            Port::Main => match self {
                Self::Branch { .. } => outcome.as_str() != Outcome::ERROR,
                Self::Human(_) => outcome.as_str() == Outcome::APPROVED,
                _ => outcome.as_str() == Outcome::OK,
            },
        }
    }
}
