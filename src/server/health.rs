//! Whether the process is there.

use axum::Json;
use serde::{Deserialize, Serialize};

/// That the process is there, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Its process id.
    pub pid: u32,
    /// Its version.
    pub version: String,
}

/// `GET /api/health`
pub(super) async fn show() -> Json<Health> {
    Json(Health { pid: std::process::id(), version: env!("CARGO_PKG_VERSION").to_owned() })
}
