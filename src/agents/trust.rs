//! What an agent may change once it has read what anybody may have written.
//!
//! Words of others are marked as such for the model ([`crate::model::untrusted`]), and no mark is relied on: whatever a
//! model makes of them, a call that changes the world is made unasked only if it was wanted before anything of the kind was
//! read, if the step's author meant it, or if what it changes can only ever be read as untrusted text again.
//!
//! Knows nothing of models and of the gate: it says why a person is to be asked, and the gate asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::tools::allows;
use crate::workflow::Planned;

/// A call that an agent wants to make.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) tool: &'a str,
    pub(super) arguments: &'a Value,
    pub(super) changes_the_world: bool,
    /// See [`crate::tools::Tool::is_contained`].
    pub(super) is_contained: bool,
}

/// Why a person must be asked before a call, if one must: `read` is what its agent had read of others when it wanted it.
pub(super) fn doubt(wanted: &Wanted<'_>, plan: &[Planned], read: &[String]) -> Option<String> {
    if read.is_empty() || !wanted.changes_the_world || wanted.is_contained || is_planned(wanted, plan) {
        return None;
    }
    Some(format!(
        "Its agent has read what others wrote ({}), and the plan of its step does not name this call. A yes holds for this one \
         call, with exactly these arguments.",
        read.join(", ")
    ))
}

/// Whether the step's author meant this call.
fn is_planned(wanted: &Wanted<'_>, plan: &[Planned]) -> bool {
    plan.iter().any(|Planned { tool, with }| {
        allows(tool, wanted.tool) && with.iter().all(|(name, value)| wanted.arguments.get(name) == Some(value))
    })
}

/// Whether somebody who works on an assignment has read what others wrote, as whoever assigned it must know.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<AtomicBool>);

impl Heard {
    /// Notes what was read so far.
    pub(super) fn note(&self, read: &[String]) {
        if !read.is_empty() {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Whether anything was.
    #[must_use]
    pub fn anything(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_person_is_asked_before_what_is_not_planned_and_after_reading_only() {
        let arguments = json!({ "path": "brief.md", "text": "x" });
        let wanted = |tool, changes_the_world, is_contained| Wanted {
            tool,
            arguments: &arguments,
            changes_the_world,
            is_contained,
        };
        let planned = |tool: &str, with: &[(&str, Value)]| Planned {
            tool: tool.to_owned(),
            with: with.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<IndexMap<_, _>>(),
        };
        let read = ["http.request".to_owned()];
        let write = wanted("files.write", true, false);
        let cases = [
            (write, vec![], &read[..], true),
            (write, vec![], &[], false),
            (wanted("files.read", false, false), vec![], &read, false),
            (wanted("memory.note", true, true), vec![], &read, false),
            (write, vec![planned("files.write", &[])], &read, false),
            (write, vec![planned("files.*", &[])], &read, false),
            (write, vec![planned("mail.send", &[])], &read, true),
            (write, vec![planned("files.write", &[("path", json!("brief.md"))])], &read, false),
            (write, vec![planned("files.write", &[("path", json!("brief.mD"))])], &read, true),
            (write, vec![planned("files.write", &[("path", json!(["brief.md"]))])], &read, true),
            (write, vec![planned("files.write", &[("mode", Value::Null)])], &read, true),
        ];
        for (wanted, plan, read, asks) in cases {
            assert_eq!(doubt(&wanted, &plan, read).is_some(), asks, "{wanted:?} {plan:?} {read:?}");
        }
    }
}
