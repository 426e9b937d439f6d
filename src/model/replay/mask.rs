//! Hides what is known to be secret.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

/// What stands for a secret.
const MASKED: &str = "***";

/// Shorter than this, a secret would be found in what has nothing to do with it.
const SHORTEST: usize = 4;

/// What is known to be secret: keys, and the values of secrets.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// Each in the forms in which it can be written; the longest first, so that none is left over in part.
    forms: Vec<SecretString>,
}

impl Mask {
    /// Hides these, plain, in base64 and as a URL has them. What is shorter than four letters cannot be hidden.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let mut forms: Vec<String> = Vec::new();
        for secret in secrets {
            let plain = secret.expose_secret().trim();
            if plain.len() >= SHORTEST {
                forms.push(plain.to_owned());
                forms.push(STANDARD.encode(plain));
                forms.push(URL_SAFE_NO_PAD.encode(plain));
                forms.push(url::form_urlencoded::byte_serialize(plain.as_bytes()).collect());
            }
        }
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self { forms: forms.into_iter().map(Into::into).collect() }
    }

    pub(super) fn text(&self, text: &str) -> String {
        self.forms.iter().fold(text.to_owned(), |text, form| match form.expose_secret() {
            secret if text.contains(secret) => text.replace(secret, MASKED),
            _ => text,
        })
    }

    /// The same value without the secrets in its texts and keys.
    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(entries) => entries.iter().map(|(key, value)| (self.text(key), self.value(value))).collect(),
            Value::Number(number) => match self.text(&number.to_string()) {
                masked if masked.contains(MASKED) => Value::String(masked),
                _ => value.clone(),
            },
            other => other.clone(),
        }
    }
}
