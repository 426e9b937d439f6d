//! Holds what a step yields against the schema that it was to satisfy.

use serde_json::Value;

use crate::run::Failure;

/// How many violations of a schema a model is told of at once.
const VIOLATIONS_TOLD: usize = 5;

/// The longest message about one violation, in bytes, that quotes the value.
const LONGEST_VIOLATION: usize = 240;

/// Checks what a step yields.
///
/// # Errors
/// A failure that is not retried, `bad_output` with what is wrong, or `bad_schema` if the schema itself is.
pub fn check(value: &Value, schema: &Value) -> Result<(), Failure> {
    let validator = jsonschema::validator_for(schema).map_err(|error| bad_schema(&error))?;
    match violations(&validator, value) {
        None => Ok(()),
        Some(wrong) => Err(Failure::give_up(
            "bad_output",
            format!(
                "the result is not what the step's `output` asks for: {wrong}; mend the schema or what the step is given"
            ),
        )),
    }
}

/// What is wrong with a value, by a schema: at most a handful of violations with their places.
pub(super) fn violations(validator: &jsonschema::Validator, value: &Value) -> Option<String> {
    let mut wrong: Vec<String> = validator
        .iter_errors(value)
        .take(VIOLATIONS_TOLD + 1)
        .map(|error| {
            let place = error.instance_path().to_string();
            let message = told(&error);
            if place.is_empty() { message } else { format!("{place}: {message}") }
        })
        .collect();
    if wrong.len() > VIOLATIONS_TOLD {
        wrong.truncate(VIOLATIONS_TOLD);
        wrong.push("and more".to_owned());
    }
    (!wrong.is_empty()).then(|| wrong.join("; "))
}

/// A violation in words, without the value if that is long.
fn told(error: &jsonschema::ValidationError<'_>) -> String {
    let message = error.to_string();
    if message.len() <= LONGEST_VIOLATION { message } else { error.masked_with("the value").to_string() }
}

/// The failure of a step whose `output` is no schema.
pub(super) fn bad_schema(error: &jsonschema::ValidationError<'_>) -> Failure {
    Failure::give_up("bad_schema", format!("the step's `output` is not a JSON Schema that can be used: {error}"))
}
