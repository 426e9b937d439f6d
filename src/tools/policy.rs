//! What the workspace lets anybody call, whatever a role's own list or a workflow says.

use super::allows;

/// Which tools may be called. Entries are names, groups such as `files.*`, or `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolPolicy {
    /// These may.
    pub tools: Vec<String>,
    /// These may not, though they are among those.
    pub deny: Vec<String>,
    /// Before each call of these, a person is asked.
    pub ask: Vec<String>,
}

impl Default for ToolPolicy {
    fn default() -> Self {
        Self { tools: vec!["*".to_owned()], deny: Vec::new(), ask: Vec::new() }
    }
}

impl ToolPolicy {
    /// Why nobody may call this tool, if that is so.
    #[must_use]
    pub fn denial(&self, tool: &str) -> Option<String> {
        let reason = match named(&self.deny, tool) {
            Some(entry) => format!("`policy.deny` names `{entry}`"),
            None if named(&self.tools, tool).is_none() => "`policy.tools` does not name it".to_owned(),
            None => return None,
        };
        Some(format!("the policy of this workspace lets nobody call the tool `{tool}`: {reason}"))
    }

    /// Why a person is asked before each call of this tool, if that is so.
    #[must_use]
    pub fn doubt(&self, tool: &str) -> Option<String> {
        named(&self.ask, tool)
            .map(|entry| format!("The policy of this workspace wants that: `policy.ask` names `{entry}`."))
    }
}

/// Whether an entry names at least one of these tools, or can come to: one that ends with a dot stands for all that begin
/// with it and are not known yet.
#[must_use]
pub fn names_any(entry: &str, known: &[&str]) -> bool {
    let is_there = match entry.strip_suffix('*') {
        Some(group) => known.iter().any(|name| name.starts_with(group)),
        None => known.contains(&entry),
    };
    is_there || known.iter().any(|group| group.ends_with('.') && entry.starts_with(group))
}

fn named<'a>(entries: &'a [String], tool: &str) -> Option<&'a str> {
    entries.iter().map(String::as_str).find(|entry| allows(entry, tool))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_wins_and_says_why() {
        let list = |entries: &[&str]| entries.iter().map(|&entry| entry.to_owned()).collect();
        let policy = ToolPolicy {
            tools: list(&["files.*", "memory.search"]),
            deny: list(&["files.write"]),
            ask: list(&["memory.*"]),
        };
        let denied = |tool| policy.denial(tool).unwrap_or_default();
        assert!(denied("files.read").is_empty() && denied("memory.search").is_empty());
        assert!(
            denied("files.write").ends_with("`files.write`: `policy.deny` names `files.write`"),
            "{}",
            denied("files.write")
        );
        assert!(denied("http.request").ends_with("`policy.tools` does not name it"));
        assert!(policy.doubt("memory.search").is_some() && policy.doubt("files.read").is_none());
        assert_eq!(ToolPolicy::default().denial("anything"), None);
    }
}
