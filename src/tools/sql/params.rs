//! JSON values as parameters of the types that PostgreSQL expects.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _};
use serde_json::Value;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgTypeKind, Postgres};
use sqlx::{Type, TypeInfo as _};

use super::numeric;

/// A value in the binary form of its type; nothing for NULL.
pub(super) struct Param {
    bytes: Option<Vec<u8>>,
    kind: PgTypeInfo,
}

impl Param {
    /// The value as a parameter of this type.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub(super) fn of(value: &Value, kind: &PgTypeInfo) -> Result<Self, String> {
        let bytes = if value.is_null() { None } else { Some(encode(value, kind)?) };
        Ok(Self { bytes, kind: kind.clone() })
    }
}

impl Type<Postgres> for Param {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("text")
    }

    fn compatible(_: &PgTypeInfo) -> bool {
        true
    }
}

impl Encode<'_, Postgres> for Param {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Some(bytes) = &self.bytes else { return Ok(IsNull::Yes) };
        buffer.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.kind.clone())
    }
}

fn encode(value: &Value, kind: &PgTypeInfo) -> Result<Vec<u8>, String> {
    match kind.kind() {
        PgTypeKind::Domain(base) => return encode(value, base),
        PgTypeKind::Array(element) => return array(value, element),
        PgTypeKind::Enum(_) => return text(value, kind.name()).map(String::into_bytes),
        _ => {}
    }
    let name = kind.name();
    let wrong = || format!("is no {name}, which the statement expects there");
    let whole = || value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()).ok_or_else(wrong);
    let real = || value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).ok_or_else(wrong);
    Ok(match name {
        "BOOL" => vec![u8::from(value.as_bool().ok_or_else(wrong)?)],
        "INT2" => i16::try_from(whole()?).map_err(|_| wrong())?.to_be_bytes().to_vec(),
        "INT4" => i32::try_from(whole()?).map_err(|_| wrong())?.to_be_bytes().to_vec(),
        "INT8" => whole()?.to_be_bytes().to_vec(),
        #[allow(clippy::cast_possible_truncation, reason = "the column holds no more")]
        "FLOAT4" => (real()? as f32).to_be_bytes().to_vec(),
        "FLOAT8" => real()?.to_be_bytes().to_vec(),
        "NUMERIC" => numeric::encode(text(value, name)?.trim()).ok_or_else(wrong)?,
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" | "citext" => text(value, name)?.into_bytes(),
        "JSON" => value.to_string().into_bytes(),
        "JSONB" => [&[1][..], value.to_string().as_bytes()].concat(),
        "UUID" => text(value, name)?.parse::<uuid::Uuid>().map_err(|_| wrong())?.as_bytes().to_vec(),
        "BYTEA" => {
            STANDARD.decode(text(value, name)?).map_err(|_| "is no Base64, which bytes are given in".to_owned())?
        }
        "DATE" => {
            let date: NaiveDate = text(value, name)?.parse().map_err(|_| wrong())?;
            let days = date.signed_duration_since(epoch().date()).num_days();
            i32::try_from(days).map_err(|_| wrong())?.to_be_bytes().to_vec()
        }
        "TIME" => {
            let time: NaiveTime = text(value, name)?.parse().map_err(|_| wrong())?;
            let micros = i64::from(time.num_seconds_from_midnight()) * 1_000_000 + i64::from(time.nanosecond() / 1_000);
            micros.to_be_bytes().to_vec()
        }
        "TIMESTAMP" => {
            let text = text(value, name)?.replace(' ', "T");
            since_epoch(text.parse::<NaiveDateTime>().map_err(|_| wrong())?).ok_or_else(wrong)?
        }
        "TIMESTAMPTZ" => {
            let text = text(value, name)?;
            let at = DateTime::parse_from_rfc3339(&text)
                .map_err(|_| format!("{}; write it like 2026-01-31T12:00:00Z", wrong()))?;
            since_epoch(at.naive_utc()).ok_or_else(wrong)?
        }
        other => {
            return Err(format!(
                "would have to be of type {other}, which values cannot be given in; write `$n::text::{}` in the statement",
                other.to_lowercase()
            ));
        }
    })
}

/// A text as it is; a number or a truth as JSON writes it.
fn text(value: &Value, name: &str) -> Result<String, String> {
    match value {
        Value::String(text) if text.contains('\0') => Err("contains a NUL character".to_owned()),
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        _ => Err(format!("is no {name}, which the statement expects there")),
    }
}

/// An array of one dimension.
fn array(value: &Value, element: &PgTypeInfo) -> Result<Vec<u8>, String> {
    let wrong = |why: &str| format!("is no array of {}: {why}", element.name());
    let items = value.as_array().ok_or_else(|| wrong("give a list"))?;
    let kind = element.oid().ok_or_else(|| wrong("the type is not known"))?.0;
    let length = i32::try_from(items.len()).map_err(|_| wrong("it is too long"))?;
    let nulls = i32::from(items.iter().any(Value::is_null));
    let mut bytes = Vec::new();
    for number in [i32::from(length > 0), nulls] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend(kind.to_be_bytes());
    if length > 0 {
        bytes.extend(length.to_be_bytes());
        bytes.extend(1_i32.to_be_bytes());
    }
    for item in items {
        if item.is_null() {
            bytes.extend((-1_i32).to_be_bytes());
            continue;
        }
        let item = encode(item, element)?;
        bytes.extend(i32::try_from(item.len()).map_err(|_| wrong("an item is too long"))?.to_be_bytes());
        bytes.extend(item);
    }
    Ok(bytes)
}

/// Where PostgreSQL counts from.
fn epoch() -> NaiveDateTime {
    DateTime::UNIX_EPOCH.naive_utc() + TimeDelta::days(10_957)
}

fn since_epoch(at: NaiveDateTime) -> Option<Vec<u8>> {
    Some(at.signed_duration_since(epoch()).num_microseconds()?.to_be_bytes().to_vec())
}
