//! How a model is told how a conversation stands, and what the tools are called with which it says what is wanted.
//!
//! Here, and not in the conversation, since the offline model reads the same section and calls the same tools.

use serde::{Deserialize, Serialize};

use super::{Message, Request};

/// Proposes a workflow, or a change of the one in front.
pub const PROPOSE: &str = "propose";
/// Accepts, rejects or takes back a proposal.
pub const DECIDE: &str = "decide";
/// Begins a run.
pub const RUN: &str = "run_workflow";
/// Simulates a run.
pub const SIMULATE: &str = "simulate_workflow";
/// Answers questions about runs.
pub const ASK_RUNS: &str = "ask_about_runs";
/// Shows a workflow.
pub const SHOW: &str = "show_workflow";
/// Searches the memory.
pub const SEARCH: &str = "search_memory";
/// Remembers something.
pub const REMEMBER: &str = "remember";
/// Keeps what was carried out once as a workflow.
pub const KEEP: &str = "keep_workflow";

/// The heading of the section.
const HEADING: &str = "# How things stand";

/// How a conversation stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// The time, in RFC 3339.
    #[serde(default)]
    pub time: String,
    /// The workflow in front of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<String>,
    /// The proposal that waits for a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<OpenProposal>,
    /// The proposal whose acceptance can be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
    /// The run that was begun here last, and how it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The saved workflows.
    #[serde(default)]
    pub workflows: Vec<String>,
}

/// A proposal that waits for a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenProposal {
    /// Its id.
    pub id: String,
    /// The workflow as it would be called.
    pub workflow: String,
    /// The steps that it is about; those that are left, if some are accepted.
    pub steps: Vec<String>,
    /// Whether some of its steps are accepted already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_part: bool,
}

impl Now {
    /// As the last section of what a model is told of its work.
    #[must_use]
    pub fn put(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{HEADING}\n\n```json\n{json}\n```\n")
    }

    /// What a request says of it, if it is one of a conversation.
    #[must_use]
    pub fn read(request: &Request) -> Option<Self> {
        if !request.tools.iter().any(|tool| tool.name == PROPOSE) {
            return None;
        }
        request.messages.iter().rev().find_map(|message| match message {
            Message::System { text } => {
                let (_, section) = text.rsplit_once(HEADING)?;
                let (_, json) = section.split_once("```json\n")?;
                serde_json::from_str(json.split_once("\n```")?.0).ok()
            }
            _ => None,
        })
    }
}
