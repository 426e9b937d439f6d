//! `callboard show RUN`

use clap::Args;
use serde::Serialize;

use super::carry::open_questions;
use super::complaint::Complaint;
use super::exit::Exit;
use super::follow::view;
use super::output::{span, value_text};
use super::progress::{Progress, StepProgress};
use super::session::{Purpose, Session};
use super::{Context, Format, costs, questions};
use crate::run::{Recorded, RunId};
use crate::server::{Costs, CostsBy, CostsQuery, EventPage, OpenQuestion, RunView};

/// Shows a run: its steps, its result or failure, what it waits for
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard show last
  callboard show 0198c --format json | jq '.steps[] | select(.outcome == \"error\")'")]
pub(super) struct Show {
    /// The run: its id, the beginning of one, or `last`
    run: String,
}

/// A run with its steps, as `--format json` shows it.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    run: &'a RunView,
    steps: Vec<&'a StepProgress>,
    questions: &'a [OpenQuestion],
    /// What models have cost, by step.
    costs: &'a Costs,
}

/// Events read at once.
const PAGE: usize = 5_000;

impl Show {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
        let read = async {
            let run = view(&mut session, &self.run).await?;
            let mut progress = Progress::default();
            each_event(&mut session, run.id, 0, &mut |recorded| {
                progress.apply(recorded);
            })
            .await?;
            let open = open_questions(&mut session, &run).await?;
            let by = CostsQuery { by: CostsBy::Step, run: Some(run.id.to_string()) };
            let costs: Costs = session.get_with("/api/costs", &by).await?;
            Ok((run, progress, open, costs))
        };
        let read: Result<_, Complaint> = read.await;
        session.close().await;
        let (run, progress, open, costs) = read?;
        match context.output.format() {
            Format::Json => {
                let steps = progress.steps().collect();
                context.output.json(&Shown { run: &run, steps, questions: &open, costs: &costs });
            }
            Format::Text => write(context, &run, &progress, &open, &costs),
        }
        Ok(Exit::Done)
    }
}

/// Lets `see` look at every event of a run after a number.
pub(super) async fn each_event(
    session: &mut Session,
    run: RunId,
    mut after: u64,
    see: &mut (dyn FnMut(&Recorded) + Send),
) -> Result<u64, Complaint> {
    loop {
        let page = EventPage { after, limit: Some(PAGE) };
        let events: Vec<Recorded> = session.get_with(&format!("/api/runs/{run}/events"), &page).await?;
        let Some(last) = events.last() else { return Ok(after) };
        after = last.seq;
        events.iter().for_each(&mut *see);
    }
}

fn write(context: &Context, run: &RunView, progress: &Progress, open: &[OpenQuestion], costs: &Costs) {
    let output = &context.output;
    output.line(format!("run       {}", run.id));
    output.line(format!("workflow  {} (version {})", run.workflow, run.version.get(..12).unwrap_or(&run.version)));
    output.line(format!("status    {}", run.status));
    output.line(format!("began     {}", run.created_at));
    if let Some(ended) = run.ended_at {
        output.line(format!("ended     {ended}, after {}", span(ended.since(run.created_at))));
    }
    if let Some(wake) = run.wake_at {
        output.line(format!("wakes     {wake}"));
    }
    if let Some(parent) = run.parent {
        output.line(format!("parent    {parent}"));
    }
    if let Some(retried) = run.retry_of {
        output.line(format!("retry of  {retried}"));
    }
    if let Some(cost) = costs::of_run(costs) {
        output.line(format!("cost      {cost}"));
    }
    output.line("steps");
    let width = progress.steps().map(|step| step.step.chars().count()).max().unwrap_or(0);
    for step in progress.steps() {
        let cost = costs::of_step(costs, &step.step).map(|cost| format!("  {cost}")).unwrap_or_default();
        output.line(format!("{}{cost}", step.line(width)));
    }
    if let Some(failure) = &run.failure {
        output.line(format!("failure   {failure}"));
    }
    if let Some(result) = run.result.as_ref().filter(|result| !result.is_null()) {
        output.line("result");
        output.line(value_text(result));
    }
    for open in open {
        questions::write(output, open);
    }
}
