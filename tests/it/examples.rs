//! What the examples and the README show is right.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use callboard::agents::{RoleFolders, Roles};
use callboard::workflow::yaml;

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
