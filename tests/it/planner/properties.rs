//! What holds of every proposal, whatever a model says.

use std::collections::HashMap;
use std::sync::Arc;

use callboard::model::Request;
use callboard::model::edits::{Asked, Pair, Said, asked_of};
use callboard::planner::{Proposed, Standing, undo, undoing};
use callboard::workflow::edit::{Edit, apply, apply_all};
use callboard::workflow::hash::{step_hash, workflow_hash};
use callboard::workflow::{Catalog, Step, StepId, Workflow, validate, yaml};
use fastrand::Rng;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ModelOf, brief, open_offer, proposed};
use crate::workflow::generate;
use crate::workflow::properties::random_edit;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn all_steps(workflow: &Workflow) -> HashMap<StepId, Step> {
    fn collect(steps: &[Step], found: &mut HashMap<StepId, Step>) {
        for step in steps {
            found.insert(step.id.clone(), step.clone());
            collect(step.process.body().unwrap_or_default(), found);
        }
    }
    let mut found = HashMap::new();
    collect(&workflow.steps, &mut found);
    found
}

/// Something that a model might say of a workflow: half of it makes sense.
fn wild(shown: &Workflow, rng: &mut Rng) -> Vec<Value> {
    let ids: Vec<String> = all_steps(shown).into_keys().map(|id| id.to_string()).collect();
    let id = |rng: &mut Rng| {
        if ids.is_empty() || rng.u8(0..8) == 0 { "nowhere".to_owned() } else { ids[rng.usize(0..ids.len())].clone() }
    };
    let some = |rng: &mut Rng| -> Vec<String> { (0..rng.usize(0..3)).map(|_| id(rng)).collect() };
    let pair = |rng: &mut Rng| {
        let name = [
            "input.x",
            "process.goal",
            "process.tool",
            "timeout",
            "needs",
            "join",
            "process",
            "nonsense",
            "id",
            "retry.max_attempts",
        ];
        let value: [Value; 6] = [
            json!("x"),
            json!(null),
            json!(3),
            json!("{{ inputs.topic }}"),
            json!("5m"),
            json!("{{ steps.no.output }}"),
        ];
        json!({ "name": name[rng.usize(0..name.len())], "value": value[rng.usize(0..value.len())] })
    };
    (0..rng.usize(1..5))
        .map(|_| {
            let within = if rng.u8(0..4) == 0 { json!(id(rng)) } else { Value::Null };
            let works = [
                json!({ "kind": "tool", "tool": "t" }),
                json!({ "kind": "human", "ask": "?", "choices": [], "to": [] }),
                json!({ "kind": "for_each", "items": "{{ inputs.topic }}", "as": "item" }),
                json!({ "kind": "branch", "cases": [{ "outcome": "a", "when": "true" }] }),
                json!({ "kind": "other", "json": "{\"tool\": \"t\"}" }),
                json!({ "kind": "other", "json": "{" }),
            ];
            match rng.u8(0..7) {
                0 | 1 => json!({ "do": "add", "step": format!("new{}", rng.u8(0..4)), "work": works[rng.usize(0..works.len())], "input": [],
                    "set": if rng.bool() { vec![pair(rng)] } else { vec![] }, "after": some(rng), "before": some(rng), "within": within }),
                2 => json!({ "do": "change", "step": id(rng), "set": [pair(rng), pair(rng)] }),
                3 => json!({ "do": "remove", "step": id(rng) }),
                4 => json!({ "do": "rename", "step": id(rng), "to": format!("new{}", rng.u8(0..4)) }),
                5 => json!({ "do": "move", "step": id(rng), "after": some(rng), "before": some(rng), "within": within }),
                _ => json!({ "do": "workflow", "set": [{ "name": "description", "value": "y" }] }),
            }
        })
        .collect()
}

/// Proposes what a wild model says.
fn wildly(before: Option<&Workflow>, seed: u64) -> Proposed {
    let rng = Arc::new(std::sync::Mutex::new(Rng::with_seed(seed)));
    let model = ModelOf(move |request: &Request| {
        let shown = brief(request).workflow;
        let mut rng = rng.lock().unwrap();
        let edits = shown.as_ref().map(|shown| wild(shown, &mut rng)).unwrap_or_default();
        Ok(serde_json::to_string(&Said { edits, ..Said::default() }).unwrap())
    });
    runtime().block_on(proposed(&model, "do something", before, &open_offer()))
}

/// Holds what must hold of a proposal, and returns what comes of it.
fn held(before: &Workflow, proposed: &Proposed) -> Workflow {
    let catalog = Catalog::open();
    let after = proposed.workflow.clone().expect("a workflow");
    assert!(validate::validate(&after, &catalog).is_empty(), "{}\n{}", proposed.reply, yaml::write(&after));
    let proposal = &proposed.proposal;
    let (olds, news) = (all_steps(before), all_steps(&after));
    for kept in &proposal.kept {
        assert_eq!(
            (step_hash(&olds[&kept.step]), step_hash(&news[&kept.step])),
            (kept.hash.clone(), kept.hash.clone())
        );
        assert_eq!(
            yaml::step_to_json(&olds[&kept.step]).to_string(),
            yaml::step_to_json(&news[&kept.step]).to_string()
        );
    }
    if proposal.standing == Standing::Ready {
        assert_eq!(apply_all(before, &proposal.edits).unwrap(), after);
        // Accepting all of it is what was shown; undoing it is what was there.
        let accepted = proposal.accept(before, before, &catalog).unwrap();
        assert_eq!(workflow_hash(&accepted.workflow), workflow_hash(&after));
        let undone = apply_all(&after, &undoing(before, &proposal.edits).unwrap()).unwrap();
        assert_eq!(yaml::write(&undone), yaml::write(before));
        let undone = undo(before, &after, &after, &catalog).unwrap().workflow;
        assert_eq!(yaml::write(&undone), yaml::write(before));
        // What is told is what differs: a step that is not told of is as it was.
        for (id, step) in &news {
            let is_told = proposal.diff.iter().any(|change| change.step.as_ref() == Some(id));
            let as_it_was =
                olds.get(id).is_some_and(|old| step_hash(&old.without_body()) == step_hash(&step.without_body()));
            let is_renamed = proposal.edits.iter().any(|edit| matches!(edit, Edit::RenameStep { .. }));
            assert!(is_told || as_it_was || is_renamed, "{id} is not told of: {}", proposed.reply);
        }
    } else {
        assert_eq!(yaml::write(&after), yaml::write(before));
    }
    after
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_proposals_makes_an_invalid_workflow(seed: u64, size in 1..20_usize) {
        let mut workflow = generate::workflow(seed, size);
        for round in 0..4 {
            let proposed = wildly(Some(&workflow), seed.wrapping_add(round));
            workflow = held(&workflow, &proposed);
        }
    }

    /// Every edit of the closed set can be said in the form that models are asked for, and comes out the same.
    #[test]
    fn every_edit_survives_the_form(seed: u64, size in 1..25_usize) {
        let before = generate::workflow(seed, size);
        let mut rng = Rng::with_seed(seed);
        let mut edits: Vec<Edit> = Vec::new();
        let mut after = before.clone();
        for _ in 0..rng.usize(1..4) {
            if after.steps.is_empty() { break; }
            // At which place an input or a var stands has no form of its own: it means nothing.
            let edit = match random_edit(&after, &mut rng) {
                Edit::SetInput { name, schema, .. } => Edit::SetInput { name, schema, position: None },
                Edit::SetVar { name, value, .. } => Edit::SetVar { name, value, position: None },
                edit => edit,
            };
            if let Ok(edited) = apply(&after, &edit) && validate::validate(&edited, &Catalog::open()).is_empty() {
                edits.push(edit);
                after = edited;
            }
        }
        let wanted = edits.clone();
        let model = ModelOf(move |request: &Request| {
            let mut shown = brief(request).workflow.expect("a workflow is shown");
            let mut said = Said::default();
            for edit in &wanted {
                let asked = asked_of(edit, &shown);
                said.edits.extend(asked.iter().map(|asked| serde_json::to_value(asked).unwrap()));
                shown = apply(&shown, edit).unwrap_or_else(|problem| panic!("{problem}"));
            }
            Ok(serde_json::to_string(&said).unwrap())
        });
        let proposed = runtime().block_on(proposed(&model, "do it", Some(&before), &open_offer()));
        prop_assert!(proposed.proposal.problems.is_empty(), "{}\n{:#?}", proposed.reply, edits);
        prop_assert_eq!(yaml::write(&proposed.workflow.unwrap()), yaml::write(&after), "{:#?}", edits);
    }

    #[test]
    fn any_part_that_is_accepted_is_valid(seed: u64, size in 2..15_usize) {
        let before = generate::workflow(seed, size);
        let proposed = wildly(Some(&before), seed);
        let proposal = &proposed.proposal;
        if proposal.standing == Standing::Ready {
            for asked in &proposal.asked {
                let Some(step) = asked.step() else { continue };
                if let Ok(accepted) = proposal.accept_steps(&[StepId::from(step)], &before, &before, &Catalog::open()) {
                    let problems = validate::validate(&accepted.workflow, &Catalog::open());
                    prop_assert!(problems.is_empty(), "{problems:#?}");
                }
            }
            // All parts together are the whole.
            let steps: Vec<StepId> = proposal.asked.iter().filter_map(Asked::step).map(StepId::from).collect();
            if proposal.asked.iter().all(|asked| asked.step().is_some()) {
                let all = proposal.accept_steps(&steps, &before, &before, &Catalog::open()).unwrap();
                prop_assert_eq!(yaml::write(&all.workflow), yaml::write(&proposed.workflow.unwrap()));
            }
        }
    }

    /// A proposal that was made before another change goes onto it, unless both changed the same.
    #[test]
    fn a_proposal_goes_onto_what_came_in_between_or_says_what_conflicts(seed: u64, size in 2..15_usize) {
        let before = generate::workflow(seed, size);
        let proposed = wildly(Some(&before), seed);
        let mut rng = Rng::with_seed(seed ^ 0x5eed);
        let edit = random_edit(&before, &mut rng);
        let Ok(current) = apply(&before, &edit) else { return Ok(()) };
        if proposed.proposal.standing != Standing::Ready || !validate::validate(&current, &Catalog::open()).is_empty() {
            return Ok(());
        }
        if let Ok(accepted) = proposed.proposal.accept(&before, &current, &Catalog::open()) {
            let problems = validate::validate(&accepted.workflow, &Catalog::open());
            prop_assert!(problems.is_empty(), "{problems:#?}");
            prop_assert_eq!(yaml::write(&apply_all(&current, &accepted.edits).unwrap()), yaml::write(&accepted.workflow));
        }
    }
}

#[test]
fn a_pair_is_one_value() {
    for (json, good) in [
        (json!({ "name": "a", "value": null }), true),
        (json!({ "name": "a", "json": "[1]" }), true),
        (json!({ "name": "a", "json": "[1" }), false),
        (json!({ "name": "a" }), false),
        (json!({ "name": "a", "value": 1, "json": "1" }), false),
    ] {
        let pair: Pair = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(pair.value().is_ok(), good, "{json}");
    }
}

/// A proposal is data: it can be put away, and accepted later.
#[test]
fn a_proposal_is_read_back_as_it_was_written() {
    let before = generate::workflow(7, 12);
    for seed in 0..40 {
        let proposal = wildly(Some(&before), seed).proposal;
        let written = serde_json::to_string(&proposal).unwrap();
        let read: callboard::planner::Proposal = serde_json::from_str(&written).unwrap();
        assert_eq!(callboard::planner::Proposal { problems: proposal.problems.clone(), ..read }, proposal, "{written}");
    }
}
