//! What the examples and the README show is right: each example is carried out by the program on its fixtures, and does
//! what its first comment says.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

mod customer_onboarding;
mod incident_triage;
mod invoice_checking;
mod market_research;
mod status_page;
mod weekly_csv_report;

use std::fs;
use std::path::{Path, PathBuf};

use callboard::agents::{RoleFolders, Roles};
use callboard::workflow::yaml;
use serde_json::Value;

use crate::cli::stage::Stage;

/// A stage with an example and its fixtures, in the places that its own defaults name.
fn staged(name: &str) -> Stage {
    let stage = Stage::new();
    copy(&stage, &PathBuf::from(format!("examples/{name}.yaml")));
    copy(&stage, &Path::new("examples/fixtures").join(name));
    stage
}

/// The same, with the documents among the fixtures remembered.
fn staged_and_remembered(name: &str) -> Stage {
    let stage = staged(name);
    stage.done(&["remember", &format!("examples/fixtures/{name}/documents")]);
    stage
}

fn copy(stage: &Stage, path: &Path) {
    let from = root().join(path);
    if from.is_dir() {
        for entry in fs::read_dir(&from).unwrap() {
            copy(stage, &path.join(entry.unwrap().file_name()));
        }
    } else {
        stage.write(path.to_str().unwrap(), fs::read(&from).unwrap());
    }
}

/// Makes an example's waiting short: what it waits for is part of its file.
fn shorten(stage: &Stage, name: &str, from: &str, to: &str) {
    let path = format!("examples/{name}.yaml");
    let text = read(stage, &path);
    assert!(text.contains(from), "{path} has no `{from}`");
    stage.write(&path, text.replace(from, to));
}

fn read(stage: &Stage, path: &str) -> String {
    fs::read_to_string(stage.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs a command that leaves its run parked, and reads its standard output.
fn parked(stage: &Stage, arguments: &[&str]) -> Value {
    let ended = stage.run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(ended.code, Some(3), "{arguments:?}: {ended:#?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {ended:#?}"))
}

/// The ids of the questions that a parked run asks.
fn asked(run: &Value) -> Vec<&str> {
    run["questions"].as_array().unwrap().iter().map(|question| question["id"].as_str().unwrap()).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

#[test]
fn agents_of_a_simulated_run_give_what_their_steps_ask_for() {
    let stage = Stage::new();
    copy(&stage, Path::new("examples/brief.yaml"));
    copy(&stage, Path::new("examples/documents"));
    stage.done(&["remember", "examples/documents"]);
    let ended = stage.run(&["simulate", "examples/brief.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("would be completed"), "{ended:#?}");
    assert!(ended.stdout.contains("would call files.write"), "{ended:#?}");
}

/// The YAML blocks of the README.
fn shown() -> Vec<String> {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_example_is_a_workflow() {
    let examples = files(&root().join("examples"), "yaml");
    assert!(!examples.is_empty());
    for path in examples {
        let text = fs::read_to_string(&path).unwrap();
        let parsed = yaml::parse(&text).unwrap_or_else(|problems| panic!("{}: {problems:#?}", path.display()));
        assert_eq!(Some(parsed.workflow.name.as_str()), path.file_stem().and_then(|stem| stem.to_str()));
    }
}

#[test]
fn the_program_finds_every_example_valid_and_the_docs_tell_of_it() {
    let told = fs::read_to_string(root().join("docs/examples.md")).unwrap();
    for path in files(&root().join("examples"), "yaml") {
        Stage::new().done(&["validate", path.to_str().unwrap()]);
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(told.contains(&format!("(../examples/{name}.yaml)")), "docs/examples.md says nothing of {name}");
    }
}

#[test]
fn the_readme_shows_a_workflow_and_a_role() {
    let [workflow, role] = &shown()[..] else { panic!("the README shows two files: {:#?}", shown()) };
    yaml::parse(workflow).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("legal.yaml"), role).unwrap();
    fs::write(folder.path().join("legal.md"), "You read contracts.").unwrap();
    let folders = || vec![folder.path().to_owned()];
    let roles = Roles::load(&RoleFolders { agents: folders(), prompts: folders() }).unwrap();
    assert_eq!(roles.get("legal").unwrap().workers, 2);
}

#[test]
fn the_documents_are_worth_reading() {
    let folder = root().join("examples/documents");
    let count: usize = ["md", "txt", "html"].iter().map(|kind| files(&folder, kind).len()).sum();
    assert!(count >= 6);
}
