//! What the tools of a conversation do.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::about_runs::{self, BeyondRetry, Here};
use super::compact;
use super::decide;
use super::event::{BaseVersion, Decision, Doing, Event, Link, Offered, ProposalId, RunKind};
use super::outline;
use super::port::{Refusal, ToPlan};
use super::state::State;
use super::tools::{Propose, RunOf};
use super::turn::Turn;
use super::{AutoRun, ChatError, Shared, follow};
use crate::memory::index::Filter;
use crate::model::intent::{Intent, intent};
use crate::model::planning::{Role, Turn as PlanningTurn};
use crate::model::{talk, untrusted};
use crate::planner::{Progress, Proposed, Standing};
use crate::run::{RunId, RunStatus};
use crate::store::entries::{EntryScope, NewNote};
use crate::workflow::{Effect, Process, Step, StepId, Workflow, yaml};

/// What became of a call.
pub(super) enum Act {
    /// The turn ends with this.
    Said(String),
    /// The model is told this, and goes on.
    Result(Value),
}

/// How many turns the planner is told of.
const MOST_TURNS: usize = 8;

/// How many passages of the memory are given.
const MOST_HITS: usize = 8;

/// How long the memory may take.
const MEMORY_LIMIT: std::time::Duration = std::time::Duration::from_secs(20);

/// Reports of the planner that wait to be written.
const REPORTS_AHEAD: usize = 256;

/// How many edits are told of as they come.
const MOST_REPORTS: u32 = 100;

/// How many withheld calls of a simulation are told of.
const MOST_WITHHELD: usize = 30;

fn refused(message: impl Into<String>) -> Act {
    Act::Result(json!({ "error": message.into() }))
}

/// The live version of a saved workflow.
pub(super) async fn live(shared: &Shared, name: &str) -> Result<Option<BaseVersion>, ChatError> {
    let live = shared.workspace.workflows().live(name).await?;
    Ok(live.map(|live| BaseVersion { version: live.hash, text: live.text }))
}

/// The workflow that is meant: the one that is named, else the one in front.
async fn meant(turn: &Turn<'_>, named: Option<&str>) -> Result<Result<(String, BaseVersion), String>, ChatError> {
    let Some(name) = named.or(turn.now.focus.as_deref()) else {
        return Ok(Err("no workflow is in front of us; say which one is meant".to_owned()));
    };
    Ok(match live(turn.shared, name).await? {
        Some(version) => Ok((name.to_owned(), version)),
        None => Err(format!("there is no saved workflow `{name}`")),
    })
}

pub(super) async fn propose(turn: &mut Turn<'_>, wanted: Propose) -> Result<Act, ChatError> {
    let state = turn.room.state().await;
    let workflow = match (&turn.now.focus, wanted.new) {
        (Some(name), false) => live(turn.shared, name).await?.map(|base| (name.clone(), base)),
        _ => None,
    };
    let mut turns = compact::turns(&state, MOST_TURNS + 1);
    // The last one is the request itself.
    turns.pop();
    // A key says no without a word.
    if state.proposals().last().is_some_and(|held| held.decision == Some(Decision::Rejected)) {
        turns.push(PlanningTurn { role: Role::User, text: "No, not what you have proposed last.".to_owned() });
    }
    plan(turn, &state, Wish { request: wanted.request, workflow, turns, others: Vec::new() }).await.map(Act::Said)
}

/// Looks for another way to what a task was for that has failed for good.
pub(super) async fn another_way(turn: &mut Turn<'_>, state: &State, run: RunId) -> Result<String, ChatError> {
    let nothing = || format!("Run `{run}` cannot be gone on with. `callboard show {run}` says how it stands.");
    let Some(held) = state.runs().get(&run) else { return Ok(nothing()) };
    let version = turn.shared.workspace.workflows().version(&held.workflow, &held.version).await?;
    let failed = about_runs::beyond_retry(&turn.shared.workspace, run).await?;
    let (Some(version), Some(failed)) = (version, failed) else { return Ok(nothing()) };
    let BeyondRetry { step, failure, done } = failed;
    let at = step.map(|step| format!(" at `{step}`")).unwrap_or_default();
    let request = format!(
        "The last run failed for good{at}, and trying it again cannot mend that. \
         Change the workflow so that what it is for is reached in another way."
    );
    turn.links.push(Link::run(run));
    // What a tool or a model says of a failure may be anybody's words: whatever is proposed here, a person decides.
    turn.reads_others().await?;
    let wish = Wish {
        request,
        workflow: Some((held.workflow.clone(), BaseVersion { version: version.hash, text: version.text })),
        turns: compact::turns(state, MOST_TURNS),
        others: vec![format!("Why the last run failed: {failure}")],
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
}

/// Has a change proposed, and says what it is.
async fn plan(turn: &mut Turn<'_>, state: &State, wish: Wish) -> Result<String, ChatError> {
    let Wish { request, workflow, turns, others } = wish;
    let wanted = ToPlan {
        request: request.clone(),
        workflow: workflow.as_ref().map(|(name, base)| (name.clone(), base.text.clone())),
        turns,
        others,
        model: turn.alias.clone(),
    };
    let Proposed { proposal, workflow: after, reply, read_others } = planned(turn, wanted).await?;
    if read_others {
        turn.reads_others().await?;
    }
    let (Standing::Ready, Some(after)) = (proposal.standing, &after) else { return Ok(reply) };
    let json = serde_json::to_value(&proposal).map_err(|error| Refusal(error.to_string()))?;
    let mut steps: Vec<StepId> = Vec::new();
    for step in proposal.diff.iter().filter_map(|change| change.step.as_ref()) {
        if !steps.contains(step) {
            steps.push(step.clone());
        }
    }
    let is_new = workflow.is_none();
    let task = is_new && is_task(after)
        || state.runs().values().any(|run| {
            run.kind == RunKind::Task
                && workflow.as_ref().is_some_and(|(name, base)| *name == run.workflow && base.version == run.version)
        });
    let offered = Offered {
        request,
        workflow: after.name.clone(),
        base: workflow.map(|(_, base)| base),
        text: yaml::write(after),
        proposal: json,
        steps,
        task,
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

pub(super) async fn run(turn: &mut Turn<'_>, wanted: RunOf) -> Result<Act, ChatError> {
    let (name, version) = match meant(turn, wanted.workflow.as_deref()).await? {
        Ok(meant) => meant,
        Err(reason) => return Ok(refused(reason)),
    };
    let parsed = yaml::parse(&version.text).map(|parsed| parsed.workflow);
    let worst = match &parsed {
        Ok(workflow) => turn.shared.desk.worst(workflow).await,
        Err(_) => Effect::Irreversible,
    };
    if worst > Effect::Read && !matches!(intent(&turn.words, &turn.now), Intent::Run { .. }) {
        return Ok(refused(format!(
            "`{name}` changes the world, so it is only run when the person's own last message asks for that: have them say “run {name}”"
        )));
    }
    let said = begin(turn.shared, turn.room, &name, &version.version, wanted.inputs, RunKind::Workflow).await;
    match said {
        Ok((run, text)) => {
            turn.links.push(Link::run(run));
            Ok(Act::Said(text))
        }
        Err(ChatError::Refused(Refusal(reason))) => Ok(Act::Said(format!("The run was not begun: {reason}"))),
        Err(error) => Err(error),
    }
}

/// Begins a run and follows it; what is said of that. Whoever waits for this may be dropped.
pub(super) async fn begin(
    shared: &Arc<Shared>,
    room: &Arc<super::room::Room>,
    workflow: &str,
    version: &str,
    inputs: Map<String, Value>,
    kind: RunKind,
) -> Result<(RunId, String), ChatError> {
    let run = RunId(shared.clock.fresh_id());
    let (shared, room) = (Arc::clone(shared), Arc::clone(room));
    let (workflow, version) = (workflow.to_owned(), version.to_owned());
    let begun = tokio::spawn(async move {
        shared.desk.begin(run, &workflow, Some(&version), inputs).await?;
        let ran = Event::Ran { run, workflow: workflow.clone(), version, kind };
        room.write(&shared, vec![ran]).await?;
        follow::begin(&shared, &room, run);
        Ok((run, format!("Run `{run}` of `{workflow}` has begun. Its steps are told of as they go on.")))
    });
    begun.await.unwrap_or_else(|error| Err(ChatError::NotNow(format!("the run was not begun: {error}"))))
}

pub(super) async fn simulate(turn: &mut Turn<'_>, wanted: RunOf) -> Result<Act, ChatError> {
    let state = turn.room.state().await;
    // What is proposed can be tried before it is accepted.
    let proposed = state.open_proposal().filter(|_| wanted.workflow.is_none());
    let (name, text) = match proposed {
        Some(held) => (format!("{} (as proposed)", held.offered.workflow), held.offered.text.clone()),
        None => match meant(turn, wanted.workflow.as_deref()).await? {
            Ok((name, version)) => (name, version.text),
            Err(reason) => return Ok(refused(reason)),
        },
    };
    let report = match turn.shared.desk.simulate(&name, &text, wanted.inputs).await {
        Ok(report) => report,
        Err(Refusal(reason)) => return Ok(Act::Said(format!("`{name}` cannot be simulated: {reason}"))),
    };
    let summary = &report.summary;
    let mut said = match summary.status {
        RunStatus::Waiting => format!("Simulated, `{name}` would wait for a signal that nobody has sent.\n"),
        status => format!("Simulated, `{name}` would end {status}; nothing was changed.\n"),
    };
    if let Some(failure) = &summary.failure {
        let _ = writeln!(said, "\n{failure}");
    }
    if report.withheld.is_empty() {
        said.push_str("\nIt would change nothing in the world.\n");
    } else {
        said.push_str("\nCalls that it would make, and that were not made:\n\n");
        for call in report.withheld.iter().take(MOST_WITHHELD) {
            let arguments: String = call.arguments.to_string().chars().take(200).collect();
            let _ = writeln!(said, "- `{}` in `{}` ({}): `{arguments}`", call.tool, call.step, effect(call.effect));
        }
    }
    Ok(Act::Said(said))
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Pure => "computes only",
        Effect::Read => "reads",
        Effect::Write => "writes",
        Effect::Irreversible => "cannot be undone",
    }
}

pub(super) async fn ask_runs(turn: &mut Turn<'_>, question: &str) -> Result<Act, ChatError> {
    let state = turn.room.state().await;
    let here = Here {
        now: turn.shared.clock.now(),
        run: state.runs().last().map(|(run, _)| *run),
        focus: turn.now.focus.clone(),
        workflows: turn.now.workflows.clone(),
    };
    let told = about_runs::answer(&turn.shared.workspace, question, &here).await?;
    turn.links.extend(told.links.iter().cloned());
    // A run's failure or result may hold anybody's words.
    turn.reads_others().await?;
    Ok(Act::Result(untrusted::wrap(talk::ASK_RUNS, &json!({ "text": told.text, "links": told.links }))))
}

pub(super) async fn show(turn: &mut Turn<'_>, workflow: Option<String>) -> Result<Act, ChatError> {
    let (name, version) = match meant(turn, workflow.as_deref()).await? {
        Ok(meant) => meant,
        Err(reason) => return Ok(refused(reason)),
    };
    Ok(match yaml::parse(&version.text) {
        Ok(parsed) => Act::Result(json!({ "text": outline::describe(&parsed.workflow), "version": version.version })),
        Err(_) => refused(format!("`{name}` was written by another version of the program, and cannot be read")),
    })
}

pub(super) async fn search(turn: &mut Turn<'_>, query: &str) -> Result<Act, ChatError> {
    let memory = &turn.shared.memory;
    let searching = async {
        // An empty memory's index is not worth making.
        let counts = memory.counts().await?;
        if counts.pieces + counts.notes == 0 {
            return Ok(Vec::new());
        }
        memory.recall(query, &Filter::default(), MOST_HITS).await
    };
    let hits = match tokio::time::timeout(MEMORY_LIMIT, searching).await {
        Ok(Ok(hits)) => hits,
        Ok(Err(error)) => return Ok(refused(format!("the memory cannot be searched: {error}"))),
        Err(_) => return Ok(refused("the memory takes too long")),
    };
    if hits.is_empty() {
        return Ok(Act::Result(json!({ "hits": [] })));
    }
    turn.reads_others().await?;
    let hits: Vec<Value> = hits
        .into_iter()
        .map(|hit| json!({ "text": hit.text, "source": hit.source, "heading": hit.heading, "score": hit.score }))
        .collect();
    Ok(Act::Result(untrusted::wrap(talk::SEARCH, &json!({ "hits": hits }))))
}

pub(super) async fn remember(turn: &mut Turn<'_>, text: String) -> Result<Act, ChatError> {
    let Intent::Remember { text: own } = intent(&turn.words, &turn.now) else {
        return Ok(refused(
            "only what the person's own last message asks to remember is remembered: have them say “remember that …”",
        ));
    };
    // In the person's own words, unless the model only repeats a part of them.
    let text = if own.contains(text.trim()) { text.trim().to_owned() } else { own };
    let note = NewNote {
        scope: EntryScope::Workspace,
        source: "conversation".to_owned(),
        author: Some("person".to_owned()),
        heading: None,
        text: text.clone(),
        confidence: None,
        provenance: None,
        key: Some(format!("conversation {} {}", turn.room.id(), turn.number)),
    };
    match turn.shared.memory.note(note).await {
        Ok(noted) => Ok(Act::Said(format!("Noted: {text}\n\n(note {})", noted.id.0))),
        Err(error) => Ok(Act::Said(format!("It could not be noted: {error}"))),
    }
}
