//! The text as a tree of values, each with the place where it stands.
//!
//! Knows YAML (and so JSON) and nothing of workflows. Built without recursion from the parser's events, with bounds on
//! length, depth and number of values, aliases included, so that no text can exhaust stack or memory.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use serde_json::{Map, Number, Value};
use serde_saphyr::granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span, options};

use crate::workflow::problem::{Path, Problem, Problems};

/// The longest text that is read, in bytes.
pub(super) const MAX_BYTES: usize = 4 << 20;
/// How deep values may be nested.
pub(super) const MAX_DEPTH: usize = 100;
/// How many values a text may hold, counting each use of an alias.
pub(super) const MAX_NODES: usize = 1_000_000;

/// Where a value begins: line and column from 1, the column in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// A value and where it begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) mark: Mark,
    pub(super) value: Tree,
}

/// A value. Objects keep the order in which they are written.
#[derive(Clone, Debug, Default)]
pub(super) enum Tree {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(Key, Node)>),
}

/// A key and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) mark: Mark,
    pub(super) text: String,
}

impl Node {
    /// What kind of value it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Tree::Null => "nothing",
            Tree::Bool(_) => "true or false",
            Tree::Number(_) => "a number",
            Tree::Text(_) => "text",
            Tree::List(_) => "a list",
            Tree::Object(_) => "an object",
        }
    }

    /// The plain value. Recursion is bounded by [`MAX_DEPTH`].
    pub(super) fn to_value(&self) -> Value {
        match &self.value {
            Tree::Null => Value::Null,
            Tree::Bool(value) => Value::Bool(*value),
            Tree::Number(number) => Value::Number(number.clone()),
            Tree::Text(text) => Value::String(text.clone()),
            Tree::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Tree::Object(entries) => Value::Object(
                entries.iter().map(|(key, node)| (key.text.clone(), node.to_value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// The tree of a plain value, without places; `None` if it is nested too deep.
    pub(super) fn from_value(value: &Value) -> Option<Self> {
        fn build(value: &Value, depth: usize) -> Option<Node> {
            if depth > MAX_DEPTH {
                return None;
            }
            let value = match value {
                Value::Null => Tree::Null,
                Value::Bool(value) => Tree::Bool(*value),
                Value::Number(number) => Tree::Number(number.clone()),
                Value::String(text) => Tree::Text(text.clone()),
                Value::Array(items) => {
                    Tree::List(items.iter().map(|item| build(item, depth + 1)).collect::<Option<_>>()?)
                }
                Value::Object(entries) => Tree::Object(
                    entries
                        .iter()
                        .map(|(key, value)| {
                            Some((Key { mark: Mark::default(), text: key.clone() }, build(value, depth + 1)?))
                        })
                        .collect::<Option<_>>()?,
                ),
            };
            Some(Node { mark: Mark::default(), value })
        }
        build(value, 0)
    }
}

/// A problem at a mark.
pub(super) fn problem_at(mark: Mark, path: &Path<'_>, code: &'static str, message: impl Into<String>) -> Problem {
    let mut problem = Problem::new(code, message).at(path);
    if mark != Mark::default() {
        problem.place.line = Some(mark.line);
        problem.place.column = Some(mark.column);
    }
    problem
}

/// Reads a text. What is wrong with it but leaves the rest readable (a key given twice) goes to `problems`.
///
/// # Errors
/// The one problem that makes the text unreadable.
pub(super) fn parse(text: &str, problems: &mut Problems) -> Result<Node, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    check_text(text)?;
    let mut builder = Builder::default();
    let parser = Parser::new_from_str_with_options(text, options! { emit_comments: false });
    for event in parser {
        let (event, span) = event.map_err(|error| {
            let at = mark(error.marker().line(), error.marker().col());
            match error.kind() {
                ErrorKind::RecursionLimitExceeded => too_deep(at),
                _ => bad_yaml(at, error.info()),
            }
        })?;
        builder.event(event, &span, problems)?;
    }
    match builder.root {
        Some(root) => Ok(root),
        None => Err(bad_yaml(Mark { line: 1, column: 1 }, "the file is empty")),
    }
}

fn bad_yaml(mark: Mark, message: impl Into<String>) -> Problem {
    problem_at(mark, &Path::Root, "bad_yaml", message)
}

fn too_deep(mark: Mark) -> Problem {
    problem_at(mark, &Path::Root, "too_deep", format!("values are nested more than {MAX_DEPTH} deep here"))
}

fn mark(line: usize, column_from_0: usize) -> Mark {
    Mark { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column_from_0 + 1).unwrap_or(u32::MAX) }
}

/// Refuses what is too long, and what is no text at all.
fn check_text(text: &str) -> Result<(), Problem> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_BYTES} are read", text.len());
        return Err(
            Problem::new("too_large", message).suggest("split the workflow and call the parts by `workflow` steps")
        );
    }
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    let Some(offset) = text.find(control) else { return Ok(()) };
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let found = text[offset..].chars().next().map_or(0, u32::from);
    Err(bad_yaml(mark(line, column), format!("a control character (U+{found:04X}) is in the way"))
        .suggest("a workflow file is plain text; is this the right file?"))
}

/// A list or object that is not closed yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next, in an object.
    key: Option<Key>,
    /// The keys that were given already, in an object.
    seen: HashSet<String>,
    /// How many values had been counted when it was opened.
    nodes_before: usize,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    /// What can be repeated by an alias, with the number of values and the depth that a repetition adds.
    anchors: HashMap<usize, (Node, usize, usize)>,
    nodes: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: &Span, problems: &mut Problems) -> Result<(), Problem> {
        let at = mark(span.start.line(), span.start.col());
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at)?;
                if self.wants_key() {
                    self.set_key(Key { mark: at, text: text.into_owned() });
                    return Ok(());
                }
                let value = if style == ScalarStyle::Plain { plain(&text, at)? } else { Tree::Text(text.into_owned()) };
                self.count(1, at)?;
                self.place(Node { mark: at, value }, anchor, 1, 0, problems);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at)?;
                self.begin(Tree::List(Vec::new()), anchor, at)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at)?;
                self.begin(Tree::Object(Vec::new()), anchor, at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(closed) = self.open.pop() {
                    let nodes = self.nodes - closed.nodes_before;
                    let depth = if closed.anchor == 0 { 0 } else { depth(&closed.node) };
                    self.place(closed.node, closed.anchor, nodes, depth, problems);
                }
            }
            Event::Alias(anchor) => {
                let Some((node, nodes, depth)) = self.anchors.get(&anchor).cloned() else {
                    return Err(bad_yaml(at, "an alias may not stand inside what it names"));
                };
                if self.wants_key() {
                    return Err(bad_yaml(at, "an alias may not be a key"));
                }
                self.count(nodes, at)?;
                self.refuse_depth(depth, at)?;
                self.place(Node { mark: at, ..node }, 0, nodes, depth, problems);
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                return Err(bad_yaml(at, "a second document begins here").suggest("one file holds one workflow"));
            }
            _ => {}
        }
        Ok(())
    }

    fn wants_key(&self) -> bool {
        self.open.last().is_some_and(|open| open.key.is_none() && matches!(open.node.value, Tree::Object(_)))
    }

    fn set_key(&mut self, key: Key) {
        if let Some(open) = self.open.last_mut() {
            open.key = Some(key);
        }
    }

    fn begin(&mut self, value: Tree, anchor: usize, at: Mark) -> Result<(), Problem> {
        if self.wants_key() {
            return Err(bad_yaml(at, "a key must be text"));
        }
        self.refuse_depth(1, at)?;
        let nodes_before = self.nodes;
        self.count(1, at)?;
        self.open.push(Open { node: Node { mark: at, value }, anchor, key: None, seen: HashSet::new(), nodes_before });
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn place(&mut self, node: Node, anchor: usize, nodes: usize, depth: usize, problems: &mut Problems) {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), nodes, depth));
        }
        let Some((open, around)) = self.open.split_last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.node.value {
            Tree::List(items) => items.push(node),
            Tree::Object(entries) => {
                let Some(key) = open.key.take() else { return };
                if open.seen.insert(key.text.clone()) {
                    entries.push((key, node));
                } else {
                    problems.add(|| twice(around, &key));
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, nodes: usize, at: Mark) -> Result<(), Problem> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(problem_at(
                at,
                &Path::Root,
                "too_large",
                format!("the file holds more than {MAX_NODES} values"),
            )
            .suggest("aliases count each time they are used"));
        }
        Ok(())
    }

    fn refuse_depth(&self, more: usize, at: Mark) -> Result<(), Problem> {
        if self.open.len() + more > MAX_DEPTH {
            return Err(too_deep(at));
        }
        Ok(())
    }

    #[allow(clippy::unused_self, reason = "reads as the other refusals do")]
    fn refuse_tag(&self, tagged: bool, at: Mark) -> Result<(), Problem> {
        if tagged {
            return Err(bad_yaml(at, "tags (`!…`) are not used in workflow files").suggest("leave the tag out"));
        }
        Ok(())
    }
}

/// A key of the innermost of several open values that it had already.
fn twice(around: &[Open], key: &Key) -> Problem {
    let mut path = String::new();
    let step_into = |path: &mut String, key: &str| {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
    };
    for open in around {
        match (&open.node.value, &open.key) {
            (Tree::List(items), _) => {
                // Writing to a string cannot fail.
                let _ = write!(path, "[{}]", items.len());
            }
            (_, Some(key)) => step_into(&mut path, &key.text),
            _ => {}
        }
    }
    step_into(&mut path, &key.text);
    let message = format!("the key `{}` is given twice", key.text);
    let mut problem = problem_at(key.mark, &Path::Root, "duplicate_key", message).suggest("keep one of them");
    problem.place.path = path;
    problem
}

fn depth(node: &Node) -> usize {
    match &node.value {
        Tree::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Tree::Object(entries) => 1 + entries.iter().map(|(_, node)| depth(node)).max().unwrap_or(0),
        _ => 0,
    }
}

/// What an unquoted word stands for, by the core schema of YAML 1.2 (section 10.3.2): a superset of JSON's words.
fn plain(text: &str, at: Mark) -> Result<Tree, Problem> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Tree::Null,
        "true" | "True" | "TRUE" => Tree::Bool(true),
        "false" | "False" | "FALSE" => Tree::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Err(not_json(text, at)),
        _ if matches!(text.trim_start_matches(['-', '+']), ".inf" | ".Inf" | ".INF") => return Err(not_json(text, at)),
        _ => match number(text) {
            Some(number) => Tree::Number(number),
            None => Tree::Text(text.to_owned()),
        },
    })
}

fn not_json(text: &str, at: Mark) -> Problem {
    bad_yaml(at, format!("`{text}` is no number that JSON can hold")).suggest("quote it if it is text")
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+')).map(Number::from);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return u64::from_str_radix(digits, 8).ok().filter(|_| !digits.starts_with('+')).map(Number::from);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let only = |allowed: &str| unsigned.chars().all(|c| c.is_ascii_digit() || allowed.contains(c));
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !only(".eE+-") {
        return None;
    }
    if only("") {
        let text = text.strip_prefix('+').unwrap_or(text);
        if let Ok(number) = text.parse::<i64>() {
            return Some(number.into());
        }
        if let Ok(number) = text.parse::<u64>() {
            return Some(number.into());
        }
    }
    Number::from_f64(text.parse().ok()?)
}
