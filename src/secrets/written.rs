//! A text of the configuration that names secrets: `Bearer {secret:CRM_TOKEN}`.

use secrecy::{ExposeSecret as _, SecretString};

use super::{Mask, SecretName, Secrets, SecretsError};

/// What a name of a secret begins with.
const BEGIN: &str = "{secret:";

/// A text of the configuration that may name secrets, each as `{secret:NAME}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Secret(SecretName),
}

impl Written {
    /// Reads a text.
    ///
    /// # Errors
    /// [`SecretsError::BadName`] of what stands where a name is expected.
    pub fn parse(text: &str) -> Result<Self, SecretsError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, named)) = rest.split_once(BEGIN) {
            let Some((name, after)) = named.split_once('}') else {
                return Err(SecretsError::BadName(named.chars().take(64).collect()));
            };
            parts.extend([Part::Text(before.to_owned()), Part::Secret(name.trim().parse()?)]);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self(parts))
    }

    /// The secrets that it names.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        self.0.iter().filter_map(|part| if let Part::Secret(name) = part { Some(name) } else { None })
    }

    /// The text with the secrets' values, which `mask` learns.
    ///
    /// # Errors
    /// As [`Secrets::get`].
    pub async fn filled(&self, secrets: &Secrets, mask: &mut Mask) -> Result<SecretString, SecretsError> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Secret(name) => text.push_str(secrets.get(name, mask).await?.expose_secret()),
            }
        }
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_named_within_a_text() {
        let names = |text: &str| {
            let written = Written::parse(text).map_err(|error| error.to_string())?;
            Ok::<_, String>(written.secrets().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        for (text, expected) in [
            ("", ""),
            ("plain {text} {{x}}", ""),
            ("Bearer {secret:TOKEN}", "TOKEN"),
            ("{secret: USER }:{secret:PASSWORD}", "USER PASSWORD"),
        ] {
            assert_eq!(names(text), Ok(expected.to_owned()), "{text}");
        }
        for text in ["{secret:token}", "{secret:", "{secret:TOKEN", "{secret:}"] {
            assert!(names(text).unwrap_err().contains("is no name of a secret"), "{text}");
        }
    }
}
