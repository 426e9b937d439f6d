//! Workflow files to saved versions, and saved versions to what a run pins.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::AppError;
use crate::clock::Timestamp;
use crate::store::Workspace;
use crate::workflow::{Catalog, CatalogWorkflow, Problem, Process, Step, ValidWorkflow, Workflow, validate, yaml};

/// A workflow file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowFile {
    /// What it is called in messages.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// A checked workflow; saved, if that was asked for.
#[derive(Clone, Debug)]
pub struct Saved {
    /// What its file is called in messages.
    pub file: String,
    /// The workflow.
    pub workflow: Arc<ValidWorkflow>,
}

/// Everything that is wrong with workflow files, each with its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileProblems(pub Vec<(String, Problem)>);

impl fmt::Display for FileProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (file, problem)) in self.0.iter().enumerate() {
            write!(f, "{}{file}:{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// A workflow, and the hashes of those that it starts, however indirectly, by `workflow:NAME`.
pub(super) struct Pinned {
    pub(super) workflow: Arc<ValidWorkflow>,
    pub(super) pins: BTreeMap<String, String>,
}

/// More workflows than this are not looked up for one: something is wrong with so large a family.
const MOST_RELATIVES: usize = 1_000;

/// Checks the files against each other, `catalog` and the saved workflows.
pub(super) async fn check(
    workspace: Option<&Workspace>,
    catalog: &Catalog,
    files: &[WorkflowFile],
) -> Result<Vec<Saved>, AppError> {
    let mut catalog = catalog.clone();
    let mut wanted = BTreeSet::new();
    for WorkflowFile { text, .. } in files {
        // What cannot be read is reported below, with all else.
        if let Ok(parsed) = yaml::parse(text) {
            let known = catalogued(&parsed.workflow);
            wanted.extend(known.starts.iter().cloned());
            catalog.workflows.insert(parsed.workflow.name, known);
        }
    }
    if let Some(workspace) = workspace {
        add_saved(workspace, &mut catalog, wanted).await?;
    }
    let mut checked = Vec::with_capacity(files.len());
    let mut problems = Vec::new();
    for WorkflowFile { file, text } in files {
        match validate::check_text(text, &catalog) {
            Ok(workflow) => checked.push(Saved { file: file.clone(), workflow: Arc::new(workflow) }),
            Err(found) => problems.extend(found.into_iter().map(|problem| (file.clone(), problem))),
        }
    }
    if problems.is_empty() { Ok(checked) } else { Err(AppError::Workflows(FileProblems(problems))) }
}

/// Checks the files, and saves each as the live version of its workflow.
pub(super) async fn save(
    workspace: &Workspace,
    catalog: &Catalog,
    files: &[WorkflowFile],
    now: Timestamp,
) -> Result<Vec<Saved>, AppError> {
    let checked = save_aside(workspace, catalog, files, now).await?;
    let workflows = workspace.workflows();
    // Those that are started come first, so that whatever is live can be started.
    for Saved { workflow, .. } in checked.iter().rev() {
        workflows.set_live(&workflow.workflow().name, workflow.hash()).await?;
    }
    Ok(checked)
}

/// Checks the files, and saves each as a version. Which version is live stays as it is.
pub(super) async fn save_aside(
    workspace: &Workspace,
    catalog: &Catalog,
    files: &[WorkflowFile],
    now: Timestamp,
) -> Result<Vec<Saved>, AppError> {
    let checked = check(Some(workspace), catalog, files).await?;
    for (Saved { workflow, .. }, WorkflowFile { text, .. }) in checked.iter().zip(files).rev() {
        workspace.workflows().save(&workflow.workflow().name, workflow.hash(), text, now).await?;
    }
    Ok(checked)
}

/// A saved version, with what it starts.
pub(super) async fn pin(workspace: &Workspace, name: &str, version: Option<&str>) -> Result<Pinned, AppError> {
    let workflow = Arc::new(load(workspace, name, version).await?);
    let mut pins = BTreeMap::new();
    let mut next = started_by(&workflow.workflow().steps);
    while let Some((name, version)) = next.pop() {
        let key = format!("workflow:{name}");
        if pins.contains_key(&key) || pins.len() >= MOST_RELATIVES {
            continue;
        }
        let child = load(workspace, &name, version.as_deref()).await?;
        pins.insert(key, child.hash().to_owned());
        next.extend(started_by(&child.workflow().steps));
    }
    Ok(Pinned { workflow, pins })
}

/// The saved workflows that the checked ones start, however indirectly, by name; but those that are among them.
pub(super) async fn saved_children(
    workspace: &Workspace,
    checked: &[Saved],
) -> Result<HashMap<String, Arc<ValidWorkflow>>, AppError> {
    let mut known: BTreeSet<String> = checked.iter().map(|saved| saved.workflow.workflow().name.clone()).collect();
    let mut next: Vec<_> = checked.iter().flat_map(|saved| started_by(&saved.workflow.workflow().steps)).collect();
    let mut children = HashMap::new();
    while let Some((name, version)) = next.pop() {
        if known.insert(name.clone()) && children.len() < MOST_RELATIVES {
            let child = load(workspace, &name, version.as_deref()).await?;
            next.extend(started_by(&child.workflow().steps));
            children.insert(name, Arc::new(child));
        }
    }
    Ok(children)
}

async fn load(workspace: &Workspace, name: &str, version: Option<&str>) -> Result<ValidWorkflow, AppError> {
    let workflows = workspace.workflows();
    let saved = match version {
        Some(version) => workflows.version(name, version).await?,
        None => workflows.live(name).await?,
    };
    let missing = || AppError::NoSuchWorkflow { workflow: name.to_owned(), version: version.map(str::to_owned) };
    let saved = saved.ok_or_else(missing)?;
    ValidWorkflow::pinned(&saved.text).map_err(|problems| {
        let file = format!("{name} {}", saved.hash);
        AppError::Workflows(FileProblems(problems.into_iter().map(|problem| (file.clone(), problem)).collect()))
    })
}

/// Adds the saved workflows that are wanted, and those that they start.
async fn add_saved(workspace: &Workspace, catalog: &mut Catalog, wanted: BTreeSet<String>) -> Result<(), AppError> {
    let mut next: Vec<String> = wanted.into_iter().collect();
    while let Some(name) = next.pop() {
        if catalog.workflows.contains_key(&name) || catalog.workflows.len() >= MOST_RELATIVES {
            continue;
        }
        let Some(saved) = workspace.workflows().live(&name).await? else { continue };
        // One that an older version wrote and this one cannot read is as good as missing.
        let Ok(parsed) = yaml::parse(&saved.text) else { continue };
        let known = catalogued(&parsed.workflow);
        next.extend(known.starts.iter().cloned());
        catalog.workflows.insert(name, known);
    }
    Ok(())
}

pub(super) fn catalogued(workflow: &Workflow) -> CatalogWorkflow {
    CatalogWorkflow {
        description: workflow.description.clone(),
        inputs: workflow.inputs.clone(),
        starts: started_by(&workflow.steps).into_iter().map(|(name, _)| name).collect(),
    }
}

/// The workflows that these steps start: names, and hashes where the file gives one.
fn started_by(steps: &[Step]) -> Vec<(String, Option<String>)> {
    let mut started = Vec::new();
    for step in steps {
        if let Process::Workflow { workflow, version } = &step.process {
            started.push((workflow.clone(), version.clone()));
        }
        started.extend(started_by(step.process.body().unwrap_or_default()));
    }
    started
}

impl Saved {
    /// JSON Schema of each input, by name.
    #[must_use]
    pub fn inputs(&self) -> &IndexMap<String, Value> {
        &self.workflow.workflow().inputs
    }
}
