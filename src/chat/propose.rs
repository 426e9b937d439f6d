//! From a wish to a proposal that waits for a decision.

use std::fmt::Write as _;

use serde_json::Value;
use tokio::sync::mpsc;

use super::about_runs::{self, BeyondRetry};
use super::acts::{Act, live};
use super::event::{BaseVersion, Decision, Doing, Event, Link, Offered, ProposalId, RunKind};
use super::port::{Refusal, ToPlan};
use super::state::{Held, State};
use super::tools::Propose;
use super::turn::Turn;
use super::{AutoRun, ChatError, compact, decide, outline};
use crate::model::edits::AnotherWay;
use crate::model::intent::{Intent, intent};
use crate::model::planning::{Role, Turn as PlanningTurn};
use crate::planner::{Progress, Proposed, Standing};
use crate::run::RunId;
use crate::workflow::{Effect, Process, Step, Workflow, yaml};

/// How many turns the planner is told of.
const MOST_TURNS: usize = 8;

/// Reports of the planner that wait to be written.
const REPORTS_AHEAD: usize = 256;

/// How many edits are told of as they come.
const MOST_REPORTS: u32 = 100;

pub(super) async fn propose(turn: &mut Turn<'_>, wanted: Propose) -> Result<Act, ChatError> {
    let state = turn.room.state().await;
    let mut turns = compact::turns(&state, MOST_TURNS + 1);
    // The last one is the request itself.
    turns.pop();
    if matches!(intent(&turn.words, &turn.now), Intent::Another)
        && let Some(unwanted) = state.proposals().pop().filter(|held| held.is_unwanted() || held.decision.is_none())
    {
        return another(turn, &state, unwanted, turns).await.map(Act::Said);
    }
    let workflow = match (&turn.now.focus, wanted.new) {
        (Some(name), false) => live(turn.shared, name).await?.map(|base| (name.clone(), base)),
        _ => None,
    };
    // A key says no without a word; then the request is the second message since what it is about was asked for.
    let since = |held: &&Held| state.branch().iter().rev().take_while(|said| Some(said.id) != held.after).count();
    if let Some(unwanted) = state.proposals().pop().filter(|held| held.is_unwanted() && since(held) == 2) {
        turns.push(not_wanted(unwanted));
    }
    plan(turn, &state, Wish { request: wanted.request, workflow, turns, others: Vec::new(), instead_of: None })
        .await
        .map(Act::Said)
}

/// Has something else proposed in the place of what is not wanted.
async fn another(
    turn: &mut Turn<'_>,
    state: &State,
    unwanted: &Held,
    mut turns: Vec<PlanningTurn>,
) -> Result<String, ChatError> {
    let name = turn.now.focus.clone().filter(|_| unwanted.offered.base.is_some());
    let workflow = match name {
        Some(name) => live(turn.shared, &name).await?.map(|base| (name, base)),
        None => None,
    };
    turns.push(not_wanted(unwanted));
    let wish =
        Wish { request: unwanted.offered.request.clone(), workflow, turns, others: Vec::new(), instead_of: None };
    let wanted = wish.to_plan(turn);
    let proposed = planned(turn, wanted).await?;
    let edits = serde_json::to_value(&proposed.proposal.edits).unwrap_or_default();
    let is_again = state.proposals().iter().any(|held| held.offered.proposal.get("edits") == Some(&edits));
    if proposed.proposal.standing == Standing::Ready && is_again {
        return Ok("The same would be proposed again. Say what is to be different.".to_owned());
    }
    if unwanted.decision.is_none() {
        let reason = Some("another was asked for".to_owned());
        turn.write(Event::Decided { proposal: unwanted.id, decision: Decision::Rejected, reason }).await?;
    }
    offer(turn, state, wish, proposed).await
}

/// How the planner is told that a proposal was rejected.
fn not_wanted(held: &Held) -> PlanningTurn {
    let why = held.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    PlanningTurn { role: Role::User, text: format!("No, not what you have proposed last{why}.") }
}

/// Looks for another way to what a task was for that has failed for good.
pub(super) async fn another_way(turn: &mut Turn<'_>, state: &State, run: RunId) -> Result<String, ChatError> {
    let nothing = || format!("Run `{run}` cannot be gone on with. `callboard show {run}` says how it stands.");
    let Some(held) = state.runs().get(&run) else { return Ok(nothing()) };
    let version = turn.shared.workspace.workflows().version(&held.workflow, &held.version).await?;
    let failed = about_runs::beyond_retry(&turn.shared.workspace, run).await?;
    let (Some(version), Some(failed)) = (version, failed) else { return Ok(nothing()) };
    let BeyondRetry { failed, failure, done } = failed;
    let request = AnotherWay { steps: failed }.request();
    turn.links.push(Link::run(run));
    // What a tool or a model says of a failure may be anybody's words: whatever is proposed here, a person decides.
    turn.reads_others().await?;
    let wish = Wish {
        request,
        workflow: Some((held.workflow.clone(), BaseVersion { version: version.hash, text: version.text })),
        turns: compact::turns(state, MOST_TURNS),
        others: vec![format!("Why the last run failed: {failure}")],
        instead_of: Some(run),
    };
    let mut text = plan(turn, state, wish).await?;
    if !done.is_empty() && turn.room.state().await.open_proposal().is_some() {
        let done: Vec<String> = done.iter().map(|step| format!("`{step}`")).collect();
        let _ = write!(text, "\n\nWhat was done already is done again then: {}.", done.join(", "));
    }
    Ok(format!("Trying run `{run}` again cannot mend it, so another way was looked for.\n\n{text}"))
}

/// What is to be planned.
struct Wish {
    request: String,
    /// The workflow that it is about; a new one is wanted if `None`.
    workflow: Option<(String, BaseVersion)>,
    turns: Vec<PlanningTurn>,
    /// What others wrote of the matter.
    others: Vec<String>,
    /// The run in whose place another way is looked for.
    instead_of: Option<RunId>,
}

impl Wish {
    fn to_plan(&self, turn: &Turn<'_>) -> ToPlan {
        ToPlan {
            request: self.request.clone(),
            workflow: self.workflow.as_ref().map(|(name, base)| (name.clone(), base.text.clone())),
            turns: self.turns.clone(),
            others: self.others.clone(),
            model: turn.alias.clone(),
        }
    }
}

/// Has a change proposed, and says what it is.
async fn plan(turn: &mut Turn<'_>, state: &State, wish: Wish) -> Result<String, ChatError> {
    let wanted = wish.to_plan(turn);
    let proposed = planned(turn, wanted).await?;
    offer(turn, state, wish, proposed).await
}

/// Puts a proposal before the person: what is said of it.
async fn offer(turn: &mut Turn<'_>, state: &State, wish: Wish, proposed: Proposed) -> Result<String, ChatError> {
    let Wish { request, workflow, instead_of, .. } = wish;
    let Proposed { proposal, workflow: after, reply, read_others } = proposed;
    if read_others {
        turn.reads_others().await?;
    }
    let (Standing::Ready, Some(after)) = (proposal.standing, &after) else { return Ok(reply) };
    let json = serde_json::to_value(&proposal).map_err(|error| Refusal(error.to_string()))?;
    let is_new = workflow.is_none();
    let task = is_new && is_task(after)
        || state.runs().values().any(|run| {
            run.kind != RunKind::Workflow
                && workflow.as_ref().is_some_and(|(name, base)| *name == run.workflow && base.version == run.version)
        });
    let offered = Offered {
        request,
        workflow: after.name.clone(),
        base: workflow.map(|(_, base)| base),
        text: yaml::write(after),
        proposal: json,
        steps: proposal.steps(),
        more_than_steps: proposal.is_about_more_than_steps(),
        task,
        instead_of,
    };
    let id = ProposalId(turn.write(Event::Proposed(Box::new(offered))).await?);
    let mut text = reply.trim_end().to_owned();
    if is_new || task {
        let _ = write!(text, "\n\n{}", outline::graph(after).trim_end());
    }
    if let Some(said) = carried_out_at_once(turn, id, after, task).await? {
        return Ok(format!("{text}\n\n{said}"));
    }
    let _ = write!(text, "\n\nSay “yes” to accept it, “no” to leave it, or what is to be different. ({id})");
    Ok(text)
}

/// Asks the planner, and tells what comes while it comes.
async fn planned(turn: &Turn<'_>, wanted: ToPlan) -> Result<Proposed, ChatError> {
    let (sender, mut reports) = mpsc::channel(REPORTS_AHEAD);
    let mut watch = move |progress: Progress| {
        let doing = match progress {
            Progress::Asking { round } => Doing::Planning { round },
            Progress::Came(asked) => {
                let json = serde_json::to_value(&asked).unwrap_or_default();
                let word = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                Doing::Edit { text: format!("{} {}", word("do"), word("step")).trim().to_owned() }
            }
            Progress::Wrong(problems) => {
                Doing::Mending { problems: problems.iter().take(5).map(ToString::to_string).collect() }
            }
        };
        // Only a look at what goes on: some of it may be missed.
        let _ = sender.try_send(doing);
    };
    let mut planning = std::pin::pin!(turn.shared.desk.plan(wanted, &mut watch));
    let mut told = 0;
    loop {
        tokio::select! {
            planned = &mut planning => return Ok(planned?),
            Some(doing) = reports.recv() => {
                told += 1;
                if told <= MOST_REPORTS {
                    turn.write(Event::Doing(doing)).await?;
                }
            }
        }
    }
}

/// Whether a new workflow is a piece of work for the agents, to be done once: nothing starts it, and its steps are theirs.
fn is_task(workflow: &Workflow) -> bool {
    fn is_work(step: &Step) -> bool {
        match &step.process {
            Process::Agent { .. } | Process::Model { .. } | Process::Transform { .. } | Process::Branch { .. } => true,
            Process::ForEach(_) | Process::Repeat(_) => step.process.body().unwrap_or_default().iter().all(is_work),
            _ => false,
        }
    }
    let has_agent = workflow.steps.iter().any(|step| matches!(step.process, Process::Agent { .. }));
    workflow.triggers.is_empty() && has_agent && workflow.steps.iter().all(is_work)
}

/// Carries a task out at once if the policy lets it: what is said of that; `None` if a person decides.
async fn carried_out_at_once(
    turn: &mut Turn<'_>,
    id: ProposalId,
    workflow: &Workflow,
    task: bool,
) -> Result<Option<String>, ChatError> {
    let is_allowed = task
        && turn.shared.settings.auto_run == AutoRun::Read
        && !turn.has_read_others()
        && turn.shared.desk.worst(workflow).await <= Effect::Read
        && workflow.inputs.values().all(|schema| schema.get("default").is_some());
    if !is_allowed {
        return Ok(None);
    }
    decide::by_policy(turn, id).await.map(Some)
}
