//! Parts of edits in the workflow file's format.

/// A step.
pub(super) mod step {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    use crate::workflow::Step;
    use crate::workflow::problem::in_words;
    use crate::workflow::yaml::{step_from_json, step_to_json};

    pub(in crate::workflow::edit) fn serialize<S: Serializer>(step: &Step, serializer: S) -> Result<S::Ok, S::Error> {
        step_to_json(step).serialize(serializer)
    }

    pub(in crate::workflow::edit) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Step, D::Error> {
        step_from_json(&Value::deserialize(deserializer)?).map_err(|problems| D::Error::custom(in_words(&problems)))
    }
}

/// A list of triggers.
pub(super) mod triggers {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    use crate::workflow::Trigger;
    use crate::workflow::problem::in_words;
    use crate::workflow::yaml::{triggers_from_json, triggers_to_json};

    pub(in crate::workflow::edit) fn serialize<S: Serializer>(
        triggers: &[Trigger],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        triggers_to_json(triggers).serialize(serializer)
    }

    pub(in crate::workflow::edit) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Trigger>, D::Error> {
        triggers_from_json(&Value::deserialize(deserializer)?).map_err(|problems| D::Error::custom(in_words(&problems)))
    }
}

/// A value that may be null, or not be there: serde would take both for nothing.
pub(super) mod maybe {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    #[allow(clippy::ref_option, reason = "serde asks for it")]
    pub(in crate::workflow::edit) fn serialize<S: Serializer>(
        value: &Option<Value>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().unwrap_or(&Value::Null).serialize(serializer)
    }

    pub(in crate::workflow::edit) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Value>, D::Error> {
        Value::deserialize(deserializer).map(Some)
    }
}
