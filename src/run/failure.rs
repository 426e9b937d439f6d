//! Why something failed, and what is done about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::question::stuck;

/// What the engine does about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// It may go better next time: try again as the step's `retry` says.
    Retry,
    /// It would fail again: no further attempt.
    GiveUp,
    /// It would fail again until something is mended: a person says when to try again, or that the step fails.
    Ask,
    /// It was stopped because the run is being cancelled.
    Cancelled,
}

/// Why an attempt, a call or a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What the engine does about it.
    pub category: Category,
    /// A stable name for programs: `timeout`, `bad_expression`, `bad_output`, `http_503`, …
    pub code: String,
    /// What happened, where, and what to do next.
    pub message: String,
}

impl Failure {
    /// A failure that may go better next time.
    pub fn retry(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { category: Category::Retry, code: code.into(), message: message.into() }
    }

    /// A failure that would be the same next time.
    pub fn give_up(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { category: Category::GiveUp, code: code.into(), message: message.into() }
    }

    /// A failure that a person has to mend before it can go better.
    pub fn ask(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { category: Category::Ask, code: code.into(), message: message.into() }
    }

    /// The same failure, after which nothing is tried again.
    #[must_use]
    pub fn for_good(&self) -> Self {
        Self { category: Category::GiveUp, ..self.clone() }
    }

    /// True if a budget is spent: only a person can let the work go on, whoever has come upon it.
    #[must_use]
    pub fn is_spent_budget(&self) -> bool {
        self.category == Category::Ask && self.code.ends_with(stuck::BUDGET)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}
