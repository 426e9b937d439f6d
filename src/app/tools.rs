//! The secrets, and the tools that use them, from the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;

use super::AppError;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::secrets::{KeyPlace, SecretName, SecretRules, Secrets, SecretsError};
use crate::store::Workspace;
use crate::tools::{Database, EmailAccount, EmailSend, EmailSettings, Folder, SqlConnection, SqlQuery, Tools};

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

/// The tools that the configuration says a server or a database of.
pub(super) fn register(
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
