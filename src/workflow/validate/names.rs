//! Names: of the form that expressions can use, unique, and not taken already.

use std::collections::HashMap;

use crate::workflow::problem::{Path, Problem, Problems};
use crate::workflow::yaml::Places;
use crate::workflow::{Outcome, Process, Step, Workflow};

/// The longest name, in bytes.
const MAX_NAME: usize = 64;
/// What the name of an item may not be, since expressions know these by other means.
const TAKEN: &[&str] = &["inputs", "vars", "run", "steps", "index", "event", "loop", "true", "false", "none", "self"];

/// Adds what is wrong with the workflow's names: that of the workflow, inputs, vars, steps, cases, choices and items.
pub(in crate::workflow) fn check_names(workflow: &Workflow, places: &Places, problems: &mut Problems) {
    let mut names = Names { places, problems, ids: HashMap::new() };
    let root = &Path::Root;
    names.name("workflow", &workflow.name, &root.key("name"));
    for (name, _) in &workflow.inputs {
        names.name("input", name, &root.key("inputs").key(name));
    }
    for (name, _) in &workflow.vars {
        names.name("var", name, &root.key("vars").key(name));
    }
    names.steps(&workflow.steps, &root.key("steps"));
}

struct Names<'a> {
    places: &'a Places,
    problems: &'a mut Problems,
    /// Where each id was met first.
    ids: HashMap<&'a str, String>,
}

impl<'a> Names<'a> {
    fn add(&mut self, problem: impl FnOnce() -> Problem) {
        let places = self.places;
        self.problems.add(|| places.locate(problem()));
    }

    fn name(&mut self, what: &str, name: &str, path: &Path<'_>) {
        if !is_name(name) {
            self.add(|| {
                Problem::new("bad_name", format!("`{name}` cannot be the name of this {what}"))
                    .at(path)
                    .suggest(format!("a small letter, then small letters, digits and `_`: {MAX_NAME} at most"))
            });
        }
    }

    fn steps(&mut self, steps: &'a [Step], path: &Path<'_>) {
        for (index, step) in steps.iter().enumerate() {
            let path = &path.index(index);
            self.name("step", step.id.as_str(), &path.key("id"));
            match self.ids.get(step.id.as_str()).cloned() {
                Some(first) => self.add(|| {
                    Problem::new("duplicate_id", format!("the id `{}` is taken by {first}", step.id))
                        .at(&path.key("id"))
                        .suggest("ids are unique in the file, bodies included")
                }),
                None => {
                    self.ids.insert(step.id.as_str(), path.to_string());
                }
            }
            self.process(&step.process, &path.key("process"));
        }
    }

    fn process(&mut self, process: &'a Process, path: &Path<'_>) {
        match process {
            Process::Branch { cases } => {
                let path = &path.key("branch");
                for case in cases.keys() {
                    self.outcome("case", case, &[Outcome::OTHERWISE, Outcome::ERROR, DONE], &path.key(case.as_str()));
                }
            }
            Process::Human(human) => {
                let path = &path.key("human");
                let path = &path.key("choices");
                for (index, choice) in human.choices.iter().enumerate() {
                    let path = &path.index(index);
                    self.outcome("choice", choice, &[Outcome::ERROR, DONE], path);
                    if human.choices[..index].contains(choice) {
                        self.add(|| {
                            Problem::new("duplicate_choice", format!("the choice `{choice}` is given twice")).at(path)
                        });
                    }
                }
            }
            Process::ForEach(for_each) => {
                let path = &path.key("for_each");
                self.name("item", &for_each.item_name, &path.key("as"));
                if TAKEN.contains(&&*for_each.item_name) {
                    let name = &for_each.item_name;
                    self.add(|| {
                        Problem::new("bad_name", format!("`{name}` means something else in expressions"))
                            .at(&path.key("as"))
                            .suggest("choose another name for the item")
                    });
                }
                self.steps(&for_each.steps, &path.key("steps"));
            }
            Process::Repeat(repeat) => self.steps(&repeat.steps, &path.key("repeat").key("steps")),
            _ => {}
        }
    }

    fn outcome(&mut self, what: &str, outcome: &Outcome, taken: &[&str], path: &Path<'_>) {
        self.name(what, outcome.as_str(), path);
        if taken.contains(&outcome.as_str()) {
            self.add(|| {
                Problem::new("bad_name", format!("no {what} may be named `{outcome}`: every such step has that end"))
                    .at(path)
                    .suggest("choose another name")
            });
        }
    }
}

/// Any end except skipped, as a need spells it.
const DONE: &str = "done";

/// True for `[a-z][a-z0-9_]*` of bearable length.
fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
