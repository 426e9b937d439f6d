//! The keys that secrets are sealed with. They are never in the database, and never in the data folder unless somebody
//! puts them there: whoever copies or backs up that folder does not take the key along.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chacha20poly1305::aead::{KeyInit as _, OsRng};
use chacha20poly1305::{Key as Bytes, XChaCha20Poly1305};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::SecretsError;

/// Where keys come from. There can be several, separated by blanks, commas or lines: the first seals, all of them open.
#[derive(Clone, Debug)]
pub enum KeyPlace {
    /// From the environment: `CALLBOARD_SECRETS_KEY`.
    Given(SecretString),
    /// From a file, which is made when the first secret is set.
    File(PathBuf),
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("CALLBOARD_SECRETS_KEY"),
            Self::File(path) => write!(f, "the key file {}", path.display()),
        }
    }
}

/// One key of 32 bytes.
#[derive(Clone)]
pub(super) struct Key {
    id: String,
    bytes: Bytes,
}

/// The keys at a place, the one that seals first.
#[derive(Clone)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

/// What a new key file begins with.
const HEAD: &str = "# The keys of Callboard's secrets. The first one seals, the others open what was sealed before.\n\
                    # Without them the secrets are lost. Keep a copy, apart from copies of the data folder.\n";

impl Key {
    fn of(bytes: Bytes) -> Self {
        let digest = Sha256::new().chain_update(b"callboard secrets key\0").chain_update(bytes).finalize();
        let id = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        Self { id, bytes }
    }

    fn fresh() -> Self {
        Self::of(XChaCha20Poly1305::generate_key(&mut OsRng))
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?;
        <[u8; 32]>::try_from(bytes).ok().map(|bytes| Self::of(bytes.into()))
    }

    /// Which key it is; tells nothing of the key.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl Keys {
    /// The keys that are there; none if the file is not.
    pub(super) fn load(place: &KeyPlace) -> Result<Self, SecretsError> {
        match place {
            KeyPlace::Given(text) => Self::parse(text.expose_secret(), place),
            KeyPlace::File(path) => match fs::read_to_string(path) {
                Ok(text) => {
                    warn_of_others(path);
                    Self::parse(&text, place)
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { keys: Vec::new() }),
                Err(error) => Err(bad(place, &format!("it cannot be read ({error})"))),
            },
        }
    }

    /// The keys that are there; a fresh one in a file of its own if none is.
    pub(super) fn load_or_make(place: &KeyPlace) -> Result<Self, SecretsError> {
        let found = Self::load(place)?;
        match place {
            KeyPlace::File(path) if found.keys.is_empty() => Self::add_to(path, &found),
            _ => Ok(found),
        }
    }

    /// A fresh key before those that are there, in the file when this returns.
    pub(super) fn add_to(path: &Path, old: &Self) -> Result<Self, SecretsError> {
        let keys = Self { keys: [vec![Key::fresh()], old.keys.clone()].concat() };
        keys.write(path).map_err(|error| {
            let place = KeyPlace::File(path.to_owned());
            bad(&place, &format!("it cannot be written ({error}); set secrets.key_file or CALLBOARD_SECRETS_KEY"))
        })?;
        Ok(keys)
    }

    /// The key that seals. There is one wherever something is sealed.
    pub(super) fn first(&self) -> &Key {
        &self.keys[0]
    }

    pub(super) fn get(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }

    fn parse(text: &str, place: &KeyPlace) -> Result<Self, SecretsError> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let words = lines.flat_map(|line| line.split([',', ' ', '\t'])).filter(|word| !word.is_empty());
        let keys = words.map(Key::parse).collect::<Option<Vec<_>>>().filter(|keys| !keys.is_empty());
        keys.map(|keys| Self { keys })
            .ok_or_else(|| bad(place, "a key is 32 random bytes in Base64, as `openssl rand -base64 32` makes them"))
    }

    /// Writes the file: all of it or nothing, for its owner alone.
    fn write(&self, path: &Path) -> io::Result<()> {
        if path.starts_with("~") {
            return Err(io::Error::other("there is no home folder"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut part = tempfile::Builder::new()
            .prefix(".secrets")
            .permissions(fs::Permissions::from_mode(0o600))
            .tempfile_in(folder)?;
        part.write_all(HEAD.as_bytes())?;
        for key in &self.keys {
            writeln!(part, "{}", STANDARD.encode(key.bytes))?;
        }
        part.as_file().sync_all()?;
        part.persist(path).map_err(|error| error.error)?;
        fs::File::open(folder)?.sync_all()
    }
}

/// Says so if others than the owner can read the keys; containers hand them out like that, so it is no failure.
fn warn_of_others(path: &Path) {
    if fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0) {
        tracing::warn!(file = %path.display(), "others can read the key of the secrets; `chmod 600` it");
    }
}

fn bad(place: &KeyPlace, reason: &str) -> SecretsError {
    SecretsError::BadKey { place: place.to_string(), reason: reason.to_owned() }
}
