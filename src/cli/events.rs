//! `callboard events RUN`

use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::client::Lost;
use super::complaint::Complaint;
use super::exit::Exit;
use super::follow::{Followed, Until, follow_owner, view};
use super::output::{Output, clipped};
use super::session::{Purpose, Session};
use super::show::each_event;
use super::{Context, Format};
use crate::run::{Recorded, RunEvent};

/// Prints the events of a run, of which it consists
#[derive(Debug, Args)]
#[command(after_help = "\
With --format json every event is one line: {\"seq\":1,\"at\":1763682000000,\"event\":{\"created\":{…}}}, `at` in milliseconds
since 1970.

Examples:
  callboard events last --follow                            watch a run, beside the process that works on it
  callboard events last --after 100 --format json | jq -c .event")]
pub(super) struct Events {
    /// The run: its id, the beginning of one, or `last`
    run: String,
    /// Go on with those that come, until the run has ended
    #[arg(long, short)]
    follow: bool,
    /// Only those after this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
}

/// How often it is looked whether somebody works on a run.
const PAUSE: Duration = Duration::from_millis(500);

impl Events {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let output = &context.output;
        let mut after = self.after;
        let mut run = self.run.clone();
        let mut told = false;
        loop {
            let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
            let read = async {
                let view = view(&mut session, &run).await?;
                if self.follow && !session.is_owner() {
                    let mut see = |recorded: &Recorded| {
                        write(output, recorded);
                        if output.is_closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                    };
                    return match follow_owner(&session, view.id, &mut after, Until::End, &mut see).await {
                        Ok(Followed::Stands(status)) => Ok((view.id, status.is_end())),
                        Ok(Followed::SeenEnough | Followed::Interrupted) => Ok((view.id, true)),
                        Err(Lost::Owner) => Ok((view.id, false)),
                        Err(Lost::Said(complaint)) => Err(complaint),
                    };
                }
                after = each_event(&mut session, view.id, after, &mut |recorded| write(output, recorded)).await?;
                Ok((view.id, view.status.is_end() || !self.follow || output.is_closed()))
            };
            let read: Result<_, Complaint> = read.await;
            session.close().await;
            let (id, is_done) = read?;
            if is_done {
                return Ok(Exit::Done);
            }
            // From here on, `last` would be another run if one began.
            run = id.to_string();
            if !told {
                use std::io::Write as _;
                told = true;
                let message = "nobody works on the run now; this goes on when somebody does (`callboard resume`)";
                let _ = writeln!(std::io::stderr(), "{message}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// How much of an event's details is shown.
const DETAILS_WIDTH: usize = 160;

/// Writes an event.
pub(super) fn write(output: &Output, recorded: &Recorded) {
    match output.format() {
        Format::Json => output.json_line(recorded),
        Format::Text => {
            let Recorded { seq, at, event } = recorded;
            let step = event.step().map(ToString::to_string).unwrap_or_default();
            let line = format!("{seq:>6}  {at}  {:<15}  {step:<16}  {}", event.kind(), details(event));
            output.line(line.trim_end());
        }
    }
}

/// The fields of an event but its step, as short JSON.
fn details(event: &RunEvent) -> String {
    let Ok(Value::Object(mut tagged)) = serde_json::to_value(event) else { return String::new() };
    let Some(Value::Object(fields)) = tagged.get_mut(event.kind()) else { return String::new() };
    fields.shift_remove("step");
    if fields.is_empty() {
        return String::new();
    }
    clipped(&Value::Object(std::mem::take(fields)).to_string(), DETAILS_WIDTH)
}
