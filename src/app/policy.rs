//! What the workspace lets anybody call, and what becomes of results that are too long for an agent.

use std::sync::Arc;

use super::AppError;
use crate::agents::talk;
use crate::config::{self, Config};
use crate::store::Workspace;
use crate::tools::{Results, ResultsRead, ToolPolicy, Tools, names_any};
use crate::workflow::nearest;

/// Tools that are there once the configuration says of what.
const CONFIGURED: [&str; 2] = ["email.send", "sql.query"];

/// Puts the workspace's rules to the tools.
pub(super) fn set(config: &Config, workspace: &Workspace, tools: &mut Tools) -> Result<(), AppError> {
    let config::ToolPolicy { tools: allowed, deny, ask } = config.policy.clone();
    tools.set_policy(ToolPolicy { tools: allowed, deny, ask });
    let longest = usize::try_from(config.tools.max_result).unwrap_or(usize::MAX);
    tools.set_results(Results::new(workspace.blobs().clone(), longest));
    Ok(tools.register(Arc::new(ResultsRead::new(workspace.blobs().clone())))?)
}

/// Holds what the configuration says of tools against the tools that there are: who misspells what is to be denied would
/// have it allowed.
pub(super) fn check(config: &Config, tools: &Tools) -> Result<(), AppError> {
    let known = tools.names_and_groups();
    let known: Vec<&str> = known.iter().map(String::as_str).chain(CONFIGURED).chain(talk::NAMES).collect();
    let config::ToolPolicy { tools: allowed, deny, ask } = &config.policy;
    let policy = [("policy.tools", allowed), ("policy.deny", deny), ("policy.ask", ask)];
    let secrets = config.secrets.rules.values().map(|rule| ("secrets", &rule.tools));
    for (key, entries) in policy.into_iter().chain(secrets) {
        if let Some(entry) = entries.iter().find(|entry| !names_any(entry, &known)) {
            let near = nearest(entry, known.iter().copied());
            let hint = near
                .map_or_else(|| "`callboard tools` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
            return Err(AppError::Setting { key, reason: format!("there is no tool `{entry}`; {hint}") });
        }
    }
    Ok(())
}
