//! The edits that undo an edit.

use indexmap::IndexMap;
use serde_json::Value;

use super::Edit;
use super::apply::{apply, find};
use crate::workflow::hash::step_hash;
use crate::workflow::{Problem, Step, Workflow};

/// The edits that take `apply(workflow, edit)` back to `workflow`, to be applied all together.
///
/// # Errors
/// The edit cannot be applied.
pub fn invert(workflow: &Workflow, edit: &Edit) -> Result<Vec<Edit>, Problem> {
    let edited = apply(workflow, edit)?;
    Ok(match edit {
        Edit::SetName { .. } => vec![Edit::SetName { name: workflow.name.clone() }],
        Edit::SetDescription { .. } => vec![Edit::SetDescription { description: workflow.description.clone() }],
        Edit::SetInput { name, .. } => {
            let (schema, position) = entry(&workflow.inputs, name);
            vec![Edit::SetInput { name: name.clone(), schema, position }]
        }
        Edit::SetVar { name, .. } => {
            let (value, position) = entry(&workflow.vars, name);
            vec![Edit::SetVar { name: name.clone(), value, position }]
        }
        Edit::SetTriggers { .. } => vec![Edit::SetTriggers { triggers: workflow.triggers.clone() }],
        Edit::SetResult { .. } => vec![Edit::SetResult { result: workflow.result.clone() }],
        Edit::AddStep { step, body_of, .. } => {
            // A step that needed it before it was there goes back to needing what is not there.
            let list = match body_of {
                None => workflow.steps.as_slice(),
                Some(owner) => find(workflow, owner)?.step.process.body().unwrap_or_default(),
            };
            let dangling = list.iter().filter(|other| other.needs.iter().any(|need| need.step == step.id));
            let mut edits = vec![Edit::RemoveStep { id: step.id.clone() }];
            edits.extend(dangling.map(|step| Edit::ReplaceStep { step: step.clone() }));
            edits
        }
        Edit::RemoveStep { id } => {
            let found = find(workflow, id)?;
            let after = match &found.body_of {
                None => edited.steps.as_slice(),
                Some(owner) => find(&edited, owner)?.step.process.body().unwrap_or_default(),
            };
            let mut edits = vec![Edit::AddStep {
                step: found.step.clone(),
                body_of: found.body_of.clone(),
                position: Some(found.index),
            }];
            edits.extend(changed(found.list, after).map(|step| Edit::ReplaceStep { step: step.clone() }));
            edits
        }
        Edit::RenameStep { id, to } => vec![Edit::RenameStep { id: to.clone(), to: id.clone() }],
        Edit::ReplaceStep { step } => vec![Edit::ReplaceStep { step: find(workflow, &step.id)?.step.clone() }],
        Edit::MoveStep { id, .. } => vec![Edit::MoveStep { id: id.clone(), position: find(workflow, id)?.index }],
    })
}

/// What to set to have an entry as it was: nothing if it was not there.
fn entry(entries: &IndexMap<String, Value>, name: &str) -> (Option<Value>, Option<usize>) {
    let value = entries.get(name).cloned();
    (value, entries.get_index_of(name))
}

/// The steps of a list that are there afterwards too, but not as they were.
fn changed<'s>(before: &'s [Step], after: &'s [Step]) -> impl Iterator<Item = &'s Step> {
    before.iter().filter(|step| after.iter().any(|other| other.id == step.id && step_hash(other) != step_hash(step)))
}
