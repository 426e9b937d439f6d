//! The ten kinds of process, as the file spells them.

use indexmap::IndexMap;

use super::read::{Fields, Reader};
use super::tree::{Node, Tree, problem_at};
use crate::workflow::problem::Path;
use crate::workflow::{
    Condition, ForEach, Human, HumanDefault, OnError, Outcome, Planned, Process, Repeat, Step, Wait,
};

const KINDS: &[&str] =
    &["agent", "model", "tool", "transform", "branch", "for_each", "repeat", "workflow", "wait", "human"];
const FOR_EACH_KEYS: &[&str] = &["items", "as", "concurrency", "on_error", "steps"];
const REPEAT_KEYS: &[&str] = &["until", "while", "max", "steps"];
const WAIT_KEYS: &[&str] = &["for", "until", "event", "where", "timeout"];
const HUMAN_KEYS: &[&str] = &["ask", "choices", "form", "to", "default"];

impl Reader {
    pub(super) fn process(&mut self, node: &Node, path: &Path<'_>) -> Option<Process> {
        let kind = self.kind(node, path, KINDS, "process")?;
        let known: &[&str] = match kind {
            "agent" => &["agent", "goal", "plan"],
            "model" => &["model", "prompt", "system"],
            "workflow" => &["workflow", "version"],
            _ => &[kind],
        };
        let fields = self.fields(node, path, known)?;
        let inner = fields.get(kind)?;
        let at = &path.key(kind);
        Some(match kind {
            "agent" => Process::Agent {
                agent: self.required_text(&fields, path, kind),
                goal: self.required_text(&fields, path, "goal"),
                plan: self.optional(&fields, path, "plan", Self::plan).unwrap_or_default(),
            },
            "model" => Process::Model {
                model: self.required_text(&fields, path, kind),
                prompt: self.required_text(&fields, path, "prompt"),
                system: self.optional(&fields, path, "system", Self::text),
            },
            "tool" => Process::Tool { tool: self.required_text(&fields, path, kind) },
            "transform" => Process::Transform { value: inner.to_value() },
            "branch" => self.branch(inner, at)?,
            "for_each" => self.for_each(inner, at)?,
            "repeat" => self.repeat(inner, at)?,
            "workflow" => Process::Workflow {
                workflow: self.required_text(&fields, path, kind),
                version: self.optional(&fields, path, "version", Self::text),
            },
            "wait" => self.wait(inner, at)?,
            _ => self.human(inner, at)?,
        })
    }

    /// The calls that an agent is meant to make: a tool's name, or a tool with arguments.
    fn plan(&mut self, node: &Node, path: &Path<'_>) -> Option<Vec<Planned>> {
        self.items(node, path, "a list of tools: `[files.write]`", |reader, node, path| {
            if let Tree::Text(tool) = &node.value {
                return Some(Planned { tool: tool.clone(), with: IndexMap::new() });
            }
            let fields = reader.fields(node, path, &["tool", "with"])?;
            let tool = reader.required_text(&fields, path, "tool");
            Some(Planned { tool, with: reader.optional(&fields, path, "with", Self::values).unwrap_or_default() })
        })
    }

    fn required_text(&mut self, fields: &Fields<'_>, path: &Path<'_>, key: &str) -> String {
        self.required(fields, path, key, Self::text).unwrap_or_default()
    }

    fn branch(&mut self, node: &Node, path: &Path<'_>) -> Option<Process> {
        let Tree::Object(entries) = &node.value else {
            return self.wrong_type(node, path, "an object: cases with conditions");
        };
        let mut cases = IndexMap::with_capacity(entries.len());
        for (key, node) in entries {
            let path = &path.key(&key.text);
            let condition = self.condition(node, path).unwrap_or_else(|| {
                self.guesses.value(path);
                "true".to_owned()
            });
            cases.insert(Outcome::from(&*key.text), condition);
        }
        Some(Process::Branch { cases })
    }

    /// A condition: an expression, or plain true or false.
    fn condition(&mut self, node: &Node, path: &Path<'_>) -> Option<String> {
        match &node.value {
            Tree::Bool(value) => Some(value.to_string()),
            Tree::Text(text) => Some(text.clone()),
            _ => self.wrong_type(node, path, "a condition such as `{{ steps.check.output.ok }}`"),
        }
    }

    fn for_each(&mut self, node: &Node, path: &Path<'_>) -> Option<Process> {
        let fields = self.fields(node, path, FOR_EACH_KEYS)?;
        let items = self.required(&fields, path, "items", |_, node, _| Some(node.to_value()));
        let steps = self.body(&fields, path);
        let on_error = [("stop", OnError::Stop), ("collect", OnError::Collect)];
        Some(Process::ForEach(ForEach {
            item_name: self.optional(&fields, path, "as", Self::text).unwrap_or_else(|| ForEach::ITEM.to_owned()),
            concurrency: self.optional(&fields, path, "concurrency", Self::count).unwrap_or(1),
            on_error: self
                .optional(&fields, path, "on_error", |reader, node, path| reader.word(node, path, &on_error))
                .map_or(OnError::Stop, |(_, on_error)| on_error),
            items: items.unwrap_or_default(),
            steps,
        }))
    }

    fn body(&mut self, fields: &Fields<'_>, path: &Path<'_>) -> Vec<Step> {
        self.required(fields, path, "steps", Self::steps).unwrap_or_else(|| {
            self.guesses.steps(&path.key("steps"));
            Vec::new()
        })
    }

    fn repeat(&mut self, node: &Node, path: &Path<'_>) -> Option<Process> {
        let fields = self.fields(node, path, REPEAT_KEYS)?;
        let until = self.optional(&fields, path, "until", Self::condition).map(Condition::Until);
        let while_ = self.optional(&fields, path, "while", Self::condition).map(Condition::While);
        if fields.get("until").is_some() == fields.get("while").is_some() {
            self.report(|| {
                problem_at(node.mark, path, "bad_value", "a `repeat` has either `until` or `while`")
                    .suggest("`until` is tested after each body, `while` before")
            });
        }
        Some(Process::Repeat(Repeat {
            condition: until.or(while_).unwrap_or_else(|| Condition::Until("true".to_owned())),
            max: self.required(&fields, path, "max", Self::count).unwrap_or_default(),
            steps: self.body(&fields, path),
        }))
    }

    fn wait(&mut self, node: &Node, path: &Path<'_>) -> Option<Process> {
        let kind = self.kind(node, path, &["for", "until", "event"], "wait")?;
        let fields = self.fields(node, path, WAIT_KEYS)?;
        for key in fields.keys().filter(|key| *key != kind && kind != "event") {
            self.report(|| {
                let message = format!("`{key}` says something about an `event` only");
                problem_at(node.mark, &path.key(key), "unknown_key", message).suggest("remove it")
            });
        }
        Some(Process::Wait(match kind {
            "for" => Wait::For(self.required(&fields, path, kind, Self::duration).unwrap_or_default()),
            "until" => Wait::Until(self.required_text(&fields, path, kind)),
            _ => {
                let matching = self.optional(&fields, path, "where", Self::condition);
                let timeout = self.optional(&fields, path, "timeout", Self::duration);
                Wait::Event { name: self.required_text(&fields, path, kind), matching, timeout }
            }
        }))
    }

    fn human(&mut self, node: &Node, path: &Path<'_>) -> Option<Process> {
        if let Tree::Text(ask) = &node.value {
            return Some(Process::Human(Human::asking(ask.clone())));
        }
        let fields = self.fields(node, path, HUMAN_KEYS)?;
        let ask = self.required_text(&fields, path, "ask");
        let choices = self.optional(&fields, path, "choices", |reader, node, path| {
            let choices = reader.items(node, path, "a list of outcomes: `[approved, rejected]`", Self::text)?;
            Some(choices.iter().map(|choice| Outcome::from(&**choice)).collect())
        });
        let to = self.optional(&fields, path, "to", |reader, node, path| {
            reader.items(node, path, "a list of people: `[maria]`", Self::text)
        });
        let form = self.optional(&fields, path, "form", Self::schema);
        let default = self.optional(&fields, path, "default", |reader, node, path| {
            let fields = reader.fields(node, path, &["after", "outcome"])?;
            let after = reader.required(&fields, path, "after", Self::duration);
            let outcome = reader.required(&fields, path, "outcome", Self::text);
            let outcome = Outcome::from(&*outcome.unwrap_or_default());
            Some(HumanDefault { after: after.unwrap_or_default(), outcome })
        });
        let usual = Human::asking(ask);
        Some(Process::Human(Human {
            choices: choices.unwrap_or_else(|| usual.choices.clone()),
            to: to.unwrap_or_default(),
            form,
            default,
            ..usual
        }))
    }
}
