//! Edits: the closed set of changes by which a workflow becomes another.
//!
//! An edit is data: it can be proposed, shown, stored and undone. Applying one may not bring in a structural problem (a
//! need for a step that is not there, a circle, a name twice); what expressions then refer to is for
//! [`super::validate`] to say.

mod apply;
mod format;
mod invert;
mod rename;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Step, StepId, Trigger};

pub(crate) use apply::carry_out;
pub use apply::{apply, apply_all};
pub use invert::invert;

/// One change to a workflow. A position is a place in a list, from 0; past the end means the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// Names the workflow.
    SetName {
        /// The new name.
        name: String,
    },
    /// Describes the workflow.
    SetDescription {
        /// The new description.
        description: String,
    },
    /// Adds an input, changes its schema, or removes it.
    SetInput {
        /// Its name.
        name: String,
        /// Its JSON Schema; `None` removes the input.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schema: Option<Value>,
        /// Where it is put; it stays where it is, or goes to the end, if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<usize>,
    },
    /// Adds a var, changes its value, or removes it.
    SetVar {
        /// Its name.
        name: String,
        /// Its value, which may be null; `None` removes the var.
        #[serde(default, with = "format::maybe", skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
        /// Where it is put; it stays where it is, or goes to the end, if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<usize>,
    },
    /// Says what starts the workflow.
    SetTriggers {
        /// All triggers, in the file's format.
        #[serde(with = "format::triggers")]
        triggers: Vec<Trigger>,
    },
    /// Says what a run results in.
    SetResult {
        /// A value with expressions; `None` for the output of the last step that ran.
        #[serde(default, with = "format::maybe", skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
    },
    /// Adds a step, with its needs and all. Nothing else changes: what is to come after it is said by edits of those.
    AddStep {
        /// The step, in the file's format.
        #[serde(with = "format::step")]
        step: Step,
        /// The step to whose body it is added; the workflow's own list if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body_of: Option<StepId>,
        /// Where in the list; the end if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<usize>,
    },
    /// Removes a step, with its body. Steps that needed its main outcome, `ok` or any end of it need what it needed
    /// instead, so that a chain closes. Refused if a step needs another outcome of it, or if it joined its needs
    /// otherwise than the step that would inherit them.
    RemoveStep {
        /// The step.
        id: StepId,
    },
    /// Gives a step another id, wherever it is named: in needs and in expressions.
    RenameStep {
        /// The step.
        id: StepId,
        /// Its new id.
        to: StepId,
    },
    /// Puts a step in the place of the one with the same id.
    ReplaceStep {
        /// The step, in the file's format, needs included.
        #[serde(with = "format::step")]
        step: Step,
    },
    /// Moves a step to another place of its list. What depends on what stays as it is.
    MoveStep {
        /// The step.
        id: StepId,
        /// Its new place.
        position: usize,
    },
}
