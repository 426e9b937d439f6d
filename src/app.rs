//! The composition root: the one place that builds adapters, from the configuration.
//!
//! [`App::open`] takes the data folder and reads what is in it; that is all that looking costs. The company, the engine
//! and the memory's index are made when they are first wanted.

mod accept;
mod answer;
mod chat;
mod definitions;
mod error;
mod library;
mod mcp;
mod memory;
mod models;
mod plan;
mod policy;
mod proposals;
mod tools;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::agents::{Company, RoleFolders, Roles};
use crate::chat::Chat;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::{self, Ask, Config};
use crate::engine::port::Executor;
use crate::engine::simulate::{Report, Simulation, Unanswered};
use crate::engine::{Engine, Limits, Parts, Submission, Summary};
use crate::executor::StepExecutor;
use crate::memory::Memory;
use crate::model::{Budget, Models};

use crate::run::{Policy, RunId};
use crate::secrets::Secrets;
use crate::store::{OpenQuestion, Store, StoreOptions, Workspace, WorkspaceId};
use crate::tools::Tools;
use crate::tools::mcp::Servers;
use crate::workflow::{Catalog, Effect};

pub use answer::Answer;
pub use definitions::{RoleVersion, replace as replace_file};
pub use error::{AppError, Refused};
pub use library::{FileProblems, Saved, WorkflowFile};
pub use models::{Checked, ModelView, ModelsView, ProviderView};
pub use plan::{NewPlan, OfferedTool, Planned, Saving, SimulatedTrial, Subject, Trial};
pub use proposals::{AnotherWanted, KeptProposal, Made, ProposalState};

/// The whole program behind its interfaces. Cheap to clone.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    attention: Attention,
    clock: Arc<dyn Clock>,
    store: Store,
    workspace: Workspace,
    tools: Arc<Tools>,
    models: Models,
    budget: Budget,
    roles: Roles,
    memory: Memory,
    secrets: Secrets,
    servers: Servers,
    company: OnceCell<Company>,
    engine: OnceCell<Engine>,
    chat: OnceCell<Chat>,
    /// Held while something is decided about a proposal that is kept.
    deciding: tokio::sync::Mutex<()>,
    /// What was offered to a planner last.
    offered: std::sync::Mutex<Option<crate::planner::Offer>>,
    /// Set once the roles' texts are kept.
    defined: OnceCell<()>,
    stopping: CancellationToken,
}

/// Whether what runs want done is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// It is.
    CarryOut,
    /// What they are told is recorded, and no attempt is made: the process is about to end, and would cut it short.
    OnlyRecord,
}

/// A run that is to begin.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// Its id; a fresh one if `None`. A run that is there already is not begun again.
    pub id: Option<RunId>,
    /// The workflow's name.
    pub workflow: String,
    /// Hash of its version; the live one if `None`.
    pub version: Option<String>,
    /// Its inputs; what has a default may be left out.
    pub inputs: Map<String, Value>,
    /// When it is cancelled if it has not ended.
    pub deadline: Option<Timestamp>,
}

/// How many questions are listed at most.
const MOST_QUESTIONS: usize = 1_000;

impl App {
    /// Takes the data folder, and makes it if it is not there.
    ///
    /// # Errors
    /// [`AppError::Store`] with `Owned` if another process has the folder; or what is wrong with it, with the
    /// configuration, or with the role files.
    pub async fn open(config: &Config, attention: Attention) -> Result<Self, AppError> {
        let roles = roles(config)?;
        let store = Store::open(&config.data, StoreOptions::default()).await?;
        let workspace = store.workspace(WorkspaceId::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let memory = memory::memory(config, &workspace, Arc::clone(&clock))?;
        let secrets = tools::secrets(config, &workspace, &clock)?;
        let mut tools = tools::tools(config, &memory, &secrets, &clock)?;
        policy::set(config, &workspace, &mut tools)?;
        let servers = mcp::servers(config, &tools, &secrets, &clock)?;
        policy::check(config, &tools)?;
        roles.check_tools(tools.names_and_groups().iter().map(String::as_str))?;
        let budget = models::budget(config, &workspace, &clock).await?;
        let models = models::build(config, &roles, &budget, &secrets, &clock).await?;
        let shared = Shared {
            config: config.clone(),
            attention,
            clock,
            store,
            workspace,
            tools: Arc::new(tools),
            models,
            budget,
            roles,
            memory,
            secrets,
            servers,
            company: OnceCell::new(),
            engine: OnceCell::new(),
            chat: OnceCell::new(),
            deciding: tokio::sync::Mutex::default(),
            offered: std::sync::Mutex::default(),
            defined: OnceCell::new(),
            stopping: CancellationToken::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What the program is configured with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// What is stored.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.shared.workspace
    }

    /// The models.
    #[must_use]
    pub fn models(&self) -> &Models {
        &self.shared.models
    }

    /// The roles.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        &self.shared.roles
    }

    /// What may be spent on models, and what was.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.shared.budget
    }

    /// The models that there are, what was found, and how to add one.
    pub async fn models_found(&self) -> ModelsView {
        models::view(&self.shared.config, &self.shared.models, self.shared.clock.now()).await
    }

    /// Makes a tiny call to every model of every alias.
    pub async fn check_models(&self) -> Vec<Checked> {
        let Shared { models, budget, clock, .. } = &*self.shared;
        models::check(models, budget, clock).await
    }

    /// What the company remembers.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.shared.memory
    }

    /// What the company may use without knowing it.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.shared.secrets
    }

    /// The engine. The first call starts it, and with it every unfinished run.
    ///
    /// # Errors
    /// What kept the company or the engine from starting.
    pub async fn engine(&self) -> Result<Engine, AppError> {
        if self.shared.stopping.is_cancelled() {
            return Err(crate::engine::EngineError::Stopping.into());
        }
        Ok(self.shared.engine.get_or_try_init(|| self.start_engine()).await?.clone())
    }

    async fn start_engine(&self) -> Result<Engine, AppError> {
        let Shared { config, clock, workspace, .. } = &*self.shared;
        let parts = Parts {
            workspace: workspace.clone(),
            journal: Arc::new(workspace.journal()),
            clock: Arc::clone(clock),
            executor: self.executor().await?,
            limits: Limits {
                active_runs: config.engine.active_runs,
                attempts: match self.shared.attention {
                    Attention::CarryOut => config.engine.attempts,
                    Attention::OnlyRecord => 0,
                },
                stop_grace: config.engine.stop_grace,
                ..Limits::default()
            },
            policy: Policy { ask_from: ask_from(config.ask), ..Policy::default() },
        };
        Ok(Engine::start(parts).await?)
    }

    async fn executor(&self) -> Result<Arc<dyn Executor>, AppError> {
        let Shared { tools, models, roles, .. } = &*self.shared;
        if self.shared.attention == Attention::CarryOut {
            self.shared.learn_for_roles().await;
        }
        let start = || Company::start(roles.clone(), models, Arc::clone(tools));
        let company = self.shared.company.get_or_try_init(start).await?;
        Ok(Arc::new(StepExecutor::new(company.clone(), models.clone(), Arc::clone(tools))))
    }

    /// What the first of these workflow files would do, with nothing saved and nothing changed.
    ///
    /// # Errors
    /// [`AppError::Workflows`] with everything that is wrong with the files; or the inputs do not fit.
    pub async fn simulate(
        &self,
        files: &[WorkflowFile],
        inputs: Map<String, Value>,
        answers: BTreeMap<String, String>,
    ) -> Result<Report, AppError> {
        self.learn(files).await?;
        let mut checked = library::check(Some(self.workspace()), &self.catalog(), files).await?;
        let mut children = library::saved_children(self.workspace(), &checked).await?;
        let Some(workflow) = (!checked.is_empty()).then(|| checked.remove(0).workflow) else {
            return Err(AppError::NoFile);
        };
        children.extend(checked.into_iter().map(|child| (child.workflow.workflow().name.clone(), child.workflow)));
        let (executor, now) = (self.executor().await?, self.shared.clock.now());
        let (unanswered, run) = (Unanswered::default(), None);
        let simulation = Simulation { workflow, inputs, children, answers, unanswered, run, executor, now };
        Ok(crate::engine::simulate::simulate(simulation).await?)
    }

    /// Begins a run. It is durable on return.
    ///
    /// # Errors
    /// There is no such workflow or version, or the inputs do not fit.
    pub async fn begin(&self, wanted: NewRun) -> Result<RunId, AppError> {
        let NewRun { id, workflow, version, inputs, deadline } = wanted;
        if let Some(id) = id
            && self.workspace().runs().get(id).await?.is_some()
        {
            return Ok(id);
        }
        let library::Pinned { workflow, mut pins } =
            library::pin(self.workspace(), &workflow, version.as_deref()).await?;
        pins.extend(self.shared.roles.pins());
        self.shared.defined.get_or_try_init(|| self.define()).await?;
        let mut submission = Submission::of(workflow);
        submission.id = id;
        submission.inputs = inputs;
        submission.pins = pins;
        submission.deadline = deadline;
        Ok(self.engine().await?.submit(submission).await?)
    }

    /// Checks workflow files against each other and against what is there.
    ///
    /// # Errors
    /// [`AppError::Workflows`] with everything that is wrong with any of them.
    pub async fn check(&self, files: &[WorkflowFile]) -> Result<Vec<Saved>, AppError> {
        self.learn(files).await?;
        library::check(Some(self.workspace()), &self.catalog(), files).await
    }

    /// Checks workflow files against each other and against what is there, and saves each as a version, which becomes
    /// the live one.
    ///
    /// # Errors
    /// [`AppError::Workflows`] with everything that is wrong with any of them; then nothing is saved.
    pub async fn save(&self, files: &[WorkflowFile]) -> Result<Vec<Saved>, AppError> {
        self.learn(files).await?;
        library::save(self.workspace(), &self.catalog(), files, self.shared.clock.now()).await
    }

    /// What workflows can refer to, but for workflows.
    fn catalog(&self) -> Catalog {
        Catalog { tools: self.shared.tools.catalog(), agents: self.shared.roles.catalog(), ..Catalog::default() }
    }

    /// How a run stands or ended.
    ///
    /// # Errors
    /// There is no such run, or what is stored of it cannot be read.
    pub async fn summary(&self, run: RunId) -> Result<Summary, AppError> {
        Ok(crate::engine::summary(self.workspace(), run).await?)
    }

    /// What runs wait on a person for, the oldest first; of one run, or of all.
    ///
    /// # Errors
    /// What is stored cannot be read.
    pub async fn open_questions(&self, run: Option<RunId>) -> Result<Vec<OpenQuestion>, AppError> {
        let questions = self.workspace().questions();
        Ok(match run {
            Some(run) => questions.of_run(run).await?,
            None => questions.open(None, MOST_QUESTIONS).await?,
        })
    }

    /// Answers a question of a run. Durable on return.
    ///
    /// # Errors
    /// There is no such question, or the answer does not fit it.
    pub async fn answer(&self, run: RunId, question: &str, answer: Answer) -> Result<(), AppError> {
        let Answer { choice, form, by } = answer;
        let open = self.open_questions(Some(run)).await?;
        // What is no open question, the engine knows best how to say.
        if let Some(open) = open.iter().find(|open| *open.question.id == *question) {
            answer::check_form(&open.question, &choice, form.as_ref())?;
            if let Some(scope) = models::raised(&open.question, &choice) {
                // Before the run hears of it, and goes on at once.
                self.shared.budget.raise(scope, run, question).await?;
            }
        }
        Ok(self.engine().await?.answer(run, question, &choice, form, by).await?)
    }

    /// Says that the program is about to stop, so that whoever follows a run looks for the next owner of the folder.
    pub fn wind_down(&self) {
        self.shared.stopping.cancel();
    }

    /// Returns once the program is about to stop.
    pub async fn stopping(&self) {
        self.shared.stopping.cancelled().await;
    }

    /// Stops: attempts in flight get a while to end, everything recorded stays, and the folder is given up.
    pub async fn stop(&self) {
        self.wind_down();
        if let Some(chat) = self.shared.chat.get() {
            chat.stop().await;
        }
        if let Some(engine) = self.shared.engine.get() {
            engine.stop().await;
        }
        if let Some(company) = self.shared.company.get() {
            company.stop(self.shared.config.engine.stop_grace).await;
        }
        self.shared.servers.stop().await;
        self.shared.memory.close().await;
        if let Err(error) = self.shared.store.close().await {
            tracing::warn!(%error, "the store could not be tidied up; nothing is lost");
        }
    }
}

fn roles(config: &Config) -> Result<Roles, AppError> {
    let config::Agents { folder, prompts } = &config.agents;
    Ok(Roles::load(&RoleFolders { agents: vec![folder.clone()], prompts: vec![prompts.clone()] })?)
}

fn ask_from(ask: Ask) -> Option<Effect> {
    match ask {
        Ask::Never => None,
        Ask::Irreversible => Some(Effect::Irreversible),
        Ask::Write => Some(Effect::Write),
        Ask::Read => Some(Effect::Read),
    }
}
