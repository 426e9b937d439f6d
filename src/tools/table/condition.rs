//! Which rows are meant: conditions from a closed set.

use std::cmp::Ordering;

use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::number::Num;
use super::rows::{Table, written};
use crate::tools::ToolError;
use crate::tools::text::pattern;

/// A condition as it is given: a comparison, or `any` of some.
#[derive(Debug, Deserialize)]
pub(super) struct Condition {
    column: Option<String>,
    op: Option<Op>,
    #[serde(default)]
    value: Value,
    any: Option<Vec<Condition>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    IsNull,
    NotNull,
    IsNumber,
}

/// The schema of a list of conditions that must all hold.
pub(super) fn schema() -> Value {
    let comparison = json!({
        "column": { "type": "string" },
        "op": {
            "enum": [
                "eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "contains", "starts_with", "ends_with", "matches",
                "is_null", "not_null", "is_number"
            ],
            "description": "Values are equal if they are written the same; lt, le, gt, ge compare numbers as numbers and else texts; \
                `matches` takes a regular expression. A null cell satisfies is_null, ne and not_in only"
        },
        "value": { "description": "What the cell is compared with; a list for in and not_in" }
    });
    let mut either = comparison.clone();
    either["any"] = json!({
        "type": "array", "minItems": 1,
        "items": { "type": "object", "properties": comparison, "required": ["column", "op"], "additionalProperties": false },
        "description": "Instead of the rest: conditions of which one must hold"
    });
    json!({
        "type": "array",
        "items": { "type": "object", "properties": either, "additionalProperties": false },
        "description": "Conditions that must all hold"
    })
}

/// A condition for rows of one table.
enum Check {
    Any(Vec<Check>),
    Is { column: usize, test: Test },
}

enum Test {
    Equal(Vec<Option<String>>),
    Different(Vec<Option<String>>),
    Ordered { value: Value, wanted: fn(Ordering) -> bool },
    Text { part: String, found: fn(&str, &str) -> bool },
    Matches(Regex),
    Null,
    NotNull,
    Number,
}

/// Keeps the rows for which all conditions hold.
pub(super) fn keep(table: &mut Table, conditions: Vec<Condition>) -> Result<(), ToolError> {
    let checks = conditions.into_iter().map(|condition| condition.check(table)).collect::<Result<Vec<_>, _>>()?;
    table.rows.retain(|row| checks.iter().all(|check| check.holds(row)));
    Ok(())
}

impl Condition {
    fn check(self, table: &Table) -> Result<Check, ToolError> {
        let wrong = |message: &str| ToolError::give_up("bad_arguments", format!("argument `where`: {message}"));
        match self {
            Self { column: None, op: None, any: Some(any), .. } => {
                Ok(Check::Any(any.into_iter().map(|one| one.check(table)).collect::<Result<_, _>>()?))
            }
            Self { column: Some(column), op: Some(op), any: None, value } => {
                Ok(Check::Is { column: table.column(&column)?, test: test(op, &value).map_err(|error| wrong(&error))? })
            }
            _ => Err(wrong("a condition has `column` and `op`, or `any`")),
        }
    }
}

fn test(op: Op, value: &Value) -> Result<Test, String> {
    let key = |value: &Value| written(value).map(std::borrow::Cow::into_owned);
    let keys = |value: &Value| match value {
        Value::Array(values) => Ok(values.iter().map(key).collect()),
        _ => Err("`in` and `not_in` take a list as `value`".to_owned()),
    };
    let part = |found| match key(value) {
        Some(part) => Ok(Test::Text { part, found }),
        None => Err("`contains`, `starts_with` and `ends_with` take a text as `value`".to_owned()),
    };
    let ordered = |wanted| Ok(Test::Ordered { value: value.clone(), wanted });
    match op {
        Op::Eq => Ok(Test::Equal(vec![key(value)])),
        Op::Ne => Ok(Test::Different(vec![key(value)])),
        Op::In => Ok(Test::Equal(keys(value)?)),
        Op::NotIn => Ok(Test::Different(keys(value)?)),
        Op::Lt => ordered(Ordering::is_lt),
        Op::Le => ordered(Ordering::is_le),
        Op::Gt => ordered(Ordering::is_gt),
        Op::Ge => ordered(Ordering::is_ge),
        Op::Contains => part(|cell, part| cell.contains(part)),
        Op::StartsWith => part(|cell, part| cell.starts_with(part)),
        Op::EndsWith => part(|cell, part| cell.ends_with(part)),
        Op::Matches => {
            let expression = value.as_str().ok_or("`matches` takes a regular expression as `value`")?;
            Ok(Test::Matches(pattern::compile(expression)?))
        }
        Op::IsNull => Ok(Test::Null),
        Op::NotNull => Ok(Test::NotNull),
        Op::IsNumber => Ok(Test::Number),
    }
}

impl Check {
    fn holds(&self, row: &[Value]) -> bool {
        match self {
            Self::Any(checks) => checks.iter().any(|check| check.holds(row)),
            Self::Is { column, test } => row.get(*column).is_some_and(|cell| test.holds(cell)),
        }
    }
}

impl Test {
    fn holds(&self, cell: &Value) -> bool {
        let key = written(cell);
        let among = |values: &[Option<String>]| values.iter().any(|value| value.as_deref() == key.as_deref());
        match self {
            Self::Equal(values) => among(values),
            Self::Different(values) => !among(values),
            Self::Ordered { value, wanted } => compare(cell, value).is_some_and(wanted),
            Self::Text { part, found } => key.is_some_and(|cell| found(&cell, part)),
            Self::Matches(expression) => key.is_some_and(|cell| expression.is_match(&cell)),
            Self::Null => key.is_none(),
            Self::NotNull => key.is_some(),
            Self::Number => cell.is_number(),
        }
    }
}

/// Numbers as numbers, else texts as texts; nothing else has an order.
fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    if let (Some(one), Some(other)) = (Num::of(one), Num::of(other)) {
        return Some(one.compare(other));
    }
    Some(one.as_str()?.cmp(other.as_str()?))
}
