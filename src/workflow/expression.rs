//! `{{ … }}`: expressions as a pure function of values.
//!
//! The language is minijinja's, strict: what is not defined is an error. A string that is one whole `{{ … }}` keeps the
//! type of its value; any other string with braces is text; one without braces is itself. There is no code and no I/O,
//! and every evaluation is bounded in steps, nesting and size of the result.

mod environment;
mod references;
mod scan;
mod scope;
mod slices;
mod values;

use std::io;

use serde_json::{Map, Value};

pub use references::{Reference, StepField, references, references_of_condition, references_of_text};
pub use scope::{Scope, StepResult};

pub(super) use references::{rename_step, rename_step_in_condition};

use environment::ENVIRONMENT;
use scan::{Form, Scanned};

/// The longest string that may hold expressions, in bytes.
pub const MAX_SOURCE: usize = 64 << 10;
/// The largest result of one evaluation, in bytes of JSON or text.
pub const MAX_RESULT: usize = 16 << 20;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// Where in the value the string with the expression is, as keys and indices; empty for the value itself.
    pub path: String,
    /// What is wrong, with the expression.
    pub message: String,
}

impl ExpressionError {
    fn new(message: impl Into<String>) -> Self {
        Self { path: String::new(), message: message.into() }
    }

    /// The same, for an error found below `segment`.
    fn under(mut self, segment: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{segment}{dot}{}", self.path);
        self
    }
}

/// Evaluates every expression in a value.
///
/// # Errors
/// The first expression that has no value, or a result that is too large.
pub fn evaluate(value: &Value, scope: &Scope) -> Result<Value, ExpressionError> {
    let mut left = MAX_RESULT;
    evaluate_within(value, scope, &mut left)
}

fn evaluate_within(value: &Value, scope: &Scope, left: &mut usize) -> Result<Value, ExpressionError> {
    match value {
        Value::String(text) => evaluate_text(text, scope, left),
        Value::Array(items) => {
            let mut result = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let item = evaluate_within(item, scope, left).map_err(|error| error.under(&format!("[{index}]")))?;
                result.push(item);
            }
            Ok(Value::Array(result))
        }
        Value::Object(entries) => {
            let mut result = Map::with_capacity(entries.len());
            for (key, value) in entries {
                let value = evaluate_within(value, scope, left).map_err(|error| error.under(key))?;
                result.insert(key.clone(), value);
            }
            Ok(Value::Object(result))
        }
        scalar => Ok(scalar.clone()),
    }
}

fn evaluate_text(text: &str, scope: &Scope, left: &mut usize) -> Result<Value, ExpressionError> {
    let scanned = scan::scan(text)?;
    match &scanned.form {
        Form::Literal => Ok(Value::String(text.to_owned())),
        Form::Whole(expression) => {
            if let Some(value) = scanned.plain_path().and_then(|path| scope.lookup(&path)) {
                values::spend(&value, left).ok_or_else(too_large)?;
                return Ok(value.into_owned());
            }
            let value = run(expression, scope).map_err(|error| explain(&scanned, &error))?;
            values::to_json(&value, left).map_err(|why| at_source(text, &why))
        }
        Form::Text(template) => render(template, scope, left).map(Value::String).map_err(|error| match error {
            RenderError::TooLarge => too_large(),
            RenderError::Evaluation(error) => explain(&scanned, &error),
        }),
    }
}

/// Evaluates a condition, with braces or without.
///
/// True and false are themselves; null, zero, and empty text, lists and objects are false; all else is true.
///
/// # Errors
/// The condition has no value.
pub fn evaluate_condition(condition: &str, scope: &Scope) -> Result<bool, ExpressionError> {
    let scanned = scan::condition(condition)?;
    let Form::Whole(expression) = &scanned.form else {
        return Err(at_source(condition, "a condition is one expression"));
    };
    let value = run(expression, scope).map_err(|error| explain(&scanned, &error))?;
    if value.is_undefined() {
        return Err(at_source(condition, "it has no value"));
    }
    Ok(value.is_true())
}

/// Evaluates text with expressions to text, whatever type its expression has.
///
/// # Errors
/// An expression has no value, or the result is too large.
pub fn evaluate_to_text(text: &str, scope: &Scope) -> Result<String, ExpressionError> {
    Ok(match evaluate(&Value::String(text.to_owned()), scope)? {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

fn run(expression: &str, scope: &Scope) -> Result<minijinja::Value, minijinja::Error> {
    in_environment(|environment| environment.compile_expression(expression)?.eval(scope.to_context()))
}

/// Lets the shared environment compile sources that live less long than it does.
fn in_environment<'s, T>(
    use_it: impl FnOnce(&minijinja::Environment<'s>) -> Result<T, minijinja::Error>,
) -> Result<T, minijinja::Error> {
    let environment: &minijinja::Environment<'s> = &ENVIRONMENT;
    use_it(environment)
}

enum RenderError {
    TooLarge,
    Evaluation(minijinja::Error),
}

fn render(template: &str, scope: &Scope, left: &mut usize) -> Result<String, RenderError> {
    let mut output = Bounded { text: Vec::new(), left: *left, overrun: false };
    let rendered = in_environment(|environment| {
        environment.template_from_str(template)?.render_captured_to(scope.to_context(), &mut output).map(drop)
    });
    if output.overrun {
        return Err(RenderError::TooLarge);
    }
    rendered.map_err(RenderError::Evaluation)?;
    *left = output.left;
    Ok(String::from_utf8_lossy(&output.text).into_owned())
}

/// Takes so many bytes and no more.
struct Bounded {
    text: Vec<u8>,
    left: usize,
    overrun: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(left) = self.left.checked_sub(bytes.len()) else {
            self.overrun = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.left = left;
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn too_large() -> ExpressionError {
    ExpressionError::new(format!("the result has more than {} MiB", MAX_RESULT >> 20))
}

/// An error about a string, with as much of the string as is helpful.
fn at_source(source: &str, why: &str) -> ExpressionError {
    const SHOWN: usize = 120;
    let mut shown: String = source.trim().chars().take(SHOWN).collect();
    if shown.len() < source.trim().len() {
        shown.push('…');
    }
    ExpressionError::new(format!("`{shown}`: {why}"))
}

/// What minijinja says, in words that help whoever wrote the expression.
fn explain(scanned: &Scanned<'_>, error: &minijinja::Error) -> ExpressionError {
    use minijinja::ErrorKind;
    const SHOWN: usize = 300;
    let mut innermost = error;
    while let Some(inner) = std::error::Error::source(innermost).and_then(|source| source.downcast_ref()) {
        innermost = inner;
    }
    let detail: String = innermost.detail().unwrap_or_default().chars().take(SHOWN).collect();
    let why = match innermost.kind() {
        ErrorKind::OutOfFuel => "it takes too many steps; let a `for_each` or a tool do the work".to_owned(),
        ErrorKind::UndefinedError => format!("it uses a value that is not there{}", scanned.known_as()),
        ErrorKind::InvalidOperation if scanned.multiplies && detail.contains("**") => {
            "only numbers can be multiplied, and the product must fit".to_owned()
        }
        _ if detail.is_empty() => innermost.kind().to_string(),
        _ => detail,
    };
    at_source(scanned.source, &why)
}
