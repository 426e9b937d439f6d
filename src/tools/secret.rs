//! How arguments refer to secrets, and what keeps them out of results.

use serde::Deserialize;
use serde_json::{Value, json};

use super::ToolError;
use crate::secrets::{Mask, SecretName, SecretsError};

/// `{"secret": "NAME"}`: a secret by its name, where a tool's schema lets one be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretRef {
    secret: String,
}

impl SecretRef {
    /// JSON Schema of a reference.
    pub(super) fn schema() -> Value {
        json!({
            "type": "object",
            "properties": { "secret": { "type": "string", "pattern": "^[A-Z][A-Z0-9_]{0,63}$" } },
            "required": ["secret"],
            "additionalProperties": false,
            "description": "A secret by its name, as in {\"secret\": \"API_KEY\"}; never its value"
        })
    }

    pub(super) fn name(&self) -> Result<SecretName, ToolError> {
        self.secret.parse().map_err(|error| failed(&error))
    }
}

/// The names of all secrets that `arguments` refer to below `key`.
pub(super) fn named_in(arguments: &Value, key: &str) -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        if let Value::Object(fields) = value {
            match fields.get("secret").and_then(Value::as_str) {
                Some(name) => found.push(name.to_owned()),
                None => fields.values().for_each(|value| collect(value, found)),
            }
        }
    }
    let mut found = Vec::new();
    arguments.get(key).into_iter().for_each(|value| collect(value, &mut found));
    found
}

/// What it means for a call that a secret cannot be used. Nothing was sent.
pub(super) fn failed(error: &SecretsError) -> ToolError {
    match error {
        SecretsError::Store(_) => ToolError::retry("store", error.to_string()),
        SecretsError::NotAllowed { .. } => ToolError::give_up("secret_refused", error.to_string()),
        SecretsError::Missing(_) => ToolError::give_up("no_such_secret", error.to_string()),
        _ => ToolError::give_up("secret_unusable", error.to_string()),
    }
}

/// The result of a call that was given secrets, without them: the one place through which all such results go.
pub(super) fn masked(result: Result<Value, ToolError>, mask: &Mask) -> Result<Value, ToolError> {
    match result {
        Ok(value) => Ok(mask.value(value)),
        Err(ToolError::Retry { code, message }) => Err(ToolError::retry(code, mask.text(&message))),
        Err(ToolError::GiveUp { code, message }) => Err(ToolError::give_up(code, mask.text(&message))),
        Err(ToolError::Unknown { code, message }) => Err(ToolError::unknown(code, mask.text(&message))),
    }
}
