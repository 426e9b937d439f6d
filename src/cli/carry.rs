//! Carrying a run on until it ends or waits for a person, and saying how it stands then.

use std::ops::ControlFlow;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::complaint::Complaint;
use super::exit::Exit;
use super::follow::{Followed, Until, exit_of, follow, view};
use super::live::LiveRun;
use super::output::{span, value_text};
use super::progress::Progress;
use super::session::{Purpose, Session};
use super::{Context, Format, events};
use crate::run::{Failure, Question, RunId, RunStatus};
use crate::server::{OpenQuestion, RunView};

/// How long and how closely a run is watched.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct Watching {
    /// Print every event as it happens, instead of one line a step
    #[arg(long, short)]
    follow: bool,
    /// Wait while the run waits for a person, until somebody answers or its default is taken
    #[arg(long)]
    wait: bool,
    /// Do not wait at all: what was asked for is recorded, and the process that works on the data folder carries it
    /// out; without one, `callboard resume` does
    #[arg(long, conflicts_with_all = ["follow", "wait"])]
    detach: bool,
}

impl Watching {
    /// Until the run ends or waits for a person; or, if `waiting`, until it ends.
    pub(super) fn waiting(wait: bool) -> Self {
        Self { wait, ..Self::default() }
    }

    /// What the data folder is wanted for.
    pub(super) fn purpose(self) -> Purpose {
        if self.detach { Purpose::Record } else { Purpose::CarryOn }
    }

    /// True if the command ends once what was asked for is recorded.
    pub(super) fn is_detached(self) -> bool {
        self.detach
    }

    /// True if the run is to be watched even where another process works on it.
    pub(super) fn is_wanted(self) -> bool {
        self.follow || self.wait
    }

    fn until(self) -> Until {
        if self.wait { Until::End } else { Until::EndOrQuestion }
    }
}

/// How a run stands, as `--format json` says it.
#[derive(Debug, Serialize)]
pub(super) struct Standing {
    id: RunId,
    workflow: String,
    status: RunStatus,
    /// Null until it has completed.
    result: Option<Value>,
    /// Null unless it failed or was cancelled.
    failure: Option<Failure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    questions: Vec<Question>,
}

/// How a run stands.
pub(super) async fn standing(session: &mut Session, run: RunId) -> Result<Standing, Complaint> {
    let view = view(session, &run.to_string()).await?;
    let questions = open_questions(session, &view).await?.into_iter().map(|open| open.question).collect();
    let RunView { id, workflow, status, result, failure, .. } = view;
    Ok(Standing { id, workflow, status, result, failure, questions })
}

/// Carries a run on, and ends the session.
pub(super) async fn carry(
    context: &Context,
    mut session: Session,
    run: RunId,
    watching: Watching,
) -> Result<Exit, Complaint> {
    let carried = carry_open(context, &mut session, run, watching, 0).await;
    session.close().await;
    carried
}

/// The same for what happens after event `after`, and keeps the session open.
pub(super) async fn carry_open(
    context: &Context,
    session: &mut Session,
    run: RunId,
    watching: Watching,
    after: u64,
) -> Result<Exit, Complaint> {
    let mut progress = Progress::default();
    let mut live = LiveRun::new(&context.screen, &context.output);
    let followed = follow(context, session, run, after, watching.until(), &mut |recorded| {
        let change = progress.apply(recorded);
        match (context.output.format(), watching.follow) {
            (_, true) => events::write(&context.output, recorded),
            (Format::Text, false) => live.show(change, &progress),
            (Format::Json, false) => {}
        }
        // Whether or not anybody still reads, the run goes on.
        ControlFlow::Continue(())
    })
    .await?;
    drop(live);
    match followed {
        Followed::Interrupted => Ok(interrupted(session, run)),
        Followed::Stands(_) | Followed::SeenEnough => say(context, session, run).await,
    }
}

/// Says that a run is left as it is.
pub(super) fn interrupted(session: &Session, run: RunId) -> Exit {
    use std::io::Write as _;
    let what = if session.is_owner() {
        format!("run {run} is left as it is; nothing is lost: `callboard resume` goes on")
    } else {
        format!(
            "run {run} goes on in the process that works on the data folder; `callboard events {run} --follow` watches it"
        )
    };
    let _ = writeln!(std::io::stderr(), "{what}");
    Exit::Interrupted
}

/// Says how a run stands.
async fn say(context: &Context, session: &mut Session, run: RunId) -> Result<Exit, Complaint> {
    if context.output.format() == Format::Json {
        let standing = standing(session, run).await?;
        context.output.json(&standing);
        return Ok(exit_of(standing.status));
    }
    let view = view(session, &run.to_string()).await?;
    let took = view.ended_at.unwrap_or(view.updated_at).since(view.created_at);
    context.output.line(format!("{} after {}", view.status, span(took)));
    if let Some(failure) = &view.failure {
        context.output.line(format!("  {failure}"));
        if view.status == RunStatus::Failed {
            context.output.line(format!("  `callboard retry {run}` tries again what failed, and keeps the rest"));
        }
    }
    if let Some(result) = view.result.as_ref().filter(|result| !result.is_null()) {
        context.output.line(value_text(result));
    }
    for open in open_questions(session, &view).await? {
        super::questions::write(&context.output, &open);
    }
    Ok(exit_of(view.status))
}

/// The questions of a run that is parked.
pub(super) async fn open_questions(session: &mut Session, view: &RunView) -> Result<Vec<OpenQuestion>, Complaint> {
    if view.status != RunStatus::Parked {
        return Ok(Vec::new());
    }
    session.get(&format!("/api/questions?run={}", view.id)).await
}
