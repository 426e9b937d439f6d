//! What a person sees of a proposal in the terminal.

use serde_json::Value;

use super::apply::Applied;
use crate::app::Trial;
use crate::cli::output::{Output, clipped};
use crate::planner::replay::{Left, Replayed};
use crate::server::PlanView;
use crate::store::ProposalId;
use crate::workflow::yaml;

const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";
const BOLD: &str = "1";

/// How much of a value is shown.
const VALUE_WIDTH: usize = 60;

/// How somebody came to a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By words alone.
    Words,
    /// In the place of one that was not wanted, which cannot be said once more.
    Another,
}

/// Shows a proposal; and a new workflow as the file that it would be. `steps` are those that are accepted, if not all are.
pub(super) fn show(planned: &PlanView, applied: Option<&Applied>, steps: &[String], way: Way, output: &Output) {
    let is_new = planned.proposal.get("base").is_none_or(Value::is_null);
    // What is about a file is not kept; a new workflow that is not wanted yet is rather asked for once more.
    let kept = planned.id.filter(|_| !is_new || way == Way::Another).map(|id| how_to_accept(id, steps));
    let changes = planned.proposal.get("diff").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_ready = planned.proposal.get("standing").and_then(Value::as_str) == Some("ready");
    let workflow = planned.workflow.as_ref().and_then(|json| yaml::from_json(json).ok());
    if is_new && is_ready && !output.is_live() && applied.is_none() {
        // The file alone, so that it can be put into one; what is said of it goes where errors go.
        eprintln_all(&planned.reply);
        if let Some(how) = kept {
            eprintln_all(&format!("\n{how}\n"));
        }
        if let Some(workflow) = workflow {
            output.line(yaml::write(&workflow).trim_end());
        }
        return;
    }
    for (index, line) in planned.reply.trim_end().lines().enumerate() {
        match changes.get(index).filter(|_| is_ready) {
            Some(change) => {
                let (sign, colour) = match change.get("kind").and_then(Value::as_str) {
                    Some("added") => ('+', GREEN),
                    Some("removed") => ('-', RED),
                    _ => ('~', YELLOW),
                };
                output.coloured(colour, &format!("{sign} {}", line.trim_start_matches("- ")));
            }
            None if line.starts_with("Question:") || line.starts_with("To be looked at") => output.coloured(BOLD, line),
            None => output.line(line),
        }
    }
    if !planned.besides.is_empty() {
        output.line(format!("\nAccepted besides, since the others need it: {}", planned.besides.join(", ")));
    }
    if let Some(trial) = &planned.trial {
        output.line("");
        tried(trial, output);
    }
    if is_new
        && is_ready
        && let Some(workflow) = workflow.filter(|_| applied.is_none())
    {
        output.line(format!("\n{}", yaml::write(&workflow).trim_end()));
    }
    match (applied, kept) {
        (Some(applied), _) => written(applied, output),
        (None, Some(how)) => output.line(format!("\n{how}")),
        (None, None) if is_ready && !steps.is_empty() => {
            output.line("\nNothing is written. The same with --apply writes it.");
        }
        (None, None) if is_ready => {
            output.line("\nNothing is written. The same with --apply writes it; --steps a,b accepts a part.");
        }
        (None, None) => {}
    }
}

/// How a proposal that is kept is decided about.
fn how_to_accept(id: ProposalId, steps: &[String]) -> String {
    if steps.is_empty() {
        return format!(
            "Nothing is changed. `callboard plan --accept {id}` accepts this, with --steps a,b a part of it; --another asks for another."
        );
    }
    format!(
        "Nothing is changed. `callboard plan --accept {id} --steps {}` accepts this, without --steps all of it; --another asks for another.",
        steps.join(",")
    )
}

/// Tells of a proposal beside the standard output. There is nobody left to tell if that cannot be written.
fn eprintln_all(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn written(applied: &Applied, output: &Output) {
    let place = match (&applied.file, &applied.workflow, &applied.version) {
        (Some(file), ..) => format!("{file} is written"),
        (None, Some(workflow), Some(version)) => {
            format!("{workflow} has the new live version {}", version.get(..12).unwrap_or(version))
        }
        _ => "it is written".to_owned(),
    };
    let merged = if applied.merged { ", with what was changed there in the meantime" } else { "" };
    output.line(format!("\n{place}{merged}."));
    if applied.lost_comments > 0 {
        let kept = applied.kept_in.as_ref().map_or_else(
            || "the version before has them".to_owned(),
            |path| format!("the text with them is kept in {path}"),
        );
        output.coloured(YELLOW, &format!("{} lines with comments are no longer in it: {kept}.", applied.lost_comments));
    }
}

fn tried(trial: &Trial, output: &Output) {
    match (&trial.simulated, &trial.not_simulated) {
        (Some(simulated), _) => {
            output.line(format!("Simulated, it would be {}.", simulated.status));
            if let Some(failure) = &simulated.failure {
                output.line(format!("  {failure}"));
            }
            for call in &simulated.withheld {
                let text = |field: &str| call.get(field).and_then(Value::as_str).unwrap_or_default();
                let arguments = call.get("arguments").map(ToString::to_string).unwrap_or_default();
                output.line(format!(
                    "  would call {} ({}) in {}: {}",
                    text("tool"),
                    text("effect"),
                    text("step"),
                    clipped(&arguments, VALUE_WIDTH)
                ));
            }
        }
        (None, Some(why)) => output.line(format!("It was not simulated: {why}.")),
        (None, None) => {}
    }
    if trial.replayed.is_empty() && trial.not_replayed.is_empty() {
        output.line("There is no recorded run to replay.");
    }
    for replayed in &trial.replayed {
        shown(replayed, output);
    }
    for why in &trial.not_replayed {
        output.line(format!("Not replayed: {why}"));
    }
}

fn shown(replayed: &Replayed, output: &Output) {
    // Whole: runs of one minute begin with the same characters.
    let id = replayed.run;
    let (before, after) = (&replayed.before, &replayed.after);
    if replayed.steps.is_empty() && before == after {
        output.line(format!("Run {id} would have been the same: {}.", before.status));
        return;
    }
    output.line(format!("Run {id} was {}, and would have been {}.", before.status, after.status));
    for step in &replayed.steps {
        let was = step.before.as_ref().map_or_else(|| "not there".to_owned(), left);
        let is = match &step.after {
            Some(after) => left(after),
            None if step.is_unknown => "unknown".to_owned(),
            None => "not there".to_owned(),
        };
        output.line(format!("  {}: {was} -> {is}", step.step));
    }
    for call in &replayed.unknown {
        let arguments = clipped(&call.arguments.to_string(), VALUE_WIDTH);
        output.line(format!("  unknown: what {} would have said in {} to {arguments}", call.what, call.step));
    }
    if before.result != after.result && after.status != "unknown" {
        let value = |value: &Option<Value>| value.as_ref().map(|value| clipped(&value.to_string(), VALUE_WIDTH));
        let text = |shown: Option<String>| shown.unwrap_or_else(|| "none".to_owned());
        output.line(format!("  result: {} -> {}", text(value(&before.result)), text(value(&after.result))));
    }
    if replayed.cost != replayed.cost_known {
        let more = if replayed.unknown.is_empty() { "" } else { " and what the unknown calls cost" };
        output.line(format!("  cost: {} -> {}{more}", replayed.cost, replayed.cost_known));
    }
    if let Some(why) = &replayed.not_followed {
        output.line(format!("  its record cannot be followed to its end: {why}"));
    }
}

fn left(left: &Left) -> String {
    match left.output {
        Value::Null => left.outcome.clone(),
        ref output => format!("{} {}", left.outcome, clipped(&output.to_string(), VALUE_WIDTH)),
    }
}
