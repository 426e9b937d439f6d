//! A mail from a call's arguments.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::address::Envelope;
use lettre::message::header::ContentType;
use lettre::message::{Attachment as Attached, Mailbox, Message, MultiPart, SinglePart};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Arguments, EmailAccount, MOST_RECIPIENTS};
use crate::clock::Timestamp;
use crate::tools::{Folder, ToolError};

/// A file that goes with the mail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Attachment {
    file: Option<String>,
    base64: Option<String>,
    text: Option<String>,
    name: Option<String>,
    content_type: Option<String>,
}

/// A mail, ready to be sent.
pub(super) struct Composed {
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
}

impl Attachment {
    /// JSON Schema of it.
    pub(super) fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "file": { "type": "string", "minLength": 1, "description": "Path of a file in the workspace's folder" },
                "base64": { "type": "string", "description": "Bytes in Base64; needs a name" },
                "text": { "type": "string", "description": "Needs a name" },
                "name": { "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^\\r\\n\"/]*$" },
                "content_type": { "type": "string" }
            },
            "oneOf": [{ "required": ["file"] }, { "required": ["base64", "name"] }, { "required": ["text", "name"] }],
            "additionalProperties": false
        })
    }

    fn part(self, folder: &Folder) -> Result<SinglePart, ToolError> {
        let Self { file, base64, text, name, content_type } = self;
        let bytes = match (&file, base64, text) {
            (Some(path), None, None) => folder.read(path)?,
            (None, Some(base64), None) => STANDARD.decode(base64).map_err(|error| bad("attachments", &error))?,
            (None, None, Some(text)) => text.into_bytes(),
            _ => return Err(bad("attachments", &"each needs one of `file`, `base64` and `text`")),
        };
        let of_file = file.as_deref().and_then(|path| path.rsplit('/').next());
        let Some(name) = name.as_deref().or(of_file).map(str::to_owned) else {
            return Err(bad("attachments", &"it has no name"));
        };
        let kind = content_type.as_deref().unwrap_or_else(|| usual_type(&name));
        let kind = ContentType::parse(kind).map_err(|error| bad("attachments", &error))?;
        Ok(Attached::new(name).body(bytes, kind))
    }
}

/// What a file is by the end of its name.
fn usual_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "txt" | "log" => "text/plain; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "html" | "htm" => "text/html; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

/// Makes the mail. Blocks.
pub(super) fn compose(
    account: &EmailAccount,
    folder: &Folder,
    arguments: Arguments,
    message_id: String,
    now: Timestamp,
) -> Result<Composed, ToolError> {
    let Arguments { to, cc, bcc, reply_to, subject, text, html, attachments } = arguments;
    let date = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
    let mut mail =
        Message::builder().from(account.from.clone()).subject(subject).date(date).message_id(Some(message_id));
    for address in to.all() {
        mail = mail.to(mailbox("to", address)?);
    }
    for address in cc.iter().flat_map(super::OneOrMore::all) {
        mail = mail.cc(mailbox("cc", address)?);
    }
    for address in bcc.iter().flat_map(super::OneOrMore::all) {
        mail = mail.bcc(mailbox("bcc", address)?);
    }
    if let Some(address) = reply_to {
        mail = mail.reply_to(mailbox("reply_to", &address)?);
    }
    let words = match (text, html) {
        (Some(text), Some(html)) => Words::Both(MultiPart::alternative_plain_html(text, html)),
        (Some(text), None) => Words::One(SinglePart::plain(text)),
        (None, Some(html)) => Words::One(SinglePart::html(html)),
        (None, None) => return Err(bad("text", &"a mail needs `text`, `html` or both")),
    };
    let mail = if attachments.is_empty() {
        match words {
            Words::One(part) => mail.singlepart(part),
            Words::Both(parts) => mail.multipart(parts),
        }
    } else {
        let mut parts = match words {
            Words::One(part) => MultiPart::mixed().singlepart(part),
            Words::Both(parts) => MultiPart::mixed().multipart(parts),
        };
        for attachment in attachments {
            parts = parts.singlepart(attachment.part(folder)?);
        }
        mail.multipart(parts)
    };
    let mail = mail.map_err(|error| ToolError::give_up("bad_mail", format!("the mail cannot be made: {error}")))?;
    let envelope = mail.envelope().clone();
    if envelope.to().len() > MOST_RECIPIENTS {
        let message =
            format!("a mail goes to {MOST_RECIPIENTS} people at most; this one would go to {}", envelope.to().len());
        return Err(ToolError::give_up("too_many_recipients", message));
    }
    if let Some(stranger) = envelope.to().iter().find(|address| !account.allows(address)) {
        let message = format!("mail may not go to {stranger}; tools.email.recipients says where it may go");
        return Err(ToolError::give_up("recipient_refused", message));
    }
    let bytes = mail.formatted();
    if bytes.len() > account.max_bytes {
        let message =
            format!("the mail has {} bytes with its attachments, and the limit is {}", bytes.len(), account.max_bytes);
        return Err(ToolError::give_up("too_large", message));
    }
    Ok(Composed { envelope, bytes })
}

enum Words {
    One(SinglePart),
    Both(MultiPart),
}

fn mailbox(argument: &str, address: &str) -> Result<Mailbox, ToolError> {
    if address.contains(['\r', '\n']) {
        return Err(bad(argument, &"an address has no line break"));
    }
    address.parse().map_err(|error| bad(argument, &format!("`{address}` is no address ({error})")))
}

fn bad(argument: &str, why: &dyn std::fmt::Display) -> ToolError {
    ToolError::give_up("bad_arguments", format!("argument `{argument}`: {why}"))
}
