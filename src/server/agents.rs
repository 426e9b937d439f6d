//! The company's roles.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::agents::Role;
use crate::app::App;

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentView {
    /// Its name.
    pub name: String,
    /// What it is good for.
    pub description: String,
    /// The alias of its model.
    pub model: String,
    /// The tools that it may call.
    pub tools: Vec<String>,
    /// How many workers play it at once.
    pub workers: u32,
    /// Where it was read from: a path, or `built in`.
    pub origin: String,
    /// Hash of its file, which runs pin.
    pub hash: String,
}

impl From<&Role> for AgentView {
    fn from(role: &Role) -> Self {
        Self {
            name: role.name.clone(),
            description: role.description.clone(),
            model: role.model.clone(),
            tools: role.tools.clone(),
            workers: role.workers,
            origin: role.origin.clone(),
            hash: role.hash.clone(),
        }
    }
}

/// `GET /api/agents`
pub(super) async fn list(State(app): State<App>) -> Json<Vec<AgentView>> {
    Json(app.roles().iter().map(|role| AgentView::from(&**role)).collect())
}
