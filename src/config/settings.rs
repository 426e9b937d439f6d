//! Every setting: its name, what its value is, its default, and what it means.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// One setting.
pub(super) struct Setting {
    /// Its name, with dots. A `*` between them stands for any name: `mcp.*.command`.
    pub(super) key: &'static str,
    /// What its value is.
    pub(super) kind: Kind,
    /// Its default, as the environment would spell it.
    pub(super) default: &'static str,
    /// What it means.
    pub(super) about: &'static str,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A path; a relative one starts at the folder of the file that sets it, else at the current folder, and `~` is the
    /// home folder.
    Path,
    /// The same, or nothing.
    PathOrNone,
    /// A list of texts.
    List,
    /// Models that are asked in turn: a list of texts, or one text with commas.
    Chain,
    /// An amount of US dollars such as `$2.50`; none if empty.
    Dollars,
    /// A number, at least 1.
    Count,
    /// A time span such as `30s`, at least a millisecond.
    Duration,
    /// A number of bytes such as `4 MiB`, at least 1.
    Bytes,
    /// Yes or no.
    Flag,
}

impl Setting {
    /// True if it can be set for any number of names.
    pub(super) fn is_named(&self) -> bool {
        self.key.split('.').any(|part| part == "*")
    }

    /// Its name, or one of its names.
    pub(super) fn matches(&self, key: &str) -> bool {
        self.key.split('.').count() == key.split('.').count() && self.begins(key)
    }

    /// True if `section` and something more is its name, or one of its names.
    pub(super) fn is_within(&self, section: &str) -> bool {
        self.key.split('.').count() > section.split('.').count() && self.begins(section)
    }

    fn begins(&self, key: &str) -> bool {
        self.key.split('.').zip(key.split('.')).all(|(part, name)| part == name || (part == "*" && is_name(name)))
    }

    /// The name of its that is likest to `key`: each `*` is what stands there in `key`.
    pub(super) fn like(&self, key: &str) -> String {
        let mut given = key.split('.');
        let part = |part: &'static str| {
            let given = given.next().filter(|given| is_name(given));
            if part == "*" { given.unwrap_or("NAME").to_owned() } else { part.to_owned() }
        };
        self.key.split('.').map(part).collect::<Vec<_>>().join(".")
    }
}

/// Whether something is a name that a `*` can stand for.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// The setting with this name.
pub(super) fn setting(key: &str) -> Option<&'static Setting> {
    let exact = SETTINGS.iter().find(|setting| setting.key == key);
    exact.or_else(|| SETTINGS.iter().find(|setting| setting.matches(key)))
}

/// All of them, in the order in which they are shown.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "data",
        kind: Kind::Path,
        default: "data",
        about: "The folder that holds everything durable: runs, memory, files.",
    },
    Setting {
        key: "log.level",
        kind: Kind::Text,
        default: "warn",
        about: "What is logged to standard error: error, warn, info, debug or trace (libraries log errors only), or directives by module such as warn,callboard::engine=debug.",
    },
    Setting {
        key: "log.format",
        kind: Kind::OneOf(&["text", "json"]),
        default: "text",
        about: "How a line of the log looks: text or json.",
    },
    Setting {
        key: "engine.active_runs",
        kind: Kind::Count,
        default: "50000",
        about: "Runs that are active at once; a run that waits for the clock or a person does not count.",
    },
    Setting {
        key: "engine.attempts",
        kind: Kind::Count,
        default: "1024",
        about: "Attempts of steps that are in flight at once, over all runs.",
    },
    Setting {
        key: "engine.stop_grace",
        kind: Kind::Duration,
        default: "10s",
        about: "How long attempts in flight may take to end when the process stops.",
    },
    Setting { key: "agents.folder", kind: Kind::Path, default: "agents", about: "The folder of the role files." },
    Setting { key: "agents.prompts", kind: Kind::Path, default: "prompts", about: "The folder of the prompts." },
    Setting {
        key: "models.default",
        kind: Kind::Chain,
        default: "offline",
        about: "The models that play the roles, asked in turn until one replies: offline, openai/NAME, ollama/NAME, or auto for what is found here.",
    },
    Setting {
        key: "models.fast",
        kind: Kind::Chain,
        default: "",
        about: "The models behind the alias fast, for roles that say so; the same as default if empty.",
    },
    Setting {
        key: "models.strong",
        kind: Kind::Chain,
        default: "",
        about: "The models behind the alias strong; the same as default if empty.",
    },
    Setting {
        key: "models.tries",
        kind: Kind::Count,
        default: "3",
        about: "How often a model that is busy or out of reach is asked before the next one is.",
    },
    Setting {
        key: "models.patience",
        kind: Kind::Duration,
        default: "1m",
        about: "How long the pauses between tries may be together, over all models of a chain.",
    },
    Setting {
        key: "models.timeout",
        kind: Kind::Duration,
        default: "5m",
        about: "How long one try may take, whatever limit its provider has.",
    },
    Setting {
        key: "models.prices",
        kind: Kind::Path,
        default: "config/prices.toml",
        about: "The file of what models cost, in dollars for a million tokens, and of how long their windows are.",
    },
    Setting {
        key: "models.exchanges",
        kind: Kind::OneOf(&["live", "record", "replay"]),
        default: "live",
        about: "What becomes of exchanges with models, but for the offline one: live, record (each is also written to a file of models.cassettes) or replay (they are answered from these files, and no server is asked).",
    },
    Setting {
        key: "models.cassettes",
        kind: Kind::Path,
        default: "cassettes",
        about: "The folder of recorded exchanges. Keys and secrets are taken out of them.",
    },
    Setting {
        key: "models.aliases.*",
        kind: Kind::Chain,
        default: "",
        about: "The models behind an alias of your own, asked in turn.",
    },
    Setting {
        key: "models.openai.base_url",
        kind: Kind::Text,
        default: "https://api.openai.com/v1",
        about: "Where openai/… models are: up to and with /v1.",
    },
    Setting {
        key: "models.openai.key_variable",
        kind: Kind::Text,
        default: "OPENAI_API_KEY",
        about: "The environment variable that holds the key; the key itself is never written anywhere.",
    },
    Setting {
        key: "models.openai.model",
        kind: Kind::Text,
        default: "gpt-4.1-mini",
        about: "The model that auto stands for if there is a key.",
    },
    Setting {
        key: "models.openai.timeout",
        kind: Kind::Duration,
        default: "2m",
        about: "The longest wait for one reply.",
    },
    Setting {
        key: "models.openai.idle_timeout",
        kind: Kind::Duration,
        default: "1m",
        about: "The longest silence in the middle of a reply.",
    },
    Setting {
        key: "models.ollama.base_url",
        kind: Kind::Text,
        default: "http://localhost:11434",
        about: "Where Ollama is.",
    },
    Setting {
        key: "models.ollama.context",
        kind: Kind::Count,
        default: "8192",
        about: "How many tokens a request and its reply may have together. Ollama reserves memory for as many.",
    },
    Setting {
        key: "models.ollama.timeout",
        kind: Kind::Duration,
        default: "5m",
        about: "The longest wait for one reply, loading the model included.",
    },
    Setting {
        key: "models.ollama.idle_timeout",
        kind: Kind::Duration,
        default: "1m",
        about: "The longest silence in the middle of a reply.",
    },
    Setting {
        key: "budget.run",
        kind: Kind::Dollars,
        default: "",
        about: "What one run may cost, with the runs that its steps start, such as $1; as much as there is if empty. A person is asked when it is spent.",
    },
    Setting { key: "budget.day", kind: Kind::Dollars, default: "", about: "What all runs may cost on one day (UTC)." },
    Setting { key: "budget.workspace", kind: Kind::Dollars, default: "", about: "What all runs may cost, ever." },
    Setting {
        key: "chat.model",
        kind: Kind::Text,
        default: "default",
        about: "The model that conversations are held with, by its alias.",
    },
    Setting {
        key: "chat.auto_run",
        kind: Kind::OneOf(&["never", "read"]),
        default: "read",
        about: "What a conversation carries out without asking, once its graph was shown: never anything, or tasks for the agents of which every step computes or reads.",
    },
    Setting {
        key: "listen.address",
        kind: Kind::Text,
        default: "127.0.0.1:4000",
        about: "Where `callboard serve` listens: an address of this machine and a port; port 0 is any that is free.",
    },
    Setting {
        key: "listen.key_variable",
        kind: Kind::Text,
        default: "CALLBOARD_KEY",
        about: "The environment variable that holds the key which programs must send to `callboard serve`. If it is not set, a key is made at each start and shown.",
    },
    Setting {
        key: "gate.ask",
        kind: Kind::OneOf(&["never", "irreversible", "write", "read"]),
        default: "never",
        about: "A person is asked before every tool call with this effect or a worse one: never, irreversible, write or read.",
    },
    Setting {
        key: "policy.tools",
        kind: Kind::List,
        default: "*",
        about: "The tools that may be called at all, by agents, steps and colleagues alike: names, groups such as files.*, or *.",
    },
    Setting {
        key: "policy.deny",
        kind: Kind::List,
        default: "",
        about: "Tools that may not be called, though policy.tools names them.",
    },
    Setting {
        key: "policy.ask",
        kind: Kind::List,
        default: "",
        about: "Tools before each call of which a person is asked.",
    },
    Setting {
        key: "tools.max_result",
        kind: Kind::Bytes,
        default: "64 KiB",
        about: "The longest result that an agent is told whole; a longer one is kept, and told by a summary to read on from.",
    },
    Setting {
        key: "memory.embedder",
        kind: Kind::Text,
        default: "none",
        about: "What makes the memory search by meaning, too: none, openai/NAME for an embedding model of OpenAI or of any server that speaks the same, or ollama/NAME. Where they are is in [models.openai] and [models.ollama].",
    },
    Setting {
        key: "memory.backend",
        kind: Kind::OneOf(&["edge", "remote"]),
        default: "edge",
        about: "Where the memory's index is: edge, in the data folder, or remote, on a Qdrant server.",
    },
    Setting {
        key: "memory.remote.url",
        kind: Kind::Text,
        default: "http://localhost:6334",
        about: "The gRPC address of the Qdrant server; with https it is spoken to over TLS.",
    },
    Setting {
        key: "memory.remote.key_variable",
        kind: Kind::Text,
        default: "QDRANT_API_KEY",
        about: "The environment variable that holds the server's key; the key itself is never written anywhere.",
    },
    Setting {
        key: "memory.remote.collection",
        kind: Kind::Text,
        default: "callboard",
        about: "The collection on the server. It belongs to this data folder; a workspace is a tenant in it.",
    },
    Setting {
        key: "memory.remote.timeout",
        kind: Kind::Duration,
        default: "10s",
        about: "The longest wait for one answer of the server.",
    },
    Setting {
        key: "tools.http.allow",
        kind: Kind::List,
        default: "",
        about: "Private hosts, host:ports and address ranges that http.request may call; public ones always may be called.",
    },
    Setting {
        key: "tools.http.timeout",
        kind: Kind::Duration,
        default: "30s",
        about: "How long a request may take, redirects included, if the call does not say; at most 10m.",
    },
    Setting {
        key: "tools.http.max_bytes",
        kind: Kind::Bytes,
        default: "4 MiB",
        about: "The longest body that http.request reads.",
    },
    Setting {
        key: "tools.files.root",
        kind: Kind::Path,
        default: ".",
        about: "The folder that the files.… tools, and others that read a file, cannot leave.",
    },
    Setting {
        key: "tools.files.max_bytes",
        kind: Kind::Bytes,
        default: "4 MiB",
        about: "The longest file that is read or written.",
    },
    Setting {
        key: "tools.code.timeout",
        kind: Kind::Duration,
        default: "10s",
        about: "How long the code of one code.run may take.",
    },
    Setting {
        key: "tools.code.memory",
        kind: Kind::Bytes,
        default: "64 MiB",
        about: "How much memory the code of one code.run may take.",
    },
    Setting {
        key: "tools.email.server",
        kind: Kind::Text,
        default: "",
        about: "The server that email.send hands mail to: smtps://user@host:465, or smtp://user@host:587?starttls. There is no email.send without one.",
    },
    Setting {
        key: "tools.email.from",
        kind: Kind::Text,
        default: "",
        about: "Who mail is from: ada@example.com, or Ada <ada@example.com>.",
    },
    Setting {
        key: "tools.email.password",
        kind: Kind::Text,
        default: "",
        about: "The name of the secret that is the server's password.",
    },
    Setting {
        key: "tools.email.recipients",
        kind: Kind::List,
        default: "",
        about: "Domains and addresses that mail may go to; anybody, if none is named.",
    },
    Setting {
        key: "tools.email.ca",
        kind: Kind::PathOrNone,
        default: "",
        about: "A file with a certificate (PEM) that the server's may be signed by, besides those that this machine trusts.",
    },
    Setting {
        key: "tools.email.timeout",
        kind: Kind::Duration,
        default: "1m",
        about: "How long sending a mail may take.",
    },
    Setting {
        key: "tools.email.max_bytes",
        kind: Kind::Bytes,
        default: "20 MiB",
        about: "The largest mail, with its attachments.",
    },
    Setting {
        key: "tools.sql.*.url",
        kind: Kind::Text,
        default: "",
        about: "A database that sql.query may ask, by the name in the section's head: postgres://user@host/database, or sqlite:file.db.",
    },
    Setting {
        key: "tools.sql.*.password",
        kind: Kind::Text,
        default: "",
        about: "The name of the secret that is the database's password.",
    },
    Setting {
        key: "tools.sql.*.write",
        kind: Kind::Flag,
        default: "false",
        about: "Whether statements may change the database.",
    },
    Setting {
        key: "tools.sql.*.timeout",
        kind: Kind::Duration,
        default: "30s",
        about: "How long a statement may take.",
    },
    Setting {
        key: "tools.sql.*.max_rows",
        kind: Kind::Count,
        default: "1000",
        about: "The most rows that are returned; those after them are left out, and the result says so.",
    },
    Setting { key: "tools.sql.*.max_bytes", kind: Kind::Bytes, default: "1 MiB", about: "The longest result." },
    Setting {
        key: "secrets.key_file",
        kind: Kind::Path,
        default: "~/.config/callboard/secrets.key",
        about: "The file with the key that secrets are encrypted with, which is made with the first secret; not read if CALLBOARD_SECRETS_KEY holds the key.",
    },
    Setting {
        key: "secrets.*.tools",
        kind: Kind::List,
        default: "",
        about: "The tools that may use the secret of this name: http.request, webhook.send, or a group such as http.*; none, unless they are named here.",
    },
    Setting {
        key: "secrets.*.hosts",
        kind: Kind::List,
        default: "",
        about: "Where they may send it: hosts such as api.example.com, *.example.com or api.example.com:8443, always by https; an http://host:port goes unencrypted.",
    },
    Setting {
        key: "mcp.*.command",
        kind: Kind::List,
        default: "",
        about: "An MCP server that is started: its program and its arguments. Nothing else than this configuration can have a server started.",
    },
    Setting { key: "mcp.*.folder", kind: Kind::Path, default: ".", about: "The folder that it is started in." },
    Setting {
        key: "mcp.*.url",
        kind: Kind::Text,
        default: "",
        about: "An MCP server that runs already: its address, which speaks streamable HTTP.",
    },
    Setting {
        key: "mcp.*.tools",
        kind: Kind::List,
        default: "",
        about: "The tools that may be used, by the server's own names: read_file, read_*, or * for all.",
    },
    Setting {
        key: "mcp.*.trust_hints",
        kind: Kind::Flag,
        default: "true",
        about: "Whether what the server hints about its tools is believed. If not, each is taken to write, unless effects says otherwise.",
    },
    Setting {
        key: "mcp.*.origin",
        kind: Kind::OneOf(&["untrusted", "own"]),
        default: "untrusted",
        about: "Whose words its results are: untrusted, or own if they are as good as yours.",
    },
    Setting { key: "mcp.*.timeout", kind: Kind::Duration, default: "2m", about: "The longest that a call may take." },
    Setting {
        key: "mcp.*.start_timeout",
        kind: Kind::Duration,
        default: "30s",
        about: "The longest that the server may take to start, or to answer first.",
    },
    Setting {
        key: "mcp.*.env.*",
        kind: Kind::Text,
        default: "",
        about: "What the environment of a server that is started holds, besides PATH and HOME; {secret:NAME} in it is the secret's value.",
    },
    Setting {
        key: "mcp.*.headers.*",
        kind: Kind::Text,
        default: "",
        about: "What is sent along with every request to a server with an address; {secret:NAME} in it is the secret's value.",
    },
    Setting {
        key: "mcp.*.effects.*",
        kind: Kind::OneOf(&["read", "write", "idempotent", "irreversible"]),
        default: "write",
        about: "What a tool does, whatever the server hints: read, write, idempotent (it may be written twice) or irreversible.",
    },
];

/// A value, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// No value.
    Missing,
    Text(String),
    List(Vec<String>),
    /// Billionths.
    Dollars(Option<u64>),
    Path(PathBuf),
    Count(u64),
    Duration(Duration),
    Bytes(u64),
    Flag(bool),
}

impl Value {
    /// Reads a value from text, as the environment, a flag or a string in a file gives it.
    pub(super) fn parse(kind: Kind, text: &str) -> Result<Self, String> {
        match kind {
            Kind::Text => Ok(Self::Text(text.to_owned())),
            Kind::OneOf(choices) if choices.contains(&text) => Ok(Self::Text(text.to_owned())),
            Kind::OneOf(choices) => Err(format!("\"{text}\" is none of {}", choices.join(", "))),
            Kind::Path if text.is_empty() => Err("the path is empty".to_owned()),
            Kind::PathOrNone if text.is_empty() => Ok(Self::Missing),
            Kind::Path | Kind::PathOrNone => Ok(Self::Path(text.into())),
            Kind::List | Kind::Chain => Ok(Self::List(
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect(),
            )),
            Kind::Dollars if text.trim().is_empty() => Ok(Self::Dollars(None)),
            Kind::Dollars => parse_dollars(text)
                .map(|billionths| Self::Dollars(Some(billionths)))
                .ok_or_else(|| format!("\"{text}\" is not an amount of dollars such as $2.50, up to a million")),
            Kind::Count => match text.trim().parse() {
                Ok(count) if count > 0 && usize::try_from(count).is_ok() => Ok(Self::Count(count)),
                _ => Err(format!("\"{text}\" is not a whole number of at least 1")),
            },
            Kind::Duration => match humantime::parse_duration(text) {
                Ok(duration) if duration >= Duration::from_millis(1) => Ok(Self::Duration(duration)),
                _ => Err(format!("\"{text}\" is not a time span such as 500ms, 30s or 5m")),
            },
            Kind::Flag => match text {
                "true" => Ok(Self::Flag(true)),
                "false" => Ok(Self::Flag(false)),
                _ => Err(format!("\"{text}\" is neither true nor false")),
            },
            Kind::Bytes => parse_bytes(text)
                .map(Self::Bytes)
                .ok_or_else(|| format!("\"{text}\" is not a number of bytes such as 65536, 64 KiB or 4 MiB")),
        }
    }

    /// The text; empty if it is none.
    pub(super) fn text(&self) -> String {
        if let Self::Text(text) = self { text.clone() } else { String::new() }
    }

    /// The list; empty if it is none.
    pub(super) fn list(&self) -> Vec<String> {
        if let Self::List(list) = self { list.clone() } else { Vec::new() }
    }

    /// The amount in billionths of a dollar, if there is one.
    pub(super) fn dollars(&self) -> Option<u64> {
        if let Self::Dollars(billionths) = self { *billionths } else { None }
    }

    /// The path, if there is one.
    pub(super) fn path_or_none(&self) -> Option<PathBuf> {
        if let Self::Path(path) = self { Some(path.clone()) } else { None }
    }

    /// The path; empty if it is none.
    pub(super) fn path(&self) -> PathBuf {
        if let Self::Path(path) = self { path.clone() } else { PathBuf::new() }
    }

    /// The count; 1 if it is none.
    pub(super) fn count(&self) -> usize {
        if let Self::Count(count) = self { usize::try_from(*count).unwrap_or(usize::MAX) } else { 1 }
    }

    /// The time span; nothing if it is none.
    pub(super) fn duration(&self) -> Duration {
        if let Self::Duration(duration) = self { *duration } else { Duration::ZERO }
    }

    /// The number of bytes; 0 if it is none.
    pub(super) fn bytes(&self) -> u64 {
        if let Self::Bytes(bytes) = self { *bytes } else { 0 }
    }

    /// Yes or no; no if it is neither.
    pub(super) fn flag(&self) -> bool {
        matches!(self, Self::Flag(true))
    }

    /// As `callboard config` shows it.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Missing | Self::Dollars(None) => "".into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(list) => list.as_slice().into(),
            Self::Dollars(Some(billionths)) => {
                let fraction = format!("{:09}", billionths % 1_000_000_000);
                let digits = fraction.trim_end_matches('0').len().max(2);
                format!("${}.{}", billionths / 1_000_000_000, &fraction[..digits]).into()
            }
            Self::Path(path) => path.to_string_lossy().into(),
            Self::Count(count) => (*count).into(),
            Self::Duration(duration) => humantime::format_duration(*duration).to_string().into(),
            Self::Bytes(bytes) => (*bytes).into(),
            Self::Flag(flag) => (*flag).into(),
        }
    }
}

/// `$2.50`, `2.5`, `0.000001`: billionths of a dollar, up to a million dollars.
fn parse_dollars(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_prefix('$').unwrap_or(text).trim_start();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    let whole: u64 = whole.parse().ok().filter(|whole| *whole <= 1_000_000)?;
    Some(whole * 1_000_000_000 + format!("{fraction:0<9}").parse::<u64>().ok()?)
}

/// `65536`, `64 KiB`, `8MiB`, `1 GiB`; at least 1.
fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match text[digits..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes > 0)
}

/// The width at which the example's comments are wrapped.
const EXAMPLE_WIDTH: usize = 100;

/// See [`super::Config::example`].
pub(super) fn example() -> String {
    let mut text = String::from(
        "# Everything that can be set, each with its default. Copy this to `callboard.toml` in the folder where\n\
         # you work, or to `config.toml` in the data folder, and take the `#` from what you want to change.\n\
         #\n\
         # Every setting can come from the environment too: CALLBOARD_DATA, CALLBOARD_TOOLS__HTTP__TIMEOUT, …\n\
         # (`__` for the dot; lists with commas). `callboard config` shows what holds, and where it was set.\n",
    );
    let mut section = "";
    for setting @ Setting { key, kind, default, about } in SETTINGS {
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        text.push('\n');
        if table != section {
            section = table;
            // A section with a name is only there once somebody names it.
            let comment = if table.contains('*') { "#" } else { "" };
            let _ = writeln!(text, "{comment}[{}]", table.replace('*', "NAME"));
        }
        for line in wrapped(about, EXAMPLE_WIDTH) {
            let _ = writeln!(text, "# {line}");
        }
        let default = match kind {
            Kind::List | Kind::Chain if default.is_empty() => "[]".to_owned(),
            Kind::List => format!(
                "[{}]",
                default.split(',').map(|item| format!("\"{}\"", item.trim())).collect::<Vec<_>>().join(", ")
            ),
            Kind::Count | Kind::Flag => (*default).to_owned(),
            _ => format!("\"{default}\""),
        };
        let name = if setting.is_named() && name == "*" { "NAME" } else { name };
        let _ = writeln!(text, "#{name} = {default}");
    }
    text
}

/// The words of `text` in lines of at most `width` bytes, unless a word is longer.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_a_name() {
        let setting = Setting { key: "mcp.*.env.*", kind: Kind::Text, default: "", about: "" };
        for (key, is_it) in [
            ("mcp.files.env.HOME", true),
            ("mcp.my-files.env.a_b2", true),
            ("mcp.files.env", false),
            ("mcp.files.env.HOME.x", false),
            ("mcp.2files.env.HOME", false),
            ("mcp..env.HOME", false),
            ("mcp.files.args.HOME", false),
        ] {
            assert_eq!(setting.matches(key), is_it, "{key}");
        }
        assert!(setting.is_within("mcp") && setting.is_within("mcp.files") && setting.is_within("mcp.files.env"));
        assert!(
            !setting.is_within("mc") && !setting.is_within("mcp.files.env.HOME") && !setting.is_within("tools.files")
        );
        assert_eq!(setting.like("mcp.files.emv.HOME"), "mcp.files.env.HOME");
        assert_eq!(setting.like("mpc"), "mcp.NAME.env.NAME");
    }
}
