//! Conversations, with what only this program's root can put together for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::plan::Saving;
use super::{App, AppError, Attention, NewPlan, NewRun, Shared, Subject, WorkflowFile, library};
use crate::chat::event::{Acceptance, Offered};
use crate::chat::port::{Accepting, Desk, Done, Live, Refusal, ToPlan, Undone};
use crate::chat::{AutoRun, Chat, Parts, Settings, Taking};
use crate::config;
use crate::engine::Engine;
use crate::engine::simulate::Report;
use crate::planner::{Progress, Proposed};
use crate::run::RunId;
use crate::workflow::{Catalog, Effect, Process, Step, Workflow};

/// The program, as conversations see it. It does not keep the program alive.
struct Root(Weak<Shared>);

impl App {
    /// The conversations. The first call takes up what a process that died has left of them.
    ///
    /// # Errors
    /// What is stored of them cannot be read.
    pub async fn chat(&self) -> Result<Chat, AppError> {
        if self.shared.stopping.is_cancelled() {
            return Err(crate::engine::EngineError::Stopping.into());
        }
        let make = async {
            let config::Chat { model, auto_run } = &self.shared.config.chat;
            let chat = Chat::new(Parts {
                workspace: self.workspace().clone(),
                models: self.models().clone(),
                memory: self.memory().clone(),
                clock: Arc::clone(self.clock()),
                desk: Arc::new(Root(Arc::downgrade(&self.shared))),
                settings: Settings {
                    model: model.clone(),
                    auto_run: match auto_run {
                        config::AutoRun::Never => AutoRun::Never,
                        config::AutoRun::Read => AutoRun::Read,
                    },
                },
                taking: match self.shared.attention {
                    Attention::CarryOut => Taking::Turns,
                    Attention::OnlyRecord => Taking::Nothing,
                },
            });
            chat.recover().await?;
            Ok::<_, AppError>(chat)
        };
        Ok(self.shared.chat.get_or_try_init(|| make).await?.clone())
    }
}

impl Root {
    fn app(&self) -> Result<App, Refusal> {
        let shared = self.0.upgrade().ok_or_else(|| Refusal("the program is about to stop".to_owned()))?;
        Ok(App { shared })
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        Self(error.to_string())
    }
}

#[async_trait]
impl Desk for Root {
    async fn plan(&self, wanted: ToPlan, watch: &mut (dyn FnMut(Progress) + Send)) -> Result<Proposed, Refusal> {
        let ToPlan { request, workflow, turns, others, model } = wanted;
        let subject = workflow.map(|(file, text)| Subject::Files(vec![WorkflowFile { file, text }]));
        let plan = NewPlan {
            request,
            subject,
            turns,
            others,
            model: Some(model),
            saving: Saving::Nothing,
            ..NewPlan::default()
        };
        Ok(self.app()?.plan(plan, watch).await?.proposed)
    }

    async fn accept(&self, accepting: Accepting<'_>) -> Result<Done, Refusal> {
        Ok(self.app()?.accept(accepting).await?)
    }

    async fn take_back(&self, offered: &Offered, accepted: &Acceptance) -> Result<Undone, Refusal> {
        Ok(self.app()?.take_back(offered, accepted).await?)
    }

    async fn worst(&self, workflow: &Workflow) -> Effect {
        let Ok(app) = self.app() else { return Effect::Irreversible };
        let Ok(catalog) = app.whole_catalog().await else { return Effect::Irreversible };
        worst_of(&workflow.steps, &app, &catalog)
    }

    async fn save(&self, name: &str, text: &str, live: Live) -> Result<String, Refusal> {
        Ok(self.app()?.save_text(name, text, live).await?)
    }

    async fn begin(
        &self,
        id: RunId,
        workflow: &str,
        version: Option<&str>,
        inputs: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let version = version.map(str::to_owned);
        let wanted = NewRun { id: Some(id), workflow: workflow.to_owned(), version, inputs, deadline: None };
        self.app()?.begin(wanted).await?;
        Ok(())
    }

    async fn simulate(&self, name: &str, text: &str, inputs: Map<String, Value>) -> Result<Report, Refusal> {
        let file = WorkflowFile { file: name.to_owned(), text: text.to_owned() };
        Ok(self.app()?.simulate(&[file], inputs, BTreeMap::new()).await?)
    }

    async fn engine(&self) -> Result<Engine, Refusal> {
        Ok(self.app()?.engine().await?)
    }
}

/// The worst that steps say they do: their tools, and the calls that agents are meant to make. A workflow that is started may do
/// anything, and so may code.
fn worst_of(steps: &[Step], app: &App, catalog: &Catalog) -> Effect {
    let of_tool = |name: &str| {
        let known = app.tools().get(name).map(|tool| tool.worst());
        known.or_else(|| catalog.tools.get(name).map(|tool| tool.effect)).unwrap_or(Effect::Irreversible)
    };
    let of_step = |step: &Step| match &step.process {
        Process::Tool { tool } => of_tool(tool),
        Process::Agent { plan, .. } => plan.iter().map(|planned| of_tool(&planned.tool)).max().unwrap_or(Effect::Read),
        Process::Workflow { .. } => Effect::Irreversible,
        process => worst_of(process.body().unwrap_or_default(), app, catalog),
    };
    steps.iter().map(of_step).max().unwrap_or(Effect::Pure)
}

impl App {
    /// Checks workflow files and saves each as a version, which becomes the live one or does not.
    pub(super) async fn save_as(&self, files: &[WorkflowFile], live: Live) -> Result<Vec<super::Saved>, AppError> {
        if live == Live::Yes {
            return self.save(files).await;
        }
        self.learn(files).await?;
        library::save_aside(self.workspace(), &self.catalog(), files, self.clock().now()).await
    }
}
