//! An append, as the rows that it becomes. Pure.

use std::sync::Arc;

use super::{Append, JournalError};
use crate::run::event::SCHEMA_VERSION;
use crate::run::{Origin, Recorded, RunEvent, RunId};
use crate::store::workspace::WorkspaceId;

/// Events are stored with numbers of 64 bits and a sign.
const TOO_MANY: &str = "its events are numbered past what can be stored";

/// An append, as rows.
#[derive(Debug)]
pub(super) struct AppendRows {
    pub(super) workspace: WorkspaceId,
    pub(super) run: RunId,
    pub(super) expected: i64,
    pub(super) last: i64,
    pub(super) status: &'static str,
    pub(super) updated_at: i64,
    pub(super) ended_at: Option<i64>,
    pub(super) wake_at: Option<i64>,
    /// The rest of the head, if the run is new.
    pub(super) created: Option<CreatedRow>,
    pub(super) events: Vec<EventRow>,
    pub(super) projections: Vec<Projection>,
}

/// What never changes of a run.
#[derive(Debug)]
pub(super) struct CreatedRow {
    pub(super) workflow: String,
    pub(super) version: String,
    pub(super) depth: u8,
    pub(super) parent: Option<(RunId, String)>,
    pub(super) retry_of: Option<RunId>,
}

/// One event.
#[derive(Debug)]
pub(super) struct EventRow {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) kind: &'static str,
    pub(super) step: Option<Arc<str>>,
    pub(super) body: Arc<str>,
}

/// What an event changes beside the run's head.
#[derive(Debug)]
pub(super) enum Projection {
    Asked { id: Arc<str>, seq: i64, at: i64, deadline: Option<i64> },
    Answered { id: Arc<str>, at: i64, choice: String, by: Option<String> },
    ChildStarted { child: RunId },
    ChildEnded { child: RunId },
}

impl AppendRows {
    /// The rows of an append, or why it is none.
    pub(super) fn of(workspace: &WorkspaceId, append: &Append) -> Result<Self, JournalError> {
        let invalid = |reason: String| JournalError::Invalid { run: append.run, reason };
        let mut expected_next = append.expected_seq;
        for recorded in &append.events {
            expected_next += 1;
            if recorded.seq != expected_next {
                return Err(invalid(format!("event {} stands where {expected_next} is due", recorded.seq)));
            }
            if matches!(recorded.event, RunEvent::Created { .. }) != (recorded.seq == 1) {
                return Err(invalid("`created` is the first event of a run, and only that".to_owned()));
            }
        }
        let (Some(first), Some(last)) = (append.events.first(), append.events.last()) else {
            return Err(invalid("it holds no event".to_owned()));
        };
        let ended = append.head.status.is_end();
        Ok(Self {
            workspace: workspace.clone(),
            run: append.run,
            expected: i64::try_from(append.expected_seq).map_err(|_| invalid(TOO_MANY.to_owned()))?,
            last: i64::try_from(last.seq).map_err(|_| invalid(TOO_MANY.to_owned()))?,
            status: append.head.status.as_str(),
            updated_at: last.at.0,
            ended_at: ended.then_some(last.at.0),
            wake_at: append.head.wake_at.filter(|_| !ended).map(|at| at.0),
            created: created(&first.event),
            events: events(&append.events).map_err(invalid)?,
            projections: append.events.iter().filter_map(projection).collect(),
        })
    }
}

fn created(event: &RunEvent) -> Option<CreatedRow> {
    let RunEvent::Created { workflow, version, origin, depth, .. } = event else { return None };
    let (parent, retry_of) = match origin {
        Some(Origin::Step { run, step }) => (Some((*run, step.as_str().to_owned())), None),
        Some(Origin::RetryOf { run }) => (None, Some(*run)),
        None => (None, None),
    };
    Some(CreatedRow { workflow: workflow.clone(), version: version.clone(), depth: *depth, parent, retry_of })
}

fn events(recorded: &[Recorded]) -> Result<Vec<EventRow>, String> {
    let mut text = Vec::with_capacity(1024);
    recorded.iter().map(|recorded| event(recorded, &mut text)).collect()
}

/// `text` is room for the JSON text, kept from event to event.
fn event(recorded: &Recorded, text: &mut Vec<u8>) -> Result<EventRow, String> {
    text.clear();
    let told = |error: &dyn std::fmt::Display| format!("event {} cannot be told as JSON: {error}", recorded.seq);
    serde_json::to_writer(&mut *text, &recorded.event).map_err(|error| told(&error))?;
    let body = std::str::from_utf8(text).map_err(|error| told(&error))?;
    Ok(EventRow {
        seq: i64::try_from(recorded.seq).map_err(|_| TOO_MANY.to_owned())?,
        at: recorded.at.0,
        kind: recorded.event.kind(),
        step: recorded.event.step().map(|step| step.as_str().into()),
        body: body.into(),
    })
}

fn projection(recorded: &Recorded) -> Option<Projection> {
    let at = recorded.at.0;
    match &recorded.event {
        RunEvent::Asked { question } => Some(Projection::Asked {
            id: question.id.clone(),
            seq: i64::try_from(recorded.seq).ok()?,
            at,
            deadline: question.deadline.map(|deadline| deadline.0),
        }),
        RunEvent::Answered { question, choice, by, .. } => {
            Some(Projection::Answered { id: question.clone(), at, choice: choice.as_str().to_owned(), by: by.clone() })
        }
        RunEvent::ChildStarted { run, .. } => Some(Projection::ChildStarted { child: *run }),
        RunEvent::ChildEnded { run, .. } => Some(Projection::ChildEnded { child: *run }),
        _ => None,
    }
}

/// The version that events are written with.
pub(super) fn schema_version() -> i64 {
    i64::from(SCHEMA_VERSION)
}
