//! Accepting, rejecting, taking back and keeping what was proposed.
//!
//! A person decides, by a key or by words that say just that; or the policy, about what only reads. Words that a model chose decide
//! nothing.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::acts::{self, Act};
use super::event::{Acceptance, BaseVersion, By, Decision, Event, ProposalId, RunKind};
use super::port::{Accepting, Done, Live, MOST_TRIES, Refusal, Undone, moving};
use super::room::Room;
use super::state::Held;
use super::tools::{Decide, Verdict};
use super::turn::Turn;
use super::{ChatError, LONGEST_MESSAGE, Shared};
use crate::model::intent::{Intent, intent};
use crate::store::StoreError;
use crate::workflow::{StepId, Workflow, yaml};

/// What a person decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// To accept it.
    Accept {
        /// These steps of it; all if there are none.
        #[serde(default)]
        steps: Vec<String>,
        /// Whether what is accepted is carried out at once.
        #[serde(default)]
        run: bool,
    },
    /// To reject it.
    Reject {
        /// Why, if that is said.
        #[serde(default)]
        reason: Option<String>,
    },
    /// To take back that it was accepted.
    Undo,
}

/// Carries out what a person decides by a key or a button; what is said of it.
pub(super) async fn by_a_person(
    shared: &Arc<Shared>,
    room: &Arc<Room>,
    proposal: ProposalId,
    choice: Choice,
) -> Result<String, ChatError> {
    match choice {
        Choice::Accept { steps, run } => accept(shared, room, proposal, Accept::by_person(steps, run)).await,
        Choice::Reject { reason } => reject(shared, room, proposal, reason).await,
        Choice::Undo => take_back(shared, room, proposal).await,
    }
}

/// Carries out what the person's words say. What the model makes of them counts for nothing.
pub(super) async fn by_words(turn: &mut Turn<'_>, wanted: Decide) -> Result<Act, ChatError> {
    let own = intent(&turn.words, &turn.now);
    let refused = |say: &str| {
        let reason = format!(
            "nothing was decided: the person's own last message does not say just that. They can say {say}, or press the key for it"
        );
        Ok(Act::Result(json!({ "error": reason })))
    };
    let state = turn.room.state().await;
    let said = match (wanted.decision, own) {
        (Verdict::Accept, Intent::Accept { steps, run }) => match state.acceptable_proposal() {
            Some(held) => accept(turn.shared, turn.room, held.id, Accept::by_person(steps, run)).await,
            None => return Ok(Act::Said("Nothing is proposed that could be accepted.".to_owned())),
        },
        (Verdict::Reject, Intent::Reject { reason }) => match state.open_proposal() {
            Some(held) => reject(turn.shared, turn.room, held.id, reason).await,
            None => return Ok(Act::Said("Nothing is proposed that could be rejected.".to_owned())),
        },
        (Verdict::Undo, Intent::Undo) => match state.accepted() {
            Some(held) => take_back(turn.shared, turn.room, held.id).await,
            None => return Ok(Act::Said("Nothing was accepted here that could be taken back.".to_owned())),
        },
        (Verdict::Accept, _) => return refused("“yes”"),
        (Verdict::Reject, _) => return refused("“no”"),
        (Verdict::Undo, _) => return refused("“undo that”"),
    };
    told(said).map(Act::Said)
}

/// Accepts a task as the policy does, and carries it out.
pub(super) async fn by_policy(turn: &Turn<'_>, proposal: ProposalId) -> Result<String, ChatError> {
    let wanted = Accept { steps: Vec::new(), then: Then::AsItIs, by: By::Policy };
    told(accept(turn.shared, turn.room, proposal, wanted).await)
}

/// What cannot be done is said, and no failure of the turn.
fn told(said: Result<String, ChatError>) -> Result<String, ChatError> {
    match said {
        Err(ChatError::Refused(Refusal(reason)) | ChatError::NotNow(reason)) => {
            Ok(format!("That cannot be done: {reason}\n\nNothing is changed."))
        }
        said => said,
    }
}

/// How something that is proposed is accepted.
struct Accept {
    /// The steps; all if there are none.
    steps: Vec<String>,
    /// What becomes of it then.
    then: Then,
    by: By,
}

/// What becomes of what is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Then {
    /// A workflow is saved, a task is carried out.
    AsItIs,
    /// Both, if it is a workflow.
    Run,
    /// It is saved, by this name if one is given.
    Keep(Option<String>),
}

impl Accept {
    fn by_person(steps: Vec<String>, run: bool) -> Self {
        Self { steps, then: if run { Then::Run } else { Then::AsItIs }, by: By::Person }
    }
}

async fn accept(
    shared: &Arc<Shared>,
    room: &Arc<Room>,
    proposal: ProposalId,
    wanted: Accept,
) -> Result<String, ChatError> {
    let (shared, room) = (Arc::clone(shared), Arc::clone(room));
    // Whoever waits for this may be dropped, and what was begun is brought to its end.
    let accepting = tokio::spawn(async move {
        let Accept { steps, then, by } = wanted;
        let (held, is_live, done) = accepted(&shared, &room, proposal, &steps, &then, by).await?;
        let Done { workflow: name, taken, after, diff, besides, lost_comments, .. } = done;
        let version = after.version;
        let mut said = String::new();
        if let Some(taken) = taken {
            let _ = writeln!(said, "There is a workflow `{taken}` already, so this one is called `{name}`.\n");
        }
        if lost_comments > 0 {
            let _ = writeln!(
                said,
                "{lost_comments} lines with comments, beside what changed, are not in the new version.\n"
            );
        }
        match (by, is_live) {
            (By::Policy, _) => {
                let _ = writeln!(
                    said,
                    "All that it does is to compute and read, so it is carried out at once ([chat] auto_run)."
                );
            }
            (By::Person, false) => said.push_str("Accepted. It is carried out now.\n"),
            (By::Person, true) => {
                let _ = writeln!(said, "Accepted and saved: `{name}`, version {}.\n", short(&version));
                for change in &diff {
                    let _ = writeln!(said, "- {}", change.text);
                }
                if !besides.is_empty() {
                    let besides: Vec<String> = besides.iter().map(|step| format!("`{step}`")).collect();
                    let _ = writeln!(said, "\nAccepted too, since it cannot be done without: {}", besides.join(", "));
                }
                if held.is_accepted_in_part() {
                    let mut left: Vec<String> = held.left().map(|step| format!("`{step}`")).collect();
                    if held.offered.more_than_steps {
                        left.push("what is about the workflow as a whole".to_owned());
                    }
                    let left = left.join(", ");
                    let _ = writeln!(said, "\nNot accepted yet: {left}. Say “accept the rest” for that.");
                }
            }
        }
        if then == Then::Run || !is_live {
            let kind = match (held.offered.task, held.offered.instead_of) {
                (true, None) => RunKind::Task,
                (true, Some(_)) => RunKind::AnotherWay,
                (false, _) => RunKind::Workflow,
            };
            match acts::begin(&shared, &room, &name, &version, Map::new(), kind).await {
                Ok((_, begun)) => {
                    let _ = writeln!(said, "\n{begun}");
                }
                Err(ChatError::Refused(Refusal(reason))) => {
                    let _ = writeln!(said, "\nThe run was not begun: {reason}");
                }
                Err(error) => return Err(error),
            }
            if !is_live {
                let _ = writeln!(said, "Say “save this as a workflow” to keep it.");
            }
        } else {
            let _ = writeln!(said, "\nSay “run it” to carry it out, “undo that” to take it back.");
        }
        Ok(said)
    });
    accepting.await.unwrap_or_else(|error| Err(ChatError::NotNow(format!("it stopped half-way: {error}"))))
}

/// Writes that these steps of a proposal are accepted, or all of it if there are none, and makes what comes of it live: both or neither.
/// What was accepted in part before can be accepted further.
async fn accepted(
    shared: &Arc<Shared>,
    room: &Arc<Room>,
    proposal: ProposalId,
    steps: &[String],
    then: &Then,
    by: By,
) -> Result<(Held, bool, Done), ChatError> {
    let _deciding = room.deciding.lock().await;
    let held = held(room, proposal).await?;
    let earlier = match &held.decision {
        None => None,
        Some(Decision::Accepted { acceptance, .. }) if held.is_accepted_in_part() => Some(acceptance),
        Some(_) => return Err(ChatError::NotNow(format!("something was decided about {} already", held.id))),
    };
    let steps: Vec<StepId> = steps.iter().map(|step| StepId::from(step.as_str())).collect();
    let (is_kept, name) = match then {
        Then::Keep(name) => (true, name.as_deref()),
        Then::AsItIs | Then::Run => (false, None),
    };
    let is_live = !held.offered.task || is_kept;
    let accepting = Accepting { offered: &held.offered, earlier, steps: &steps, name };
    for _ in 0..MOST_TRIES {
        let done = shared.desk.accept(accepting).await?;
        let decision = Decision::Accepted { acceptance: accepting.acceptance(&done), live: is_live, by };
        let event = Event::Decided { proposal, decision, reason: None };
        let moves = if is_live { done.moves.clone() } else { Vec::new() };
        match room.write_moving(shared, event, moves).await {
            Err(ChatError::Store(StoreError::OtherLive(_))) => {}
            written => {
                written?;
                return Ok((self::held(room, proposal).await?, is_live, done));
            }
        }
    }
    Err(Refusal(moving(&held.offered.workflow)).into())
}

async fn held(room: &Arc<Room>, proposal: ProposalId) -> Result<Held, ChatError> {
    let state = room.state().await;
    state.proposal(proposal).cloned().ok_or(ChatError::NoSuchProposal(proposal))
}

fn parsed(text: &str) -> Result<Workflow, ChatError> {
    yaml::parse(text).map(|parsed| parsed.workflow).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Refusal(format!("the workflow cannot be read: {}", problems.join("; "))).into()
    })
}

async fn reject(
    shared: &Arc<Shared>,
    room: &Arc<Room>,
    proposal: ProposalId,
    reason: Option<String>,
) -> Result<String, ChatError> {
    let _deciding = room.deciding.lock().await;
    let held = held(room, proposal).await?;
    if held.is_accepted_in_part() {
        return Err(ChatError::NotNow(format!("a part of {proposal} is accepted; “undo that” takes it back")));
    }
    if held.decision.is_some() {
        return Err(ChatError::NotNow(format!("something was decided about {proposal} already")));
    }
    let reason = reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    if let Some(bytes) = reason.as_ref().map(String::len).filter(|bytes| *bytes > LONGEST_MESSAGE) {
        return Err(ChatError::TooLong { bytes });
    }
    room.write(shared, vec![Event::Decided { proposal, decision: Decision::Rejected, reason }]).await?;
    Ok("Rejected. Nothing is changed. Say “another” for another, or what is to be different.".to_owned())
}

async fn take_back(shared: &Arc<Shared>, room: &Arc<Room>, proposal: ProposalId) -> Result<String, ChatError> {
    let (shared, room) = (Arc::clone(shared), Arc::clone(room));
    let taking_back = tokio::spawn(async move {
        let _deciding = room.deciding.lock().await;
        let held = held(&room, proposal).await?;
        let Some(Decision::Accepted { acceptance, live: was_live, .. }) = &held.decision else {
            return Err(ChatError::NotNow(format!("{proposal} is not accepted, so that nothing can be taken back")));
        };
        if !was_live {
            let decision = Decision::Undone { version: None, workflow: None, text: None };
            room.write(&shared, vec![Event::Decided { proposal, decision, reason: None }]).await?;
            return Ok(format!("`{}` was only carried out once; it is not kept.", acceptance.workflow));
        }
        let Undone { workflow, version, merged, .. } = taken_back(&shared, &room, &held, acceptance).await?;
        Ok(match (version, merged) {
            (None, _) => {
                format!("Taken back: no version of `{workflow}` is in use any more. What ran stays recorded.")
            }
            (Some(version), None) => {
                format!("Taken back: `{workflow}` is as it was, version {}.", short(&version.version))
            }
            (Some(_), Some(diff)) => {
                let mut said = format!("Taken back; what else was done to `{workflow}` since stays:\n");
                for change in diff {
                    let _ = write!(said, "\n- {}", change.text);
                }
                said
            }
        })
    });
    taking_back.await.unwrap_or_else(|error| Err(ChatError::NotNow(format!("it stopped half-way: {error}"))))
}

/// Writes that a proposal's acceptance is taken back, and makes what comes of that live: both or neither.
async fn taken_back(
    shared: &Arc<Shared>,
    room: &Arc<Room>,
    held: &Held,
    accepted: &Acceptance,
) -> Result<Undone, ChatError> {
    for _ in 0..MOST_TRIES {
        let undone = shared.desk.take_back(&held.offered, accepted).await?;
        let (version, text) = undone.version.clone().map(|back| (back.version, back.text)).unzip();
        let workflow = Some(undone.workflow.clone()).filter(|name| *name != accepted.workflow);
        let decision = Decision::Undone { version, workflow, text };
        let event = Event::Decided { proposal: held.id, decision, reason: None };
        match room.write_moving(shared, event, undone.moves.clone()).await {
            Err(ChatError::Store(StoreError::OtherLive(_))) => {}
            written => return written.map(|_| undone),
        }
    }
    Err(Refusal(moving(&accepted.workflow)).into())
}

fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}

/// Keeps the task that was carried out last as a workflow.
pub(super) async fn keep(turn: &mut Turn<'_>, name: Option<String>) -> Result<Act, ChatError> {
    let Intent::Keep { name: own } = intent(&turn.words, &turn.now) else {
        let reason = "nothing is kept unless the person's own last message asks for that: have them say “save this as a workflow”";
        return Ok(Act::Result(json!({ "error": reason })));
    };
    let name = own.or(name);
    let state = turn.room.state().await;
    if let Some(held) = state.open_proposal() {
        // What is proposed is kept by accepting it.
        let wanted = Accept { steps: Vec::new(), then: Then::Keep(name), by: By::Person };
        return told(accept(turn.shared, turn.room, held.id, wanted).await).map(Act::Said);
    }
    let Some((id, Decision::Accepted { acceptance: Acceptance { workflow, after, .. }, live: false, .. })) =
        state.accepted().and_then(|held| Some((held.id, held.decision.clone()?)))
    else {
        return Ok(Act::Said("There is nothing to keep: what was accepted here is saved already.".to_owned()));
    };
    told(kept(turn, id, &workflow, &after, name).await).map(Act::Said)
}

async fn kept(
    turn: &Turn<'_>,
    id: ProposalId,
    workflow: &str,
    after: &BaseVersion,
    name: Option<String>,
) -> Result<String, ChatError> {
    let (name, text) = match name.filter(|name| name != workflow) {
        None => (workflow.to_owned(), after.text.clone()),
        Some(name) => {
            if turn.shared.workspace.workflows().list().await?.iter().any(|head| head.name == name) {
                return Err(Refusal(format!("there is a workflow `{name}` already; choose another name")).into());
            }
            let text = yaml::rewrite(&after.text, &Workflow { name: name.clone(), ..parsed(&after.text)? }).text;
            (name, text)
        }
    };
    let version = turn.shared.desk.save(&name, &text, Live::Yes).await?;
    let said =
        format!("Kept as the workflow `{name}`, version {}. Say “run it” to carry it out again.", short(&version));
    let text = Some(text).filter(|text| *text != after.text);
    let decision = Decision::Kept { workflow: name, version, text };
    turn.room.write(turn.shared, vec![Event::Decided { proposal: id, decision, reason: None }]).await?;
    Ok(said)
}
