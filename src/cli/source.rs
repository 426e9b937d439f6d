//! Workflow files: the one that was named, and those beside it that it starts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::complaint::Complaint;
use crate::server::{PlacedProblem, WorkflowText};
use crate::workflow::{Process, Step, yaml};

/// No workflow file is larger; what is larger is a mistake, and reading it would only take time.
const LARGEST_FILE: u64 = 4 << 20;

/// More files beside the one that was named are not looked through.
const MOST_SIBLINGS: usize = 1_000;

/// What a workflow file's name ends with.
const EXTENSIONS: &[&str] = &["yaml", "yml", "json"];

/// The file, and after it every file of its folder that holds a workflow that it starts, however indirectly.
pub(super) fn gather(file: &Path) -> Result<Vec<WorkflowText>, Complaint> {
    let mut files = vec![read(file)?];
    let mut siblings: Option<Vec<(String, WorkflowText)>> = None;
    let mut known = BTreeSet::new();
    let mut next = 0;
    while next < files.len() {
        // What cannot be read is reported when the whole is checked.
        if let Ok(parsed) = yaml::parse(&files[next].text) {
            known.insert(parsed.workflow.name.clone());
            for name in started_by(&parsed.workflow.steps) {
                let siblings = siblings.get_or_insert_with(|| workflows_beside(file));
                if known.insert(name.clone())
                    && let Some(position) = siblings.iter().position(|(sibling, _)| *sibling == name)
                {
                    files.push(siblings.swap_remove(position).1);
                }
            }
        }
        next += 1;
    }
    Ok(files)
}

/// The names of the workflows that these steps start.
fn started_by(steps: &[Step]) -> Vec<String> {
    let mut names = Vec::new();
    for step in steps {
        if let Process::Workflow { workflow, version: None } = &step.process {
            names.push(workflow.clone());
        }
        names.extend(started_by(step.process.body().unwrap_or_default()));
    }
    names
}

/// The readable workflows in the file's folder but itself, by name.
fn workflows_beside(file: &Path) -> Vec<(String, WorkflowText)> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().and_then(|ending| ending.to_str()).is_some_and(|e| EXTENSIONS.contains(&e)))
        .filter(|path| path.file_name() != file.file_name())
        .take(MOST_SIBLINGS)
        .collect();
    paths.sort();
    let named = |path: PathBuf| {
        let text = read(&path).ok()?;
        let name = yaml::parse(&text.text).ok()?.workflow.name;
        Some((name, text))
    };
    paths.into_iter().filter_map(named).collect()
}

fn read(path: &Path) -> Result<WorkflowText, Complaint> {
    let file = path.display().to_string();
    let unreadable = |reason: String| {
        Complaint::invalid("unreadable_file", format!("{file} cannot be read: {reason}"))
            .suggest("give the path of a workflow file (YAML or JSON)")
    };
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if metadata.is_dir() {
        return Err(unreadable("it is a folder".to_owned()));
    }
    if metadata.len() > LARGEST_FILE {
        let largest = LARGEST_FILE >> 20;
        let message = format!("{file} has {} bytes, and a workflow file at most {largest} MiB", metadata.len());
        return Err(Complaint::invalid("large_file", message)
            .suggest("split it into workflows that start each other, and let steps read large data from files"));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(WorkflowText { file, text }),
        Err(error) => Err(not_text(&file, &error)),
    }
}

/// Where a file stops being text.
fn not_text(file: &str, error: &std::string::FromUtf8Error) -> Complaint {
    let before = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
    let number = |n: usize| u32::try_from(n).ok();
    let problem = PlacedProblem {
        line: number(before.matches('\n').count() + 1),
        column: number(before.chars().rev().take_while(|c| *c != '\n').count() + 1),
        code: "not_text".to_owned(),
        message: "this is not UTF-8 text".to_owned(),
        suggestion: Some("save the file as UTF-8".to_owned()),
        file: Some(file.to_owned()),
        ..PlacedProblem::default()
    };
    Complaint::invalid("invalid_workflow", format!("{file} is not a workflow")).with(vec![problem])
}
