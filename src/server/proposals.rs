//! Proposals that are kept: list, read, accept, reject, take back, and ask for another.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{ApiError, ErrorBody};
use super::plans::{Work, lines};
use crate::app::{AnotherWanted, App, KeptProposal, ProposalState};
use crate::chat::port::{Done, Undone};
use crate::clock::Timestamp;
use crate::planner::Change;
use crate::store::ProposalId;
use crate::workflow::StepId;

/// A proposal that is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProposalView {
    /// Its id.
    pub id: ProposalId,
    /// The workflow as it would be called.
    pub workflow: String,
    /// What became of it.
    pub state: ProposalState,
    /// What was asked for.
    pub request: String,
    /// What was said of it.
    pub reply: String,
    /// The hash of the version that it was made for; `None` for a new workflow.
    pub base: Option<String>,
    /// The steps that it is about.
    pub steps: Vec<StepId>,
    /// The proposal that was not wanted, and in whose place it was made.
    pub replaces: Option<ProposalId>,
    /// When it was made, in milliseconds since 1970.
    pub created_at: Timestamp,
    /// When something was decided about it last, in milliseconds since 1970.
    pub updated_at: Timestamp,
    /// The text of the workflow with all of it; not in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The proposal: edits, diff, kept hashes, problems, confidence; not in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Value>,
}

/// Which proposals are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposalList {
    /// Those about this workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// How many at most: 50 unless given, 1,000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// What is accepted of a proposal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptProposal {
    /// The steps; all if there are none.
    #[serde(default)]
    pub steps: Vec<String>,
}

/// Why a proposal is rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectProposal {
    /// Why: a model that is asked for another is shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProposalDecided {
    /// The proposal as it stands now.
    pub proposal: ProposalView,
    /// The workflow that was changed.
    pub workflow: String,
    /// The hash of the version that is live now; `None` if none is.
    pub version: Option<String>,
    /// What was changed, from a comparison of before and after.
    pub diff: Vec<Change>,
    /// The steps that were accepted although they were not named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub besides: Vec<StepId>,
    /// How many lines with a comment are in the version before, and not in this one.
    #[serde(default)]
    pub lost_comments: usize,
}

/// How many proposals are listed unless the request says, and at most.
const USUAL_PAGE: usize = 50;
const LARGEST_PAGE: usize = 1_000;

impl ProposalView {
    fn whole(kept: KeptProposal) -> Self {
        let (text, proposal) = (kept.made.offered.text.clone(), kept.made.offered.proposal.clone());
        Self { text: Some(text), proposal: Some(proposal), ..Self::head(kept) }
    }

    fn head(kept: KeptProposal) -> Self {
        let KeptProposal { id, made, state, created_at, updated_at } = kept;
        Self {
            id,
            workflow: made.offered.workflow,
            state,
            request: made.offered.request,
            reply: made.reply,
            base: made.offered.base.map(|base| base.version),
            steps: made.offered.steps,
            replaces: made.replaces,
            created_at,
            updated_at,
            text: None,
            proposal: None,
        }
    }
}

fn named(text: &str) -> Result<ProposalId, ApiError> {
    text.parse().map_err(|reason: String| {
        ApiError::missing(
            ErrorBody::new("no_such_proposal", reason).suggest("`callboard plan --list` lists those there are"),
        )
    })
}

/// The proposal that a text names: its id, or `last`.
async fn meant(app: &App, text: &str) -> Result<ProposalId, ApiError> {
    if text != "last" {
        return named(text);
    }
    let last = app.proposals(None, 1).await?.pop();
    last.map(|kept| kept.id).ok_or_else(|| {
        let body = ErrorBody::new("no_such_proposal", "nothing was proposed yet");
        ApiError::missing(body.suggest("`callboard plan --workflow NAME \"…\"` makes a proposal"))
    })
}

/// `GET /api/proposals`: those that were made last come first.
pub(super) async fn list(
    State(app): State<App>,
    Query(wanted): Query<ProposalList>,
) -> Result<Json<Vec<ProposalView>>, ApiError> {
    let limit = wanted.limit.unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE);
    let kept = app.proposals(wanted.workflow.as_deref(), limit).await?;
    Ok(Json(kept.into_iter().map(ProposalView::head).collect()))
}

/// `GET /api/proposals/{id}`
pub(super) async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Json<ProposalView>, ApiError> {
    let id = meant(&app, &id).await?;
    Ok(Json(ProposalView::whole(app.proposal(id).await?)))
}

/// `POST /api/proposals/{id}/accept`: all of it or some steps, on top of whatever is live by now.
pub(super) async fn accept(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(wanted): Json<AcceptProposal>,
) -> Result<Json<ProposalDecided>, ApiError> {
    let id = meant(&app, &id).await?;
    let steps: Vec<StepId> = wanted.steps.iter().map(|step| StepId::from(step.as_str())).collect();
    let (kept, done) = app.accept_proposal(id, &steps).await?;
    let Done { workflow, after, diff, besides, lost_comments, .. } = done;
    let (proposal, version) = (ProposalView::whole(kept), Some(after.version));
    Ok(Json(ProposalDecided { proposal, workflow, version, diff, besides, lost_comments }))
}

/// `POST /api/proposals/{id}/reject`
pub(super) async fn reject(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(wanted): Json<RejectProposal>,
) -> Result<Json<ProposalView>, ApiError> {
    let id = meant(&app, &id).await?;
    Ok(Json(ProposalView::whole(app.reject_proposal(id, wanted.reason).await?)))
}

/// `POST /api/proposals/{id}/undo`: the exact version from before, or that with what was done since.
pub(super) async fn undo(State(app): State<App>, Path(id): Path<String>) -> Result<Json<ProposalDecided>, ApiError> {
    let id = meant(&app, &id).await?;
    let (kept, Undone { workflow, version, merged, .. }) = app.undo_proposal(id).await?;
    let (version, diff) = (version.map(|version| version.version), merged.unwrap_or_default());
    let proposal = ProposalView::whole(kept);
    Ok(Json(ProposalDecided { proposal, workflow, version, diff, besides: Vec::new(), lost_comments: 0 }))
}

/// `POST /api/proposals/{id}/another`: another in its place, line by line as `POST /api/plans` answers.
pub(super) async fn another(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(wanted): Json<AnotherWanted>,
) -> Result<Response, ApiError> {
    let id = meant(&app, &id).await?;
    Ok(lines(app, Work::Another(id, wanted)))
}
