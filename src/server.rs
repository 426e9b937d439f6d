//! The HTTP API: routes only. What they do is the engine's, the store's and the memory's business.
//!
//! It is served on a Unix socket in the data folder ([`socket`]), so that every command can reach the one process that owns
//! the folder. The owner's own commands go through the same routes. What is for other programs is served over TCP
//! ([`open`]).

mod agents;
mod completions;
mod conversations;
mod documents;
mod error;
mod events;
mod health;
mod memory;
mod models;
mod notes;
pub mod open;
mod plans;
mod proposals;
mod questions;
mod refused;
mod runs;
mod secrets;
mod select;
mod serving;
pub mod socket;
mod tools;
mod workflows;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use axum::routing::{get, post};

use crate::app::App;

pub use agents::{AgentVersion, AgentView, Resize, Revert, Reverted};
pub use conversations::{
    ConversationFrame, ConversationList, ConversationState, ConversationView, DecidedView, GoOnWith, NewConversation,
    Say, StoppedTurn, Uttered,
};
pub use documents::{DocumentVersionView, DocumentView, MemoryStatus, VersionsQuery};
pub use error::{ApiError, ErrorBody, ErrorDocument, PlacedProblem};
pub use events::{EventPage, Frame};
pub use health::Health;
pub use memory::{
    AlsoIn, Forget, Forgotten, ForgottenDocument, Rebuilt, RecallQuery, Recalled, Recollected, Remember, Remembered,
    Skipped,
};
pub use models::{CostSum, Costs, CostsBy, CostsQuery};
pub(crate) use notes::MOST_NOTES;
pub use notes::{NoteView, NotesQuery, Ruled, Ruling};
pub use plans::{PlanLine, PlanView, SavedVersion, Wanted};
pub use proposals::{AcceptProposal, ProposalDecided, ProposalList, ProposalView, RejectProposal};
pub use questions::{Answer, OpenQuestion};
pub use runs::{Begun, Cancel, NewRun, Retry, RunList, RunView, Told};
pub use secrets::{NewSecret, Rekeyed, SecretView};
pub use serving::Serving;
pub use tools::{McpServerView, ToolList, ToolView};
pub use workflows::{NewWorkflows, SavedWorkflow, Simulate, Simulated, WorkflowText};

/// The largest body of a request: a few workflow files, or large inputs.
const LARGEST_BODY: usize = 64 << 20;

/// All routes.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/api/health", get(health::show))
        .route("/api/workflows", post(workflows::save))
        .route("/api/workflows/check", post(workflows::check))
        .route("/api/simulations", post(workflows::simulate))
        .route("/api/plans", post(plans::make))
        .route("/api/proposals", get(proposals::list))
        .route("/api/proposals/{id}", get(proposals::show))
        .route("/api/proposals/{id}/accept", post(proposals::accept))
        .route("/api/proposals/{id}/reject", post(proposals::reject))
        .route("/api/proposals/{id}/undo", post(proposals::undo))
        .route("/api/proposals/{id}/another", post(proposals::another))
        .route("/api/conversations", get(conversations::list).post(conversations::begin))
        .route("/api/conversations/{id}", get(conversations::show))
        .route("/api/conversations/{id}/messages", post(conversations::say))
        .route("/api/conversations/{id}/stop", post(conversations::stop))
        .route("/api/conversations/{id}/go-on", post(conversations::go_on))
        .route("/api/conversations/{id}/proposals/{proposal}", post(conversations::decide))
        .route("/api/conversations/{id}/events", get(conversations::events))
        .route("/api/conversations/{id}/events/live", get(conversations::live))
        .route("/api/runs", get(runs::list).post(runs::begin))
        .route("/api/runs/{run}", get(runs::show))
        .route("/api/runs/{run}/cancel", post(runs::cancel))
        .route("/api/runs/{run}/retry", post(runs::retry))
        .route("/api/runs/{run}/signals/{name}", post(runs::signal))
        .route("/api/runs/{run}/answers", post(questions::answer))
        .route("/api/runs/{run}/events", get(events::page))
        .route("/api/runs/{run}/events/live", get(events::live))
        .route("/api/questions", get(questions::list))
        .route("/api/agents", get(agents::list))
        .route("/api/agents/{role}/workers", post(agents::resize))
        .route("/api/agents/{role}/versions", get(agents::versions))
        .route("/api/agents/{role}/versions/{hash}", get(agents::version))
        .route("/api/agents/{role}/revert", post(agents::revert))
        .route("/api/models", get(models::list))
        .route("/api/models/check", post(models::check))
        .route("/api/costs", get(models::costs))
        .route("/api/memory/entries", post(memory::remember))
        .route("/api/memory", get(documents::status))
        .route("/api/memory/documents", get(documents::list))
        .route("/api/memory/versions", get(documents::versions))
        .route("/api/memory/forget", post(memory::forget))
        .route("/api/memory/recall", get(memory::recall))
        .route("/api/memory/notes", get(notes::list))
        .route("/api/memory/rulings", post(notes::settle))
        .route("/api/memory/rebuild", post(memory::rebuild))
        .route("/api/secrets", get(secrets::list).post(secrets::set))
        .route("/api/secrets/rekey", post(secrets::rekey))
        .route("/api/secrets/{name}/remove", post(secrets::remove))
        .route("/api/tools", get(tools::list))
        .route("/api/tools/servers/{server}/check", post(tools::check))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(map_response(refused::told))
        .with_state(app)
}
