//! The company's roles: what they are, how they stand, and which versions of them there were.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use crate::agents::{Role, RoleStats};
use crate::app::{App, RoleVersion};
use crate::clock::Timestamp;

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
    /// How many workers play it at once, as its file says.
    pub workers: u32,
    /// Where it was read from: a path, or `built in`.
    pub origin: String,
    /// Hash of its file, which runs pin.
    pub hash: String,
    /// How it stands, while the company is at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<RoleStats>,
}

/// A version of a role's file or of its prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentVersion {
    /// `agent` for the role's file, `prompt` for its prompt.
    pub kind: String,
    /// The file's name without its extension.
    pub name: String,
    /// Hash of its text.
    pub hash: String,
    /// When it was first seen, in milliseconds since 1970.
    pub at: Timestamp,
    /// Whether it is the one that is used now.
    pub current: bool,
    /// The text, where one version is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The version that is to be written back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revert {
    /// Its hash, or the beginning of it.
    pub hash: String,
}

/// What was written back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverted {
    /// The version.
    pub version: AgentVersion,
    /// The file.
    pub path: std::path::PathBuf,
}

/// How many workers a role is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// The number; with 0 what is in hand is finished, and nothing more is taken up.
    pub workers: u32,
}

impl AgentView {
    fn of(role: &Role, now: Option<RoleStats>) -> Self {
        Self {
            name: role.name.clone(),
            description: role.description.clone(),
            model: role.model.clone(),
            tools: role.tools.clone(),
            workers: role.workers,
            origin: role.origin.clone(),
            hash: role.hash.clone(),
            now,
        }
    }
}

impl From<RoleVersion> for AgentVersion {
    fn from(version: RoleVersion) -> Self {
        let RoleVersion { kind, name, hash, at, current } = version;
        Self { kind: kind.as_str().to_owned(), name, hash, at, current, text: None }
    }
}

/// `GET /api/agents`
pub(super) async fn list(State(app): State<App>) -> Json<Vec<AgentView>> {
    Json(app.roles().iter().map(|role| AgentView::of(role, app.role_stats(&role.name))).collect())
}

/// `POST /api/agents/{role}/workers`
pub(super) async fn resize(
    State(app): State<App>,
    Path(role): Path<String>,
    Json(Resize { workers }): Json<Resize>,
) -> Result<Json<Resize>, ApiError> {
    app.resize_role(&role, workers)?;
    Ok(Json(Resize { workers }))
}

/// `GET /api/agents/{role}/versions`
pub(super) async fn versions(
    State(app): State<App>,
    Path(role): Path<String>,
) -> Result<Json<Vec<AgentVersion>>, ApiError> {
    Ok(Json(app.role_versions(&role).await?.into_iter().map(AgentVersion::from).collect()))
}

/// `GET /api/agents/{role}/versions/{hash}`
pub(super) async fn version(
    State(app): State<App>,
    Path((role, hash)): Path<(String, String)>,
) -> Result<Json<AgentVersion>, ApiError> {
    let (version, text) = app.role_version(&role, &hash).await?;
    Ok(Json(AgentVersion { text: Some(text), ..version.into() }))
}

/// `POST /api/agents/{role}/revert`
pub(super) async fn revert(
    State(app): State<App>,
    Path(role): Path<String>,
    Json(Revert { hash }): Json<Revert>,
) -> Result<Json<Reverted>, ApiError> {
    let (version, path) = app.revert_role(&role, &hash).await?;
    Ok(Json(Reverted { version: version.into(), path }))
}
