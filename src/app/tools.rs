//! The tools, and the secrets that some of them use, from the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;

use super::AppError;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::memory::Memory;
use crate::net::AddressRules;
use crate::secrets::{KeyPlace, SecretName, SecretRules, Secrets, SecretsError};
use crate::store::Workspace;
use crate::tools::{
    CodeRun, Database, EmailAccount, EmailSend, EmailSettings, Folder, HttpRequest, MemoryNote, MemorySearch,
    MemorySettle, SqlConnection, SqlQuery, Tools, WebhookSend, files, table, text,
};

/// The environment variable that holds the key of the secrets, in place of the file.
const KEY_VARIABLE: &str = "CALLBOARD_SECRETS_KEY";

/// The workspace's secrets, and who may use them.
pub(super) fn secrets(config: &Config, workspace: &Workspace, clock: &Arc<dyn Clock>) -> Result<Secrets, AppError> {
    let place = match std::env::var(KEY_VARIABLE).ok().filter(|key| !key.trim().is_empty()) {
        Some(key) => KeyPlace::Given(SecretString::from(key)),
        None => KeyPlace::File(config.secrets.key_file.clone()),
    };
    let mut rules = SecretRules::default();
    for (name, rule) in &config.secrets.rules {
        let wrong = |reason: String| AppError::Setting { key: "secrets", reason: format!("{name}: {reason}") };
        let name = name.parse().map_err(|error: SecretsError| wrong(error.to_string()))?;
        rules.allow(name, &rule.tools, &rule.hosts).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(Secrets::new(workspace.secrets(), place, rules, Arc::clone(clock)))
}

/// All built-in tools, within the limits of the configuration.
pub(super) fn tools(
    config: &Config,
    memory: &Memory,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
) -> Result<Tools, AppError> {
    let config::Tools { http, code, .. } = &config.tools;
    let rules = AddressRules::parse(&http.allow)
        .map_err(|error| AppError::Setting { key: "tools.http.allow", reason: error.to_string() })?;
    let mut tools = Tools::new();
    let folder = folder(config);
    let webhook = WebhookSend::new(rules.clone(), http.timeout, secrets.clone(), Arc::clone(clock));
    tools.register(Arc::new(webhook))?;
    configured(config, &folder, secrets, clock, &mut tools)?;
    let request = HttpRequest::new(rules).with_limit(whole(http.max_bytes)).with_timeout(http.timeout);
    tools.register(Arc::new(request.with_secrets(secrets.clone()).with_folder(folder.clone())))?;
    for tool in [files::all(&folder), table::all(&folder), text::all(&folder)].concat() {
        tools.register(tool)?;
    }
    let program = std::env::current_exe().map_err(AppError::Program)?;
    let run = CodeRun::new(program).with_timeout(code.timeout).with_memory(whole(code.memory));
    tools.register(Arc::new(run))?;
    tools.register(Arc::new(MemorySearch::new(memory.clone())))?;
    tools.register(Arc::new(MemoryNote::new(memory.clone())))?;
    tools.register(Arc::new(MemorySettle::new(memory.clone())))?;
    Ok(tools)
}

/// The folder of the tools' files, without what the program itself goes by.
pub(super) fn folder(config: &Config) -> Folder {
    let config::Files { root, max_bytes } = &config.tools.files;
    Folder::new(root).with_limit(*max_bytes).without(config.own_paths())
}

/// The tools that the configuration says a server or a database of.
fn configured(
    config: &Config,
    folder: &Folder,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
    tools: &mut Tools,
) -> Result<(), AppError> {
    let config::Tools { email, sql, .. } = &config.tools;
    if !email.server.is_empty() {
        let account = EmailAccount::new(EmailSettings {
            server: &email.server,
            from: &email.from,
            password: secret_name(&email.password)
                .map_err(|reason| AppError::Setting { key: "tools.email.password", reason })?,
            recipients: &email.recipients,
            ca: email.ca.as_deref(),
            timeout: email.timeout,
            max_bytes: whole(email.max_bytes),
        });
        let account = account.map_err(|(key, reason)| AppError::Setting { key, reason })?;
        tools.register(Arc::new(EmailSend::new(account, folder.clone(), secrets.clone(), Arc::clone(clock))))?;
    }
    if !sql.is_empty() {
        let connections = sql.iter().map(connection).collect::<Result<BTreeMap<_, _>, _>>()?;
        tools.register(Arc::new(SqlQuery::new(connections, secrets.clone())))?;
    }
    Ok(())
}

fn connection((name, sql): (&String, &config::Sql)) -> Result<(String, SqlConnection), AppError> {
    let wrong =
        |what: &str, why: String| AppError::Setting { key: "tools.sql", reason: format!("{name}.{what}: {why}") };
    let connection = SqlConnection {
        database: Database::parse(&sql.url).map_err(|why| wrong("url", why))?,
        password: secret_name(&sql.password).map_err(|why| wrong("password", why))?,
        write: sql.write,
        timeout: sql.timeout,
        max_rows: sql.max_rows,
        max_bytes: whole(sql.max_bytes),
    };
    Ok((name.clone(), connection))
}

/// The name of a secret in a setting that may be empty. What it holds is not shown: it may be the secret itself.
fn secret_name(text: &str) -> Result<Option<SecretName>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let why = "that is no name of a secret: set the password with `callboard secrets set NAME`, and write NAME here";
    text.parse().map(Some).map_err(|_| why.to_owned())
}

fn whole(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
