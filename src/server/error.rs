//! Errors as the HTTP API tells them, and as the command line shows them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::agents::RolesError;
use crate::app::{AppError, FileProblems, Refused};
use crate::engine::EngineError;
use crate::memory::MemoryError;
use crate::memory::index::IndexError;
use crate::model::{ModelError, Trouble};
use crate::planner::NotAccepted;
use crate::secrets::SecretsError;
use crate::store::{JournalError, StoreError};
use crate::workflow::Problem;

/// What went wrong, where, and what to do about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// A stable name for programs: `no_such_run`, `invalid_workflow`, `disk_full`, …
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do about it, if that can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// Each thing that is wrong in the files or values that were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<PlacedProblem>,
}

/// One thing that is wrong in a file or a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedProblem {
    /// The file, as it was named; `None` if it is in no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column from 1, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// Where in the document: `steps[2].needs[0]`. Empty for the whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// A stable name for programs: `unknown_step`, `cycle`, …
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it, if that can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl PlacedProblem {
    /// A problem of a workflow, in the file that it was read from.
    #[must_use]
    pub fn of(problem: Problem, file: Option<&str>) -> Self {
        let Problem { code, place, message, suggestion } = problem;
        Self {
            file: file.map(str::to_owned),
            line: place.line,
            column: place.column,
            path: place.path,
            code: code.to_owned(),
            message,
            suggestion,
        }
    }
}

impl ErrorBody {
    /// An error without places.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), ..Self::default() }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// The same, with each thing that is wrong.
    #[must_use]
    pub fn with(mut self, problems: Vec<PlacedProblem>) -> Self {
        self.problems = problems;
        self
    }
}

/// The body of a response that is no success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDocument {
    /// What went wrong.
    pub error: ErrorBody,
}

/// An error with the status that tells who can do something about it.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// 4xx: the caller. 5xx: whoever runs this machine.
    pub status: StatusCode,
    /// What went wrong.
    pub body: ErrorBody,
}

impl ApiError {
    /// The caller asked for what cannot be.
    pub fn invalid(body: ErrorBody) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, body }
    }

    /// Something around the program failed.
    pub fn environment(code: &str, message: String) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, body: ErrorBody::new(code, message) }
    }

    /// There is no such thing.
    pub fn missing(body: ErrorBody) -> Self {
        Self { status: StatusCode::NOT_FOUND, body }
    }
}

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        let message = error.to_string();
        match error {
            AppError::Workflows(FileProblems(problems)) => {
                let problems: Vec<_> =
                    problems.into_iter().map(|(file, problem)| PlacedProblem::of(problem, Some(&file))).collect();
                let what = match problems.len() {
                    1 => "the workflow cannot be used".to_owned(),
                    n => format!("the workflow cannot be used: {n} problems"),
                };
                Self::invalid(ErrorBody::new("invalid_workflow", what).with(problems))
            }
            AppError::Roles(RolesError { problems }) => {
                let placed = problems
                    .into_iter()
                    .map(|(file, problem): (String, Problem)| PlacedProblem::of(problem, Some(&file)));
                Self::invalid(ErrorBody::new("invalid_role", "the role files cannot be used").with(placed.collect()))
            }
            AppError::NoSuchWorkflow { .. } => Self::missing(
                ErrorBody::new("no_such_workflow", message).suggest("`callboard run FILE` saves the file's workflow"),
            ),
            AppError::NoSuchRole { .. } => Self::missing(ErrorBody::new("no_such_role", message)),
            AppError::NoSuchRoleVersion { role, .. } => Self::missing(
                ErrorBody::new("no_such_version", message)
                    .suggest(format!("`callboard agents versions {role}` lists them")),
            ),
            AppError::NoSuchModel { .. } => Self::invalid(
                ErrorBody::new("no_such_model", message).suggest("`callboard models` lists the models that there are"),
            ),
            AppError::LongRequest { .. } => Self::invalid(ErrorBody::new("long_request", message).suggest(
                "have documents remembered (`callboard remember`), and say in a few sentences what is wanted",
            )),
            AppError::NoSuchTool(_) => Self::invalid(ErrorBody::new("no_such_tool", message)),
            AppError::Replay(_) => Self::environment("not_replayed", message),
            AppError::Model(error) => error.into(),
            AppError::NoSuchProposal(_) => Self::missing(
                ErrorBody::new("no_such_proposal", message).suggest("`callboard plan --list` lists those there are"),
            ),
            AppError::Refused(Refused { code, .. }) => Self::invalid(ErrorBody::new(code, message)),
            AppError::NotAccepted(NotAccepted::Invalid(problems)) => {
                let problems = problems.into_iter().map(|problem| PlacedProblem::of(problem, None)).collect();
                Self::invalid(
                    ErrorBody::new("not_accepted", "what would come of the proposal is not valid").with(problems),
                )
            }
            AppError::NotAccepted(NotAccepted::Conflicts(_)) => Self::invalid(
                ErrorBody::new("conflict", message)
                    .suggest("ask for another proposal: it is made for what is there now"),
            ),
            AppError::NotAccepted(_) => Self::invalid(ErrorBody::new("not_accepted", message)),
            AppError::File { .. } => Self::environment("not_written", message),
            AppError::Program(_) => Self::environment("no_program", message),
            AppError::Resize(failure) => Self::invalid(ErrorBody::new(&failure.code, message)),
            AppError::NoFile => Self::invalid(ErrorBody::new("no_file", message)),
            AppError::McpServer(_) => Self::environment("server_down", message),
            AppError::NoSuchServer(_) => Self::missing(
                ErrorBody::new("no_such_server", message)
                    .suggest("servers are what the configuration names, as [mcp.NAME]; `callboard tools` lists them"),
            ),
            AppError::McpSettings { .. } | AppError::Setting { .. } => Self::invalid(
                ErrorBody::new("bad_configuration", message)
                    .suggest("`callboard config` shows where each setting comes from"),
            ),
            AppError::Company(_) => Self::invalid(ErrorBody::new("invalid_role", message)),
            AppError::Tools(_) => Self::environment("tools_failed", message),
            AppError::Chat(error) => error.into(),
            AppError::Engine(error) => error.into(),
            AppError::Memory(error) => error.into(),
            AppError::Store(error) => error.into(),
            AppError::Journal(error) => error.into(),
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let message = error.to_string();
        let invalid = |code: &str| Self::invalid(ErrorBody::new(code, message.clone()));
        match error {
            EngineError::NoSuchRun(_) => Self::missing(ErrorBody::new("no_such_run", message)),
            EngineError::Ended { .. } => invalid("ended"),
            EngineError::NotEnded { .. } => invalid("not_ended"),
            EngineError::NoSuchQuestion { .. } => invalid("no_such_question"),
            EngineError::BadAnswer(_) => invalid("bad_answer"),
            EngineError::NoSuchStep { .. } => invalid("no_such_step"),
            EngineError::Invalid(problems) => {
                let placed = problems.into_iter().map(|problem| PlacedProblem::of(problem, None));
                Self::invalid(ErrorBody::new("invalid_inputs", "the inputs do not fit").with(placed.collect()))
            }
            EngineError::NoSuchVersion { .. } => invalid("no_such_version"),
            EngineError::Busy(_) => Self::environment("busy", message),
            EngineError::Stopping => Self::environment("stopping", message),
            EngineError::Stalled { .. } => Self::environment("stalled", message),
            EngineError::Damaged { .. } => Self::environment("damaged", message),
            EngineError::Journal(error) => error.into(),
            EngineError::Store(error) => error.into(),
        }
    }
}

impl From<ModelError> for ApiError {
    fn from(error: ModelError) -> Self {
        let ModelError { trouble, message, .. } = error;
        let help = match trouble {
            Trouble::Refused => {
                "the model, or its provider, does not answer this; say it otherwise, or ask another model"
            }
            Trouble::Truncated | Trouble::TooLong => "ask for less at once, or a model with more room",
            Trouble::Rejected => "`callboard models --check` tries the models",
            Trouble::Spent(_) => "raise the limit in [budget], or wait until the next day",
            Trouble::Busy | Trouble::Unavailable | Trouble::TimedOut | Trouble::Malformed => {
                "try again; `callboard models --check` tries the models"
            }
        };
        match trouble {
            Trouble::Refused => Self::invalid(ErrorBody::new("refused", message).suggest(help)),
            trouble => {
                let mut error = Self::environment(&format!("model_{trouble}"), message);
                error.body = error.body.suggest(help);
                error
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Owned { .. } => "owned_folder",
            StoreError::Full => "disk_full",
            StoreError::Corrupt { .. } => "corrupt",
            _ => "store_failed",
        };
        Self::environment(code, error.to_string())
    }
}

impl From<MemoryError> for ApiError {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::Store(error @ StoreError::Missing(_)) => Self::missing(
                ErrorBody::new("no_such_note", error.to_string()).suggest("`callboard memory notes` lists the notes"),
            ),
            MemoryError::Store(error) => error.into(),
            MemoryError::Index(error @ IndexError::Unavailable(_)) => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                body: ErrorBody::new("memory_failed", error.to_string())
                    .suggest("is the server of `memory.remote.url` running? Nothing that is remembered is lost"),
            },
            error @ (MemoryError::Index(_) | MemoryError::Embedder(_) | MemoryError::Stopped(_)) => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                body: ErrorBody::new("memory_failed", error.to_string())
                    .suggest("nothing that is remembered is lost: `callboard memory rebuild` makes the index anew"),
            },
        }
    }
}

impl From<SecretsError> for ApiError {
    fn from(error: SecretsError) -> Self {
        let message = error.to_string();
        let invalid = |code: &str| Self::invalid(ErrorBody::new(code, message.clone()));
        match error {
            SecretsError::Missing(_) => Self::missing(ErrorBody::new("no_such_secret", message)),
            SecretsError::BadName(_) | SecretsError::BadValue { .. } => invalid("bad_secret"),
            SecretsError::NotAllowed { .. } => invalid("secret_refused"),
            SecretsError::NoNewKey => invalid("no_new_key"),
            SecretsError::OtherKey { .. } | SecretsError::BadKey { .. } => Self::environment("secrets_key", message),
            SecretsError::Damaged(_) => Self::environment("corrupt", message),
            SecretsError::Store(error) => error.into(),
        }
    }
}

impl From<JournalError> for ApiError {
    fn from(error: JournalError) -> Self {
        let code = match &error {
            JournalError::Full { .. } => "disk_full",
            JournalError::Corrupt { .. } => "corrupt",
            _ => "store_failed",
        };
        Self::environment(code, error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(ErrorDocument { error: self.body })).into_response()
    }
}
