//! Values of expressions as JSON, within a bound.

use minijinja::value::{Value as Dynamic, ValueKind};
use serde_json::{Map, Number, Value};

/// What a value costs beside its text, in bytes: about what its JSON needs.
const EACH: usize = 4;
/// How deep a value may be nested.
const MAX_DEPTH: usize = 100;

/// Takes the size of a value from what is left; `None` if it is more.
pub(super) fn spend(value: &Value, left: &mut usize) -> Option<()> {
    let own = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => {
            for item in items {
                spend(item, left)?;
            }
            0
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                *left = left.checked_sub(key.len())?;
                spend(value, left)?;
            }
            0
        }
        _ => 0,
    };
    *left = left.checked_sub(own + EACH)?;
    Some(())
}

/// A value as JSON; its size is taken from what is left.
///
/// # Errors
/// Why it cannot be JSON.
pub(super) fn to_json(value: &Dynamic, left: &mut usize) -> Result<Value, String> {
    convert(value, left, 0)
}

fn take(left: &mut usize, bytes: usize) -> Result<(), String> {
    *left = left.checked_sub(bytes).ok_or("the result is too large")?;
    Ok(())
}

fn convert(value: &Dynamic, left: &mut usize, depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err(format!("the result is nested more than {MAX_DEPTH} deep"));
    }
    take(left, EACH)?;
    Ok(match value.kind() {
        ValueKind::Undefined => return Err("it has no value: something that it names is not there".into()),
        ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => Value::Number(number(value)?),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            take(left, text.len())?;
            Value::String(text.to_owned())
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter().map_err(|error| error.to_string())? {
                items.push(convert(&item, left, depth + 1)?);
            }
            Value::Array(items)
        }
        ValueKind::Map => {
            let mut entries = Map::new();
            for key in value.try_iter().map_err(|error| error.to_string())? {
                let item = value.get_item(&key).map_err(|error| error.to_string())?;
                let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                take(left, key.len())?;
                entries.insert(key, convert(&item, left, depth + 1)?);
            }
            Value::Object(entries)
        }
        kind => return Err(format!("the result is a {kind}, which is no JSON")),
    })
}

fn number(value: &Dynamic) -> Result<Number, String> {
    if value.is_integer() {
        if let Ok(number) = i64::try_from(value.clone()) {
            return Ok(number.into());
        }
        return u64::try_from(value.clone()).map(Number::from).map_err(|_| format!("{value} is too large a number"));
    }
    let number = f64::try_from(value.clone()).map_err(|error| error.to_string())?;
    Number::from_f64(number).ok_or_else(|| format!("{number} is no number that JSON can hold"))
}
