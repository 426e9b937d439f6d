//! What holds of every workflow and of every edit of it.

use std::sync::LazyLock;

use callboard::workflow::diff::diff;
use callboard::workflow::edit::{Edit, apply, apply_all, invert};
use callboard::workflow::hash::{step_hash, workflow_hash};
use callboard::workflow::merge::merge;
use callboard::workflow::schema::SCHEMA;
use callboard::workflow::{Catalog, Step, StepId, Workflow, validate, yaml};
use fastrand::Rng;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::generate;

static VALIDATOR: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap());

fn all_steps(workflow: &Workflow) -> Vec<Step> {
    fn collect(steps: &[Step], found: &mut Vec<Step>) {
        for step in steps {
            found.push(step.clone());
            collect(step.process.body().unwrap_or_default(), found);
        }
    }
    let mut found = Vec::new();
    collect(&workflow.steps, &mut found);
    found
}

/// A random edit of a workflow; not all of them can be applied.
pub(crate) fn random_edit(workflow: &Workflow, rng: &mut Rng) -> Edit {
    let steps = all_steps(workflow);
    let step = steps[rng.usize(0..steps.len())].clone();
    let position = rng.usize(0..steps.len() + 2);
    let bodies: Vec<StepId> =
        steps.iter().filter(|step| step.process.body().is_some()).map(|step| step.id.clone()).collect();
    let body_of = (!bodies.is_empty() && rng.bool()).then(|| bodies[rng.usize(0..bodies.len())].clone());
    let other = generate::lone_step(rng.u64(..));
    match rng.u8(0..14) {
        0 => Edit::SetName { name: format!("n{}", rng.u8(..)) },
        1 => Edit::SetDescription { description: "Another.".into() },
        2 => Edit::SetInput {
            name: "extra".into(),
            schema: Some(json!({ "type": "number" })),
            position: Some(rng.usize(0..4)),
        },
        3 => Edit::SetInput { name: "topic".into(), schema: rng.bool().then(|| json!(true)), position: None },
        4 => Edit::SetVar { name: "var0".into(), value: rng.bool().then_some(Value::Null), position: None },
        5 => Edit::SetTriggers { triggers: Vec::new() },
        6 => Edit::SetResult { result: rng.bool().then_some(Value::Null) },
        7 | 8 => Edit::AddStep { step: other, body_of, position: rng.bool().then_some(position) },
        9 | 10 => Edit::RemoveStep { id: step.id },
        11 => Edit::RenameStep { id: step.id, to: StepId::from(format!("r{}", rng.u16(..)).as_str()) },
        12 => Edit::ReplaceStep { step: Step { id: step.id, needs: step.needs, ..other } },
        _ => Edit::MoveStep { id: step.id, position },
    }
}

/// The workflow after some of many random edits.
fn edited(workflow: &Workflow, rng: &mut Rng, edits: usize) -> Workflow {
    (0..edits).fold(workflow.clone(), |workflow, _| {
        if all_steps(&workflow).is_empty() {
            return workflow;
        }
        apply(&workflow, &random_edit(&workflow, rng)).unwrap_or(workflow)
    })
}

/// Equality that looks at order, too.
fn same(a: &Workflow, b: &Workflow) -> bool {
    yaml::write(a) == yaml::write(b)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back_equal(seed: u64, size in 1..40_usize) {
        let workflow = generate::workflow(seed, size);
        let text = yaml::write(&workflow);
        let parsed = yaml::parse(&text).map_err(|problems| TestCaseError::fail(format!("{problems:#?}\n{text}")))?;
        prop_assert_eq!(&parsed.workflow, &workflow, "{}", text);
        prop_assert_eq!(yaml::to_json(&parsed.workflow), yaml::to_json(&workflow));
        prop_assert_eq!(workflow_hash(&parsed.workflow), workflow_hash(&workflow));
    }

    /// A file after edits is the edited workflow, and what they leave alone keeps its comments.
    #[test]
    fn a_rewritten_file_is_the_new_workflow_with_the_comments_of_the_old(seed: u64, size in 1..25_usize) {
        let before = generate::workflow(seed, size);
        let after = edited(&before, &mut Rng::with_seed(seed), 3);
        prop_assume!(!after.steps.is_empty());
        let mut text = String::new();
        for line in yaml::write(&before).lines() {
            if let Some(id) = line.strip_prefix("- id: ") {
                text.push_str(&format!("# about {id}.\n"));
            }
            text.push_str(&format!("{line}\n"));
        }
        let rewritten = yaml::rewrite(&text, &after);
        let parsed = yaml::parse(&rewritten.text).map_err(|problems| TestCaseError::fail(format!("{problems:#?}\n{}", rewritten.text)))?;
        prop_assert_eq!(workflow_hash(&parsed.workflow), workflow_hash(&after), "{}", rewritten.text);
        for step in &after.steps {
            if before.steps.iter().any(|old| old.id == step.id) {
                prop_assert!(rewritten.text.contains(&format!("# about {}.\n", step.id)), "{}: {}\n{}", step.id, text, rewritten.text);
            }
        }
        prop_assert_eq!(yaml::rewrite(&text, &before).text, text);
    }

    #[test]
    fn json_reads_back_equal(seed: u64, size in 1..40_usize) {
        let workflow = generate::workflow(seed, size);
        let json = yaml::to_json(&workflow);
        for text in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
            let parsed = yaml::parse(&text).map_err(|problems| TestCaseError::fail(format!("{problems:#?}\n{text}")))?;
            prop_assert_eq!(&parsed.workflow, &workflow, "{}", text);
        }
        prop_assert_eq!(yaml::from_json(&json), Ok(workflow));
    }

    #[test]
    fn what_is_generated_is_valid(seed: u64, size in 1..40_usize) {
        let workflow = generate::workflow(seed, size);
        let problems = validate::validate(&workflow, &Catalog::open());
        prop_assert!(problems.is_empty(), "{:#?}\n{}", problems, yaml::write(&workflow));
    }

    #[test]
    fn the_schema_knows_what_the_parser_knows(seed: u64, size in 1..20_usize) {
        let json = yaml::to_json(&generate::workflow(seed, size));
        let errors: Vec<String> = VALIDATOR.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        prop_assert!(errors.is_empty(), "{:#?}", errors);
        // A key that nobody knows, or one that is missing, in any object that the parser looks into.
        let mut rng = Rng::with_seed(seed);
        let pointers = objects(&json);
        let pointer = &pointers[rng.usize(0..pointers.len())];
        let mut spoilt = json.clone();
        let object = spoilt.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        if rng.bool() {
            object.insert("nonsense".into(), json!(1));
        } else {
            let key = object.keys().nth(rng.usize(0..object.len())).unwrap().clone();
            object.shift_remove(&key);
        }
        prop_assert_eq!(yaml::from_json(&spoilt).is_ok(), VALIDATOR.is_valid(&spoilt), "{} in {}", pointer, spoilt);
    }

    #[test]
    fn an_inverse_undoes_its_edit(seed: u64, size in 1..25_usize) {
        let mut rng = Rng::with_seed(seed);
        let workflow = edited(&generate::workflow(seed, size), &mut rng, 3);
        for _ in 0..10 {
            if all_steps(&workflow).is_empty() {
                break;
            }
            let edit = random_edit(&workflow, &mut rng);
            let Ok(after) = apply(&workflow, &edit) else { continue };
            let inverse = invert(&workflow, &edit).map_err(|problem| TestCaseError::fail(problem.to_string()))?;
            let back = apply_all(&after, &inverse).map_err(|problem| TestCaseError::fail(format!("{problem}: {edit:?}")))?;
            prop_assert!(same(&back, &workflow), "{:?}\n{}\n{}", edit, yaml::write(&workflow), yaml::write(&back));
        }
    }

    #[test]
    fn what_an_edit_yields_is_structurally_valid(seed: u64, size in 1..25_usize) {
        let mut rng = Rng::with_seed(seed);
        let workflow = edited(&generate::workflow(seed, size), &mut rng, 10);
        let of_expressions = ["unknown_input", "unknown_var", "unknown_step", "not_before", "unknown_name", "unknown_field"];
        for problem in validate::validate(&workflow, &Catalog::open()) {
            let in_needs = problem.place.path.contains(".needs");
            prop_assert!(of_expressions.contains(&problem.code) && !in_needs, "{}\n{}", problem, yaml::write(&workflow));
        }
        // And it can be written, read and hashed like any other.
        let parsed = yaml::parse(&yaml::write(&workflow)).map_err(|problems| TestCaseError::fail(format!("{problems:#?}")))?;
        prop_assert_eq!(workflow_hash(&parsed.workflow), workflow_hash(&workflow));
    }

    #[test]
    fn a_difference_applied_yields_the_other(seed: u64, size in 1..25_usize, edits in 0..12_usize) {
        let mut rng = Rng::with_seed(seed);
        let old = generate::workflow(seed, size);
        let new = if edits == 11 { generate::workflow(seed ^ 1, size) } else { edited(&old, &mut rng, edits) };
        let diff = diff(&old, &new);
        let applied = apply_all(&old, &diff.edits)
            .map_err(|problem| TestCaseError::fail(format!("{problem}\n{:#?}\n{}\n{}", diff.edits, yaml::write(&old), yaml::write(&new))))?;
        prop_assert!(same(&applied, &new), "{:#?}\n{}\n{}", diff.edits, yaml::write(&applied), yaml::write(&new));
        let hashes: Vec<(StepId, String)> = all_steps(&new).iter().map(|step| (step.id.clone(), step_hash(step))).collect();
        prop_assert!(diff.untouched.iter().all(|step| hashes.contains(step)));
        if edits == 0 {
            prop_assert!(diff.edits.is_empty() && diff.untouched.len() == hashes.len());
        }
    }

    #[test]
    fn a_merge_commutes(seed: u64, size in 1..15_usize) {
        let mut rng = Rng::with_seed(seed);
        let base = generate::workflow(seed, size);
        let (ours, theirs) = (edited(&base, &mut rng, 3), edited(&base, &mut rng, 3));
        match (merge(&base, &ours, &theirs), merge(&base, &theirs, &ours)) {
            (Ok(one), Ok(other)) => {
                prop_assert_eq!(workflow_hash(&one), workflow_hash(&other), "{}\n{}", yaml::write(&one), yaml::write(&other));
                prop_assert_eq!(&one.steps, &other.steps);
            }
            (Err(one), Err(other)) => prop_assert_eq!(one.len(), other.len()),
            (one, other) => prop_assert!(false, "{:?}\n{:?}", one, other),
        }
        prop_assert_eq!(merge(&base, &ours, &base).map(|merged| workflow_hash(&merged)), Ok(workflow_hash(&ours)));
        prop_assert_eq!(merge(&base, &ours, &ours).map(|merged| workflow_hash(&merged)), Ok(workflow_hash(&ours)));
    }

    #[test]
    fn edits_of_different_steps_merge(seed: u64, size in 2..20_usize) {
        let base = generate::workflow(seed, size);
        let mut rng = Rng::with_seed(seed);
        prop_assume!(base.steps.len() > 1);
        let first = rng.usize(0..base.steps.len());
        let second = (first + 1 + rng.usize(0..base.steps.len() - 1)) % base.steps.len();
        let renamed = |index: usize, name: &str| {
            let mut step = base.steps[index].clone();
            step.name = Some(name.to_owned());
            apply(&base, &Edit::ReplaceStep { step }).unwrap()
        };
        let (ours, theirs) = (renamed(first, "ours"), renamed(second, "theirs"));
        let merged = merge(&base, &ours, &theirs).map_err(|conflicts| TestCaseError::fail(format!("{conflicts:?}")))?;
        prop_assert_eq!(merged.steps[first].name.as_deref(), Some("ours"));
        prop_assert_eq!(merged.steps[second].name.as_deref(), Some("theirs"));
        prop_assert!(same(&merged, &merge(&base, &theirs, &ours).unwrap()));
    }
}

/// Pointers to the objects of a workflow that are not values or schemas of its own.
fn objects(json: &Value) -> Vec<String> {
    fn visit(value: &Value, at: String, found: &mut Vec<String>) {
        match value {
            Value::Object(entries) => {
                let own = ["inputs", "vars", "input", "output", "transform", "branch", "items", "form", "result"];
                if !entries.is_empty() {
                    found.push(at.clone());
                }
                for (key, value) in entries.iter().filter(|(key, _)| !own.contains(&key.as_str())) {
                    visit(value, format!("{at}/{key}"), found);
                }
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| visit(item, format!("{at}/{index}"), found))
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    visit(json, String::new(), &mut found);
    found
}
