//! The MCP servers, from the configuration and from nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use url::Url;

use super::{App, AppError, Shared, WorkflowFile};
use crate::clock::Clock;
use crate::config::{Config, McpServer};
use crate::secrets::{Secrets, Written};
use crate::tools::mcp::{Believed, NotKnown, Reach, ServerSettings, ServerView, Servers};
use crate::tools::{Origin, Tools};
use crate::workflow::{CallEffect, Effect, Process, Step, yaml};

/// The folder in the data folder that holds what servers offered when they were last asked.
const LISTINGS: &str = "mcp";

/// The longest name of a server, in bytes.
const LONGEST_NAME: usize = 24;

/// The servers that the configuration names, none of which is started.
pub(super) fn servers(
    config: &Config,
    tools: &Tools,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
) -> Result<Servers, AppError> {
    let built_in = tools.names();
    let checked = config.mcp.iter().map(|(name, written)| {
        settings(name, written, &built_in).map_err(|reason| AppError::McpSettings { server: name.clone(), reason })
    });
    let checked = checked.collect::<Result<_, _>>()?;
    let folder = super::tools::folder(config);
    Ok(Servers::new(checked, tools, &folder, &config.data.join(LISTINGS), secrets, Arc::clone(clock)))
}

/// What a section says, if it makes sense.
fn settings(name: &str, written: &McpServer, built_in: &[String]) -> Result<ServerSettings, String> {
    check_name(name, built_in)?;
    let reach = match (written.command.is_empty(), written.url.is_empty()) {
        (false, true) => {
            let McpServer { command, folder, env, .. } = written;
            Reach::Command { command: command.clone(), environment: filled("env", env)?, folder: folder.clone() }
        }
        (true, false) => Reach::Url { url: address(&written.url)?, headers: filled("headers", &written.headers)? },
        (true, true) => {
            return Err(
                "say how it is reached: `command = [\"program\", \"argument\"]` or `url = \"https://…\"`".into()
            );
        }
        (false, false) => return Err("it has both `command` and `url`; take one away".into()),
    };
    let (told, wrong) = match reach {
        Reach::Command { .. } => (&written.headers, "headers"),
        Reach::Url { .. } => (&written.env, "env"),
    };
    if !told.is_empty() {
        return Err(format!("`{wrong}` means nothing for a server that is reached like this; take it away"));
    }
    if written.tools.is_empty() {
        return Err("say which of its tools may be used: `tools = [\"read_*\"]`, or `tools = [\"*\"]` for all".into());
    }
    let effects = written.effects.iter().map(|(tool, effect)| (tool.clone(), effect_from(effect)));
    Ok(ServerSettings {
        name: name.to_owned(),
        reach,
        tools: written.tools.clone(),
        effects: effects.collect(),
        hints: if written.trust_hints { Believed::Yes } else { Believed::No },
        origin: if written.is_own { Origin::Own } else { Origin::Untrusted },
        timeout: written.timeout,
        start_timeout: written.start_timeout,
    })
}

/// Values that may name secrets.
fn filled(key: &str, values: &BTreeMap<String, String>) -> Result<BTreeMap<String, Written>, String> {
    let read = |(name, value): (&String, &String)| {
        let read = Written::parse(value).map_err(|error| format!("`{key}.{name}`: {error}"))?;
        Ok((name.clone(), read))
    };
    values.iter().map(read).collect()
}

fn check_name(name: &str, built_in: &[String]) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.chars().all(is_plain) || name.len() > LONGEST_NAME {
        return Err(format!(
            "the name of a server is made of a-z, 0-9 and _, and has at most {LONGEST_NAME} characters"
        ));
    }
    let begin = format!("{name}.");
    if name == "company" || built_in.iter().any(|tool| tool.starts_with(&begin)) {
        return Err(format!("tools that are built in are called `{name}.…`; give the server another name"));
    }
    Ok(())
}

fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`url` is no address: {error}"))?;
    match url.scheme() {
        "http" | "https" if url.username().is_empty() && url.password().is_none() => Ok(url),
        "http" | "https" => Err("`url` carries a password; send it in `headers` instead".into()),
        other => Err(format!("`url` begins with {other}:, and only http and https are spoken")),
    }
}

fn effect_from(written: &str) -> CallEffect {
    match written {
        "read" => CallEffect::of(Effect::Read),
        "idempotent" => CallEffect { effect: Effect::Write, idempotent: true },
        "irreversible" => CallEffect::of(Effect::Irreversible),
        _ => CallEffect::of(Effect::Write),
    }
}

/// The tools that these steps call, at any depth.
fn called<'a>(steps: &'a [Step], tools: &mut BTreeSet<&'a str>) {
    for step in steps {
        if let Process::Tool { tool } = &step.process {
            tools.insert(tool);
        }
        called(step.process.body().unwrap_or_default(), tools);
    }
}

impl App {
    /// The MCP servers.
    #[must_use]
    pub fn servers(&self) -> &Servers {
        &self.shared.servers
    }

    /// All tools.
    #[must_use]
    pub fn tools(&self) -> &Tools {
        &self.shared.tools
    }

    /// Connects to a server, and asks what it offers.
    ///
    /// # Errors
    /// There is no such server, or it cannot be asked.
    pub async fn check_server(&self, name: &str) -> Result<ServerView, AppError> {
        let checked = self.shared.servers.check(name).await;
        checked.ok_or_else(|| AppError::NoSuchServer(name.to_owned()))?.map_err(AppError::McpServer)
    }

    /// Asks the servers whose tools these files call what they offer, unless that is known.
    ///
    /// # Errors
    /// The first that cannot be asked.
    pub(super) async fn learn(&self, files: &[WorkflowFile]) -> Result<(), AppError> {
        // What cannot be read is reported with all else that is wrong.
        let parsed: Vec<_> = files.iter().filter_map(|file| yaml::parse(&file.text).ok()).collect();
        let mut tools = BTreeSet::new();
        for parsed in &parsed {
            called(&parsed.workflow.steps, &mut tools);
        }
        self.shared.servers.learn(tools).await.map_err(|failed| {
            let failed = failed.into_iter().next();
            failed.map_or(AppError::NoFile, AppError::McpServer)
        })
    }
}

impl Shared {
    /// Asks the servers whose tools roles list what they offer, unless that is known. A role can do without.
    pub(super) async fn learn_for_roles(&self) {
        let listed = self.roles.iter().flat_map(|role| role.tools.iter().map(String::as_str));
        for NotKnown { reason, .. } in self.servers.learn(listed).await.err().unwrap_or_default() {
            tracing::warn!("roles go without the tools of a server: {reason}");
        }
    }
}
