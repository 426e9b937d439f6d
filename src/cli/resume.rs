//! `callboard resume`

use std::ops::ControlFlow;

use clap::Args;
use futures::{StreamExt as _, stream};

use super::carry::{Watching, carry_open, standing};
use super::client::Lost;
use super::complaint::Complaint;
use super::exit::Exit;
use super::follow::{Followed, Until, exit_of, follow_owner, view};
use super::output::span;
use super::session::{Purpose, Session};
use super::{Context, Format};
use crate::run::{RunId, RunStatus};
use crate::server::{RunList, RunView};

/// Finishes what a crash, Ctrl-C or --detach left unfinished
///
/// Every unfinished run goes on where it stopped: what is recorded is not done again. A call of which nobody knows
/// whether it took effect is repeated only if that does no harm; else its run is parked with a question.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard resume                                  everything that is unfinished
  callboard resume 0198c --wait                     one run, and wait for whoever answers its questions

Ends with 0 if every run completed, else with the code of the worst: failed, then parked, then cancelled.")]
pub(super) struct Resume {
    /// The runs: all that are unfinished unless given
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// Wait while runs wait for a person, until somebody answers or the default is taken
    #[arg(long)]
    wait: bool,
}

/// How many runs are listed at once.
const PAGE: usize = 1_000;

/// How many runs are watched at once.
const WATCHED_AT_ONCE: usize = 64;

impl Resume {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::CarryOn).await?;
        let resumed = self.resume(context, &mut session).await;
        session.close().await;
        resumed
    }

    async fn resume(&self, context: &Context, session: &mut Session) -> Result<Exit, Complaint> {
        let unfinished = self.unfinished(session).await?;
        if let ([run], Format::Text) = (&*unfinished, context.output.format()) {
            context.output.line(format!("run {} of {}", run.id, run.workflow));
            return carry_open(context, session, run.id, Watching::waiting(self.wait), 0).await;
        }
        if context.output.format() == Format::Text {
            context.output.line(match unfinished.len() {
                0 => "nothing is unfinished".to_owned(),
                n => format!("{n} runs are unfinished"),
            });
        }
        let ids = unfinished.iter().map(|run| run.id).collect();
        let statuses = tokio::select! {
            statuses = self.watch(context, session, ids) => statuses?,
            () = context.interrupt.wanted() => {
                use std::io::Write as _;
                let _ = writeln!(std::io::stderr(), "the runs are left as they are; nothing is lost: `callboard resume` goes on");
                return Ok(Exit::Interrupted);
            }
        };
        if context.output.format() == Format::Json {
            let mut all = Vec::with_capacity(unfinished.len());
            for run in &unfinished {
                all.push(standing(session, run.id).await?);
            }
            context.output.json(&all);
        }
        Ok(worst(statuses.into_iter().map(exit_of)))
    }

    /// The runs that are to be finished.
    async fn unfinished(&self, session: &mut Session) -> Result<Vec<RunView>, Complaint> {
        let mut unfinished = Vec::new();
        for run in &self.runs {
            unfinished.push(view(session, run).await?);
        }
        if !self.runs.is_empty() {
            return Ok(unfinished);
        }
        for status in [RunStatus::Running, RunStatus::Waiting, RunStatus::Parked, RunStatus::Cancelling] {
            let mut wanted = RunList { status: Some(status), limit: Some(PAGE), ..RunList::default() };
            loop {
                let page: Vec<RunView> = session.get_with("/api/runs", &wanted).await?;
                let is_last = page.len() < PAGE;
                wanted.before = page.last().map(|run| run.id);
                // A child run ends with its parent.
                unfinished.extend(page.into_iter().filter(|run| run.parent.is_none()));
                if is_last {
                    break;
                }
            }
        }
        unfinished.sort_by_key(|run| (run.created_at, run.id));
        unfinished.dedup_by_key(|run| run.id);
        Ok(unfinished)
    }

    /// Watches runs until each has ended, or waits for a person. When the process that works on them is gone, another
    /// one is found, or this one takes over.
    async fn watch(
        &self,
        context: &Context,
        session: &mut Session,
        mut runs: Vec<RunId>,
    ) -> Result<Vec<RunStatus>, Complaint> {
        let until = if self.wait { Until::End } else { Until::EndOrQuestion };
        let mut statuses = Vec::with_capacity(runs.len());
        while !runs.is_empty() {
            let opened = &*session;
            let mut watched = stream::iter(std::mem::take(&mut runs))
                .map(|run| async move {
                    // Only how they end is of interest.
                    let followed = follow_owner(opened, run, &mut 0, until, &mut |_| ControlFlow::Continue(())).await;
                    (run, followed)
                })
                .buffer_unordered(WATCHED_AT_ONCE);
            let mut ended = Vec::new();
            while let Some((run, followed)) = watched.next().await {
                match followed {
                    Ok(Followed::Stands(status)) => {
                        ended.push(status);
                        if context.output.format() == Format::Text
                            && let Ok(view) = opened.client().get::<RunView>(&format!("/api/runs/{run}")).await
                        {
                            let took = span(view.updated_at.since(view.created_at));
                            context.output.line(format!("{run}  {}  {status} after {took}", view.workflow));
                        }
                    }
                    Ok(Followed::SeenEnough | Followed::Interrupted) | Err(Lost::Owner) => runs.push(run),
                    Err(Lost::Said(complaint)) => return Err(complaint),
                }
            }
            drop(watched);
            statuses.append(&mut ended);
            if !runs.is_empty() {
                session.renew().await?;
            }
        }
        Ok(statuses)
    }
}

/// The code of the worst end: failed, then parked, then cancelled.
fn worst(exits: impl Iterator<Item = Exit>) -> Exit {
    let badness = |exit: &Exit| match exit {
        Exit::Done => 0,
        Exit::Cancelled => 1,
        Exit::Parked => 2,
        _ => 3,
    };
    exits.max_by_key(badness).unwrap_or(Exit::Done)
}
