//! The tools that there are, by name.

mod checks;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures::FutureExt;
use indexmap::IndexMap;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::{Caller, Origin, Results, Tool, ToolError, ToolPolicy};
use crate::model::ToolSpec;
use crate::run::Permit;
use crate::workflow::{CallEffect, CatalogTool, Effect, nearest};

/// The tools that there are, by name, and what the workspace says of them. Clones share the tools.
#[derive(Clone, Default)]
pub struct Tools {
    /// Behind a lock, since what a server offers becomes known, and changes, while the program runs.
    known: Arc<RwLock<Known>>,
    policy: ToolPolicy,
    results: Option<Results>,
}

#[derive(Default)]
struct Known {
    by_name: BTreeMap<String, Arc<Registered>>,
    /// The groups whose tools are not known yet.
    expected: BTreeSet<String>,
}

struct Registered {
    tool: Arc<dyn Tool>,
    parameters: Value,
    validator: Validator,
    output: Option<Validator>,
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
    /// Its `output` is no usable JSON Schema.
    #[error("tool `{tool}`: its output is not a JSON Schema: {reason}")]
    BadOutput {
        /// The tool.
        tool: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl RegisterError {
    /// The tool.
    #[must_use]
    pub fn tool(&self) -> &str {
        match self {
            Self::Taken(tool) | Self::BadParameters { tool, .. } | Self::BadOutput { tool, .. } => tool,
        }
    }
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.read().by_name.keys()).finish()
    }
}

impl Tools {
    /// No tools yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets nobody call what this policy does not allow.
    pub fn set_policy(&mut self, policy: ToolPolicy) {
        self.policy = policy;
    }

    /// What the workspace lets anybody call.
    #[must_use]
    pub fn policy(&self) -> &ToolPolicy {
        &self.policy
    }

    /// Keeps results there that are too long to be told to an agent whole.
    pub fn set_results(&mut self, results: Results) {
        self.results = Some(results);
    }

    /// A result as an agent is told of it: its summary if it is too long. What cannot be kept is told whole.
    pub async fn told(&self, result: Value) -> Value {
        let Some(results) = &self.results else { return result };
        match results.told(result.clone()).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(%error, "a long result could not be kept");
                result
            }
        }
    }

    /// Adds a tool.
    ///
    /// # Errors
    /// [`RegisterError`] if its name is taken or its schemas cannot be used.
    pub fn register(&mut self, tool: Arc<dyn Tool>) -> Result<(), RegisterError> {
        let name = tool.name().to_owned();
        let registered = Arc::new(Registered::new(tool)?);
        let mut known = self.write();
        if known.by_name.contains_key(&name) {
            return Err(RegisterError::Taken(name));
        }
        known.by_name.insert(name, registered);
        Ok(())
    }

    /// Says that there will be tools whose names begin with `group` and a dot.
    pub fn expect(&self, group: &str) {
        self.write().expected.insert(group.to_owned());
    }

    /// Has these be the tools whose names begin with `group` and a dot, at once for everybody. Returns why some were
    /// left out.
    pub fn replace(&self, group: &str, tools: Vec<Arc<dyn Tool>>) -> Vec<RegisterError> {
        let mut problems = Vec::new();
        let mut group_of_names = BTreeMap::new();
        let prefix = format!("{group}.");
        for tool in tools {
            let name = tool.name().to_owned();
            if !name.starts_with(&prefix) || group_of_names.contains_key(&name) {
                problems.push(RegisterError::Taken(name));
                continue;
            }
            match Registered::new(tool) {
                Ok(registered) => drop(group_of_names.insert(name, Arc::new(registered))),
                Err(problem) => problems.push(problem),
            }
        }
        let mut known = self.write();
        known.expected.remove(group);
        known.by_name.retain(|name, _| !name.starts_with(&prefix));
        known.by_name.append(&mut group_of_names);
        problems
    }

    /// The tool with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<dyn Tool>> {
        self.read().by_name.get(name).map(|registered| Arc::clone(&registered.tool))
    }

    /// Whose words this result of a tool is.
    #[must_use]
    pub fn origin_of(&self, name: &str, result: &Value) -> Origin {
        self.get(name).map_or(Origin::Own, |tool| tool.origin_of(result))
    }

    /// The names of all tools, sorted, also of those that nobody may call.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.read().by_name.keys().cloned().collect()
    }

    /// The names of all tools, and `group.` for each group whose tools are not known yet.
    #[must_use]
    pub fn names_and_groups(&self) -> Vec<String> {
        let known = self.read();
        let groups = known.expected.iter().map(|group| format!("{group}."));
        known.by_name.keys().cloned().chain(groups).collect()
    }

    /// What a workflow is checked against.
    #[must_use]
    pub fn catalog(&self) -> IndexMap<String, CatalogTool> {
        let entry = |(name, registered): (&String, &Arc<Registered>)| {
            let tool = CatalogTool {
                description: registered.tool.description().to_owned(),
                parameters: registered.parameters.clone(),
                effect: registered.tool.worst(),
                denied: self.policy.denial(name),
            };
            (name.clone(), tool)
        };
        self.read().by_name.iter().map(entry).collect()
    }

    /// The tools that `allow` names, as a model sees them, sorted by name. An entry is a name
    /// (`files.read`), a group (`files.*`), or `*` for all. What it names need not exist; what the workspace's policy does
    /// not allow is left out.
    #[must_use]
    pub fn specs<S: AsRef<str>>(&self, allow: &[S]) -> Vec<ToolSpec> {
        let listed = |name: &str| allow.iter().any(|entry| allows(entry.as_ref(), name));
        let allowed = |name: &str| listed(name) && self.policy.denial(name).is_none();
        let spec = |(name, registered): (&String, &Arc<Registered>)| ToolSpec {
            name: name.clone(),
            description: registered.tool.description().to_owned(),
            parameters: registered.parameters.clone(),
        };
        self.read().by_name.iter().filter(|(name, _)| allowed(name)).map(spec).collect()
    }

    /// What a call would do. The arguments are checked first, so that the gate rules on what will really be called.
    ///
    /// # Errors
    /// [`ToolError::GiveUp`] if there is no such tool, nobody may call it, or the arguments do not satisfy its parameters.
    pub fn effect(&self, name: &str, arguments: &Value) -> Result<CallEffect, ToolError> {
        let registered = self.registered(name)?;
        registered.check(arguments)?;
        Ok(registered.tool.effect(arguments))
    }

    /// Makes a call, within the time that the tool says, and holds the result against what the tool declares. A call that
    /// changed the world has done so, whatever is wrong with its result: that is returned as `{unfit, result}`.
    ///
    /// # Errors
    /// [`ToolError`]: as [`Tools::effect`], or the call would do more than the permit says, or it failed, took too long,
    /// or yielded something that is not what the tool declares.
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
        let registered = self.registered(name)?;
        let (limit, changes) = (registered.tool.timeout(), effect.effect.changes_the_world());
        // Nothing of the tool is looked at again after a panic but what its next call sees, as after any failure.
        let made = AssertUnwindSafe(registered.tool.call(arguments, permit, caller)).catch_unwind();
        let result = match tokio::time::timeout(limit, made).await {
            Ok(Ok(result)) => result?,
            Ok(Err(_)) => return Err(checks::broken(name, changes)),
            Err(_) => return Err(checks::too_slow(name, limit, changes)),
        };
        match registered.wrong_with(&result) {
            None => Ok(result),
            Some(wrong) if changes => Ok(json!({ UNFIT: wrong, "result": result })),
            Some(wrong) => Err(ToolError::give_up("bad_result", wrong)),
        }
    }

    fn registered(&self, name: &str) -> Result<Arc<Registered>, ToolError> {
        if let Some(denial) = self.policy.denial(name) {
            return Err(ToolError::give_up("denied", denial));
        }
        let known = self.read();
        if let Some(registered) = known.by_name.get(name) {
            return Ok(Arc::clone(registered));
        }
        if let Some((group, _)) = name.split_once('.').filter(|(group, _)| known.expected.contains(*group)) {
            let message = format!(
                "what the server `{group}` offers is not known yet, so neither is `{name}`; `callboard tools check {group}` asks it"
            );
            return Err(ToolError::retry("unknown_tool", message));
        }
        let hint = nearest(name, known.by_name.keys().map(String::as_str)).map_or_else(
            || "`callboard tools` lists those that there are".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        Err(ToolError::give_up("unknown_tool", format!("there is no tool named `{name}`; {hint}")))
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registered {
    fn new(tool: Arc<dyn Tool>) -> Result<Self, RegisterError> {
        let bad = |reason: String| RegisterError::BadParameters { tool: tool.name().to_owned(), reason };
        let parameters = tool.parameters();
        if parameters.get("type").and_then(Value::as_str) != Some("object") {
            return Err(bad("`type` must be `object`".to_owned()));
        }
        let validator = jsonschema::validator_for(&parameters).map_err(|error| bad(error.to_string()))?;
        let bad = |reason: String| RegisterError::BadOutput { tool: tool.name().to_owned(), reason };
        let output = tool.output().map(|schema| jsonschema::validator_for(&schema)).transpose();
        let output = output.map_err(|error| bad(error.to_string()))?;
        Ok(Self { tool, parameters, validator, output })
    }
}

/// The field under which the result of a call that changed the world says that it is not what the tool declares.
const UNFIT: &str = "unfit";

/// What is wrong with the result of a call that took effect, if it is not what the tool declares.
pub(crate) fn unfit_in(result: &Value) -> Option<&str> {
    let fields = result.as_object().filter(|fields| fields.len() == 2 && fields.contains_key("result"))?;
    fields.get(UNFIT)?.as_str()
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
