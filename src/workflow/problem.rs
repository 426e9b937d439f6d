//! What is wrong with a workflow, where, and what to do about it.

use std::fmt;

use serde::Serialize;

/// A place in a workflow file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Where in the document, as keys and indices: `steps[2].needs[0]`. Empty for the whole.
    pub path: String,
    /// Line from 1; `None` if the workflow was not read from text.
    pub line: Option<u32>,
    /// Column from 1, in characters.
    pub column: Option<u32>,
}

/// One thing that is wrong. All that are found are reported together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable name for this kind of problem, for programs: `unknown_step`, `cycle`, `bad_expression`, …
    pub code: &'static str,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it, if that can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.place.line, self.place.column) {
            write!(f, "{line}:{column}: ")?;
        }
        if !self.place.path.is_empty() {
            write!(f, "{}: ", self.place.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, " ({suggestion})")?;
        }
        Ok(())
    }
}
