//! What an expression can name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use minijinja::value::{Enumerator, Object, Serde, Value as Dynamic};
use serde_json::Value;

/// The values that expressions can name: `inputs`, `vars`, `run`, `steps`, the item of a `for_each`, `index`, `event`.
///
/// Cheap to clone and to extend: values are shared, and turned into the language's own form at most once and only if an
/// expression asks for more than the value itself.
#[derive(Clone, Debug, Default)]
pub struct Scope(Arc<Names>);

#[derive(Clone, Debug, Default)]
struct Names {
    values: BTreeMap<Arc<str>, Arc<Entry>>,
    steps: Arc<Steps>,
}

/// What a step left behind, as expressions see it: `steps.ID.output`, `.outcome` and `.error`.
#[derive(Clone, Debug, Default)]
pub struct StepResult {
    /// Its output; null if it was skipped or has none.
    pub output: Arc<Value>,
    /// The outcome that it left by; `None` if it was skipped.
    pub outcome: Option<Arc<str>>,
    /// Why it failed; null if it did not.
    pub error: Arc<Value>,
}

#[derive(Clone, Debug, Default)]
struct Steps(BTreeMap<Arc<str>, Arc<StepEntry>>);

#[derive(Debug)]
struct StepEntry {
    output: Entry,
    outcome: Entry,
    error: Entry,
}

#[derive(Debug, Default)]
struct Entry {
    json: Arc<Value>,
    dynamic: OnceLock<Dynamic>,
}

impl Scope {
    /// A scope without any names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a name a value.
    pub fn set(&mut self, name: impl Into<Arc<str>>, value: impl Into<Arc<Value>>) {
        Arc::make_mut(&mut self.0).values.insert(name.into(), Arc::new(Entry::of(value.into())));
    }

    /// The same scope with one name more.
    #[must_use]
    pub fn with(mut self, name: impl Into<Arc<str>>, value: impl Into<Arc<Value>>) -> Self {
        self.set(name, value);
        self
    }

    /// Sets what a step left behind.
    pub fn set_step(&mut self, id: impl Into<Arc<str>>, result: StepResult) {
        let outcome = result.outcome.map_or(Value::Null, |outcome| Value::String(outcome.to_string()));
        let entry = StepEntry {
            output: Entry::of(result.output),
            outcome: Entry::of(Arc::new(outcome)),
            error: Entry::of(result.error),
        };
        Arc::make_mut(&mut Arc::make_mut(&mut self.0).steps).0.insert(id.into(), Arc::new(entry));
    }

    /// The value of a path such as `["steps", "gather", "output"]`, if the path leads all the way to one.
    pub(super) fn lookup(&self, path: &[&str]) -> Option<Cow<'_, Value>> {
        let (entry, rest) = match path {
            ["steps", id, field, rest @ ..] => (self.0.steps.0.get(*id)?.field(field)?, rest),
            ["steps", ..] | [] => return None,
            [name, rest @ ..] => (&**self.0.values.get(*name)?, rest),
        };
        rest.iter().try_fold(&*entry.json, |value, key| value.as_object()?.get(*key)).map(Cow::Borrowed)
    }

    pub(super) fn to_context(&self) -> Dynamic {
        Dynamic::from_dyn_object(self.0.clone())
    }
}

impl Entry {
    fn of(json: Arc<Value>) -> Self {
        Self { json, dynamic: OnceLock::new() }
    }

    fn dynamic(&self) -> Dynamic {
        self.dynamic.get_or_init(|| Dynamic::from(Serde(&*self.json))).clone()
    }
}

impl StepEntry {
    const FIELDS: &[&str] = &["output", "outcome", "error"];

    fn field(&self, name: &str) -> Option<&Entry> {
        match name {
            "output" => Some(&self.output),
            "outcome" => Some(&self.outcome),
            "error" => Some(&self.error),
            _ => None,
        }
    }
}

impl Object for Names {
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Dynamic> {
        match key {
            "steps" => Some(Dynamic::from_dyn_object(self.steps.clone())),
            _ => Some(self.values.get(key)?.dynamic()),
        }
    }

    fn get_value(self: &Arc<Self>, key: &Dynamic) -> Option<Dynamic> {
        self.get_value_by_str(key.as_str()?)
    }
}

impl Object for Steps {
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Dynamic> {
        Some(Dynamic::from_dyn_object(self.0.get(key)?.clone()))
    }

    fn get_value(self: &Arc<Self>, key: &Dynamic) -> Option<Dynamic> {
        self.get_value_by_str(key.as_str()?)
    }
}

impl Object for StepEntry {
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Dynamic> {
        Some(self.field(key)?.dynamic())
    }

    fn get_value(self: &Arc<Self>, key: &Dynamic) -> Option<Dynamic> {
        self.get_value_by_str(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(Self::FIELDS)
    }
}
