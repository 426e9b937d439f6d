//! `email.send`: a mail, handed to the server of the configuration.

mod compose;
mod deliver;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::Certificate;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::clock::Clock;
use crate::run::Permit;
use crate::secrets::{Mask, SecretName, Secrets};
use crate::tools::{Caller, Folder, Tool, ToolError, secret};
use crate::workflow::{CallEffect, Effect};

use compose::Attachment;
use deliver::Delivery;

/// The most people that one mail goes to.
const MOST_RECIPIENTS: usize = 100;

/// `email.send`: sends a mail. What was handed over cannot be taken back; its `Message-ID` is made of the call's key.
#[derive(Clone)]
pub struct EmailSend {
    account: Arc<EmailAccount>,
    folder: Folder,
    secrets: Secrets,
    clock: Arc<dyn Clock>,
}

/// Whom mail is from, and the server that takes it.
#[derive(Clone, Debug)]
pub struct EmailAccount {
    server: EmailServer,
    from: Mailbox,
    password: Option<SecretName>,
    recipients: Vec<String>,
    ca: Option<Certificate>,
    timeout: Duration,
    max_bytes: usize,
}

/// What an account is made of, as the configuration has it.
#[derive(Clone, Debug)]
pub struct EmailSettings<'a> {
    /// `smtps://user@host:465`, `smtp://user@host:587?starttls` or `smtp://host:25`.
    pub server: &'a str,
    /// `Ada <ada@example.com>`.
    pub from: &'a str,
    /// The secret that is the password, if the server wants one.
    pub password: Option<SecretName>,
    /// Domains and addresses that mail may go to; anybody, if there are none.
    pub recipients: &'a [String],
    /// A file with a certificate that the server's may be signed by.
    pub ca: Option<&'a Path>,
    /// How long sending may take.
    pub timeout: Duration,
    /// The largest mail, in bytes.
    pub max_bytes: usize,
}

#[derive(Clone, Debug)]
struct EmailServer {
    host: String,
    port: u16,
    user: Option<String>,
    security: Security,
}

/// How the way to the server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    /// From the beginning.
    Tls,
    /// Once both have said hello; without it nothing is sent.
    StartTls,
    /// Not at all.
    None,
}

#[derive(Deserialize)]
struct Arguments {
    to: OneOrMore,
    cc: Option<OneOrMore>,
    bcc: Option<OneOrMore>,
    reply_to: Option<String>,
    subject: String,
    text: Option<String>,
    html: Option<String>,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

impl EmailAccount {
    /// Reads the settings.
    ///
    /// # Errors
    /// Which setting is wrong, and what is wrong with it.
    pub fn new(settings: EmailSettings<'_>) -> Result<Self, (&'static str, String)> {
        let EmailSettings { server, from, password, recipients, ca, timeout, max_bytes } = settings;
        let server = EmailServer::parse(server).map_err(|why| ("tools.email.server", why))?;
        let from = from.parse().map_err(|error| ("tools.email.from", format!("`{from}` is no address ({error})")))?;
        if password.is_some() != server.user.is_some() {
            let why =
                "a password needs a user in tools.email.server, as in smtps://user@host, and a user needs a password";
            return Err(("tools.email.password", why.to_owned()));
        }
        let is_here = matches!(server.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        if password.is_some() && server.security == Security::None && !is_here {
            let why = "the password would be sent unencrypted; use smtps://, or add ?starttls";
            return Err(("tools.email.server", why.to_owned()));
        }
        let read = |path: &Path| {
            let pem = std::fs::read(path).map_err(|error| error.to_string())?;
            Certificate::from_pem(&pem).map_err(|error| error.to_string())
        };
        let ca = ca.map(|path| read(path).map_err(|why| ("tools.email.ca", format!("{}: {why}", path.display()))));
        let recipients = recipients.iter().map(|entry| entry.trim_start_matches('@').to_lowercase()).collect();
        Ok(Self { server, from, password, recipients, ca: ca.transpose()?, timeout, max_bytes })
    }

    /// Whether mail may go to this address.
    fn allows(&self, address: &lettre::Address) -> bool {
        let (whole, domain) = (address.to_string().to_lowercase(), address.domain().to_lowercase());
        self.recipients.is_empty() || self.recipients.iter().any(|entry| *entry == whole || *entry == domain)
    }
}

impl EmailServer {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = "write smtps://user@host:465, or smtp://user@host:587?starttls";
        let url = Url::parse(text).map_err(|error| format!("{error}; {wrong}"))?;
        if url.password().is_some() {
            return Err("it carries a password; make that a secret, and name it as tools.email.password".to_owned());
        }
        let (security, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Security::Tls, 465),
            ("smtp", Some("starttls" | "starttls=true")) => (Security::StartTls, 587),
            ("smtp", None) => (Security::None, 25),
            _ => return Err(wrong.to_owned()),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(wrong)?.trim_matches(['[', ']']).to_owned();
        let user = percent_decoded(url.username());
        Ok(Self { host, port: url.port().unwrap_or(port), user: (!user.is_empty()).then_some(user), security })
    }
}

/// A user's name can be an address, whose `@` a URL spells `%40`.
fn percent_decoded(text: &str) -> String {
    let plus = text.replace('+', "%2B");
    url::form_urlencoded::parse(plus.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

impl EmailSend {
    /// Sends by this account; attachments come from `folder`.
    #[must_use]
    pub fn new(account: EmailAccount, folder: Folder, secrets: Secrets, clock: Arc<dyn Clock>) -> Self {
        Self { account: Arc::new(account), folder, secrets, clock }
    }

    async fn perform(&self, arguments: Arguments, key: &str, mask: &mut Mask) -> Result<Value, ToolError> {
        let (account, folder, now) = (Arc::clone(&self.account), self.folder.clone(), self.clock.now());
        let id = format!("<{key}@{}>", account.from.email.domain());
        let message_id = id.clone();
        // Attachments are read from the disk.
        let composed =
            crate::tools::blocking(move || compose::compose(&account, &folder, arguments, message_id, now)).await?;
        let (server, password) = (&self.account.server, &self.account.password);
        let credentials = match (&server.user, password) {
            (Some(user), Some(name)) => {
                let password = self.secrets.get(name, mask).await.map_err(|error| secret::failed(&error))?;
                Some(Credentials::new(user.clone(), password.expose_secret().to_owned()))
            }
            _ => None,
        };
        let mut delivery = Delivery::new(&self.account, credentials);
        let sent = tokio::time::timeout(self.account.timeout, delivery.run(&composed.envelope, &composed.bytes)).await;
        sent.unwrap_or_else(|_| Err(delivery.timed_out()))?;
        Ok(json!({ "message_id": id, "recipients": composed.envelope.to().len() }))
    }
}

#[async_trait]
impl Tool for EmailSend {
    fn name(&self) -> &'static str {
        "email.send"
    }

    fn description(&self) -> &'static str {
        "Sends an e-mail with a text, an HTML text or both, and with files attached."
    }

    fn parameters(&self) -> Value {
        let address = json!({ "type": "string", "minLength": 3, "maxLength": 500 });
        let addresses = json!({
            "anyOf": [address, { "type": "array", "items": address, "minItems": 1, "maxItems": MOST_RECIPIENTS }],
            "description": "`ada@example.com` or `Ada <ada@example.com>`; one or several"
        });
        json!({
            "type": "object",
            "properties": {
                "to": addresses, "cc": addresses, "bcc": addresses,
                "reply_to": address,
                "subject": { "type": "string", "maxLength": 1000, "pattern": "^[^\\r\\n]*$" },
                "text": { "type": "string" },
                "html": { "type": "string" },
                "attachments": { "type": "array", "items": Attachment::schema(), "maxItems": 50 }
            },
            "required": ["to", "subject"],
            "anyOf": [{ "required": ["text"] }, { "required": ["html"] }],
            "additionalProperties": false
        })
    }

    fn worst(&self) -> Effect {
        Effect::Irreversible
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect::of(Effect::Irreversible)
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": { "message_id": { "type": "string" }, "recipients": { "type": "integer" } },
            "required": ["message_id", "recipients"]
        }))
    }

    fn timeout(&self) -> Duration {
        self.account.timeout + Duration::from_secs(10)
    }

    fn secrets(&self, _arguments: &Value) -> Vec<String> {
        self.account.password.iter().map(ToString::to_string).collect()
    }

    async fn call(&self, arguments: Value, permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        let mut mask = Mask::new();
        let result = self.perform(arguments, permit.idempotency_key(), &mut mask).await;
        secret::masked(result, &mask)
    }
}
