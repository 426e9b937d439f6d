//! What the workspace lets anybody call, and what becomes of results that are too long for an agent.

use std::sync::Arc;

use super::AppError;
use crate::config::{self, Config};
use crate::store::Workspace;
use crate::tools::{Results, ResultsRead, ToolPolicy, Tools};

/// Puts the workspace's rules to the tools.
pub(super) fn set(config: &Config, workspace: &Workspace, tools: &mut Tools) -> Result<(), AppError> {
    let config::ToolPolicy { tools: allowed, deny, ask } = config.policy.clone();
    tools.set_policy(ToolPolicy { tools: allowed, deny, ask });
    let longest = usize::try_from(config.tools.max_result).unwrap_or(usize::MAX);
    tools.set_results(Results::new(workspace.blobs().clone(), longest));
    Ok(tools.register(Arc::new(ResultsRead::new(workspace.blobs().clone())))?)
}
