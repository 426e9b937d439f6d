//! Expressions: that they can be compiled, and that all they name is there when they are evaluated.

use std::collections::HashMap;

use serde_json::Value;

use super::Checker;
use super::ancestry::Ancestry;
use crate::workflow::expression::{ExpressionError, Reference, StepField, references_of_condition, references_of_text};
use crate::workflow::problem::{Path, Problem, nearest, suggest_name};
use crate::workflow::{Condition, Process, Step, Wait};

/// Adds what is wrong with every expression.
pub(super) fn check(checker: &mut Checker<'_>) {
    let workflow = checker.workflow;
    let root = &Path::Root;
    let mut owners = HashMap::new();
    note_owners(&workflow.steps, None, &mut owners);
    let mut walk = Walk { checker, owners, lists: Vec::new(), names: Vec::new() };
    let list = walk.list(&workflow.steps, &root.key("steps"));
    if let Some(result) = &workflow.result {
        walk.lists.push(list);
        walk.value(result, &root.key("result"));
    }
}

/// The step whose body each step is in.
fn note_owners<'s>(steps: &'s [Step], owner: Option<&'s str>, owners: &mut HashMap<&'s str, Option<&'s str>>) {
    for step in steps {
        owners.insert(step.id.as_str(), owner);
        if let Some(body) = step.process.body() {
            note_owners(body, Some(step.id.as_str()), owners);
        }
    }
}

/// Stands for an item whose name cannot be read: no name is unknown then.
const ANY: &str = "";

struct Walk<'a, 'c> {
    checker: &'a mut Checker<'c>,
    owners: HashMap<&'c str, Option<&'c str>>,
    /// The lists around, outermost first.
    lists: Vec<List<'c>>,
    /// The other names around: items, `index`, `event`.
    names: Vec<&'c str>,
}

/// A list that is being looked at.
struct List<'c> {
    by_id: HashMap<&'c str, usize>,
    steps: &'c [Step],
    /// The step whose expressions are looked at; all steps of the list are known if `None`.
    current: Option<usize>,
    /// Steps that must come before others, where that is not plain from the needs: answered all together.
    questions: Vec<(usize, usize, String)>,
}

impl<'c> List<'c> {
    fn of(steps: &'c [Step]) -> Self {
        let by_id = steps.iter().enumerate().map(|(index, step)| (step.id.as_str(), index)).collect();
        Self { by_id, steps, current: None, questions: Vec::new() }
    }
}

impl<'c> Walk<'_, 'c> {
    /// Looks at all steps of a list, and hands it back with all its steps known.
    fn list(&mut self, steps: &'c [Step], path: &Path<'_>) -> List<'c> {
        self.lists.push(List::of(steps));
        for (index, step) in steps.iter().enumerate() {
            if let Some(list) = self.lists.last_mut() {
                list.current = Some(index);
            }
            self.step(step, &path.index(index));
        }
        let mut list = self.lists.pop().unwrap_or_else(|| List::of(steps));
        self.answer(&mut list, path);
        list.current = None;
        list
    }

    fn answer(&mut self, list: &mut List<'c>, path: &Path<'_>) {
        let questions = std::mem::take(&mut list.questions);
        let guesses = self.checker.places.guesses();
        let any_guessed = || (0..list.steps.len()).any(|step| guesses.touch(&path.index(step).key("needs")));
        if questions.is_empty() || guesses.may_miss_steps() || any_guessed() {
            return;
        }
        let index_of = |id: &str| list.by_id.get(id).copied();
        let needs = list.steps.iter().map(|step| {
            let mut needs: Vec<usize> = step.needs.iter().filter_map(|need| index_of(need.step.as_str())).collect();
            needs.sort_unstable();
            needs.dedup();
            needs
        });
        let ancestry = Ancestry::of(needs.collect());
        if !ancestry.is_acyclic() {
            return;
        }
        let pairs: Vec<_> = questions.iter().map(|(step, other, _)| (*step, *other)).collect();
        for wrong in ancestry.not_before(&pairs) {
            let (step, other, path) = &questions[wrong];
            let (step, other) = (&list.steps[*step].id, &list.steps[*other].id);
            self.checker.add(|| {
                let mut problem = Problem::new("not_before", format!("`{other}` does not come before `{step}`"))
                    .suggest(format!("let `{step}` need `{other}`, directly or through other steps"));
                problem.place.path.clone_from(path);
                problem
            });
        }
    }

    fn step(&mut self, step: &'c Step, path: &Path<'_>) {
        let input = &path.key("input");
        for (name, value) in &step.input {
            self.value(value, &input.key(name));
        }
        let path = &path.key("process");
        match &step.process {
            Process::Agent { goal, plan, .. } => {
                self.text(goal, &path.key("goal"));
                for (index, planned) in plan.iter().enumerate() {
                    for (name, value) in &planned.with {
                        self.value(value, &path.key("plan").index(index).key("with").key(name));
                    }
                }
            }
            Process::Model { prompt, system, .. } => {
                self.text(prompt, &path.key("prompt"));
                if let Some(system) = system {
                    self.text(system, &path.key("system"));
                }
            }
            Process::Transform { value } => self.value(value, &path.key("transform")),
            Process::Branch { cases } => {
                let path = &path.key("branch");
                for (case, condition) in cases {
                    self.condition(condition, &path.key(case.as_str()));
                }
            }
            Process::ForEach(for_each) => {
                let path = &path.key("for_each");
                self.value(&for_each.items, &path.key("items"));
                let item = if self.checker.places.guesses().touch(&path.key("as")) { ANY } else { &for_each.item_name };
                self.with_names(&[item, "index"], |walk| {
                    walk.list(&for_each.steps, &path.key("steps"));
                });
            }
            Process::Repeat(repeat) => {
                let path = &path.key("repeat");
                self.with_names(&["index"], |walk| {
                    let body = walk.list(&repeat.steps, &path.key("steps"));
                    walk.lists.push(body);
                    match &repeat.condition {
                        Condition::Until(condition) => walk.condition(condition, &path.key("until")),
                        Condition::While(condition) => walk.condition(condition, &path.key("while")),
                    }
                    walk.lists.pop();
                });
            }
            Process::Wait(wait) => {
                let path = &path.key("wait");
                match wait {
                    Wait::For(_) => {}
                    Wait::Until(instant) => self.text(instant, &path.key("until")),
                    Wait::Event { name, matching, .. } => {
                        self.text(name, &path.key("event"));
                        if let Some(matching) = matching {
                            self.with_names(&["event"], |walk| walk.condition(matching, &path.key("where")));
                        }
                    }
                }
            }
            Process::Human(human) => {
                let path = &path.key("human");
                self.text(&human.ask, &path.key("ask"));
            }
            Process::Tool { .. } | Process::Workflow { .. } => {}
        }
    }

    fn with_names(&mut self, names: &[&'c str], look: impl FnOnce(&mut Self)) {
        let before = self.names.len();
        self.names.extend(names);
        look(self);
        self.names.truncate(before);
    }

    fn value(&mut self, value: &Value, path: &Path<'_>) {
        match value {
            Value::String(text) => self.text(text, path),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(item, &path.index(index));
                }
            }
            Value::Object(entries) => {
                for (key, value) in entries {
                    self.value(value, &path.key(key));
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, path: &Path<'_>) {
        self.references(references_of_text(text), path);
    }

    fn condition(&mut self, condition: &str, path: &Path<'_>) {
        self.references(references_of_condition(condition), path);
    }

    fn references(&mut self, found: Result<Vec<Reference>, ExpressionError>, path: &Path<'_>) {
        match found {
            Ok(found) => found.into_iter().for_each(|reference| self.reference(&reference, path)),
            Err(error) => self.checker.add(|| Problem::new("bad_expression", error.message).at(path)),
        }
    }

    fn reference(&mut self, reference: &Reference, path: &Path<'_>) {
        let workflow = self.checker.workflow;
        let guesses = self.checker.places.guesses();
        match reference {
            Reference::Input(Some(_)) if guesses.covers("inputs") => {}
            Reference::Var(Some(_)) if guesses.covers("vars") => {}
            Reference::Input(Some(name)) if !workflow.inputs.contains_key(name) => self.checker.add(|| {
                Problem::new("unknown_input", format!("there is no input `{name}`"))
                    .at(path)
                    .maybe_suggest(suggest_name(name, workflow.inputs.keys().map(String::as_str)))
            }),
            Reference::Var(Some(name)) if !workflow.vars.contains_key(name) => self.checker.add(|| {
                Problem::new("unknown_var", format!("there is no var `{name}`"))
                    .at(path)
                    .maybe_suggest(suggest_name(name, workflow.vars.keys().map(String::as_str)))
            }),
            Reference::Step { id, field } => {
                if let Some(StepField::Other(other)) = field {
                    self.checker.add(|| {
                        let suggestion = match nearest(other, ["output", "outcome", "error"]) {
                            Some(near) => format!("did you mean `steps.{id}.{near}`?"),
                            None => format!("did you mean `steps.{id}.output.{other}`?"),
                        };
                        Problem::new(
                            "unknown_field",
                            format!("a step has `output`, `outcome` and `error`, no `{other}`"),
                        )
                        .at(path)
                        .suggest(suggestion)
                    });
                }
                self.step_reference(id, path);
            }
            Reference::Name(_) if self.names.contains(&ANY) => {}
            Reference::Name(name) if !self.names.contains(&name.as_str()) => self.unknown_name(name, path),
            _ => {}
        }
    }

    fn step_reference(&mut self, id: &str, path: &Path<'_>) {
        for list in self.lists.iter_mut().rev() {
            let Some(&other) = list.by_id.get(id) else { continue };
            if list.current == Some(other) {
                self.checker.add(|| {
                    Problem::new("not_before", format!("`{id}` has not ended yet when this is evaluated"))
                        .at(path)
                        .suggest("name a step that comes before")
                });
            } else if let Some(current) = list.current
                && !list.steps[current].needs.iter().any(|need| need.step.as_str() == id)
            {
                list.questions.push((current, other, path.to_string()));
            }
            return;
        }
        match self.owners.get(id) {
            Some(owner) => {
                let owner = owner.unwrap_or_default();
                self.checker.add(|| {
                    Problem::new("unknown_step", format!("`{id}` is in the body of `{owner}` and is not known outside"))
                        .at(path)
                        .suggest(format!("`steps.{owner}.output` holds what the body comes to"))
                });
            }
            None if self.checker.places.guesses().may_miss_steps() => {}
            None => self.checker.add(|| {
                let known = self.lists.iter().flat_map(|list| list.steps).map(|step| step.id.as_str());
                Problem::new("unknown_step", format!("there is no step `{id}`"))
                    .at(path)
                    .maybe_suggest(suggest_name(id, known))
            }),
        }
    }

    fn unknown_name(&mut self, name: &str, path: &Path<'_>) {
        let suggestion = if name == "steps" {
            Some("name the step: `steps.ID.output`".to_owned())
        } else if self.owners.contains_key(name) {
            Some(format!("did you mean `steps.{name}.output`?"))
        } else if self.checker.workflow.inputs.contains_key(name) {
            Some(format!("did you mean `inputs.{name}`?"))
        } else if self.checker.workflow.vars.contains_key(name) {
            Some(format!("did you mean `vars.{name}`?"))
        } else {
            suggest_name(name, self.names.iter().copied().chain(["inputs", "vars", "run", "steps"]))
        };
        self.checker.add(|| {
            let message = match name {
                "steps" => "`steps` cannot be used as a whole".to_owned(),
                _ => format!("`{name}` means nothing here"),
            };
            Problem::new("unknown_name", message).at(path).maybe_suggest(suggestion)
        });
    }
}
