//! Writing an accepted proposal to where it belongs, with nothing lost silently.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::app::replace_file;
use crate::cli::complaint::Complaint;
use crate::server::SavedVersion;
use crate::workflow::Workflow;
use crate::workflow::merge::merge;
use crate::workflow::yaml::{self, Rewritten};

/// Where an accepted proposal was written.
#[derive(Debug, Serialize)]
pub(super) struct Applied {
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// The saved workflow, and its new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workflow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// How many lines with a comment are no longer there.
    pub(super) lost_comments: usize,
    /// Where the text with them is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kept_in: Option<String>,
    /// Whether it was changed otherwise in the meantime, and that was kept.
    pub(super) merged: bool,
}

impl Applied {
    pub(super) fn of_saved(saved: &SavedVersion) -> Self {
        Self {
            file: None,
            workflow: Some(saved.workflow.clone()),
            version: Some(saved.version.clone()),
            lost_comments: saved.lost_comments,
            // No version is ever lost.
            kept_in: None,
            merged: false,
        }
    }
}

/// Writes a workflow to the file that it was read from, as `before`.
pub(super) fn to_file(path: &Path, before: &str, workflow: Workflow) -> Result<Applied, Complaint> {
    // A link stays one.
    let path = fs::canonicalize(path).map_err(|error| not_written(path, &error))?;
    let current = fs::read_to_string(&path).map_err(|error| not_written(&path, &error))?;
    let merged = current != before;
    let workflow = if merged { onto(&path, before, &current, &workflow)? } else { workflow };
    let Rewritten { text, lost_comments } = yaml::rewrite(&current, &workflow);
    let kept_in = if lost_comments > 0 { Some(keep(&path, &current)?) } else { None };
    replace_file(&path, &text).map_err(|error| not_written(&path, &error))?;
    Ok(Applied {
        file: Some(path.display().to_string()),
        workflow: None,
        version: None,
        lost_comments,
        kept_in: kept_in.map(|path| path.display().to_string()),
        merged,
    })
}

/// Writes a new workflow to a file that is not there yet.
pub(super) fn to_new_file(path: &Path, workflow: &Workflow) -> Result<Applied, Complaint> {
    if path.exists() {
        let message = format!("{} is there already, and would be overwritten", path.display());
        return Err(Complaint::invalid("file_exists", message).suggest(format!(
            "name the workflow that is to change with --workflow {}, or write to another file",
            path.display()
        )));
    }
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    let text = if is_json { yaml::rewrite("{}", workflow).text } else { yaml::write(workflow) };
    replace_file(path, &text).map_err(|error| not_written(path, &error))?;
    Ok(Applied {
        file: Some(path.display().to_string()),
        workflow: None,
        version: None,
        lost_comments: 0,
        kept_in: None,
        merged: false,
    })
}

/// What was proposed, on top of what was written to the file in the meantime.
fn onto(path: &Path, before: &str, current: &str, proposed: &Workflow) -> Result<Workflow, Complaint> {
    let conflict = |why: String| {
        Complaint::invalid("conflict", format!("{} was changed in the meantime: {why}", path.display()))
            .suggest("nothing was written; ask again")
    };
    let parse = |text: &str| {
        yaml::parse(text)
            .map(|parsed| parsed.workflow)
            .map_err(|problems| conflict(problems.first().map(ToString::to_string).unwrap_or_default()))
    };
    merge(&parse(before)?, &parse(current)?, proposed).map_err(|conflicts| {
        conflict(conflicts.iter().map(|one| format!("{}: {}", one.about, one.message)).collect::<Vec<_>>().join("; "))
    })
}

/// Keeps a text beside the file that it was in.
fn keep(path: &Path, text: &str) -> Result<PathBuf, Complaint> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let free = (0..1_000)
        .map(|n| path.with_file_name(if n == 0 { format!("{name}.before") } else { format!("{name}.before{n}") }))
        .find(|path| !path.exists());
    let kept = free.unwrap_or_else(|| path.with_file_name(format!("{name}.before")));
    replace_file(&kept, text).map_err(|error| not_written(&kept, &error))?;
    Ok(kept)
}

fn not_written(path: &Path, error: &std::io::Error) -> Complaint {
    Complaint::environment("not_written", format!("{} cannot be written: {error}", path.display()))
        .suggest("nothing is changed; see whether the folder can be written to")
}
