//! Two edited copies of one workflow made into one, step by step.
//!
//! What only one side changed is taken over; what both changed in the same way, too. It is a conflict if both changed
//! one step, field or order differently, or if what each did is fine by itself and together it is not.

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::{IndexMap, IndexSet};
use serde::Serialize;
use serde_json::Value;

use super::hash::{canonical_json, step_hash};
use super::validate::structure;
use super::yaml::step_to_json;
use super::{Step, StepId, Workflow};

/// Something that cannot be merged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conflict {
    /// What it is about: `description`, `inputs.topic`, the id of a step as `steps.write`, or a path.
    pub about: String,
    /// What is the matter, in a sentence.
    pub message: String,
    /// How it was before either side changed it; `None` if it was not there.
    pub base: Option<Value>,
    /// How our side has it; `None` if it is not there.
    pub ours: Option<Value>,
    /// How their side has it; `None` if it is not there.
    pub theirs: Option<Value>,
}

/// Merges what two sides made of `base`.
///
/// # Errors
/// Everything that cannot be merged.
pub fn merge(base: &Workflow, ours: &Workflow, theirs: &Workflow) -> Result<Workflow, Vec<Conflict>> {
    let mut merge = Merge { conflicts: Vec::new() };
    let merged = Workflow {
        name: merge.field("name", &base.name, &ours.name, &theirs.name, |name| name.clone().into()),
        description: merge.field("description", &base.description, &ours.description, &theirs.description, |text| {
            text.clone().into()
        }),
        inputs: merge.entries("inputs", &base.inputs, &ours.inputs, &theirs.inputs),
        vars: merge.entries("vars", &base.vars, &ours.vars, &theirs.vars),
        triggers: merge.field("triggers", &base.triggers, &ours.triggers, &theirs.triggers, |triggers| {
            super::yaml::triggers_to_json(triggers)
        }),
        steps: merge.list("steps", Sides { base: &base.steps, ours: &ours.steps, theirs: &theirs.steps }),
        result: merge.value("result", base.result.as_ref(), ours.result.as_ref(), theirs.result.as_ref()),
    };
    if merge.conflicts.is_empty() {
        merge.together(&merged, &[base, ours, theirs]);
    }
    if merge.conflicts.is_empty() { Ok(merged) } else { Err(merge.conflicts) }
}

/// Which side's version to take.
enum Choice {
    Ours,
    Theirs,
}

fn choose<K: PartialEq>(base: &K, ours: &K, theirs: &K) -> Option<Choice> {
    if ours == theirs || theirs == base {
        Some(Choice::Ours)
    } else if ours == base {
        Some(Choice::Theirs)
    } else {
        None
    }
}

#[derive(Clone, Copy)]
struct Sides<'a> {
    base: &'a [Step],
    ours: &'a [Step],
    theirs: &'a [Step],
}

struct Merge {
    conflicts: Vec<Conflict>,
}

impl Merge {
    fn conflict(&mut self, about: &str, message: &str, values: [Option<Value>; 3]) {
        let [base, ours, theirs] = values;
        self.conflicts.push(Conflict { about: about.to_owned(), message: message.to_owned(), base, ours, theirs });
    }

    fn field<T: Clone + PartialEq>(
        &mut self,
        about: &str,
        base: &T,
        ours: &T,
        theirs: &T,
        show: impl Fn(&T) -> Value,
    ) -> T {
        match choose(base, ours, theirs) {
            Some(Choice::Ours) => ours.clone(),
            Some(Choice::Theirs) => theirs.clone(),
            None => {
                self.conflict(about, "both sides changed it", [base, ours, theirs].map(|value| Some(show(value))));
                ours.clone()
            }
        }
    }

    fn value(
        &mut self,
        about: &str,
        base: Option<&Value>,
        ours: Option<&Value>,
        theirs: Option<&Value>,
    ) -> Option<Value> {
        let [base_text, ours_text, theirs_text] = [base, ours, theirs].map(|value| value.map(canonical_json));
        match choose(&base_text, &ours_text, &theirs_text) {
            Some(Choice::Ours) => ours.cloned(),
            Some(Choice::Theirs) => theirs.cloned(),
            None => {
                self.conflict(about, "both sides changed it", [base, ours, theirs].map(Option::<&Value>::cloned));
                ours.cloned()
            }
        }
    }

    fn entries(
        &mut self,
        about: &str,
        base: &IndexMap<String, Value>,
        ours: &IndexMap<String, Value>,
        theirs: &IndexMap<String, Value>,
    ) -> IndexMap<String, Value> {
        let names: IndexSet<&String> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
        let mut merged = IndexMap::new();
        for name in names {
            let value = self.value(&format!("{about}.{name}"), base.get(name), ours.get(name), theirs.get(name));
            if let Some(value) = value {
                merged.insert(name.clone(), value);
            }
        }
        merged
    }

    fn list(&mut self, about: &str, sides: Sides<'_>) -> Vec<Step> {
        let by_id = |steps: &'_ [Step]| -> HashMap<StepId, usize> {
            steps.iter().enumerate().map(|(index, step)| (step.id.clone(), index)).collect()
        };
        let (base_ids, our_ids, their_ids) = (by_id(sides.base), by_id(sides.ours), by_id(sides.theirs));
        let ids: IndexSet<&StepId> =
            [sides.base, sides.ours, sides.theirs].into_iter().flatten().map(|step| &step.id).collect();
        let mut merged: HashMap<&StepId, Step> = HashMap::new();
        for id in ids {
            let base = base_ids.get(id).map(|index| &sides.base[*index]);
            let ours = our_ids.get(id).map(|index| &sides.ours[*index]);
            let theirs = their_ids.get(id).map(|index| &sides.theirs[*index]);
            if let Some(step) = self.step(&format!("steps.{id}"), base, ours, theirs) {
                merged.insert(id, step);
            }
        }
        let order = self.order(about, sides, &merged);
        order.iter().filter_map(|id| merged.remove(id)).collect()
    }

    fn step(&mut self, about: &str, base: Option<&Step>, ours: Option<&Step>, theirs: Option<&Step>) -> Option<Step> {
        let [base_hash, our_hash, their_hash] = [base, ours, theirs].map(|step| step.map(step_hash));
        match choose(&base_hash, &our_hash, &their_hash) {
            Some(Choice::Ours) => return ours.cloned(),
            Some(Choice::Theirs) => return theirs.cloned(),
            None => {}
        }
        if let (Some(base), Some(ours), Some(theirs)) = (base, ours, theirs)
            && let Some(step) = self.around_body(about, base, ours, theirs)
        {
            return Some(step);
        }
        let message = match (base, ours, theirs) {
            (None, ..) => "both sides added a step with this id",
            (_, None, _) => "our side removed the step, and theirs changed it",
            (_, _, None) => "their side removed the step, and ours changed it",
            _ => "both sides changed the step",
        };
        self.conflict(about, message, [base, ours, theirs].map(|step| step.map(step_to_json)));
        ours.cloned()
    }

    /// Merges steps that have bodies by merging the bodies, if not both sides changed what is around them.
    fn around_body(&mut self, about: &str, base: &Step, ours: &Step, theirs: &Step) -> Option<Step> {
        let sides = Sides { base: base.process.body()?, ours: ours.process.body()?, theirs: theirs.process.body()? };
        let [base, ours, theirs] = [base, ours, theirs].map(Step::without_body);
        let mut step = match choose(&step_hash(&base), &step_hash(&ours), &step_hash(&theirs))? {
            Choice::Ours => ours,
            Choice::Theirs => theirs,
        };
        *step.process.body_mut()? = self.list(about, sides);
        Some(step)
    }

    /// The order of the merged steps: that of the steps that both sides have, and behind each of them what one side or
    /// the other added there.
    fn order(&mut self, about: &str, sides: Sides<'_>, merged: &HashMap<&StepId, Step>) -> Vec<StepId> {
        let ids = |steps: &[Step]| -> HashSet<StepId> { steps.iter().map(|step| step.id.clone()).collect() };
        let (base_ids, our_ids, their_ids) = (ids(sides.base), ids(sides.ours), ids(sides.theirs));
        let common = |id: &StepId| merged.contains_key(id) && our_ids.contains(id) && their_ids.contains(id);
        let of = |steps: &[Step]| -> Vec<StepId> { steps.iter().map(|step| step.id.clone()).filter(common).collect() };
        let old =
            |order: &[StepId]| -> Vec<StepId> { order.iter().filter(|id| base_ids.contains(*id)).cloned().collect() };
        let (base_order, our_order, their_order) = (of(sides.base), of(sides.ours), of(sides.theirs));
        let (our_old, their_old) = (old(&our_order), old(&their_order));
        let order = match choose(&base_order, &our_old, &their_old) {
            // What both added, each at another place, is put where the order is smaller: the same whoever merges.
            Some(_) if our_old == their_old => our_order.min(their_order),
            Some(Choice::Ours) => our_order,
            Some(Choice::Theirs) => their_order,
            None => {
                let show = |order: &[StepId]| Some(order.iter().map(StepId::as_str).collect::<Value>());
                let values = [show(&base_order), show(&our_order), show(&their_order)];
                self.conflict(about, "both sides put the steps in another order", values);
                our_order
            }
        };
        let mut behind: BTreeMap<Option<StepId>, Vec<Vec<StepId>>> = BTreeMap::new();
        for steps in [sides.ours, sides.theirs] {
            let mut last = None;
            let mut run: Vec<StepId> = Vec::new();
            for step in steps.iter().filter(|step| merged.contains_key(&step.id)) {
                if common(&step.id) {
                    behind.entry(last.replace(step.id.clone())).or_default().push(std::mem::take(&mut run));
                } else {
                    run.push(step.id.clone());
                }
            }
            behind.entry(last).or_default().push(run);
        }
        let mut result = Vec::with_capacity(merged.len());
        for anchor in std::iter::once(None).chain(order.into_iter().map(Some)) {
            let mut runs = behind.remove(&anchor).unwrap_or_default();
            runs.sort_unstable();
            result.extend(anchor);
            result.extend(runs.into_iter().flatten());
        }
        result
    }

    /// Adds what is wrong with the whole, though with neither side.
    fn together(&mut self, merged: &Workflow, sides: &[&Workflow; 3]) {
        let known: HashSet<(&str, String)> = sides
            .iter()
            .flat_map(|workflow| structure(workflow))
            .map(|problem| (problem.code, problem.message))
            .collect();
        for problem in structure(merged) {
            if !known.contains(&(problem.code, problem.message.clone())) {
                let message = format!("what both sides did does not go together: {}", problem.message);
                self.conflict(&problem.place.path, &message, [None, None, None]);
            }
        }
    }
}
