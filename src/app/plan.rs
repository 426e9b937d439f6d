//! What people ask of workflows: the planner, with what this program has to offer.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{App, AppError, FileProblems, Refused, Saved, WorkflowFile, library};
use crate::chat::event::BaseVersion;
use crate::chat::port::Done;
use crate::engine::simulate::{Report, Simulation, Unanswered, simulate};
use crate::memory::index::Filter;
use crate::model::Models;
use crate::model::planning::Turn;
use crate::planner::replay::{Family, Recording, Replayed, replay};
use crate::planner::{About, Accepted, Offer, Progress, Proposed, Standing, Wish, empty, propose};
use crate::store::{ProposalId, Run, RunFilter};
use crate::tools::Origin;
use crate::workflow::{Catalog, CatalogTool, Effect, Process, Step, StepId, ValidWorkflow, Workflow, validate, yaml};

/// What a person wants of a workflow.
#[derive(Clone, Debug, Default)]
pub struct NewPlan {
    /// What they said.
    pub request: String,
    /// The workflow that it is about, and after it those that it may start; a new one is wanted if there is none.
    pub subject: Option<Subject>,
    /// Tools besides those that there are.
    pub tools: Vec<OfferedTool>,
    /// What was said before, newest last.
    pub turns: Vec<Turn>,
    /// What others wrote of the matter: the model is shown it between marks, before what is remembered.
    pub others: Vec<String>,
    /// The alias of the model that is asked; `default` if `None`.
    pub model: Option<String>,
    /// The steps that are accepted; all if there are none.
    pub steps: Vec<StepId>,
    /// How many recorded runs it is tried on, if it is to be tried.
    pub trial: Option<usize>,
    /// What is kept of it, unless it is about files.
    pub saving: Saving,
}

/// What is kept of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Saving {
    /// Nothing.
    #[default]
    Nothing,
    /// The proposal, to be decided about later.
    Proposal,
    /// The proposal, and what is accepted of it: as a new version of the saved workflow that it is about, which becomes the live one.
    Accepted,
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
    /// The version that was saved.
    pub saved: Option<Done>,
    /// What is proposed.
    pub proposed: Proposed,
    /// What comes of accepting the steps that were named; all of it, if none were.
    pub accepted: Option<Accepted>,
    /// What is proposed, as far as that is accepted, if steps were named.
    pub part: Option<Proposed>,
    /// What comes of trying that.
    pub trial: Option<Trial>,
    /// The proposal, as it is kept.
    pub kept: Option<ProposalId>,
    /// What was asked for.
    pub(super) request: String,
    /// The alias of the model that was asked, if one was named.
    pub(super) model: Option<String>,
    /// The saved version that it was made for.
    pub(super) base_version: Option<BaseVersion>,
}

/// What a workflow would do and would have done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// How a simulated run ends, with the calls that it does not make; `None` if none could be.
    pub simulated: Option<SimulatedTrial>,
    /// Why there is no simulated run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_simulated: Option<String>,
    /// What the last runs would have come to, the newest first.
    pub replayed: Vec<Replayed>,
    /// Why other runs are not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_replayed: Vec<String>,
}

/// How a simulated run ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimulatedTrial {
    /// How it stands.
    pub status: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The calls that it does not make, since they would change the world.
    pub withheld: Vec<Value>,
}

/// How many entries of the memory a model is shown at most.
const MOST_REMEMBERED: usize = 5;

/// How long the memory may take: a proposal can do without.
const MEMORY_LIMIT: Duration = Duration::from_secs(3);

/// The longest request, in bytes: what is longer is a document, and wants to be remembered.
const LONGEST_REQUEST: usize = 32 << 10;

/// How many recorded runs are replayed at most.
const MOST_REPLAYED: usize = 50;

/// How many tools may be offered with a request, and how long the name of one may be, in bytes.
const MOST_TOOLS: usize = 10_000;
const LONGEST_TOOL_NAME: usize = 1024;

/// How many saved workflows are offered at most.
const MOST_WORKFLOWS: usize = 50;

impl App {
    /// Makes a proposal for what a person wants. Nothing is saved, and nothing is changed.
    ///
    /// # Errors
    /// The workflow cannot be read, or is not there; the model gives no reply; or the steps that were named cannot be
    /// accepted by themselves.
    pub(super) async fn propose(
        &self,
        wanted: NewPlan,
        watch: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Planned, AppError> {
        let NewPlan { request, subject, tools, turns, others, model: named, steps, trial, saving: _ } = wanted;
        if request.len() > LONGEST_REQUEST {
            return Err(AppError::LongRequest { bytes: request.len(), most: LONGEST_REQUEST });
        }
        let (base_version, files) = self.subject(subject).await?;
        self.learn_all().await;
        let base = files.first().cloned();
        let offer = self.offer(tools, &files).await?;
        let mut memory = others;
        memory.extend(self.remembered(&request).await);
        let alias = named.as_deref().unwrap_or(Models::DEFAULT);
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
        let part = accepted.as_ref().filter(|_| !steps.is_empty());
        let part = part.map(|accepted| proposed.in_part(&steps, accepted, base.as_ref(), offer.catalog()));
        let trial = match (&accepted, trial) {
            (Some(accepted), Some(runs)) => {
                Some(self.try_out(&accepted.workflow, base.as_ref(), offer.catalog(), runs).await?)
            }
            _ => None,
        };
        let (saved, kept) = (None, None);
        Ok(Planned { base, saved, proposed, accepted, part, trial, kept, request, model: named, base_version })
    }

    /// Simulates a workflow, and replays the last runs of what it was made of with it. No effect is performed.
    async fn try_out(
        &self,
        workflow: &Workflow,
        base: Option<&Workflow>,
        catalog: &Catalog,
        runs: usize,
    ) -> Result<Trial, AppError> {
        let mut trial = Trial::default();
        let checked = validate::check(workflow.clone(), &yaml::Places::default(), catalog);
        let checked = match checked {
            Ok(checked) => Arc::new(checked),
            Err(problems) => {
                trial.not_simulated = problems.first().map(ToString::to_string);
                return Ok(trial);
            }
        };
        let saved = Saved { file: workflow.name.clone(), workflow: Arc::clone(&checked) };
        let children = library::saved_children(self.workspace(), std::slice::from_ref(&saved)).await?;
        let family = Family { workflow: checked, children };
        let name = base.map_or(workflow.name.as_str(), |base| base.name.as_str());
        let filter = RunFilter { workflow: Some(name.to_owned()), ..RunFilter::default() };
        let mut inputs = Map::new();
        // Runs that go on have no end to compare with; a few more are looked at to find enough that have ended.
        for run in self.workspace().runs().list(&filter, runs.min(MOST_REPLAYED) * 4).await? {
            if trial.replayed.len() >= runs.min(MOST_REPLAYED) {
                break;
            }
            if !run.status.is_end() || run.parent.is_some() {
                continue;
            }
            match self.replayed(&run, &family).await {
                Ok((replayed, began_with)) => {
                    if inputs.is_empty() {
                        inputs = began_with;
                    }
                    trial.replayed.push(replayed);
                }
                Err(error) => trial.not_replayed.push(format!("{}: {error}", run.id)),
            }
        }
        match self.simulated(&family, inputs).await {
            Ok(simulated) => trial.simulated = Some(simulated),
            Err(error) => trial.not_simulated = Some(error.to_string()),
        }
        Ok(trial)
    }

    /// What a recorded run would have come to, and what it began with.
    async fn replayed(&self, run: &Run, other: &Family) -> Result<(Replayed, Map<String, Value>), AppError> {
        let recording = Recording::read(self.workspace(), run).await?;
        let version = |name: String, hash: String| async move {
            let found = self.workspace().workflows().version(&name, &hash).await?;
            let found = found.ok_or(AppError::NoSuchWorkflow { workflow: name, version: Some(hash.clone()) })?;
            ValidWorkflow::pinned(&found.text).map(Arc::new).map_err(|problems| {
                AppError::Workflows(FileProblems(problems.into_iter().map(|problem| (hash.clone(), problem)).collect()))
            })
        };
        let workflow = version(run.workflow.clone(), run.version.clone()).await?;
        let mut children = HashMap::new();
        for (name, hash) in recording.children() {
            children.insert(name.clone(), version(name.clone(), hash.clone()).await?);
        }
        let ran = Family { workflow, children };
        let inputs = recording.inputs().clone();
        Ok((replay(&recording, &ran, other).await?, inputs))
    }

    async fn simulated(&self, family: &Family, inputs: Map<String, Value>) -> Result<SimulatedTrial, AppError> {
        let workflow = family.workflow.workflow();
        if let Some(tool) = self.missing_tool(&workflow.steps) {
            return Err(AppError::NoSuchTool(tool));
        }
        let inputs = inputs.into_iter().filter(|(name, _)| workflow.inputs.contains_key(name)).collect();
        let simulation = Simulation {
            workflow: Arc::clone(&family.workflow),
            inputs,
            children: family.children.clone(),
            answers: BTreeMap::new(),
            unanswered: Unanswered::Chosen,
            run: None,
            executor: self.executor().await?,
            now: self.clock().now(),
        };
        let Report { summary, withheld, .. } = simulate(simulation).await?;
        Ok(SimulatedTrial {
            status: summary.status.to_string(),
            failure: summary.failure.map(|failure| failure.to_string()),
            withheld: withheld.iter().map(|call| serde_json::to_value(call).unwrap_or_default()).collect(),
        })
    }

    /// A tool that steps call and that is not there: it was only offered.
    fn missing_tool(&self, steps: &[Step]) -> Option<String> {
        steps.iter().find_map(|step| match &step.process {
            Process::Tool { tool } if self.tools().get(tool).is_none() => Some(tool.clone()),
            process => self.missing_tool(process.body().unwrap_or_default()),
        })
    }

    /// The workflow that a request is about, and those that it may start.
    async fn subject(&self, subject: Option<Subject>) -> Result<(Option<BaseVersion>, Vec<Workflow>), AppError> {
        match subject {
            None => Ok((None, Vec::new())),
            Some(Subject::Files(files)) => {
                let files = files.iter().map(|WorkflowFile { file, text }| parsed(file, text));
                Ok((None, files.collect::<Result<_, _>>()?))
            }
            Some(Subject::Saved(name)) => {
                let live = self.live_version(&name).await?;
                let live = live.ok_or_else(|| AppError::NoSuchWorkflow { workflow: name.clone(), version: None })?;
                let workflow = parsed(&name, &live.text)?;
                Ok((Some(live), vec![workflow]))
            }
        }
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
        check_tools(&tools)?;
        for tool in tools {
            let OfferedTool { name, description, input_schema, output_schema, effect } = tool;
            about.insert(name.clone(), About { output: output_schema, is_own: false });
            let parameters = input_schema.unwrap_or_else(|| json!({ "type": "object" }));
            let effect = effect.unwrap_or(Effect::Write);
            catalog.tools.insert(name, CatalogTool { description, parameters, effect, denied: None });
        }
        self.add_workflows(&mut catalog, files).await?;
        // Making hundreds of tools ready takes longer than to see that they are the same.
        let last = self.shared.offered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let offer = Offer::like(last.as_ref(), catalog, &about);
        *self.shared.offered.lock().unwrap_or_else(PoisonError::into_inner) = Some(offer.clone());
        Ok(offer)
    }

    /// What workflows are checked against, saved workflows and all.
    pub(super) async fn whole_catalog(&self) -> Result<Catalog, AppError> {
        let mut catalog = self.catalog();
        self.add_workflows(&mut catalog, &[]).await?;
        Ok(catalog)
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

/// Holds offered tools against what can be shown to a model: a name that ends a line would forge the next one.
fn check_tools(tools: &[OfferedTool]) -> Result<(), AppError> {
    let wrong = |why: String| Err(AppError::Refused(Refused { code: "bad_tools", why }));
    if tools.len() > MOST_TOOLS {
        return wrong(format!("{} tools are given, and {MOST_TOOLS} are allowed", tools.len()));
    }
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"[]()|`".contains(c);
    for OfferedTool { name, .. } in tools {
        if name.is_empty() || name.len() > LONGEST_TOOL_NAME || !name.chars().all(is_plain) {
            let shown: String = name.chars().take(LONGEST_TOOL_NAME).collect();
            return wrong(format!(
                "`{}` is no name of a tool: it has blanks or brackets, nothing, or more than {LONGEST_TOOL_NAME} bytes in it",
                shown.escape_debug()
            ));
        }
    }
    Ok(())
}

/// The workflow of a file, as far as its form is right.
pub(super) fn parsed(file: &str, text: &str) -> Result<Workflow, AppError> {
    yaml::parse(text).map(|parsed| parsed.workflow).map_err(|found| {
        AppError::Workflows(FileProblems(found.into_iter().map(|problem| (file.to_owned(), problem)).collect()))
    })
}
