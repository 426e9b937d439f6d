//! What a model asks for, as edits of the closed set: needs are worked out, and what was not said stays as it is.

use serde_json::{Map, Value, json};

use super::patch;
use crate::model::edits::{Asked, Case, Pair, Tested, WaitFor, Work};
use crate::workflow::edit::{self, Edit};
use crate::workflow::yaml::{step_from_json, step_to_json, to_json};
use crate::workflow::{Join, Need, Outcome, Port, Problem, Step, StepId, Workflow, yaml};

/// The edits that one thing that was asked comes to. `workflow` is what it is asked of, and what was applied so far.
///
/// # Errors
/// All that makes no sense about it.
pub(super) fn resolve(asked: &Asked, workflow: &Workflow) -> Result<Vec<Edit>, Vec<Problem>> {
    match asked {
        Asked::Add { step, work, input, set, after, before, within } => {
            let added = Added { id: step, work, input, set };
            let place = Place::find(workflow, after, before, within.as_deref())?;
            let mut new = added.step(&place.needs)?;
            let position = added.position()?.unwrap_or(place.position);
            new.join = joined(&new, set, place.join);
            let add = Edit::AddStep { step: new, body_of: place.body_of.clone(), position: Some(position) };
            Ok(std::iter::once(add).chain(place.waiting(&StepId::from(step.as_str()))).collect())
        }
        Asked::Change { step, set } => change(workflow, step, set),
        Asked::Remove { step } => Ok(vec![Edit::RemoveStep { id: find(workflow, step)?.id.clone() }]),
        Asked::Rename { step, to } => {
            Ok(vec![Edit::RenameStep { id: find(workflow, step)?.id.clone(), to: StepId::from(to.as_str()) }])
        }
        Asked::Move { step, after, before, within } => relocate(workflow, step, after, before, within.as_deref()),
        Asked::Workflow { set } => settings(workflow, set),
    }
}

/// What was asked makes no sense.
pub(super) fn wrong(code: &'static str, message: impl Into<String>) -> Vec<Problem> {
    vec![Problem::new(code, message)]
}

/// Where a step is to be: its list, its place there, what it needs, and who is to wait for it.
struct Place {
    body_of: Option<StepId>,
    position: usize,
    needs: Vec<Need>,
    /// How many of its needs must come true, if it takes over what others needed.
    join: Option<Join>,
    /// The steps that are to wait for it, as they are, each with the needs that it takes the place of.
    followers: Vec<(Step, Vec<Need>)>,
}

impl Place {
    fn find(
        workflow: &Workflow,
        after: &[String],
        before: &[String],
        within: Option<&str>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut needs: Vec<Need> = after.iter().filter(|need| !need.is_empty()).map(|need| patch::need(need)).collect();
        let body_of = if let Some(owner) = within {
            let owner = find(workflow, owner)?;
            if owner.process.body().is_none() {
                let message = format!("`{}` is no loop: only `for_each` and `repeat` have a body", owner.id);
                return Err(wrong("no_body", message));
            }
            // The loop itself is where the body begins.
            needs.retain(|need| need.step != owner.id);
            Some(owner.id.clone())
        } else {
            let named = needs.first().map(|need| need.step.as_str()).or(before.first().map(String::as_str));
            named.and_then(|id| list_of(workflow, id)).and_then(|(owner, _)| owner)
        };
        let list = body(workflow, body_of.as_ref());
        let here = |id: &StepId| list.iter().position(|step| step.id == *id);
        let place =
            body_of.as_ref().map_or_else(|| "the workflow's own list".to_owned(), |id| format!("the body of `{id}`"));
        for need in &needs {
            if here(&need.step).is_none() {
                problems.push(elsewhere(workflow, &need.step, &place));
            }
        }
        let mut followers = Vec::new();
        for id in before.iter().filter(|id| !id.is_empty()) {
            match here(&patch::need(id).step) {
                Some(at) => followers.push(&list[at]),
                None => problems.push(elsewhere(workflow, &StepId::from(id.as_str()), &place)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let takes_over = needs.is_empty();
        if takes_over {
            // Before a step, and after nothing that was named: after what that step waited for.
            for need in followers.iter().flat_map(|step| &step.needs) {
                if !needs.contains(need) {
                    needs.push(need.clone());
                }
            }
        }
        let behind = needs.iter().filter_map(|need| here(&need.step)).max();
        let first = followers.iter().filter_map(|step| here(&step.id)).min();
        let position = first.or(behind.map(|at| at + 1)).unwrap_or(list.len());
        let join =
            if takes_over { followers.iter().map(|step| step.join).find(|join| *join == Join::Any) } else { None };
        let is_replaced = |need: &&Need| needs.iter().any(|own| own == *need || is_main_of(own, need));
        let followers = followers
            .into_iter()
            .map(|step| (step.clone(), step.needs.iter().filter(is_replaced).cloned().collect()))
            .collect();
        Ok(Self { body_of, position, needs, join, followers })
    }

    /// Has the followers wait for the step.
    fn waiting(&self, id: &StepId) -> impl Iterator<Item = Edit> {
        let new = Need { step: id.clone(), port: Port::Main };
        self.followers.iter().map(move |(step, replaced)| {
            let mut step = step.clone();
            let at = step.needs.iter().position(|need| replaced.contains(need)).unwrap_or(step.needs.len());
            step.needs.retain(|need| !replaced.contains(need) && *need != new);
            step.needs.insert(at.min(step.needs.len()), new.clone());
            Edit::ReplaceStep { step }
        })
    }
}

fn elsewhere(workflow: &Workflow, id: &StepId, place: &str) -> Problem {
    match list_of(workflow, id.as_str()) {
        None => find(workflow, id.as_str())
            .err()
            .and_then(|mut problems| problems.pop())
            .unwrap_or_else(|| Problem::new("unknown_step", format!("there is no step `{id}`"))),
        Some((Some(owner), _)) => {
            Problem::new("other_list", format!("`{id}` is in the body of `{owner}`, and not in {place}"))
                .suggest(format!("say within `{owner}`, or name the loop itself"))
        }
        Some((None, _)) => Problem::new("other_list", format!("`{id}` is not in {place}"))
            .suggest("a step of a body can need, and be needed by, only steps of the same body; leave the need out"),
    }
}

/// A step that is to be made.
struct Added<'a> {
    id: &'a str,
    work: &'a Work,
    input: &'a [Pair],
    set: &'a [Pair],
}

impl Added<'_> {
    fn step(&self, needs: &[Need]) -> Result<Step, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut input = Map::new();
        for pair in self.input {
            match pair.value() {
                Ok(Some(value)) => drop(input.insert(pair.name.clone(), value)),
                // An argument that is not given.
                Ok(None) => {}
                Err(why) => problems.push(Problem::new("bad_value", why)),
            }
        }
        let process = process(self.work).unwrap_or_else(|why| {
            problems.push(Problem::new("bad_process", why));
            Value::Null
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut file = json!({
            "id": self.id,
            "needs": needs.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "process": process,
        });
        if !input.is_empty() {
            file["input"] = input.into();
        }
        let set: Vec<&Pair> = self.set.iter().filter(|pair| pair.name != POSITION).collect();
        patch::patch(&mut file, &set)?;
        step_from_json(&file)
    }

    /// The place in its list, if one is set.
    fn position(&self) -> Result<Option<usize>, Vec<Problem>> {
        let pair = self.set.iter().find(|pair| pair.name == POSITION);
        pair.map(position).transpose().map_err(|why| wrong("bad_value", why))
    }
}

/// The name under which a place in a list is set.
const POSITION: &str = "position";

fn position(pair: &Pair) -> Result<usize, String> {
    let value = pair.value()?.unwrap_or_default();
    let place = value.as_u64().and_then(|place| usize::try_from(place).ok());
    place.ok_or_else(|| format!("`position` is a whole number from 0, and not {value}"))
}

/// A step that takes over what others needed joins it as they did. One after several outcomes of one step runs after any of
/// them: a step never leaves by two.
fn joined(step: &Step, set: &[Pair], taken_over: Option<Join>) -> Join {
    let says = set.iter().any(|pair| pair.name == "join");
    let excludes = |a: &Need, b: &Need| a != b && a.step == b.step;
    let exclusive = step.needs.iter().any(|a| step.needs.iter().any(|b| excludes(a, b)));
    match taken_over {
        _ if says => step.join,
        Some(join) => join,
        None if exclusive => Join::Any,
        None => step.join,
    }
}

/// Whether a bare need means the same as this one, which names the regular outcome. A need for a case, a refusal or an error
/// means something else.
fn is_main_of(bare: &Need, named: &Need) -> bool {
    let is_regular = |outcome: &Outcome| [Outcome::OK, Outcome::APPROVED].contains(&outcome.as_str());
    bare.step == named.step
        && bare.port == Port::Main
        && matches!(&named.port, Port::Named(outcome) if is_regular(outcome))
}

/// A process in the file's format.
fn process(work: &Work) -> Result<Value, String> {
    Ok(match work {
        Work::Tool { tool } => json!({ "tool": tool }),
        Work::Agent { agent, goal } => json!({ "agent": agent, "goal": goal }),
        Work::Model { prompt } => json!({ "model": crate::model::Models::DEFAULT, "prompt": prompt }),
        Work::Human { ask, choices, to } => {
            let mut human = json!({ "ask": ask });
            if !choices.is_empty() {
                human["choices"] = choices.clone().into();
            }
            if !to.is_empty() {
                human["to"] = to.clone().into();
            }
            json!({ "human": human })
        }
        Work::Branch { cases } => {
            let mut branch = Map::new();
            for Case { outcome, when } in cases {
                if branch.insert(outcome.clone(), when.clone().into()).is_some() {
                    return Err(format!("the branch has two cases that lead to `{outcome}`"));
                }
            }
            json!({ "branch": branch })
        }
        Work::ForEach { items, item } => {
            let mut for_each = json!({ "items": items, "steps": [] });
            if !item.is_empty() {
                for_each["as"] = item.clone().into();
            }
            json!({ "for_each": for_each })
        }
        Work::Repeat { tested, condition, max } => {
            let key = match tested {
                Tested::Until => "until",
                Tested::While => "while",
            };
            json!({ "repeat": { key: condition, "max": max, "steps": [] } })
        }
        Work::Wait { wait_for, value } => {
            let key = match wait_for {
                WaitFor::Time => "for",
                WaitFor::Instant => "until",
                WaitFor::Event => "event",
            };
            json!({ "wait": { key: value } })
        }
        Work::Workflow { workflow } => json!({ "workflow": workflow }),
        Work::Transform { value } => json!({ "transform": value }),
        Work::Other { json } => {
            let mut process: Value =
                serde_json::from_str(json).map_err(|error| format!("`json` of the process is no JSON: {error}"))?;
            for kind in ["for_each", "repeat"] {
                if let Some(fields) = process.get_mut(kind).and_then(Value::as_object_mut) {
                    fields.entry("steps").or_insert_with(|| Value::Array(Vec::new()));
                }
            }
            process
        }
    })
}

fn change(workflow: &Workflow, id: &str, set: &[Pair]) -> Result<Vec<Edit>, Vec<Problem>> {
    let before = find(workflow, id)?;
    let mut file = step_to_json(before);
    let mut edits = Vec::new();
    let (places, values): (Vec<&Pair>, Vec<&Pair>) = set.iter().partition(|pair| pair.name == POSITION);
    patch::patch(&mut file, &values)?;
    let after = step_from_json(&file)?;
    if after.id != before.id {
        let message = format!("`change` cannot give `{}` another id", before.id);
        return Err(vec![Problem::new("id_changed", message).suggest("use `rename`")]);
    }
    if !values.is_empty() {
        edits.push(Edit::ReplaceStep { step: after });
    }
    if let Some(place) = places.last() {
        let position = position(place).map_err(|why| wrong("bad_value", why))?;
        edits.push(Edit::MoveStep { id: before.id.clone(), position });
    }
    Ok(edits)
}

/// Takes a step out, and puts it in again elsewhere, with the same id.
fn relocate(
    workflow: &Workflow,
    id: &str,
    after: &[String],
    before: &[String],
    within: Option<&str>,
) -> Result<Vec<Edit>, Vec<Problem>> {
    let step = find(workflow, id)?;
    let removal = Edit::RemoveStep { id: step.id.clone() };
    let mut without = workflow.clone();
    edit::carry_out(&mut without, &removal).map_err(|problem| vec![problem])?;
    let place = Place::find(&without, after, before, within)?;
    let mut edits = vec![removal];
    let moved = Step { needs: place.needs.clone(), join: place.join.unwrap_or(step.join), ..step.clone() };
    edits.push(Edit::AddStep { step: moved, body_of: place.body_of.clone(), position: Some(place.position) });
    edits.extend(place.waiting(&step.id));
    Ok(edits)
}

/// What is set of the workflow itself.
fn settings(workflow: &Workflow, set: &[Pair]) -> Result<Vec<Edit>, Vec<Problem>> {
    let mut edits = Vec::new();
    let mut problems = Vec::new();
    for pair in set {
        match pair.value() {
            Ok(value) => match setting(workflow, &pair.name, value) {
                Ok(edit) => edits.push(edit),
                Err(found) => problems.extend(found),
            },
            Err(why) => problems.push(Problem::new("bad_value", why)),
        }
    }
    if problems.is_empty() { Ok(edits) } else { Err(problems) }
}

fn setting(workflow: &Workflow, name: &str, value: Option<Value>) -> Result<Edit, Vec<Problem>> {
    let text = |value: Option<Value>| match value {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(wrong("bad_value", format!("`{name}` is a text, and not {other}"))),
        None => Ok(String::new()),
    };
    match name.split_once('.') {
        None if name == "name" => Ok(Edit::SetName { name: text(value)? }),
        None if name == "description" => Ok(Edit::SetDescription { description: text(value)? }),
        None if name == "result" => Ok(Edit::SetResult { result: value }),
        None if name == "triggers" => {
            let mut file = to_json(&Workflow { steps: Vec::new(), ..workflow.clone() });
            file["name"] = "any".into();
            file["triggers"] = value.map_or_else(|| Value::Array(Vec::new()), patch::parsed);
            Ok(Edit::SetTriggers { triggers: yaml::from_json(&file)?.triggers })
        }
        Some(("inputs", name)) => {
            Ok(Edit::SetInput { name: name.to_owned(), schema: value.map(patch::parsed), position: None })
        }
        Some(("vars", name)) => Ok(Edit::SetVar { name: name.to_owned(), value, position: None }),
        _ => {
            let message = format!("a workflow has no `{name}` that could be set");
            Err(vec![
                Problem::new("unknown_name", message)
                    .suggest("one of name, description, result, triggers, inputs.NAME, vars.NAME"),
            ])
        }
    }
}

/// The step with this id, wherever it is.
pub(super) fn find<'w>(workflow: &'w Workflow, id: &str) -> Result<&'w Step, Vec<Problem>> {
    let mut known = Vec::new();
    let mut lists = vec![workflow.steps.as_slice()];
    while let Some(list) = lists.pop() {
        for step in list {
            if step.id.as_str() == id {
                return Ok(step);
            }
            known.push(step.id.as_str());
            lists.extend(step.process.body());
        }
    }
    let near = crate::workflow::problem::suggest_name(id, known.iter().copied());
    Err(vec![Problem::new("unknown_step", format!("there is no step `{id}`")).maybe_suggest(near)])
}

/// The list that a step is in: the loop whose body it is, if it is one, and the steps.
pub(super) fn list_of<'w>(workflow: &'w Workflow, id: &str) -> Option<(Option<StepId>, &'w [Step])> {
    let mut lists: Vec<(Option<&StepId>, &[Step])> = vec![(None, &workflow.steps)];
    while let Some((owner, list)) = lists.pop() {
        if list.iter().any(|step| step.id.as_str() == id) {
            return Some((owner.cloned(), list));
        }
        lists.extend(list.iter().filter_map(|step| Some((Some(&step.id), step.process.body()?))));
    }
    None
}

fn body<'w>(workflow: &'w Workflow, owner: Option<&StepId>) -> &'w [Step] {
    match owner {
        None => &workflow.steps,
        Some(id) => find(workflow, id.as_str()).ok().and_then(|step| step.process.body()).unwrap_or_default(),
    }
}
