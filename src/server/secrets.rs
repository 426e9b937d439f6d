//! The secrets by name. No route gives a value away.

use axum::Json;
use axum::extract::{Path, State};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use crate::app::App;
use crate::clock::Timestamp;

/// A secret that is to be set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(with = "exposed")]
    pub value: SecretString,
}

/// What can be told of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretView {
    /// Its name.
    pub name: String,
    /// When it was set, in milliseconds since 1970.
    pub set_at: Timestamp,
    /// Whether the key that it is sealed with is there.
    pub readable: bool,
}

/// What came of sealing all secrets with another key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rekeyed {
    /// How many secrets are sealed with it now.
    pub secrets: usize,
    /// The file that the key was added to, if keys come from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<std::path::PathBuf>,
}

/// `GET /api/secrets`
pub(super) async fn list(State(app): State<App>) -> Result<Json<Vec<SecretView>>, ApiError> {
    let secrets = app.secrets().list().await?;
    let view = |head: crate::secrets::SecretHead| {
        let crate::secrets::SecretHead { name, set_at, readable } = head;
        SecretView { name, set_at, readable }
    };
    Ok(Json(secrets.into_iter().map(view).collect()))
}

/// `POST /api/secrets`
pub(super) async fn set(State(app): State<App>, Json(secret): Json<NewSecret>) -> Result<Json<()>, ApiError> {
    app.secrets().set(&secret.name.parse()?, &secret.value).await?;
    Ok(Json(()))
}

/// `POST /api/secrets/{name}/remove`
pub(super) async fn remove(State(app): State<App>, Path(name): Path<String>) -> Result<Json<()>, ApiError> {
    app.secrets().remove(&name.parse()?).await?;
    Ok(Json(()))
}

/// `POST /api/secrets/rekey`
pub(super) async fn rekey(State(app): State<App>) -> Result<Json<Rekeyed>, ApiError> {
    let crate::secrets::Rekeyed { secrets, file } = app.secrets().rekey().await?;
    Ok(Json(Rekeyed { secrets, file }))
}

/// The one place where a value is written out: on its way to the process that keeps it.
mod exposed {
    use secrecy::{ExposeSecret as _, SecretString};
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value.expose_secret())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
        String::deserialize(deserializer).map(SecretString::from)
    }
}
