//! What goes through the pipes: a line of JSON to the worker, and one back.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Code to evaluate.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) code: String,
    pub(super) input: Value,
    pub(super) limits: Limits,
}

/// What one evaluation may take.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Limits {
    /// From the first instruction to the last.
    pub(super) time: Duration,
    /// The heap of the code, in bytes.
    pub(super) memory: usize,
    /// The value as JSON, in bytes.
    pub(super) output: usize,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) outcome: Outcome,
    /// What it wrote to the console, by lines.
    pub(super) log: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Value(Value),
    Failed(Failed),
}

/// Why there is no value.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) why: Why,
    pub(super) message: String,
    /// Of the code, counted from 1.
    pub(super) line: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Why {
    /// It cannot be read as JavaScript.
    Syntax,
    /// It threw.
    Threw,
    /// Its time was over.
    Time,
    /// Its memory was used up.
    Memory,
    /// What it returned cannot be passed on.
    Output,
    /// The worker itself could not do its work.
    Worker,
}

impl Failed {
    pub(super) fn new(why: Why, message: impl Into<String>) -> Self {
        Self { why, message: message.into(), line: None }
    }
}
