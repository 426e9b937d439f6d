//! What a case expects: a tree of steps, in the notation that evals/planner/README.md describes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

/// One step, or one group of steps, of an expected workflow.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Element {
    pub(super) head: Head,
    /// What happens when it is left by an outcome that is not its main one.
    pub(super) arms: BTreeMap<String, Vec<Element>>,
    /// The id that the step must have.
    pub(super) id: Option<String>,
    /// Any of these numbers of attempts.
    pub(super) retry: Vec<u32>,
    pub(super) timeout: Option<Duration>,
    /// What is expected of settings that are few cases' business, by name.
    pub(super) settings: Map<String, Value>,
}

/// What an expected step does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Head {
    /// A call with these arguments among others.
    Tool(String, Map<String, Value>),
    /// A step of the workflow before, left as it is but for what it needs; with its body, if it has one.
    Kept(String, Vec<Element>),
    /// A person, asked with these words among others.
    Human(Vec<String>),
    /// A person or an agent, told of it with these words.
    Work(Vec<String>),
    /// One of these roles (any if there are none), with these words in its goal.
    Agent(Vec<String>, Vec<String>),
    /// So long.
    Wait(Duration),
    /// A body for each of what a tool, a kept step or a list has.
    Each(Value, Vec<Element>),
    /// A body until or while something holds.
    Repeat(String, Vec<Element>),
    /// Conditions in order with what follows each, and what follows if none holds.
    Branch(Vec<(String, Vec<Element>)>, Vec<Element>),
    /// Lists of steps, the lists in any order, also at the same time.
    AnyOrder(Vec<Vec<Element>>),
    /// Lists of steps that do not wait for each other.
    SideBySide(Vec<Vec<Element>>),
    /// One of these lists of steps.
    Either(Vec<Vec<Element>>),
}

impl Head {
    /// The lists of a group of steps.
    pub(super) fn lists(&self) -> &[Vec<Element>] {
        match self {
            Self::AnyOrder(lists) | Self::SideBySide(lists) | Self::Either(lists) => lists,
            _ => &[],
        }
    }
}

/// Keys beside the one that says what a step does.
const BESIDE: [&str; 14] = [
    "arms",
    "id",
    "retry",
    "timeout",
    "on_error",
    "concurrency",
    "max",
    "to",
    "default",
    "do",
    "then",
    "else",
    "goal",
    "name",
];

/// Reads a list of expected steps.
pub(super) fn sequence(written: &Value) -> Result<Vec<Element>, String> {
    let list = written.as_array().ok_or_else(|| format!("a list of steps is expected, not {written}"))?;
    list.iter().map(element).collect()
}

/// Reads lists of steps, a single step being a list of one.
fn sequences(written: &Value) -> Result<Vec<Vec<Element>>, String> {
    let list = written.as_array().ok_or_else(|| format!("a list of lists of steps is expected, not {written}"))?;
    list.iter().map(|one| if one.is_array() { sequence(one) } else { Ok(vec![element(one)?]) }).collect()
}

fn element(written: &Value) -> Result<Element, String> {
    let empty = Map::new();
    let (key, value, beside) = match written {
        Value::String(name) => (name.as_str(), &Value::Null, &empty),
        Value::Object(entries) => {
            let mut heads = entries.iter().filter(|(key, _)| !BESIDE.contains(&key.as_str()));
            match (heads.next(), heads.next()) {
                (Some((key, value)), None) => (key.as_str(), value, entries),
                _ => return Err(format!("one key must say what the step does: {written}")),
            }
        }
        other => return Err(format!("a step is a name or an object, not {other}")),
    };
    let beside_list = |key: &str| beside.get(key).map_or_else(|| Ok(Vec::new()), sequence);
    let mut arms = beside.get("arms").map_or_else(|| Ok(BTreeMap::new()), outcomes)?;
    let head = match key {
        "human" => Head::Human(words(value)),
        "work" => Head::Work(words(value)),
        "agent" => Head::Agent(words(value), beside.get("goal").map(words).unwrap_or_default()),
        "wait" => Head::Wait(duration(value)?),
        "each" => Head::Each(value.clone(), beside_list("do")?),
        "repeat" => Head::Repeat(text(value)?, beside_list("do")?),
        "if" => Head::Branch(vec![(text(value)?, beside_list("then")?)], beside_list("else")?),
        "cases" => {
            let cases = value.as_array().ok_or("`cases` is a list")?.iter();
            let cases = cases.map(|case| Ok((text(&case["if"])?, sequence(&case["then"])?)));
            Head::Branch(cases.collect::<Result<_, String>>()?, beside_list("else")?)
        }
        "any_order" => Head::AnyOrder(sequences(value)?),
        "side_by_side" => Head::SideBySide(sequences(value)?),
        "either" => Head::Either(sequences(value)?),
        kept if kept.starts_with('=') => {
            let id = kept[1..].to_owned();
            match value {
                Value::Array(_) => Head::Kept(id, sequence(value)?),
                Value::Object(_) => {
                    arms = outcomes(value)?;
                    Head::Kept(id, Vec::new())
                }
                _ => Head::Kept(id, Vec::new()),
            }
        }
        tool => Head::Tool(tool.to_owned(), value.as_object().cloned().unwrap_or_default()),
    };
    let retry = match beside.get("retry") {
        None => Vec::new(),
        Some(Value::Array(several)) => several.iter().filter_map(count).collect(),
        Some(one) => count(one).into_iter().collect(),
    };
    let settings = ["on_error", "concurrency", "max", "to", "default"];
    let settings = settings.iter().filter_map(|key| Some(((*key).to_owned(), beside.get(*key)?.clone()))).collect();
    Ok(Element {
        head,
        arms,
        id: beside.get("id").and_then(Value::as_str).map(str::to_owned),
        retry,
        timeout: beside.get("timeout").map(duration).transpose()?,
        settings,
    })
}

fn outcomes(written: &Value) -> Result<BTreeMap<String, Vec<Element>>, String> {
    let entries = written.as_object().ok_or_else(|| format!("lists by outcome are expected, not {written}"))?;
    entries.iter().map(|(outcome, steps)| Ok((outcome.clone(), sequence(steps)?))).collect()
}

fn count(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| number.try_into().ok())
}

fn text(value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("a text is expected, not {value}"))
}

pub(super) fn duration(value: &Value) -> Result<Duration, String> {
    humantime::parse_duration(&text(value)?).map_err(|error| format!("{value}: {error}"))
}

/// Words that something must have; `_` stands for none.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_lowercase).collect(),
        Value::String(one) if one != "_" => vec![one.to_lowercase()],
        _ => Vec::new(),
    }
}
