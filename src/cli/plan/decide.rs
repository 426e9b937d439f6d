//! Deciding about a proposal that was made before.

use clap::Args;

use super::show::Way;
use super::{Plan, Wanted, ask};
use crate::app::{AnotherWanted, ProposalState};
use crate::cli::client::segment;
use crate::cli::complaint::Complaint;
use crate::cli::exit::Exit;
use crate::cli::output::clipped;
use crate::cli::session::{Purpose, Session, Twice};
use crate::cli::{Context, Format};
use crate::server::{AcceptProposal, ProposalDecided, ProposalView, RejectProposal, SavedVersion};

/// How much of a request is shown in a list.
const REQUEST_WIDTH: usize = 60;

/// What is decided about which proposal: its id, or `last`.
#[derive(Debug, Default, Args)]
#[group(multiple = true)]
pub(super) struct Decide {
    /// List the proposals about saved and new workflows, and what became of them
    #[arg(long, conflicts_with_all = ["accept", "reject", "undo", "another"])]
    list: bool,
    /// Accept a proposal that was made before, on top of whatever is live by now
    #[arg(long, value_name = "ID", conflicts_with_all = ["reject", "undo", "another", "workflow"])]
    accept: Option<String>,
    /// Reject it
    #[arg(long, value_name = "ID", conflicts_with_all = ["undo", "another", "workflow", "steps"])]
    reject: Option<String>,
    /// Take back that it was accepted
    #[arg(long, value_name = "ID", conflicts_with_all = ["another", "workflow", "steps"])]
    undo: Option<String>,
    /// Ask for another in its place: the model is shown it, and why it is not wanted; with --apply it is accepted
    #[arg(long, value_name = "ID", conflicts_with_all = ["workflow", "steps", "tools", "try"])]
    another: Option<String>,
    /// Why it is rejected, or another is wanted
    #[arg(long, value_name = "WHY")]
    because: Option<String>,
}

impl Decide {
    /// Does what was asked for; nothing if a proposal is to be made.
    pub(super) async fn carry_out(&self, plan: &Plan, context: &Context) -> Result<Option<Exit>, Complaint> {
        let wants =
            self.list || [&self.accept, &self.reject, &self.undo, &self.another].into_iter().any(Option::is_some);
        if !wants {
            return Ok(None);
        }
        let (mut session, _passing) = Session::look(&context.config, &context.interrupt, Purpose::Look).await?;
        let done = self.decide(plan, context, &mut session).await;
        session.close().await;
        done.map(Some)
    }

    async fn decide(&self, plan: &Plan, context: &Context, session: &mut Session) -> Result<Exit, Complaint> {
        if let Some(id) = &self.accept {
            let wanted = AcceptProposal { steps: plan.steps.clone() };
            let decided: ProposalDecided = session.post(&path(id, "accept"), &wanted, Twice::Harmful).await?;
            show(&decided, "Accepted", context);
        } else if let Some(id) = &self.reject {
            let wanted = RejectProposal { reason: self.because.clone() };
            let view: ProposalView = session.post(&path(id, "reject"), &wanted, Twice::Harmful).await?;
            match context.output.format() {
                Format::Json => context.output.json(&view),
                Format::Text => context.output.line("Rejected. Nothing is changed."),
            }
        } else if let Some(id) = &self.undo {
            let decided: ProposalDecided = session.post(&path(id, "undo"), &(), Twice::Harmful).await?;
            show(&decided, "Taken back", context);
        } else if let Some(id) = &self.another {
            let (request, reason, model) = (plan.request.clone(), self.because.clone(), plan.model.clone());
            let wanted = AnotherWanted { request, reason, model };
            let path = path(id, "another");
            let planned = context.interrupt.cuts_short(ask(session, &path, &wanted, context)).await;
            let Some(planned) = planned else { return Ok(Exit::Interrupted) };
            let mut planned = planned?;
            if let Some(id) = planned.id.filter(|_| plan.apply) {
                let path = self::path(&id.to_string(), "accept");
                let decided: ProposalDecided = session.post(&path, &AcceptProposal::default(), Twice::Harmful).await?;
                let ProposalDecided { workflow, version, lost_comments, .. } = decided;
                planned.saved = version.map(|version| SavedVersion { workflow, version, lost_comments });
            }
            return plan.told(&Wanted::default(), &planned, Way::Another, context);
        } else {
            let listed: Vec<ProposalView> = session.get("/api/proposals").await?;
            list(&listed, context);
        }
        Ok(Exit::Done)
    }
}

fn path(id: &str, what: &str) -> String {
    format!("/api/proposals/{}/{what}", segment(id))
}

fn show(decided: &ProposalDecided, what: &str, context: &Context) {
    let ProposalDecided { workflow, version, diff, besides, .. } = decided;
    if context.output.format() == Format::Json {
        context.output.json(decided);
        return;
    }
    match version {
        Some(version) => {
            let version = version.get(..12).unwrap_or(version);
            context.output.line(format!("{what}: `{workflow}` is at version {version}."));
        }
        None => context.output.line(format!("{what}: no version of `{workflow}` is in use.")),
    }
    for change in diff {
        context.output.line(format!("- {}", change.text));
    }
    if !besides.is_empty() {
        let besides: Vec<String> = besides.iter().map(|step| format!("`{step}`")).collect();
        context.output.line(format!("Accepted too, since it cannot be done without: {}", besides.join(", ")));
    }
}

fn list(listed: &[ProposalView], context: &Context) {
    if context.output.format() == Format::Json {
        context.output.json(listed);
        return;
    }
    let rows: Vec<[String; 5]> = listed
        .iter()
        .map(|view| {
            let state = match &view.state {
                ProposalState::Accepted(part) if !part.steps.is_empty() => {
                    let steps: Vec<&str> = part.steps.iter().map(crate::workflow::StepId::as_str).collect();
                    format!("accepted: {}", steps.join(", "))
                }
                state => state.word().to_owned(),
            };
            let request = clipped(&view.request, REQUEST_WIDTH);
            [view.id.to_string(), view.created_at.to_string(), view.workflow.clone(), state, request]
        })
        .collect();
    context.output.table(["PROPOSAL", "MADE", "WORKFLOW", "STATE", "ASKED FOR"], &rows);
}
