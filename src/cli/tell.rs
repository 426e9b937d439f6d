//! What follows when something was told to a run.

use super::carry::{Watching, carry_open};
use super::complaint::Complaint;
use super::exit::Exit;
use super::session::Session;
use super::{Context, Format};
use crate::server::Told;

/// Ends the session once the run has been carried on as far as wanted. Beside the process that works on the run, that
/// one carries it on, and it is watched only if that was asked for.
pub(super) async fn told(
    context: &Context,
    mut session: Session,
    told: Result<Told, Complaint>,
    watching: Watching,
) -> Result<Exit, Complaint> {
    let carried = match told {
        Err(complaint) => Err(complaint),
        Ok(Told { id, seq }) if !watching.is_detached() && (session.is_owner() || watching.is_wanted()) => {
            carry_open(context, &mut session, id, watching, seq).await
        }
        Ok(told) => {
            match context.output.format() {
                Format::Json => context.output.json(&told),
                Format::Text if session.is_owner() => {
                    context.output.line(format!("recorded; `callboard resume` carries run {} on", told.id));
                }
                Format::Text => context.output.line(format!("recorded; run {} goes on", told.id)),
            }
            Ok(Exit::Done)
        }
    };
    session.close().await;
    carried
}
