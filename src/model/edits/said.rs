//! What a model says is to change.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::shorten::Shortened;

/// A whole reply.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// What is to change, in an order that names things before using them. Each is read by itself ([`Asked`]), so that one
    /// that makes no sense does not hide the others.
    pub edits: Vec<Value>,
    /// What a person should say before the edits are accepted.
    #[serde(default)]
    pub questions: Vec<Question>,
    /// What was taken for granted; why there are no edits, if there are none.
    #[serde(default)]
    pub assumptions: Vec<String>,
    /// Steps that may not be what was meant.
    #[serde(default)]
    pub doubts: Vec<Doubt>,
}

/// A question with choices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The question.
    pub ask: String,
    /// The answers to choose from, the likeliest first.
    pub choices: Vec<Choice>,
}

/// An answer to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What it is called.
    pub label: String,
    /// The request that means just this, to be made instead.
    pub request: String,
}

/// A step that may not be what was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doubt {
    /// Its id.
    pub step: String,
    /// Why.
    pub why: String,
}

/// One thing that is to change. `after`, `before` and the needs that are set name steps, or steps with an outcome: `check.ok`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Asked {
    /// Adds a step.
    Add {
        /// Its id.
        step: String,
        /// Who or what does it.
        work: Work,
        /// Its input, by name.
        input: Vec<Pair>,
        /// All else that a step can have, by its name in the file.
        set: Vec<Pair>,
        /// What it needs.
        after: Vec<String>,
        /// The steps that are to wait for it from now on.
        before: Vec<String>,
        /// The loop in whose body it is.
        within: Option<String>,
    },
    /// Sets values of a step, by their paths in the file; null takes a value away.
    Change {
        /// The step.
        step: String,
        /// The values.
        set: Vec<Pair>,
    },
    /// Removes a step; those that needed it need what it needed.
    Remove {
        /// The step.
        step: String,
    },
    /// Gives a step another id, wherever it is named.
    Rename {
        /// The step.
        step: String,
        /// Its new id.
        to: String,
    },
    /// Takes a step out of where it is, and puts it elsewhere.
    Move {
        /// The step.
        step: String,
        /// What it needs from now on.
        after: Vec<String>,
        /// The steps that are to wait for it from now on.
        before: Vec<String>,
        /// The loop in whose body it is from now on.
        within: Option<String>,
    },
    /// Sets values of the workflow itself, by their paths in the file; null takes a value away.
    Workflow {
        /// The values.
        set: Vec<Pair>,
    },
}

impl Asked {
    /// The step that it is about; `None` for the workflow itself.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::Add { step, .. }
            | Self::Change { step, .. }
            | Self::Remove { step }
            | Self::Rename { step, .. }
            | Self::Move { step, .. } => Some(step),
            Self::Workflow { .. } => None,
        }
    }
}

impl Asked {
    /// The same with the texts in full that were shown in short.
    ///
    /// # Errors
    /// A text that was shown in short and then changed in part, or a value that is none.
    pub fn in_full(mut self, shortened: &Shortened) -> Result<Self, String> {
        let fill = |pairs: &mut Vec<Pair>| -> Result<(), String> {
            for pair in pairs {
                if let Some(value) = pair.value()? {
                    *pair = Pair::new(std::mem::take(&mut pair.name), shortened.restored(&value)?);
                }
            }
            Ok(())
        };
        match &mut self {
            Self::Add { work, input, set, .. } => {
                fill(input)?;
                fill(set)?;
                *work = std::mem::replace(work, Work::Transform { value: String::new() }).in_full(shortened)?;
            }
            Self::Change { set, .. } | Self::Workflow { set } => fill(set)?,
            Self::Remove { .. } | Self::Rename { .. } | Self::Move { .. } => {}
        }
        Ok(self)
    }
}

impl Work {
    fn in_full(self, shortened: &Shortened) -> Result<Self, String> {
        if let Self::Other { json } = &self {
            let value: Value =
                serde_json::from_str(json).map_err(|error| format!("`json` of the process is no JSON: {error}"))?;
            return Ok(Self::Other { json: shortened.restored(&value)?.to_string() });
        }
        let value = serde_json::to_value(&self).map_err(|error| error.to_string())?;
        serde_json::from_value(shortened.restored(&value)?).map_err(|error| error.to_string())
    }
}

/// Who or what does a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// A tool is called with the step's input.
    Tool {
        /// Its name.
        tool: String,
    },
    /// A role works towards a goal.
    Agent {
        /// Its name.
        agent: String,
        /// The goal.
        goal: String,
    },
    /// A model answers one prompt.
    Model {
        /// The prompt.
        prompt: String,
    },
    /// A person does something, or decides.
    Human {
        /// What is asked.
        ask: String,
        /// The outcomes to choose from; `approved` and `rejected` if empty.
        choices: Vec<String>,
        /// Who may answer; anybody if empty.
        to: Vec<String>,
    },
    /// The first case that is true, else `otherwise`.
    Branch {
        /// The cases.
        cases: Vec<Case>,
    },
    /// A body for each item.
    ForEach {
        /// An expression that yields a list.
        items: String,
        /// What the item is called in the body.
        #[serde(rename = "as")]
        item: String,
    },
    /// A body again and again.
    Repeat {
        /// Which way the condition ends it.
        tested: Tested,
        /// The condition.
        condition: String,
        /// How often at most.
        max: u32,
    },
    /// Time, or an event.
    Wait {
        /// For what.
        wait_for: WaitFor,
        /// How long, until when, or for the event of which name.
        value: String,
    },
    /// Another workflow is run with the step's input.
    Workflow {
        /// Its name.
        workflow: String,
    },
    /// A value is made of others.
    Transform {
        /// It, with expressions.
        value: String,
    },
    /// Any process, as the file has it.
    Other {
        /// It, as JSON text.
        json: String,
    },
}

/// A case of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The outcome that it leads to.
    pub outcome: String,
    /// When.
    pub when: String,
}

/// Which way the condition of a `repeat` ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tested {
    /// It goes on until it is true.
    Until,
    /// It goes on while it is true.
    While,
}

/// What a `wait` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// So long.
    Time,
    /// An instant.
    Instant,
    /// An event.
    Event,
}

/// A value with its name: written as it is if it is a text, a number, true or false, else as JSON text. A plain null takes a
/// value away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The name, or the path.
    pub name: String,
    /// The value.
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    /// The value as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<String>,
}

/// A value that is there, even if it is null.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Pair {
    /// A value under a name.
    #[must_use]
    pub fn new(name: impl Into<String>, value: Value) -> Self {
        match value {
            // Null itself, since a plain null takes a value away.
            Value::Array(_) | Value::Object(_) | Value::Null => {
                Self { name: name.into(), value: None, json: Some(value.to_string()) }
            }
            plain => Self { name: name.into(), value: Some(plain), json: None },
        }
    }

    /// A name whose value is taken away.
    #[must_use]
    pub fn gone(name: impl Into<String>) -> Self {
        Self { name: name.into(), value: Some(Value::Null), json: None }
    }

    /// The value; `None` if it is taken away.
    ///
    /// # Errors
    /// What is wrong with the JSON text, or that there is no value.
    pub fn value(&self) -> Result<Option<Value>, String> {
        match (&self.value, &self.json) {
            (Some(Value::Null), None) => Ok(None),
            (Some(value), None) => Ok(Some(value.clone())),
            (None, Some(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|error| format!("`{}`: its `json` is no JSON: {error}", self.name)),
            (Some(_), Some(_)) => Err(format!("`{}` has both `value` and `json`", self.name)),
            (None, None) => Err(format!("`{}` has neither `value` nor `json`", self.name)),
        }
    }
}
