//! What a run and a call are known by.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{MessageId, StepPath};

/// A run's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

impl RunId {
    /// The id of the run that `step` of this run starts: the same whenever it is asked for.
    #[must_use]
    pub fn child(self, step: &StepPath, attempt: u32) -> Self {
        let digest = Sha256::new().chain_update(self.0).chain_update(step.as_str()).chain_update(attempt.to_be_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.finalize()[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RunId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The idempotency key of a call: a hash of run, step path, tool, canonical arguments, and how many
/// such calls came before it in the attempt. Never of the attempt itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallKey(Arc<str>);

impl CallKey {
    /// The key of the `nth` (from 0) call of `tool` with `arguments` (canonical JSON) in an attempt of `step`.
    #[must_use]
    pub fn of(run: RunId, step: &StepPath, tool: &str, arguments: &str, nth: u32) -> Self {
        let mut digest = Sha256::new().chain_update(run.0);
        for part in [step.as_str(), tool, arguments] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut half = [0; 16];
        half.copy_from_slice(&digest.chain_update(nth.to_be_bytes()).finalize()[..16]);
        Self(format!("{:032x}", u128::from_be_bytes(half)).into())
    }

    /// The key of the same call when it is made for a message.
    #[must_use]
    pub fn within(&self, cause: &MessageId) -> Self {
        let digest = Sha256::new().chain_update(self.as_str()).chain_update(cause.as_str()).finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(format!("{:032x}", u128::from_be_bytes(half)).into())
    }

    /// 32 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
