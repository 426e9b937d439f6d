//! What can be set, and where each value comes from.
//!
//! Values are layered, later ones winning: defaults, `callboard.toml` in the current folder (or the file
//! that `--config` names), `config.toml` in the data folder, the environment, flags. What can be set is
//! the table in [`settings`]; nothing else is accepted. Knows nothing of what the values are used for.

mod layers;
mod read;
mod settings;
#[cfg(test)]
#[allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

pub use layers::Sources;
use layers::{Entry, Layers};
use settings::{SETTINGS, Value, setting};

/// The name of the configuration file that is looked for in the current folder.
pub const FILE: &str = "callboard.toml";

/// The name of the configuration file inside the data folder.
pub const FILE_IN_DATA: &str = "config.toml";

/// The effective configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The folder that holds everything durable.
    pub data: PathBuf,
    /// What is logged.
    pub log: Log,
    /// How much is done at once.
    pub engine: Engine,
    /// Where the company is described.
    pub agents: Agents,
    /// Which models play the roles.
    pub models: Models,
    /// How conversations are held.
    pub chat: Chat,
    /// Where other programs are served.
    pub listen: Listen,
    /// What may be spent on them.
    pub budget: Budget,
    /// Before which calls a person is asked.
    pub ask: Ask,
    /// What anybody may call.
    pub policy: ToolPolicy,
    /// How the memory is searched.
    pub memory: Memory,
    /// The tools' limits.
    pub tools: Tools,
    /// Who may use which secret.
    pub secrets: Secrets,
    /// The MCP servers, by name.
    pub mcp: BTreeMap<String, McpServer>,
    entries: BTreeMap<String, Entry>,
}

/// What is logged to standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A level, or directives by module: `warn`, `info,callboard::engine=debug`.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How much the engine does at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Engine {
    /// Runs that are active at once, at least 1.
    pub active_runs: usize,
    /// Attempts that are in flight at once over all runs, at least 1.
    pub attempts: usize,
    /// How long attempts in flight may take to end when the process stops.
    pub stop_grace: Duration,
}

/// How conversations are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// The alias of the model that is asked.
    pub model: String,
    /// What is carried out without asking.
    pub auto_run: AutoRun,
}

/// What a conversation carries out without asking, once its graph was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoRun {
    /// Nothing.
    Never,
    /// Tasks of which every step computes or reads.
    Read,
}

/// Where the company is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agents {
    /// The folder of the role files.
    pub folder: PathBuf,
    /// The folder of the prompts.
    pub prompts: PathBuf,
}

/// Which models play the roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Models {
    /// The models behind each alias, asked in turn: `offline`, `PROVIDER/NAME`, or `auto` for what is found. `default`, `fast` and
    /// `strong` are always there; an empty one is the same as `default`.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// How often a model is asked before the next one is.
    pub tries: usize,
    /// How long the pauses between tries may be together.
    pub patience: Duration,
    /// How long one try may take.
    pub timeout: Duration,
    /// The file of what models cost; nothing is known if it is not there.
    pub prices: PathBuf,
    /// What becomes of exchanges.
    pub exchanges: Exchanges,
    /// The folder of those that are recorded.
    pub cassettes: PathBuf,
    /// Servers that speak chat completions.
    pub openai: OpenAi,
    /// The Ollama server.
    pub ollama: Ollama,
}

/// What becomes of exchanges with models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchanges {
    /// They are made.
    Live,
    /// They are made, and recorded.
    Record,
    /// They are answered from what was recorded.
    Replay,
}

/// A server that speaks chat completions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAi {
    /// Its address.
    pub base_url: String,
    /// The environment variable that holds the key.
    pub key_variable: String,
    /// The longest wait for one reply.
    pub timeout: Duration,
    /// The longest silence in the middle of one.
    pub idle_timeout: Duration,
    /// The model that `auto` stands for.
    pub model: String,
}

/// An Ollama server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ollama {
    /// Its address.
    pub base_url: String,
    /// How many tokens a request and its reply may have together.
    pub context: usize,
    /// The longest wait for one reply.
    pub timeout: Duration,
    /// The longest silence in the middle of one.
    pub idle_timeout: Duration,
}

/// What may be spent on models, in billionths of a US dollar; as much as there is if `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// By one run.
    pub run: Option<u64>,
    /// On one day.
    pub day: Option<u64>,
    /// Ever.
    pub workspace: Option<u64>,
}

/// Where other programs are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address and port.
    pub address: String,
    /// The environment variable that holds the key.
    pub key_variable: String,
}

/// How the memory is searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What turns texts into vectors: `none` or `PROVIDER/NAME`.
    pub embedder: String,
    /// Where the index is.
    pub backend: Backend,
    /// The server, if it is there.
    pub remote: Remote,
}

/// Where the memory's index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// In the data folder.
    Edge,
    /// On a Qdrant server.
    Remote,
}

/// A Qdrant server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its gRPC address.
    pub url: String,
    /// The environment variable that holds its key.
    pub key_variable: String,
    /// The collection of this data folder.
    pub collection: String,
    /// The longest wait for one answer.
    pub timeout: Duration,
}

/// Before which calls a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Before none.
    Never,
    /// Before those that cannot be undone.
    Irreversible,
    /// Before those that change the world.
    Write,
    /// Before those that look at the world, too.
    Read,
}

/// What anybody may call, whatever a role or a workflow says: names of tools, groups such as `files.*`, or `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolPolicy {
    /// What may be called.
    pub tools: Vec<String>,
    /// What of that may not.
    pub deny: Vec<String>,
    /// Before what a person is asked.
    pub ask: Vec<String>,
}

/// The tools' limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// The longest result that an agent is told whole, in bytes.
    pub max_result: u64,
    /// `http.request`.
    pub http: Http,
    /// The tools that work on files.
    pub files: Files,
    /// `code.run`.
    pub code: Code,
    /// `email.send`.
    pub email: Email,
    /// The databases of `sql.query`, by name.
    pub sql: BTreeMap<String, Sql>,
}

/// The limits of `http.request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Hosts, `host:port`s and address ranges that may be called although they are private.
    pub allow: Vec<String>,
    /// How long a request may take if the call does not say.
    pub timeout: Duration,
    /// The longest body that is read, in bytes.
    pub max_bytes: u64,
}

/// The limits of the tools that work on files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The folder that they cannot leave.
    pub root: PathBuf,
    /// The longest file that is read or written, in bytes.
    pub max_bytes: u64,
}

/// The limits of `code.run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// How long one call may take.
    pub timeout: Duration,
    /// How much memory it may take, in bytes.
    pub memory: u64,
}

/// What `email.send` sends by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The server's address; empty if there is none.
    pub server: String,
    /// Who mail is from.
    pub from: String,
    /// The name of the secret that is the server's password; empty if there is none.
    pub password: String,
    /// Domains and addresses that mail may go to; anybody, if there are none.
    pub recipients: Vec<String>,
    /// A certificate that the server's may be signed by.
    pub ca: Option<PathBuf>,
    /// How long sending may take.
    pub timeout: Duration,
    /// The largest mail, in bytes.
    pub max_bytes: u64,
}

/// A database of `sql.query`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sql {
    /// Its address.
    pub url: String,
    /// The name of the secret that is its password; empty if there is none.
    pub password: String,
    /// Whether statements may change it.
    pub write: bool,
    /// How long a statement may take.
    pub timeout: Duration,
    /// The most rows that are returned.
    pub max_rows: usize,
    /// The longest result, in bytes.
    pub max_bytes: u64,
}

/// The key of the secrets, and who may use which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// The file with the key.
    pub key_file: PathBuf,
    /// Who may use a secret, by its name.
    pub rules: BTreeMap<String, SecretRule>,
}

/// Who may use a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRule {
    /// The tools.
    pub tools: Vec<String>,
    /// Where they may send it.
    pub hosts: Vec<String>,
}

/// An MCP server, as it is written: whether that makes sense is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpServer {
    /// The program and its arguments, if it is to be started.
    pub command: Vec<String>,
    /// The folder that it is started in.
    pub folder: PathBuf,
    /// Its environment, besides `PATH` and `HOME`.
    pub env: BTreeMap<String, String>,
    /// Its address, if it runs already; else empty.
    pub url: String,
    /// What is sent along with every request to it.
    pub headers: BTreeMap<String, String>,
    /// The tools that may be used.
    pub tools: Vec<String>,
    /// Whether what it hints about its tools is believed.
    pub trust_hints: bool,
    /// What tools do, whatever it hints: `read`, `write`, `idempotent` or `irreversible`.
    pub effects: BTreeMap<String, String>,
    /// Whether its results are as good as one's own words.
    pub is_own: bool,
    /// The longest that a call may take.
    pub timeout: Duration,
    /// The longest that it may take to start.
    pub start_timeout: Duration,
}

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nowhere: it is the default.
    Default,
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u32,
    },
    /// In the environment.
    Environment {
        /// The variable.
        variable: String,
    },
    /// On the command line.
    Flag {
        /// The flag, with its dashes.
        flag: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { variable } => write!(f, "environment: {variable}"),
            Self::Flag { flag } => write!(f, "flag: {flag}"),
        }
    }
}

/// One effective value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effective {
    /// The setting: `tools.http.timeout`.
    pub key: String,
    /// Its value: text, a number or a list of texts.
    pub value: serde_json::Value,
    /// Where it was set.
    pub origin: Origin,
    /// What it means.
    pub about: &'static str,
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Where.
    pub origin: Origin,
    /// The column, from 1, if it is in a file.
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What to do about it, if that can be said.
    pub suggestion: Option<String>,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " ({suggestion})"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<ConfigProblem>);

impl Config {
    /// Layers the sources.
    ///
    /// # Errors
    /// Everything that is wrong in any of them.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        Layers::read(sources).map(|layers| Self::of(layers.entries()))
    }

    /// Every setting with its value and where it was set, by key.
    pub fn effective(&self) -> impl Iterator<Item = Effective> {
        SETTINGS.iter().flat_map(|wanted| {
            // A name that has a setting of its own is not one that a `*` stands for.
            let own = self.entries.iter().filter(|(key, _)| setting(key).is_some_and(|found| found.key == wanted.key));
            own.map(|(key, Entry { value, origin })| Effective {
                key: key.clone(),
                value: shown(wanted.key, value),
                origin: origin.clone(),
                about: wanted.about,
            })
        })
    }

    /// The files and folders that the program itself goes by, whether they are there yet or not.
    pub fn own_paths(&self) -> Vec<PathBuf> {
        let mut paths = vec![
            PathBuf::from(FILE),
            self.data.clone(),
            self.agents.folder.clone(),
            self.agents.prompts.clone(),
            self.models.prices.clone(),
            self.secrets.key_file.clone(),
        ];
        paths.extend(self.entries.values().filter_map(|entry| match &entry.origin {
            Origin::File { path, .. } => Some(path.clone()),
            _ => None,
        }));
        paths
    }

    /// A configuration file that sets nothing: every setting is there, commented out, with its default.
    #[must_use]
    pub fn example() -> String {
        settings::example()
    }
}

/// A value as it may be shown: without what is likely to be a password.
fn shown(key: &str, value: &Value) -> serde_json::Value {
    const HIDDEN: &str = "***";
    if key.ends_with(".env.*") || key.ends_with(".headers.*") {
        return HIDDEN.into();
    }
    match value {
        Value::Text(text) => {
            let mut url = url::Url::parse(text).ok().filter(|url| url.password().is_some());
            match url.as_mut().map(|url| url.set_password(Some(HIDDEN))) {
                None => text.as_str().into(),
                Some(_) => url.map_or(HIDDEN.into(), |url| url.as_str().into()),
            }
        }
        value => value.to_json(),
    }
}

/// The value of a setting: its default if nothing sets it.
fn value(entries: &BTreeMap<String, Entry>, key: &str) -> Value {
    let default = || setting(key).and_then(|setting| Value::parse(setting.kind, setting.default).ok());
    entries.get(key).map(|entry| entry.value.clone()).or_else(default).unwrap_or(Value::Missing)
}

/// The names that something is set for below a section: `files` for `mcp`, if `mcp.files.command` is set.
fn named(entries: &BTreeMap<String, Entry>, section: &str) -> BTreeSet<String> {
    let below = |key: &String| {
        let rest = key.strip_prefix(section)?.strip_prefix('.')?;
        Some(rest.split('.').next().unwrap_or(rest).to_owned())
    };
    entries.keys().filter_map(below).collect()
}

/// `path`, starting at `folder` if it is relative.
fn resolve(folder: &Path, path: &str) -> PathBuf {
    folder.join(path).components().collect()
}
