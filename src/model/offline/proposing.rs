//! What [`planning`] comes to, in the form that every model is asked for: it is shown the same sections as the others, and its
//! edits go the same way.

use serde_json::Value;

use super::anew::anew;
use super::planning::{self, Ask, Card, Evidence};
use super::replanning;
use crate::model::edits::{AnotherWay, Asked, Brief, Choice, Doubt, Question, Said, asked_of};
use crate::model::{ModelError, Trouble};
use crate::workflow::Workflow;
use crate::workflow::edit::{self, Edit};

/// Below this a step may not be what was meant.
const SURE: f64 = 0.5;

/// The reply to a brief.
pub(super) fn said(brief: &Brief) -> Result<String, ModelError> {
    let tools: Vec<Card> = brief.tools.iter().map(|known| known.card.clone()).collect();
    let planned = match (AnotherWay::read(&brief.request), &brief.workflow) {
        (Some(way), Some(workflow)) => replanning::plan(&way, workflow, &tools),
        (_, workflow) => {
            let anew = if workflow.is_none() { anew(&brief.request) } else { None };
            let request = anew.as_ref().unwrap_or(&brief.request);
            planning::plan(&Ask { request, workflow: workflow.as_ref(), tools: &tools, turns: &brief.turns })
        }
    };
    let said = Said {
        edits: asked(brief.workflow.as_ref(), &planned.edits).iter().filter_map(|asked| value(asked).ok()).collect(),
        questions: planned
            .questions
            .into_iter()
            .map(|question| Question {
                ask: question.text,
                choices: question
                    .choices
                    .into_iter()
                    .map(|choice| Choice { label: choice.label, request: choice.request })
                    .collect(),
            })
            .collect(),
        assumptions: planned.assumptions,
        doubts: planned.evidence.iter().filter(|evidence| evidence.confidence < SURE).map(doubt).collect(),
    };
    value(&said).map(|said| said.to_string())
}

/// Edits as a model asks for them, each by what the workflow is when its turn comes.
fn asked(workflow: Option<&Workflow>, edits: &[Edit]) -> Vec<Asked> {
    let mut now = workflow.cloned().unwrap_or_else(|| Workflow {
        name: String::new(),
        description: String::new(),
        inputs: indexmap::IndexMap::new(),
        vars: indexmap::IndexMap::new(),
        triggers: Vec::new(),
        steps: Vec::new(),
        result: None,
    });
    let mut asked = Vec::new();
    for edit in edits {
        asked.extend(asked_of(edit, &now));
        // What cannot be carried out is found again, and told, when the proposal is checked.
        let _ = edit::carry_out(&mut now, edit);
    }
    asked
}

fn doubt(evidence: &Evidence) -> Doubt {
    let why = match (evidence.margin, evidence.assumed.first()) {
        (_, Some(assumed)) => assumed.clone(),
        (Some(margin), None) => {
            format!(
                "“{}” is only {:.0} % nearer to the tool that was chosen than to the next",
                evidence.said,
                margin * 100.0
            )
        }
        (None, None) => format!("“{}” says little of what is to be done", evidence.said),
    };
    Doubt { step: evidence.step.to_string(), why }
}

fn value(of: &impl serde::Serialize) -> Result<Value, ModelError> {
    serde_json::to_value(of).map_err(|error| ModelError::new(Trouble::Rejected, error.to_string()))
}
