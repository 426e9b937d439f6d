//! The sections of the configuration, each with its values.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

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
