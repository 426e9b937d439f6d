//! `callboard secrets set`, `list`, `remove`, `rekey`

use std::io::{IsTerminal as _, Read as _};

use clap::Subcommand;
use secrecy::SecretString;

use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Purpose, Session, Twice};
use super::{Context, Format};
use crate::secrets::SecretName;
use crate::server::{NewSecret, Rekeyed, SecretView};

/// The longest value that is read, in bytes; what is longer is refused where it is kept.
const LONGEST: u64 = 1 << 20;

/// Keeps passwords and keys, which workflows refer to by name
#[derive(Debug, Subcommand)]
pub(super) enum Secrets {
    /// Sets a secret; its value comes from standard input, or is asked for
    #[command(after_help = "\
The value is never an argument, since other processes can see those. One line end after it is no part of it.

Examples:
  callboard secrets set API_KEY                    asks for it
  pass show api-key | callboard secrets set API_KEY")]
    Set {
        /// Its name: A-Z, 0-9 and _
        name: String,
    },
    /// Lists the names, and when each was set; never a value
    #[command(after_help = "\
Examples:
  callboard secrets list")]
    List,
    /// Removes a secret
    #[command(after_help = "\
Examples:
  callboard secrets remove API_KEY")]
    Remove {
        /// Its name
        name: String,
    },
    /// Encrypts all secrets with a new key
    #[command(after_help = "\
The new key is added to the key file; the old ones stay in it, for other data folders and for old copies of this one. Take
them out by hand when nothing needs them any more. If CALLBOARD_SECRETS_KEY holds the key, put a new one before the old
one first: the first is used, all of them open.

Examples:
  callboard secrets rekey")]
    Rekey,
}

impl Secrets {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        match self {
            Self::Set { name } => set(context, &name).await,
            Self::List => list(context).await,
            Self::Remove { name } => remove(context, &name).await,
            Self::Rekey => rekey(context).await,
        }
    }
}

async fn set(context: &Context, name: &str) -> Result<Exit, Complaint> {
    let name = checked(name)?;
    let value = ask_for(&name).await?;
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let secret = NewSecret { name: name.to_string(), value };
    let done: Result<(), Complaint> = session.post("/api/secrets", &secret, Twice::Harmless).await;
    session.close().await;
    done?;
    said(context, &format!("secret {name} is set"));
    Ok(Exit::Done)
}

async fn list(context: &Context) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let secrets: Result<Vec<SecretView>, Complaint> = session.get("/api/secrets").await;
    session.close().await;
    let secrets = secrets?;
    match context.output.format() {
        Format::Json => context.output.json(&secrets),
        Format::Text if secrets.is_empty() => context.output.line("no secret is set"),
        Format::Text => {
            let row = |secret: &SecretView| {
                let note = if secret.readable { "" } else { "its key is not here" };
                [secret.name.clone(), secret.set_at.to_string(), note.to_owned()]
            };
            context.output.table(["NAME", "SET", ""], &secrets.iter().map(row).collect::<Vec<_>>());
        }
    }
    Ok(Exit::Done)
}

async fn remove(context: &Context, name: &str) -> Result<Exit, Complaint> {
    let name = checked(name)?;
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let path = format!("/api/secrets/{name}/remove");
    let done: Result<(), Complaint> = session.post(&path, &serde_json::json!({}), Twice::Harmful).await;
    session.close().await;
    done?;
    said(context, &format!("secret {name} is removed"));
    Ok(Exit::Done)
}

async fn rekey(context: &Context) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let rekeyed = session.post("/api/secrets/rekey", &serde_json::json!({}), Twice::Harmful).await;
    session.close().await;
    let rekeyed: Rekeyed = rekeyed?;
    match context.output.format() {
        Format::Json => context.output.json(&rekeyed),
        Format::Text => {
            let from = rekeyed.file.as_ref().map_or_else(
                || "the first key of CALLBOARD_SECRETS_KEY".to_owned(),
                |file| format!("a new key, the first in {}", file.display()),
            );
            context.output.line(format!("{} secrets are encrypted with {from}", rekeyed.secrets));
        }
    }
    Ok(Exit::Done)
}

/// The name, before a value is asked for in vain.
fn checked(name: &str) -> Result<SecretName, Complaint> {
    name.parse().map_err(|error: crate::secrets::SecretsError| Complaint::invalid("bad_secret", error.to_string()))
}

/// The value, from whoever sits at the terminal or from standard input. On a thread of its own, which the end of the
/// process does not wait for.
async fn ask_for(name: &SecretName) -> Result<SecretString, Complaint> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let name = name.clone();
    std::thread::spawn(move || {
        // Nobody waits any more if this fails.
        drop(answer.send(read(&name)));
    });
    let value = answered.await.map_err(|_| Complaint::environment("no_input", "standard input cannot be read"))?;
    value.map_err(|error| Complaint::environment("no_input", format!("standard input cannot be read: {error}")))
}

fn read(name: &SecretName) -> std::io::Result<SecretString> {
    if std::io::stdin().is_terminal() {
        let terminal = console::Term::stderr();
        terminal.write_str(&format!("value of {name} (it is not shown): "))?;
        return terminal.read_secure_line().map(SecretString::from);
    }
    let mut value = String::new();
    std::io::stdin().lock().take(LONGEST).read_to_string(&mut value)?;
    if value.ends_with('\n') {
        value.pop();
        if value.ends_with('\r') {
            value.pop();
        }
    }
    Ok(SecretString::from(value))
}

fn said(context: &Context, text: &str) {
    match context.output.format() {
        Format::Json => context.output.json(&serde_json::json!({ "done": text })),
        Format::Text => context.output.line(text),
    }
}
