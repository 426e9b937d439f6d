//! What people ask of workflows: the planner, with what this program has to offer.

use std::collections::HashMap;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{App, AppError, FileProblems, WorkflowFile, library};
use crate::memory::index::Filter;
use crate::model::Models;
use crate::model::planning::Turn;
use crate::planner::{About, Accepted, Offer, Progress, Proposed, Standing, Wish, empty, propose};
use crate::tools::Origin;
use crate::workflow::{Catalog, CatalogTool, Effect, StepId, Workflow, yaml};

/// What a person wants of a workflow.
#[derive(Clone, Debug)]
pub struct NewPlan {
    /// What they said.
    pub request: String,
    /// The workflow that it is about, and after it those that it may start; a new one is wanted if there is none.
    pub subject: Option<Subject>,
    /// Tools besides those that there are.
    pub tools: Vec<OfferedTool>,
    /// What was said before, newest last.
    pub turns: Vec<Turn>,
    /// The alias of the model that is asked; `default` if `None`.
    pub model: Option<String>,
    /// The steps that are accepted; all if there are none.
    pub steps: Vec<StepId>,
}

/// The workflow that a request is about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// The first of these files; the others are what it starts.
    Files(Vec<WorkflowFile>),
    /// The live version of a saved one.
    Saved(String),
}

/// A tool that is not there yet, as a file lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferedTool {
    /// Its name.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// JSON Schema of its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// The worst that a call can do; `write` if that is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
}

/// What a request came to.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The workflow as it was.
    pub base: Option<Workflow>,
    /// Its text, and its hash if it is a saved one.
    pub text: Option<String>,
    /// What is proposed.
    pub proposed: Proposed,
    /// What comes of accepting the steps that were named; all of it, if none were.
    pub accepted: Option<Accepted>,
}

/// How many entries of the memory a model is shown at most.
const MOST_REMEMBERED: usize = 5;

/// How long the memory may take: a proposal can do without.
const MEMORY_LIMIT: Duration = Duration::from_secs(3);

/// How many saved workflows are offered at most.
const MOST_WORKFLOWS: usize = 50;

impl App {
    /// Makes a proposal for what a person wants. Nothing is saved, and nothing is changed.
    ///
    /// # Errors
    /// The workflow cannot be read, or is not there; the model gives no reply; or the steps that were named cannot be
    /// accepted by themselves.
    pub async fn plan(&self, wanted: NewPlan, watch: &mut (dyn FnMut(Progress) + Send)) -> Result<Planned, AppError> {
        let NewPlan { request, subject, tools, turns, model, steps } = wanted;
        let (files, text) = self.subject(subject).await?;
        self.learn_all().await;
        let base = files.first().cloned();
        let offer = self.offer(tools, &files).await?;
        let memory = self.remembered(&request).await;
        let alias = model.as_deref().unwrap_or(Models::DEFAULT);
        let models = self.models();
        let Some(model) = models.get(alias) else {
            let known = models.aliases().collect::<Vec<_>>().join(", ");
            return Err(AppError::NoSuchModel { alias: alias.to_owned(), known });
        };
        let wish = Wish { request: &request, workflow: base.as_ref(), offer: &offer, turns: &turns, memory: &memory };
        let proposed = propose(model.as_ref(), &models.token_count(alias), &wish, watch).await?;
        let old = base.clone().unwrap_or_else(empty);
        let accepted = match (proposed.proposal.standing, steps.is_empty()) {
            (Standing::Ready, true) => Some(proposed.proposal.accept(&old, &old, offer.catalog())?),
            (Standing::Ready, false) => Some(proposed.proposal.accept_steps(&steps, &old, &old, offer.catalog())?),
            _ => None,
        };
        Ok(Planned { base, text, proposed, accepted })
    }

    /// The workflow that a request is about, those that it may start, and the text of the first.
    async fn subject(&self, subject: Option<Subject>) -> Result<(Vec<Workflow>, Option<String>), AppError> {
        let files = match subject {
            None => return Ok((Vec::new(), None)),
            Some(Subject::Files(files)) => files,
            Some(Subject::Saved(name)) => {
                let saved = self.workspace().workflows().live(&name).await?;
                let saved = saved.ok_or(AppError::NoSuchWorkflow { workflow: name, version: None })?;
                vec![WorkflowFile { file: saved.workflow, text: saved.text }]
            }
        };
        let mut workflows = Vec::with_capacity(files.len());
        let mut problems = Vec::new();
        for WorkflowFile { file, text } in &files {
            match yaml::parse(text) {
                Ok(parsed) => workflows.push(parsed.workflow),
                Err(found) => problems.extend(found.into_iter().map(|problem| (file.clone(), problem))),
            }
        }
        if !problems.is_empty() {
            return Err(AppError::Workflows(FileProblems(problems)));
        }
        Ok((workflows, files.into_iter().next().map(|file| file.text)))
    }

    /// What there is to make workflows of.
    async fn offer(&self, tools: Vec<OfferedTool>, files: &[Workflow]) -> Result<Offer, AppError> {
        let mut catalog = self.catalog();
        let mut about: HashMap<String, About> = HashMap::new();
        for name in catalog.tools.keys() {
            if let Some(tool) = self.tools().get(name) {
                about.insert(name.clone(), About { output: tool.output(), is_own: tool.described_by() == Origin::Own });
            }
        }
        for tool in tools {
            let OfferedTool { name, description, input_schema, output_schema, effect } = tool;
            about.insert(name.clone(), About { output: output_schema, is_own: false });
            let parameters = input_schema.unwrap_or_else(|| json!({ "type": "object" }));
            let effect = effect.unwrap_or(Effect::Write);
            catalog.tools.insert(name, CatalogTool { description, parameters, effect, denied: None });
        }
        self.add_workflows(&mut catalog, files).await?;
        Ok(Offer::new(catalog, &about))
    }

    async fn add_workflows(&self, catalog: &mut Catalog, files: &[Workflow]) -> Result<(), AppError> {
        let mut known = IndexMap::new();
        for head in self.workspace().workflows().list().await?.into_iter().take(MOST_WORKFLOWS) {
            let Some(saved) = self.workspace().workflows().live(&head.name).await? else { continue };
            // One that an older version wrote and this one cannot read is as good as missing.
            if let Ok(parsed) = yaml::parse(&saved.text) {
                known.insert(head.name, library::catalogued(&parsed.workflow));
            }
        }
        known.extend(files.iter().map(|workflow| (workflow.name.clone(), library::catalogued(workflow))));
        catalog.workflows = known;
        Ok(())
    }

    /// Asks every MCP server what it offers, unless that is known. A proposal can do without one that cannot be asked.
    async fn learn_all(&self) {
        for failed in self.servers().learn(["*"]).await.err().unwrap_or_default() {
            tracing::warn!("nothing is proposed with the tools of a server: {failed}");
        }
    }

    /// What is remembered of the matter. A proposal can do without.
    async fn remembered(&self, request: &str) -> Vec<String> {
        let memory = self.memory();
        let search = async {
            // An empty memory's index is not worth making.
            let counts = memory.counts().await?;
            if counts.pieces + counts.notes == 0 {
                return Ok(Vec::new());
            }
            memory.recall(request, &Filter::default(), MOST_REMEMBERED).await
        };
        match tokio::time::timeout(MEMORY_LIMIT, search).await {
            Ok(Ok(hits)) => hits.into_iter().map(|hit| hit.text).collect(),
            Ok(Err(error)) => {
                tracing::warn!(%error, "nothing that is remembered goes into the proposal");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!("nothing that is remembered goes into the proposal: the memory takes too long");
                Vec::new()
            }
        }
    }
}
