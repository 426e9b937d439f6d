//! What befalls agents stays with the run whose work it was: it ends well or asks, and every other run goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use callboard::agents::{Company, RoleFolders, Roles};
use callboard::clock::SystemClock;
use callboard::engine::{Engine, Limits, Parts, Submission};
use callboard::executor::StepExecutor;
use callboard::model::{Message, Model, ModelError, Models, Reply, Request, Trouble};
use callboard::run::{Policy, QuestionKind, RunId, RunStatus};
use callboard::store::{Store, StoreOptions, WorkspaceId};
use callboard::tools::Tools;
use callboard::workflow::ValidWorkflow;
use futures::future::join_all;

/// A model that does as its goal says.
#[derive(Default)]
struct Obedient {
    /// Nobody dies of a poisoned message any more.
    mended: AtomicBool,
}

#[async_trait]
impl Model for Obedient {
    fn name(&self) -> &'static str {
        "obedient"
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        let Some(Message::User { text }) = request.messages.get(1) else { panic!("nothing is asked: {request:?}") };
        if text.contains("poison") && !self.mended.load(Ordering::SeqCst) {
            panic!("the message is poisoned");
        }
        if text.contains("stuck") {
            std::future::pending::<()>().await;
        }
        if text.contains("refuse") {
            return Err(ModelError::new(Trouble::Unavailable, "the provider is down".to_owned()));
        }
        Ok(Reply { text: "done".to_owned(), ..Reply::default() })
    }
}

struct Whole {
    store: Store,
    company: Company,
    engine: Engine,
    model: Arc<Obedient>,
    workflow: Arc<ValidWorkflow>,
    _folder: tempfile::TempDir,
}

const WORKFLOW: &str = "\
name: work
description: One piece of work.
inputs: { goal: { type: string }, role: { type: string } }
steps:
  - id: helped
    process: { branch: { helper: \"{{ inputs.role == 'helper' }}\" } }
  - id: made
    process: { agent: maker, goal: \"{{ inputs.goal }}\" }
    needs: [helped.otherwise]
    timeout: 20s
    retry: { max_attempts: 20, initial: 1ms, max: 2ms }
  - id: found
    process: { agent: helper, goal: \"{{ inputs.goal }}\" }
    needs: [helped.helper]
    timeout: 2s
";

impl Whole {
    async fn new(maker: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        for role in ["maker", "helper", "research", "analysis", "implementation", "qa"] {
            let lines = if role == "maker" { maker } else { "" };
            write(&format!("{role}.yaml"), &format!("name: {role}\ndescription: x\nprompt: {role}.md\n{lines}"));
            write(&format!("{role}.md"), "You do as you are told.");
        }
        let folders = || vec![folder.path().to_owned()];
        let roles = Roles::load(&RoleFolders { agents: folders(), prompts: folders() }).unwrap();
        let store = Store::open(folder.path().join("data"), StoreOptions::default()).await.unwrap();
        let workspace = store.workspace(WorkspaceId::default());
        let model = Arc::new(Obedient::default());
        let (tools, models) = (Arc::new(Tools::new()), Models::only(model.clone()));
        let company = Company::start(roles, &models, tools.clone()).await.unwrap();
        let workflow = Arc::new(ValidWorkflow::pinned(WORKFLOW).unwrap_or_else(|problems| panic!("{problems:#?}")));
        let at = callboard::clock::Timestamp(0);
        workspace.workflows().save("work", workflow.hash(), WORKFLOW, at).await.unwrap();
        let parts = Parts {
            journal: Arc::new(workspace.journal()),
            workspace,
            clock: Arc::new(SystemClock),
            executor: Arc::new(StepExecutor::new(company.clone(), models, tools)),
            limits: Limits { stop_grace: Duration::ZERO, ..Limits::default() },
            policy: Policy::default(),
        };
        let engine = Engine::start(parts).await.unwrap();
        Self { store, company, engine, model, workflow, _folder: folder }
    }

    async fn begin(&self, goal: &str, role: &str) -> RunId {
        let mut submission = Submission::of(self.workflow.clone());
        submission.inputs = serde_json::from_value(serde_json::json!({ "goal": goal, "role": role })).unwrap();
        self.engine.submit(submission).await.unwrap()
    }

    /// How a run stands once it has ended, or can go no further.
    async fn ends(&self, run: RunId) -> RunStatus {
        tokio::time::timeout(Duration::from_secs(60), self.engine.wait(run)).await.unwrap().unwrap().status
    }

    /// What the run asks: the question's id, and why.
    async fn asks(&self, run: RunId) -> (String, String) {
        let workspace = self.store.workspace(WorkspaceId::default());
        let open = workspace.questions().of_run(run).await.unwrap();
        let [question] = open.as_slice() else { panic!("{open:?}") };
        let QuestionKind::Stuck { failure } = &question.question.kind else { panic!("{open:?}") };
        assert!(question.question.ask.contains(&failure.message), "{open:?}");
        (question.question.id.to_string(), failure.to_string())
    }

    async fn all_complete(&self, runs: &[RunId]) {
        let ends = join_all(runs.iter().map(|run| self.ends(*run))).await;
        assert!(ends.iter().all(|status| *status == RunStatus::Completed), "{ends:?}");
    }
}

async fn begin_many(whole: &Whole, count: usize) -> Vec<RunId> {
    join_all((0..count).map(|_| whole.begin("work", "maker"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_message_stops_its_run_with_a_question_and_no_other() {
    let whole = Whole::new("workers: 2\nrestart: { max_restarts: 3, within: 1m }\n").await;
    let before = begin_many(&whole, 20).await;
    let poisoned = whole.begin("poison", "maker").await;
    let after = begin_many(&whole, 20).await;
    assert_eq!(whole.ends(poisoned).await, RunStatus::Parked);
    let (question, why) = whole.asks(poisoned).await;
    assert!(why.contains("has stopped for this run: 4 of its workers died") && why.contains("is poisoned"), "{why}");
    whole.all_complete(&[before, after].concat()).await;
    whole.all_complete(&begin_many(&whole, 20).await).await;

    // It is mended, and a person says so: the same step goes on.
    whole.model.mended.store(true, Ordering::SeqCst);
    whole.engine.answer(poisoned, &question, "again", None, Some("ann".into())).await.unwrap();
    assert_eq!(whole.ends(poisoned).await, RunStatus::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_can_let_a_poisoned_step_fail() {
    let whole = Whole::new("restart: { max_restarts: 1, within: 1m }\n").await;
    let poisoned = whole.begin("poison", "maker").await;
    assert_eq!(whole.ends(poisoned).await, RunStatus::Parked);
    let (question, _) = whole.asks(poisoned).await;
    // Still poisoned, it asks again, and does not spin.
    whole.engine.answer(poisoned, &question, "again", None, None).await.unwrap();
    let again = loop {
        assert_eq!(whole.ends(poisoned).await, RunStatus::Parked);
        let (again, _) = whole.asks(poisoned).await;
        if again != question {
            break again;
        }
    };
    whole.engine.answer(poisoned, &again, "fail", None, None).await.unwrap();
    assert_eq!(whole.ends(poisoned).await, RunStatus::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_poisoned_runs_stop_the_role_for_everybody_until_somebody_answers() {
    let whole = Whole::new("workers: 2\nrestart: { max_restarts: 2, within: 1m }\n").await;
    let poisoned = join_all((0..4).map(|_| whole.begin("poison", "maker"))).await;
    for run in &poisoned {
        assert_eq!(whole.ends(*run).await, RunStatus::Parked);
    }
    let late = whole.begin("work", "maker").await;
    assert_eq!(whole.ends(late).await, RunStatus::Parked, "the role has stopped");
    assert_eq!(whole.ends(whole.begin("work", "helper").await).await, RunStatus::Completed, "the others have not");
    whole.model.mended.store(true, Ordering::SeqCst);
    for run in [&poisoned[..], &[late]].concat() {
        let (question, _) = whole.asks(run).await;
        whole.engine.answer(run, &question, "again", None, None).await.unwrap();
        assert_eq!(whole.ends(run).await, RunStatus::Completed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_model_and_one_that_is_down_cost_their_runs_only() {
    let whole = Whole::new("workers: 4\nlimits: { timeout: 300ms }\n").await;
    let stuck = whole.begin("stuck", "maker").await;
    let down = whole.begin("refuse", "maker").await;
    whole.all_complete(&begin_many(&whole, 50).await).await;
    for run in [stuck, down] {
        assert_eq!(whole.ends(run).await, RunStatus::Failed);
    }
    assert_eq!(whole.company.stats("maker").unwrap().restarts, 0, "nobody is taken for dead");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_worked_off_and_others_are_served_meanwhile() {
    let whole = Whole::new("workers: 2\n").await;
    let flood = begin_many(&whole, 1_500).await;
    assert_eq!(whole.ends(whole.begin("work", "helper").await).await, RunStatus::Completed);
    whole.all_complete(&flood).await;
    assert_eq!(whole.company.stats("maker").unwrap().done, 1_500);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_for_a_role_without_workers_ends_by_its_timeout_and_the_others_go_on() {
    let whole = Whole::new("").await;
    whole.company.resize("helper", 0).unwrap();
    let waiting = whole.begin("work", "helper").await;
    whole.all_complete(&begin_many(&whole, 20).await).await;
    assert_eq!(whole.ends(waiting).await, RunStatus::Failed);
    whole.company.resize("helper", 1).unwrap();
    assert_eq!(whole.ends(whole.begin("work", "helper").await).await, RunStatus::Completed);
}
