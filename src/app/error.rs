//! Why the program cannot do what it is asked to.

use super::FileProblems;
use crate::agents::{RolesError, StartError};
use crate::chat::ChatError;
use crate::engine::EngineError;
use crate::memory::MemoryError;
use crate::model::ModelError;
use crate::planner::NotAccepted;
use crate::planner::replay::ReplayError;
use crate::run::Failure;
use crate::store::{JournalError, ProposalId, StoreError};
use crate::tools::RegisterError;
use crate::tools::mcp::NotKnown;

/// Why the program cannot do what it is asked to.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Workflow files are wrong.
    #[error("{0}")]
    Workflows(FileProblems),
    /// No workflow file was given.
    #[error("no workflow file was given")]
    NoFile,
    /// There is no such workflow, or no such version of it.
    #[error("there is no workflow {workflow}{}", version.as_ref().map(|v| format!(" of version {v}")).unwrap_or_default())]
    NoSuchWorkflow {
        /// Its name.
        workflow: String,
        /// The hash that was asked for.
        version: Option<String>,
    },
    /// There is no such role.
    #[error("there is no role {role}{}", near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    NoSuchRole {
        /// Its name.
        role: String,
        /// The role that may have been meant.
        near: Option<String>,
    },
    /// There is no such version of a role, or more than one whose hash begins like that.
    #[error(
        "{} role {role} whose hash begins with `{hash}`",
        if *several { "there is more than one version of" } else { "there is no version of" }
    )]
    NoSuchRoleVersion {
        /// The role.
        role: String,
        /// How the hash was said to begin.
        hash: String,
        /// Whether there is more than one.
        several: bool,
    },
    /// A file cannot be replaced.
    #[error("{} cannot be replaced: {error}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// There is no such model.
    #[error("there is no model `{alias}`; there are: {known}")]
    NoSuchModel {
        /// The alias.
        alias: String,
        /// Those that there are.
        known: String,
    },
    /// A request is too long.
    #[error("the request has {bytes} bytes, and {most} are allowed")]
    LongRequest {
        /// How many it has.
        bytes: usize,
        /// How many are allowed.
        most: usize,
    },
    /// A workflow calls a tool that is not there.
    #[error("the tool `{0}` is not there yet")]
    NoSuchTool(String),
    /// A recorded run cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A model gave no reply.
    #[error("{0}")]
    Model(#[from] ModelError),
    /// There is no such proposal.
    #[error("there is no proposal {0}")]
    NoSuchProposal(ProposalId),
    /// What was asked for cannot be done as things stand.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// A proposal cannot be accepted.
    #[error("{0}")]
    NotAccepted(#[from] NotAccepted),
    /// Where this program is cannot be found out.
    #[error("the program cannot find its own file, which runs code of workflows: {0}")]
    Program(std::io::Error),
    /// A role cannot be given so many workers.
    #[error("{}", .0.message)]
    Resize(Failure),
    /// A setting is wrong.
    #[error("{key}: {reason}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// What the configuration says about an MCP server makes no sense.
    #[error("mcp.{server}: {reason}")]
    McpSettings {
        /// The server.
        server: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// An MCP server cannot be asked what it offers.
    #[error(transparent)]
    McpServer(NotKnown),
    /// There is no such MCP server.
    #[error("there is no MCP server `{0}`")]
    NoSuchServer(String),
    /// Role files are wrong.
    #[error(transparent)]
    Roles(#[from] RolesError),
    /// The company cannot start.
    #[error(transparent)]
    Company(#[from] StartError),
    /// A tool cannot be registered.
    #[error(transparent)]
    Tools(#[from] RegisterError),
    /// Something cannot be said or done in a conversation.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The engine says no.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The memory failed.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Why something cannot be done as things stand: what happened, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    /// A stable code, for programs.
    pub code: &'static str,
    /// In words.
    pub why: String,
}
