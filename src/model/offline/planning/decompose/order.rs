//! What of a task goes on side by side, and what it comes to.

use serde_json::{Value, json};

use super::super::draft;
use super::super::scene::Scene;
use super::Work;
use crate::workflow::{Effect, Need, Port, Process, Step, StepId, Workflow};

/// Lets research that has no need of other research go on beside it, and whatever was said to go on at the same time.
pub(in super::super) fn side_by_side(before: &Workflow, workflow: &mut Workflow, groups: &[Vec<StepId>]) {
    let old: Vec<StepId> = before.steps.iter().map(|step| step.id.clone()).collect();
    beside(&mut workflow.steps, &old, groups);
}

fn beside(steps: &mut [Step], old: &[StepId], groups: &[Vec<StepId>]) {
    for step in steps.iter_mut() {
        if let Some(body) = step.process.body_mut() {
            beside(body, old, groups);
        }
    }
    let is_new = |step: &Step| !old.contains(&step.id);
    let is_research = |step: &Step| {
        is_new(step) && matches!(&step.process, Process::Agent { agent, .. } if agent == Work::Research.role())
    };
    let said = |step: &Step| groups.iter().position(|group| is_new(step) && group.contains(&step.id));
    let mut at = 0;
    while at < steps.len() {
        let first = &steps[at];
        let (research, together) = (is_research(first), said(first));
        if !research && together.is_none() {
            at += 1;
            continue;
        }
        let mut group = vec![first.id.clone()];
        let entry = (first.needs.clone(), first.join);
        let mut end = at + 1;
        while let Some(next) = steps.get(end) {
            let follows =
                matches!(next.needs.as_slice(), [need] if group.last() == Some(&need.step) && need.port == Port::Main);
            let refers = group.iter().any(|id| draft::mentions(next, &format!("steps.{id}")));
            let belongs = (research && is_research(next)) || (together.is_some() && said(next) == together);
            if !(belongs && follows && !refers) {
                break;
            }
            group.push(next.id.clone());
            end += 1;
        }
        if let Some(last) = group.last().cloned().filter(|_| group.len() > 1) {
            for step in &mut steps[at..end] {
                (step.needs, step.join) = entry.clone();
            }
            for step in steps[end..].iter_mut().filter(|step| is_new(step)) {
                if let Some(need) = step.needs.iter().find(|need| need.step == last && need.port == Port::Main).cloned()
                {
                    let all = group.iter().map(|id| Need { step: id.clone(), port: need.port.clone() });
                    step.needs =
                        step.needs.iter().filter(|need| !group.contains(&need.step)).cloned().chain(all).collect();
                }
            }
        }
        at = end;
    }
}

/// What is done after a review whatever that finds, and changes something: said, so that nobody takes the review for a gate.
pub(in super::super) fn heedless(before: &Workflow, scene: &Scene<'_>) -> Vec<String> {
    let steps = &scene.draft.workflow.steps;
    let is_new = |step: &&Step| !before.steps.iter().any(|old| old.id == step.id);
    let changes = |step: &&Step| match &step.process {
        Process::Tool { tool } => {
            scene.tools.iter().any(|card| card.name == *tool && !matches!(card.effect, Effect::Pure | Effect::Read))
        }
        _ => false,
    };
    let review = |step: &Step| {
        let reviews = step.needs.iter().filter(|need| need.port == Port::Main);
        let mut reviews = reviews.filter(|need| scene.known.works.get(&need.step) == Some(&Work::Review));
        reviews.next().map(|need| need.step.clone())
    };
    let after = steps.iter().filter(is_new).filter(changes).filter_map(|step| Some((&step.id, review(step)?)));
    after
        .map(|(step, review)| format!("`{step}` is done whatever `{review}` finds; its verdict stops nothing."))
        .collect()
}

/// What a task comes to: its text, and what the review found.
pub(in super::super) fn result(scene: &Scene<'_>) -> Option<Value> {
    let steps = &scene.draft.workflow.steps;
    let all_agents = steps.iter().all(|step| matches!(step.process, Process::Agent { .. } | Process::ForEach(_)));
    let latest = |work: Work| steps.iter().rev().find(|step| scene.known.works.get(&step.id) == Some(&work));
    let text = latest(Work::Writing)?;
    if !all_agents {
        return None;
    }
    let mut result = json!({ "text": format!("{{{{ steps.{}.output.text }}}}", text.id) });
    if let Some(review) = latest(Work::Review) {
        for name in ["verdict", "problems"] {
            result[name] = json!(format!("{{{{ steps.{}.output.{name} }}}}", review.id));
        }
    }
    Some(result)
}
