//! `key=value` arguments, read as the schema of the value says.

use serde_json::{Map, Value};

use super::complaint::Complaint;

/// A `key=value` argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    key: String,
    text: String,
}

impl std::str::FromStr for Pair {
    type Err = String;
    fn from_str(argument: &str) -> Result<Self, Self::Err> {
        match argument.split_once('=') {
            Some((key, text)) if !key.is_empty() => Ok(Self { key: key.to_owned(), text: text.to_owned() }),
            _ => Err(format!("`{argument}` is not of the form key=value")),
        }
    }
}

/// The pairs as an object. `schema_of` yields the JSON Schema of a key's value, if there is one: where that takes text,
/// the text is taken as it is; anywhere else it is read as JSON if it is JSON, and is text if not.
pub(super) fn object<'s>(pairs: &[Pair], schema_of: impl Fn(&str) -> Option<&'s Value>) -> Map<String, Value> {
    pairs.iter().map(|Pair { key, text }| (key.clone(), value(text, schema_of(key)))).collect()
}

/// Text that must be JSON.
pub(super) fn json(what: &str, text: &str) -> Result<Value, Complaint> {
    serde_json::from_str(text).map_err(|error| {
        Complaint::invalid("bad_json", format!("{what} is not JSON: {error}"))
            .suggest(r#"write text with its quotes: '"like this"'"#)
    })
}

fn value(text: &str, schema: Option<&Value>) -> Value {
    let takes_text = schema.and_then(|schema| schema.get("type")).is_some_and(|kind| match kind {
        Value::String(kind) => kind == "string",
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "string"),
        _ => false,
    });
    if takes_text {
        return Value::from(text);
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_read_as_its_schema_says() {
        let (text, number) = (json!({ "type": "string" }), json!({ "type": "integer" }));
        let pairs: Vec<Pair> =
            ["a=12", "b=12", "c=12", "d=x=y", "e={\"f\":1}"].iter().map(|pair| pair.parse().unwrap()).collect();
        let schema_of = |key: &str| match key {
            "a" => Some(&text),
            "b" => Some(&number),
            _ => None,
        };
        assert_eq!(
            Value::Object(object(&pairs, schema_of)),
            json!({ "a": "12", "b": 12, "c": 12, "d": "x=y", "e": { "f": 1 } })
        );
        assert!("nothing".parse::<Pair>().is_err());
    }
}
