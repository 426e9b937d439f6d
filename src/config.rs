//! What can be set, and where each value comes from.
//!
//! Values are layered, later ones winning: defaults, `callboard.toml` in the current folder (or the file
//! that `--config` names), `config.toml` in the data folder, the environment, flags. What can be set is
//! the table in [`settings`]; nothing else is accepted. Knows nothing of what the values are used for.

mod layers;
mod read;
mod sections;
mod settings;
#[cfg(test)]
#[allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use layers::Sources;
use layers::{Entry, Layers};
pub use sections::{
    Agents, Ask, AutoRun, Backend, Budget, Chat, Code, Email, Engine, Exchanges, Files, Http, Listen, Log, LogFormat,
    McpServer, Memory, Models, Ollama, OpenAi, Remote, SecretRule, Secrets, Sql, ToolPolicy, Tools,
};
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
