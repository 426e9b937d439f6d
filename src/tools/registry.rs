//! The tools that there are, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::{Caller, Tool, ToolError};
use crate::model::ToolSpec;
use crate::run::Permit;
use crate::workflow::{CallEffect, CatalogTool, Effect};

/// The tools that there are, by name.
#[derive(Clone, Default)]
pub struct Tools {
    by_name: BTreeMap<String, Registered>,
}

#[derive(Clone)]
struct Registered {
    tool: Arc<dyn Tool>,
    parameters: Value,
    validator: Arc<Validator>,
}

/// Why a tool cannot be registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The name is taken.
    #[error("there is already a tool named `{0}`; give this one another name")]
    Taken(String),
    /// Its `parameters` are no usable JSON Schema of an object.
    #[error("tool `{tool}`: its parameters are not a JSON Schema of an object: {reason}")]
    BadParameters {
        /// The tool.
        tool: String,
        /// What is wrong with them.
        reason: String,
    },
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

impl Tools {
    /// No tools yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool.
    ///
    /// # Errors
    /// [`RegisterError`] if its name is taken or its parameters are no JSON Schema of an object.
    pub fn register(&mut self, tool: Arc<dyn Tool>) -> Result<(), RegisterError> {
        let name = tool.name().to_owned();
        if self.by_name.contains_key(&name) {
            return Err(RegisterError::Taken(name));
        }
        let bad = |reason: String| RegisterError::BadParameters { tool: name.clone(), reason };
        let parameters = tool.parameters();
        if parameters.get("type").and_then(Value::as_str) != Some("object") {
            return Err(bad("`type` must be `object`".to_owned()));
        }
        let validator = Arc::new(jsonschema::validator_for(&parameters).map_err(|error| bad(error.to_string()))?);
        self.by_name.insert(name, Registered { tool, parameters, validator });
        Ok(())
    }

    /// The tool with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.by_name.get(name).map(|registered| &registered.tool)
    }

    /// The names of all tools, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// What a workflow is checked against.
    #[must_use]
    pub fn catalog(&self) -> IndexMap<String, CatalogTool> {
        let entry = |(name, registered): (&String, &Registered)| {
            let tool = CatalogTool {
                description: registered.tool.description().to_owned(),
                parameters: registered.parameters.clone(),
                effect: registered.tool.worst(),
            };
            (name.clone(), tool)
        };
        self.by_name.iter().map(entry).collect()
    }

    /// The tools that `allow` names, as a model sees them, sorted by name. An entry is a name
    /// (`files.read`), a group (`files.*`), or `*` for all. What it names need not exist.
    #[must_use]
    pub fn specs<S: AsRef<str>>(&self, allow: &[S]) -> Vec<ToolSpec> {
        let allowed = |name: &str| allow.iter().any(|entry| allows(entry.as_ref(), name));
        let spec = |(name, registered): (&String, &Registered)| ToolSpec {
            name: name.clone(),
            description: registered.tool.description().to_owned(),
            parameters: registered.parameters.clone(),
        };
        self.by_name.iter().filter(|(name, _)| allowed(name)).map(spec).collect()
    }

    /// What a call would do. The arguments are checked first, so that the gate rules on what will really be called.
    ///
    /// # Errors
    /// [`ToolError::GiveUp`] if there is no such tool, or the arguments do not satisfy its parameters.
    pub fn effect(&self, name: &str, arguments: &Value) -> Result<CallEffect, ToolError> {
        let registered = self.registered(name)?;
        registered.check(arguments)?;
        Ok(registered.tool.effect(arguments))
    }

    /// Makes a call.
    ///
    /// # Errors
    /// [`ToolError`]: as [`Tools::effect`], or the call would do more than the permit says, or it failed.
    pub async fn call(
        &self,
        name: &str,
        arguments: Value,
        permit: Permit,
        caller: &Caller,
    ) -> Result<Value, ToolError> {
        let effect = self.effect(name, &arguments)?;
        let permitted = permit.effect();
        if exceeds(effect, permitted) {
            return Err(ToolError::give_up(
                "not_permitted",
                format!(
                    "tool `{name}`: the call would {}, and the permit only lets it {}",
                    verb(effect),
                    verb(permitted)
                ),
            ));
        }
        self.registered(name)?.tool.call(arguments, permit, caller).await
    }

    fn registered(&self, name: &str) -> Result<&Registered, ToolError> {
        self.by_name.get(name).ok_or_else(|| {
            let hint = nearest(name, self.names()).map_or_else(
                || "list the tools that there are in the workflow's catalog".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            ToolError::give_up("unknown_tool", format!("there is no tool named `{name}`; {hint}"))
        })
    }
}

/// True if the call is worse than what was permitted, or was permitted only because it may be repeated.
fn exceeds(effect: CallEffect, permitted: CallEffect) -> bool {
    effect.effect > permitted.effect || (permitted.may_repeat() && !effect.may_repeat())
}

fn verb(effect: CallEffect) -> &'static str {
    match (effect.effect, effect.idempotent) {
        (Effect::Pure, _) => "compute",
        (Effect::Read, _) => "read",
        (Effect::Write, true) => "write what may be written twice",
        (Effect::Write, false) => "write",
        (Effect::Irreversible, _) => "change the world for good",
    }
}

/// Whether an entry of an allow-list names this tool: a name, a group such as `files.*`, or `*`.
pub(crate) fn allows(entry: &str, name: &str) -> bool {
    match entry.strip_suffix('*') {
        Some(group) => name.starts_with(group),
        None => entry == name,
    }
}

impl Registered {
    fn check(&self, arguments: &Value) -> Result<(), ToolError> {
        let problems: Vec<String> =
            self.validator.iter_errors(arguments).map(|error| self.explain(&error)).take(5).collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(ToolError::give_up("bad_arguments", format!("tool `{}`: {}", self.tool.name(), problems.join("; "))))
    }

    /// Names the argument, and never repeats its value, which may be long or secret.
    fn explain(&self, error: &ValidationError<'_>) -> String {
        let place = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
        let within = if place.is_empty() { String::new() } else { format!(" of `{place}`") };
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                format!("the argument `{}`{within} is missing", property.as_str().unwrap_or_default())
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let known = self.parameters.get("properties").and_then(Value::as_object);
                let one = |name: &String| {
                    let near = known.and_then(|known| nearest(name, known.keys().map(String::as_str)));
                    let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
                    format!("there is no argument `{name}`{within}{hint}")
                };
                unexpected.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            _ if place.is_empty() => format!("the arguments are wrong: {}", error.masked_with("the value")),
            _ => format!("argument `{place}`: {}", error.masked_with("the value")),
        }
    }
}

/// The name that was probably meant.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}
