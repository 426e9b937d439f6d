//! Words into edits, without a language model: a grammar of what people ask of workflows.
//!
//! A request is read in steps, each in a module of its own, each a pure function:
//!
//! 1. [`spelling`] and [`asides`]: slips of the keyboard are mended, and what is said beside what is wanted is left out
//! 2. [`tokens`]: text into words with their stems, and the markers among them, by the [`lexicon`]
//! 3. [`grammar`]: words into clauses: what is to be done with what, to each of what, if what holds, before or after what
//! 4. [`cards`]: which tool is meant by a verb, an object and a service
//! 5. [`plan`]: clauses into a workflow, or into changes of the one that is there
//!
//! Nothing here knows a subject, a service or a tool beyond what general English has; what can be done is what the
//! [`Card`]s say.

mod act;
mod asides;
mod cards;
mod compose;
mod condition;
mod decompose;
mod draft;
mod edits;
mod exchange;
mod fields;
mod grammar;
mod hear;
mod lexicon;
mod named;
mod particles;
mod phrase;
mod retrieval;
mod said;
mod scene;
mod slots;
mod sources;
mod spelling;
mod tokens;
mod triggers;
mod turns;
mod unclear;
mod values;

use serde_json::Value;

use crate::workflow::diff::diff;
use crate::workflow::edit::{Edit, apply_all};
use crate::workflow::validate::validate;
use crate::workflow::{Catalog, Effect, StepId, Workflow};
use cards::Cards;
use draft::Draft;
use hear::hear;
use scene::Scene;

pub use exchange::same_work;
pub use retrieval::Index;

/// What is asked, and what it is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What the person said.
    pub request: &'a str,
    /// The workflow in front of them; a new one is wanted if `None`.
    pub workflow: Option<&'a Workflow>,
    /// The tools that may be used.
    pub tools: &'a [Card],
    /// What was said before, newest last.
    pub turns: &'a [Turn],
}

/// A tool, as far as one has to know it to plan with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// Its name.
    pub name: String,
    /// What it does, in a sentence.
    pub description: String,
    /// The worst that a call of it can do.
    pub effect: Effect,
    /// What it takes.
    pub parameters: Vec<Parameter>,
    /// The names of what its result holds, as far as is known.
    pub outputs: Vec<String>,
}

/// One argument of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Whether a call must have it.
    pub required: bool,
    /// What it may be.
    pub kind: Kind,
    /// The only values that it may have; none if it may have others.
    pub values: Vec<String>,
    /// What it means.
    pub description: Option<String>,
}

/// The types of JSON Schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Not said.
    #[default]
    Any,
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `boolean`
    Boolean,
    /// `array`
    Array,
    /// `object`
    Object,
}

/// One turn of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who spoke.
    pub role: Role,
    /// What was said.
    pub text: String,
}

/// Who speaks in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The person.
    User,
    /// Callboard.
    Assistant,
    /// Callboard, in what may be others' words: a report, or what a model said that had read some.
    Retelling,
}

impl Role {
    /// Whether Callboard speaks.
    #[must_use]
    pub fn is_callboard(self) -> bool {
        matches!(self, Self::Assistant | Self::Retelling)
    }
}

/// What is proposed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// Applied all together to the workflow (to an empty one if there is none), these make what is proposed. None if nothing is to
    /// be done, or if doing the wrong thing would remove or overwrite something.
    pub edits: Vec<Edit>,
    /// Why each step that was added or changed is as it is.
    pub evidence: Vec<Evidence>,
    /// What should be asked before the edits are accepted.
    pub questions: Vec<Ambiguity>,
    /// What was taken for granted, in plain sentences; why there are no edits, if there are none.
    pub assumptions: Vec<String>,
}

/// What speaks for a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The step.
    pub step: StepId,
    /// The words of the request that it comes from.
    pub said: String,
    /// The words of the tool that they matched.
    pub matched: Vec<String>,
    /// How much better the chosen tool fits than the next best, from 0 to 1; `None` if no tool was chosen.
    pub margin: Option<f64>,
    /// What was assumed for it, in plain sentences.
    pub assumed: Vec<String>,
    /// From 0 to 1.
    pub confidence: f64,
}

/// A question with choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Ambiguity {
    /// The question.
    pub text: String,
    /// The answers to choose from, the likeliest first.
    pub choices: Vec<Choice>,
}

/// An answer to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What it is called.
    pub label: String,
    /// The request that means just this, to be asked instead.
    pub request: String,
}

impl Card {
    /// A card from a tool's schemas.
    #[must_use]
    pub fn of(
        name: impl Into<String>,
        description: impl Into<String>,
        effect: Effect,
        parameters: Option<&Value>,
        output: Option<&Value>,
    ) -> Self {
        let properties = |schema: Option<&Value>| schema?.get("properties")?.as_object().cloned();
        let required: Vec<&str> = parameters
            .and_then(|schema| schema.get("required")?.as_array())
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let parameter = |(name, schema): (&String, &Value)| Parameter {
            name: name.clone(),
            required: required.contains(&name.as_str()),
            kind: Kind::of(schema),
            values: values_of(schema),
            description: schema.get("description").and_then(Value::as_str).map(str::to_owned),
        };
        Self {
            name: name.into(),
            description: description.into(),
            effect,
            parameters: properties(parameters).unwrap_or_default().iter().map(parameter).collect(),
            outputs: properties(output).unwrap_or_default().keys().cloned().collect(),
        }
    }
}

/// The texts that a schema allows, if it lists them.
fn values_of(schema: &Value) -> Vec<String> {
    let values = schema.get("enum").and_then(Value::as_array);
    values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Kind {
    /// The type that a schema allows; the first if there are several.
    #[must_use]
    pub fn of(schema: &Value) -> Self {
        let kind = schema.get("type");
        let kind = kind.and_then(Value::as_array).map_or(kind, |kinds| kinds.first());
        match kind.and_then(Value::as_str) {
            Some("string") => Self::String,
            Some("integer") => Self::Integer,
            Some("number") => Self::Number,
            Some("boolean") => Self::Boolean,
            Some("array") => Self::Array,
            Some("object") => Self::Object,
            _ => Self::Any,
        }
    }
}

/// What comes of a request.
#[must_use]
pub fn plan(ask: &Ask<'_>) -> Planned {
    match turns::meant(ask, &|request| plan_alone(&Ask { request, turns: &[], ..*ask })) {
        turns::Meant::AsSaid => plan_alone(ask),
        turns::Meant::Nothing => Planned {
            assumptions: vec!["Nothing is to be done, so nothing is changed.".to_owned()],
            ..Planned::default()
        },
        turns::Meant::Same(request) => {
            let mut planned = plan_alone(&Ask { request: &request, ..*ask });
            planned.assumptions.insert(0, format!("After what was said before, this is taken to mean: {request}"));
            planned
        }
    }
}

/// What comes of a request that says all of what it means.
fn plan_alone(ask: &Ask<'_>) -> Planned {
    let cards = Cards::new(ask.tools.iter());
    let (request, read) = spelling::mended(ask.request, &cards, ask.workflow);
    let heard = hear(&request);
    if heard.question {
        let why = "This asks something and wants nothing done, so nothing is changed. Say what is to be done, and it is planned.";
        return Planned { assumptions: vec![why.to_owned()], ..Planned::default() };
    }
    let before = ask.workflow.cloned().unwrap_or_else(empty);
    let mut scene = Scene::of(&cards, ask.tools, Draft::of(before.clone()));
    scene.known.facts = turns::Facts::of(ask.turns);
    let sentences: Vec<&[grammar::Part]> = heard.sentences.iter().map(|sentence| sentence.parts.as_slice()).collect();
    scene.listen(&request, &sentences);
    if let Some(question) = scene.unclear(&heard) {
        return Planned { questions: vec![question], ..Planned::default() };
    }
    scene.assumptions.extend(read.iter().map(|(wrong, right)| format!("“{wrong}” is read as “{right}”.")));
    scene.assumptions.extend(heard.assumed.iter().cloned());
    if before.steps.is_empty() {
        scene.compose(&heard);
    } else {
        for sentence in &heard.sentences {
            // `remind four of them at the same time`, where they are reminded: that is how.
            if sentence.setting.is_none() || !scene.is_there(&sentence.parts) {
                scene.edit(&sentence.parts);
            }
            if let Some(setting) = &sentence.setting {
                scene.set(setting);
            }
        }
    }
    scene.settle(&heard);
    decompose::side_by_side(&before, &mut scene.draft.workflow, &scene.known.beside);
    scene.assumptions.extend(decompose::heedless(&before, &scene));
    finish(&before, scene)
}

/// The edits that make the draft of what was there, if it is a workflow that can be carried out.
fn finish(before: &Workflow, scene: Scene<'_>) -> Planned {
    let Scene { draft, renames, mut evidence, questions, mut assumptions, .. } = scene;
    let mut edits = diff(before, &draft.workflow).edits;
    edits.extend(renames.iter().map(|(id, to)| Edit::RenameStep { id: id.clone(), to: to.clone() }));
    let known: Vec<String> = validate(before, &Catalog::open()).into_iter().map(|problem| problem.message).collect();
    let wrong = match apply_all(before, &edits) {
        Ok(after) => validate(&after, &Catalog::open())
            .into_iter()
            .find(|problem| !known.contains(&problem.message))
            .map(|problem| problem.message),
        Err(problem) => Some(problem.message),
    };
    if let Some(wrong) = wrong.filter(|_| !edits.is_empty()) {
        edits.clear();
        assumptions.push(format!(
            "What this comes to cannot be carried out ({wrong}), so nothing is changed. Try to say it in smaller steps."
        ));
    }
    let mut ids = Vec::new();
    draft::each_step(&draft.workflow.steps, &mut |step| ids.push(step.id.clone()));
    evidence.retain(|evidence| !edits.is_empty() && ids.contains(&evidence.step));
    if edits.is_empty() && questions.is_empty() && assumptions.is_empty() {
        assumptions.push(
            "Nothing was found in this that could be done. Say what is to happen, with what, and for which things."
                .to_owned(),
        );
    }
    Planned { edits, evidence, questions, assumptions }
}

/// A workflow in which nothing is done yet.
#[must_use]
pub fn empty() -> Workflow {
    Workflow {
        name: "draft".into(),
        description: String::new(),
        inputs: indexmap::IndexMap::new(),
        vars: indexmap::IndexMap::new(),
        triggers: Vec::new(),
        steps: Vec::new(),
        result: None,
    }
}

#[cfg(test)]
#[allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]
mod tests;
