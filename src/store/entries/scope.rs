//! Who remembers an entry, and what a run sees of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sqlx::Row;

use super::Entries;
use crate::run::RunId;
use crate::store::StoreError;

/// The longest name of a workflow or conversation in a scope, in bytes.
const LONGEST_NAME: usize = 128;

/// Who remembers an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryScope {
    /// Every run of the workspace.
    Workspace,
    /// Every run of the workflow with this name.
    Workflow(String),
    /// This run only.
    Run(RunId),
    /// Whatever belongs to the conversation with this id.
    Conversation(String),
}

/// `workspace`, `workflow:NAME`, `run:ID` or `conversation:ID`.
impl fmt::Display for EntryScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace => f.write_str("workspace"),
            Self::Workflow(name) => write!(f, "workflow:{name}"),
            Self::Run(run) => write!(f, "run:{run}"),
            Self::Conversation(id) => write!(f, "conversation:{id}"),
        }
    }
}

impl FromStr for EntryScope {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |name: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            (!name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(plain)).then(|| name.to_owned())
        };
        let scope = match text.split_once(':') {
            None if text == "workspace" => Some(Self::Workspace),
            Some(("workflow", name)) => named(name).map(Self::Workflow),
            Some(("run", run)) => run.parse().ok().map(Self::Run),
            Some(("conversation", id)) => named(id).map(Self::Conversation),
            _ => None,
        };
        scope.ok_or_else(|| {
            format!("`{text}` is no scope: use `workspace`, `workflow:NAME`, `run:ID` or `conversation:ID`")
        })
    }
}

impl Serialize for EntryScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntryScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Entries {
    /// The scopes that a run sees: its workspace's, its workflow's and its own. A run that is not stored sees its
    /// own and its workspace's.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn seen_by(&self, run: RunId) -> Result<Vec<EntryScope>, StoreError> {
        let found = sqlx::query("SELECT workflow FROM runs WHERE id = ? AND workspace_id = ?")
            .bind(run)
            .bind(self.workspace())
            .fetch_optional(self.reading())
            .await?;
        let mut scopes = vec![EntryScope::Workspace, EntryScope::Run(run)];
        if let Some(row) = found {
            scopes.push(EntryScope::Workflow(row.try_get("workflow")?));
        }
        Ok(scopes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixtures::run_id;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        let scopes = [
            EntryScope::Workspace,
            EntryScope::Workflow("weekly_brief".to_owned()),
            EntryScope::Run(run_id(7)),
            EntryScope::Conversation("c-1".to_owned()),
        ];
        for scope in scopes {
            assert_eq!(scope.to_string().parse::<EntryScope>().unwrap(), scope);
            assert_eq!(serde_json::from_value::<EntryScope>(serde_json::json!(scope)).unwrap(), scope);
        }
        for bad in ["", "workspace:", "workspaces", "workflow:", "workflow:a,b", "run:x", "conversation:a b", "team:x"]
        {
            let told = bad.parse::<EntryScope>().unwrap_err();
            assert!(told.contains("workflow:NAME"), "{told}");
        }
    }
}
