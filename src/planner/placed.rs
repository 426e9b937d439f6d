//! Where a problem is, in words that hold for whoever knows the workflow by its steps: not by places in lists, which edits shift.

use crate::model::edits::Asked;
use crate::workflow::{Problem, Step, Workflow};

/// The problem, as one of an edit.
pub(super) fn at_edit(mut problem: Problem, index: usize, asked: &Asked) -> Problem {
    let verb = match asked {
        Asked::Add { .. } => "add",
        Asked::Change { .. } => "change",
        Asked::Remove { .. } => "remove",
        Asked::Rename { .. } => "rename",
        Asked::Move { .. } => "move",
        Asked::Workflow { .. } => "workflow",
    };
    let about = asked.step().map(|step| format!(" {step}")).unwrap_or_default();
    let inner = if problem.place.path.is_empty() { String::new() } else { format!(", {}", problem.place.path) };
    problem.place.path = format!("edits[{index}] ({verb}{about}){inner}");
    problem
}

/// The problem with the ids of steps in place of their numbers: `steps.mail.input.to`.
pub(super) fn by_step(mut problem: Problem, workflow: &Workflow) -> Problem {
    problem.place.path = readable(&problem.place.path, workflow);
    problem
}

/// What a problem is known by, whatever moved around it.
pub(super) fn key(problem: &Problem, workflow: &Workflow) -> (&'static str, String, String) {
    (problem.code, readable(&problem.place.path, workflow), problem.message.clone())
}

/// A path with the innermost step's id in place of the way to it.
fn readable(path: &str, workflow: &Workflow) -> String {
    let mut list: &[Step] = &workflow.steps;
    let mut rest = path;
    let mut innermost: Option<&Step> = None;
    while let Some(at) = rest.find("steps[") {
        let after = &rest[at + "steps[".len()..];
        let Some((index, tail)) = after.split_once(']') else { break };
        let Some(step) = index.parse::<usize>().ok().and_then(|index| list.get(index)) else { break };
        innermost = Some(step);
        list = step.process.body().unwrap_or_default();
        rest = tail;
        // The path of a body goes through the process of its loop; anything else that is called `steps` is no list of them.
        if !tail.contains("steps[") {
            break;
        }
    }
    match innermost {
        Some(step) => format!("steps.{}{rest}", step.id),
        None => path.to_owned(),
    }
}
