//! What the tools of a conversation do.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::about_runs::{self, Here};
use super::event::{BaseVersion, Event, Link, RunKind};
use super::outline;
use super::port::Refusal;
use super::tools::RunOf;
use super::turn::Turn;
use super::{ChatError, Shared, follow};
use crate::memory::index::Filter;
use crate::model::intent::{Intent, intent};
use crate::model::{talk, untrusted};
use crate::run::{RunId, RunStatus};
use crate::store::entries::{EntryScope, NewNote};
use crate::workflow::{Effect, yaml};

/// What became of a call.
pub(super) enum Act {
    /// The turn ends with this.
    Said(String),
    /// The model is told this, and goes on.
    Result(Value),
}

/// How many passages of the memory are given.
const MOST_HITS: usize = 8;

/// How long the memory may take.
const MEMORY_LIMIT: std::time::Duration = std::time::Duration::from_secs(20);

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
    if worst > Effect::Read && !asked_for(turn, &name, &wanted.inputs) {
        return Ok(refused(format!(
            "`{name}` changes the world, so it is only run, and with these inputs, when the person's own last message asks for that: \
             have them say “run {name}”, and “with INPUT=VALUE” for each input"
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

/// Whether the person's own words ask for a run of this workflow with these inputs. What a model chose counts for nothing.
fn asked_for(turn: &Turn<'_>, name: &str, inputs: &Map<String, Value>) -> bool {
    let Intent::Run { workflow, inputs: said } = intent(&turn.words, &turn.now) else { return false };
    let meant = workflow.as_deref().or(turn.now.focus.as_deref());
    let is_said = |(input, value): (&String, &Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        said.iter().any(|(known, as_said)| known == input && *as_said == text)
    };
    meant == Some(name) && inputs.iter().all(is_said)
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
