//! Secrets: values by name, encrypted at rest, with the key elsewhere.
//!
//! Architecture invariant: a value leaves here as a [`SecretString`] only, and together with a [`Mask`] that takes it out
//! of whatever comes back; it is never in an event, a log, a prompt or an error. A tool that was told a secret's name by a
//! workflow or an agent is lent it by [`Secrets::lend`], which holds the name, the tool and the address against the
//! workspace's [`SecretRules`].

mod keys;
mod mask;
mod rules;
#[cfg(test)]
mod tests;
mod written;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, AeadCore as _, KeyInit as _, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::clock::{Clock, Timestamp};
use crate::store::{SealedSecret, SealedSecrets, StoreError};

pub use keys::KeyPlace;
use keys::{Key, Keys};
pub use mask::Mask;
pub use rules::{BadSecretRule, SecretRules};
pub use written::Written;

/// The longest value, in bytes.
const LONGEST: usize = 64 << 10;
/// The shortest value, in characters: anything shorter would be found everywhere, and could not be kept out of results.
const SHORTEST: usize = 4;
/// The length of a nonce, which comes before what is sealed.
const NONCE: usize = 24;

/// A secret's name: 1 to 64 of `A-Z`, `0-9` and `_`, beginning with a letter. The rule of environment variables, in upper
/// case, so that a name stands out where it is used and no two differ by case alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(Arc<str>);

impl SecretName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = SecretsError;
    fn from_str(text: &str) -> Result<Self, SecretsError> {
        let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let begins_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase());
        if begins_well && text.len() <= 64 && text.bytes().all(legal) {
            Ok(Self(text.into()))
        } else {
            Err(SecretsError::BadName(text.chars().take(64).collect()))
        }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What can be told of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretHead {
    /// Its name.
    pub name: String,
    /// When it was set.
    pub set_at: Timestamp,
    /// Whether the key that it is sealed with is there.
    pub readable: bool,
}

/// What came of sealing all secrets with another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rekeyed {
    /// How many secrets are sealed with it now.
    pub secrets: usize,
    /// The file that the key was added to; `None` if the key comes from the environment.
    pub file: Option<PathBuf>,
}

/// Why a secret cannot be set or used.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// That is no name of a secret.
    #[error("`{0}` is no name of a secret: use 1 to 64 of A-Z, 0-9 and _, beginning with a letter, such as API_KEY")]
    BadName(String),
    /// That cannot be a secret's value.
    #[error("the value of secret {name} {why}")]
    BadValue {
        /// The secret.
        name: SecretName,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is no such secret.
    #[error("there is no secret {0}; `callboard secrets set {0}` sets it")]
    Missing(SecretName),
    /// It may not be used for that.
    #[error(
        "secret {name} may not be used {what}; [secrets.{name}] in the configuration says which tools may send it to which hosts"
    )]
    NotAllowed {
        /// The secret.
        name: SecretName,
        /// By what, or for what.
        what: String,
    },
    /// It is sealed with a key that is not there.
    #[error(
        "secret {name} is sealed with key {key}, which {place} does not hold; bring that key back, or set the secret anew \
         with `callboard secrets set {name}`"
    )]
    OtherKey {
        /// The secret.
        name: String,
        /// The key's id.
        key: String,
        /// Where keys come from.
        place: String,
    },
    /// The key is there, and does not open it.
    #[error(
        "secret {0} was changed in the database, and cannot be trusted any more; set it anew with `callboard secrets set {0}`"
    )]
    Damaged(String),
    /// What should be a key is none.
    #[error("{place} does not hold a usable key: {reason}")]
    BadKey {
        /// Where it is.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nothing to rotate to.
    #[error(
        "all secrets are sealed with the first key of CALLBOARD_SECRETS_KEY already; put a new one before it, as in \
         `CALLBOARD_SECRETS_KEY=\"$(openssl rand -base64 32),$CALLBOARD_SECRETS_KEY\" callboard secrets rekey`"
    )]
    NoNewKey,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A value that nobody can guess: 32 bytes of the operating system's generator, in Base64 as URLs have it.
#[must_use]
pub fn fresh_value() -> String {
    URL_SAFE_NO_PAD.encode(XChaCha20Poly1305::generate_key(&mut OsRng))
}

/// The secrets of one workspace. Cheap to clone.
#[derive(Clone)]
pub struct Secrets {
    shared: Arc<Shared>,
}

struct Shared {
    sealed: SealedSecrets,
    place: KeyPlace,
    rules: SecretRules,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("place", &self.shared.place).finish_non_exhaustive()
    }
}

impl Secrets {
    /// The secrets that `sealed` keeps, with the keys that are at `place`.
    #[must_use]
    pub fn new(sealed: SealedSecrets, place: KeyPlace, rules: SecretRules, clock: Arc<dyn Clock>) -> Self {
        Self { shared: Arc::new(Shared { sealed, place, rules, clock }) }
    }

    /// Sets a secret, in place of what it was. The first one makes the file with the key, if keys come from a file.
    ///
    /// # Errors
    /// [`SecretsError`]: the value cannot be one, or the key or the store failed.
    pub async fn set(&self, name: &SecretName, value: &SecretString) -> Result<(), SecretsError> {
        let bad = |why| Err(SecretsError::BadValue { name: name.clone(), why });
        let text = value.expose_secret();
        if text.chars().count() < SHORTEST {
            return bad("is shorter than 4 characters, and could not be kept out of what is shown");
        }
        if text.len() > LONGEST {
            return bad("is longer than 64 KiB");
        }
        let keys = Keys::load_or_make(&self.shared.place)?;
        let set_at = self.shared.clock.now();
        Ok(self.shared.sealed.put(&[self.seal(name.as_str(), value, keys.first(), set_at)?]).await?)
    }

    /// What there is, by name.
    ///
    /// # Errors
    /// [`SecretsError`]: the store failed, or the place of the keys holds something else.
    pub async fn list(&self) -> Result<Vec<SecretHead>, SecretsError> {
        let sealed = self.shared.sealed.list().await?;
        let keys = Keys::load(&self.shared.place)?;
        let head = |secret: SealedSecret| SecretHead {
            readable: keys.get(&secret.key).is_some(),
            name: secret.name,
            set_at: secret.set_at,
        };
        Ok(sealed.into_iter().map(head).collect())
    }

    /// Removes a secret.
    ///
    /// # Errors
    /// [`SecretsError::Missing`] if there is none of this name.
    pub async fn remove(&self, name: &SecretName) -> Result<(), SecretsError> {
        if self.shared.sealed.remove(name.as_str()).await? { Ok(()) } else { Err(SecretsError::Missing(name.clone())) }
    }

    /// Seals all secrets with another key: a new one, which is added to the file; or the first of `CALLBOARD_SECRETS_KEY`.
    /// The keys of before stay where they are: other data folders and old copies may need them.
    ///
    /// # Errors
    /// [`SecretsError`]; then everything is sealed as before.
    pub async fn rekey(&self) -> Result<Rekeyed, SecretsError> {
        let Shared { sealed, place, .. } = &*self.shared;
        let mut all = sealed.list().await?;
        let mut keys = Keys::load(place)?;
        let values = all.iter().map(|secret| self.open(secret, &keys)).collect::<Result<Vec<_>, _>>()?;
        let file = match place {
            KeyPlace::File(file) => {
                keys = Keys::add_to(file, &keys)?;
                Some(file.clone())
            }
            KeyPlace::Given(_) if all.iter().all(|secret| secret.key == keys.first().id()) => {
                return Err(SecretsError::NoNewKey);
            }
            KeyPlace::Given(_) => None,
        };
        for (secret, value) in all.iter_mut().zip(&values) {
            *secret = self.seal(&secret.name, value, keys.first(), secret.set_at)?;
        }
        sealed.put(&all).await?;
        Ok(Rekeyed { secrets: all.len(), file })
    }

    /// A secret that the configuration itself names for the server that it also names. `mask` learns the value.
    ///
    /// # Errors
    /// [`SecretsError`]: there is none of this name, or it cannot be opened.
    pub async fn get(&self, name: &SecretName, mask: &mut Mask) -> Result<SecretString, SecretsError> {
        let Shared { sealed, place, .. } = &*self.shared;
        let secret = sealed.get(name.as_str()).await?.ok_or_else(|| SecretsError::Missing(name.clone()))?;
        let value = self.open(&secret, &Keys::load(place)?)?;
        mask.learn(name, &value);
        Ok(value)
    }

    /// A mask that knows every secret that can be opened, for what is written down outside of the database.
    ///
    /// # Errors
    /// [`SecretsError`]: the store failed, or the place of the keys holds something else.
    pub async fn mask(&self) -> Result<Mask, SecretsError> {
        let mut mask = Mask::new();
        let Shared { sealed, place, .. } = &*self.shared;
        let all = sealed.list().await?;
        let keys = if all.is_empty() { return Ok(mask) } else { Keys::load(place)? };
        for secret in &all {
            if let (Ok(name), Ok(value)) = (secret.name.parse(), self.open(secret, &keys)) {
                mask.learn(&name, &value);
            }
        }
        Ok(mask)
    }

    /// A secret that a tool was told to send to `url`, by whoever wrote the call's arguments. `mask` learns the value.
    ///
    /// # Errors
    /// [`SecretsError::NotAllowed`] unless the workspace's rules let this tool send it there; as [`Secrets::get`] else.
    pub async fn lend(
        &self,
        name: &SecretName,
        tool: &str,
        url: &Url,
        mask: &mut Mask,
    ) -> Result<SecretString, SecretsError> {
        self.shared.rules.check(name, tool, url)?;
        self.get(name, mask).await
    }

    fn seal(
        &self,
        name: &str,
        value: &SecretString,
        key: &Key,
        set_at: Timestamp,
    ) -> Result<SealedSecret, SecretsError> {
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let bound = self.bound_to(name);
        let payload = Payload { msg: value.expose_secret().as_bytes(), aad: &bound };
        let hidden = XChaCha20Poly1305::new(key.bytes()).encrypt(&nonce, payload).map_err(|_| {
            SecretsError::BadKey { place: self.shared.place.to_string(), reason: "it seals nothing".into() }
        })?;
        let sealed = [&nonce[..], &hidden].concat();
        Ok(SealedSecret { name: name.to_owned(), key: key.id().to_owned(), sealed, set_at })
    }

    fn open(&self, secret: &SealedSecret, keys: &Keys) -> Result<SecretString, SecretsError> {
        let SealedSecret { name, key, sealed, .. } = secret;
        let Some(key) = keys.get(key) else {
            let (name, key, place) = (name.clone(), key.clone(), self.shared.place.to_string());
            return Err(SecretsError::OtherKey { name, key, place });
        };
        let damaged = || SecretsError::Damaged(name.clone());
        let (nonce, hidden) = sealed.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
        let payload = Payload { msg: hidden, aad: &self.bound_to(name) };
        let opened = XChaCha20Poly1305::new(key.bytes()).decrypt(&XNonce::from(*nonce), payload);
        let text = opened.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        text.map(SecretString::from).ok_or_else(damaged)
    }

    /// What a sealed value is bound to, so that it does not open in another row.
    fn bound_to(&self, name: &str) -> Vec<u8> {
        format!("callboard secret 1\0{}\0{name}", self.shared.sealed.workspace()).into_bytes()
    }
}
