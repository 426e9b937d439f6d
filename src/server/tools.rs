//! The tools that there are, and the MCP servers that some of them come from.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ApiError;
use crate::app::App;
use crate::clock::Timestamp;
use crate::tools::mcp::{LeftOut, ServerView, Standing};
use crate::tools::{Origin, Tool};
use crate::workflow::Effect;

/// What there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolList {
    /// The tools, by name.
    pub tools: Vec<ToolView>,
    /// The MCP servers that the configuration names.
    pub servers: Vec<McpServerView>,
}

/// A tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolView {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The worst that a call can do.
    pub effect: Effect,
    /// The MCP server that it comes from; `None` if it is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Whether its results are others' words.
    pub untrusted: bool,
    /// The longest that a call may take, in milliseconds.
    pub timeout_ms: u64,
    /// Why nobody may call it, if the policy says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<String>,
    /// Whether the policy has a person asked before each call.
    #[serde(default)]
    pub asks: bool,
    /// JSON Schema of its arguments.
    pub parameters: Value,
    /// JSON Schema of its result, if that always has one form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// An MCP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpServerView {
    /// Its name.
    pub name: String,
    /// `connected`, `idle` or `down`, in the process that was asked; `unknown` if it never said what it offers.
    pub state: String,
    /// Why it is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Its command, or its address.
    pub reach: String,
    /// What it calls itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub calls_itself: String,
    /// When it last said what it offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Timestamp>,
    /// How many of its tools may be used.
    pub tools: usize,
    /// How many it has that `tools` in the configuration does not allow.
    pub not_allowed: usize,
    /// What it offers and cannot be used, each with why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// `GET /api/tools`. No server is started for it.
pub(super) async fn list(State(app): State<App>) -> Json<ToolList> {
    let tools: Vec<ToolView> = views(&app);
    let servers = app.servers().views().into_iter().map(|server| McpServerView::of(server, &tools)).collect();
    Json(ToolList { tools, servers })
}

/// `POST /api/tools/servers/{server}/check`: what the server offers now.
pub(super) async fn check(State(app): State<App>, Path(server): Path<String>) -> Result<Json<ToolList>, ApiError> {
    let checked = app.check_server(&server).await?;
    let mut tools = views(&app);
    tools.retain(|tool| tool.server.as_ref() == Some(&server));
    let servers = vec![McpServerView::of(checked, &tools)];
    Ok(Json(ToolList { tools, servers }))
}

fn views(app: &App) -> Vec<ToolView> {
    let names = app.tools().names();
    let tools = names.iter().filter_map(|name| app.tools().get(name));
    tools.map(|tool| ToolView::of(tool.as_ref(), app)).collect()
}

impl ToolView {
    fn of(tool: &dyn Tool, app: &App) -> Self {
        let group = tool.name().split('.').next().unwrap_or_default();
        Self {
            name: tool.name().to_owned(),
            description: tool.description().to_owned(),
            effect: tool.worst(),
            server: app.servers().contains(group).then(|| group.to_owned()),
            untrusted: tool.origin() == Origin::Untrusted,
            denied: app.tools().policy().denial(tool.name()),
            asks: app.tools().policy().doubt(tool.name()).is_some(),
            timeout_ms: u64::try_from(tool.timeout().as_millis()).unwrap_or(u64::MAX),
            parameters: tool.parameters(),
            output: tool.output(),
        }
    }
}

impl McpServerView {
    fn of(server: ServerView, tools: &[ToolView]) -> Self {
        let ServerView { name, reach, standing, asked, calls_itself, not_allowed, left_out } = server;
        let (state, trouble) = match standing {
            Standing::Connected => ("connected", None),
            Standing::Down(trouble) => ("down", Some(trouble)),
            Standing::Idle if asked.is_none() => ("unknown", None),
            Standing::Idle => ("idle", None),
        };
        let tools = tools.iter().filter(|tool| tool.server.as_ref() == Some(&name)).count();
        Self { name, state: state.to_owned(), trouble, reach, calls_itself, asked, tools, not_allowed, left_out }
    }
}
