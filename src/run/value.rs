//! The values that events carry, and how they are referred to.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Failure, RunId};

/// A value in an event: in place if small, else the address of a content-addressed file beside the database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// The value itself.
    Value(Arc<Value>),
    /// Where its JSON text is stored.
    Stored {
        /// SHA-256 of the text, in hex.
        sha256: Arc<str>,
        /// Length of the text.
        bytes: u64,
    },
}

impl Payload {
    /// A value in place.
    #[must_use]
    pub fn of(value: Value) -> Self {
        Self::Value(Arc::new(value))
    }
}

/// A value by the event that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ValueRef {
    /// The run in whose list the event is: another one for results that a retry reuses.
    pub run: RunId,
    /// The event's number.
    pub seq: u64,
}

/// What a step or a run left behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Nothing: reads as null.
    Nothing,
    /// This value.
    Value(Payload),
    /// The value that an earlier event carries.
    Ref(ValueRef),
}

/// The value that an event carries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Carried<'a> {
    /// None: reads as null.
    Nothing,
    /// This one.
    Payload(&'a Payload),
    /// The one that another event carries.
    Ref(ValueRef),
    /// Why a step or a run failed.
    Failure(&'a Failure),
}
