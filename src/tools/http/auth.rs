//! How a request says who sends it: by secrets, which are never among the arguments.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{self, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::secrets::{Mask, Secrets};
use crate::tools::ToolError;
use crate::tools::secret::{self, SecretRef};

/// How a request says who sends it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Auth {
    /// `Authorization: Bearer …`
    Bearer(SecretRef),
    /// `Authorization: Basic …`
    Basic { user: String, password: SecretRef },
    /// A header of the server's own.
    Header { name: String, value: SecretRef, prefix: Option<String> },
}

impl Auth {
    /// JSON Schema of it.
    pub(super) fn schema() -> Value {
        let one = |name: &str, schema: Value| {
            json!({
                "type": "object", "properties": { name: schema }, "required": [name], "additionalProperties": false
            })
        };
        let basic = json!({
            "type": "object",
            "properties": { "user": { "type": "string" }, "password": SecretRef::schema() },
            "required": ["user", "password"],
            "additionalProperties": false
        });
        let header = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "minLength": 1 },
                "value": SecretRef::schema(),
                "prefix": { "type": "string", "description": "Comes before the secret, such as `token `" }
            },
            "required": ["name", "value"],
            "additionalProperties": false
        });
        json!({
            "description": "Says who sends the request, with a secret by its name",
            "oneOf": [one("bearer", SecretRef::schema()), one("basic", basic), one("header", header)]
        })
    }

    /// The header, with the secret if it may go to `url`.
    pub(super) async fn header(
        &self,
        secrets: &Secrets,
        tool: &str,
        url: &Url,
        mask: &mut Mask,
    ) -> Result<(HeaderName, HeaderValue), ToolError> {
        let bad = |why: &str| ToolError::give_up("bad_arguments", format!("argument `auth`: {why}"));
        let (Self::Bearer(reference) | Self::Basic { password: reference, .. } | Self::Header { value: reference, .. }) =
            self;
        let lent = secrets.lend(&reference.name()?, tool, url, mask).await;
        let lent = lent.map_err(|error| secret::failed(&error))?;
        let secret = lent.expose_secret();
        let (name, value) = match self {
            Self::Bearer(_) => (header::AUTHORIZATION, format!("Bearer {secret}")),
            Self::Basic { user, .. } if user.contains(':') => return Err(bad("a user's name has no colon")),
            Self::Basic { user, .. } => {
                (header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("{user}:{secret}"))))
            }
            Self::Header { name, prefix, .. } => {
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("that is no header's name"))?;
                (name, format!("{}{secret}", prefix.as_deref().unwrap_or_default()))
            }
        };
        let mut value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| bad("the secret has a line break or the like, which no header can carry"))?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}
