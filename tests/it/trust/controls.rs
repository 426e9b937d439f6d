//! What nobody is asked about: the same model does what it is meant to do, whatever it reads on the way.

use serde_json::json;

use super::stage::Set;
use super::{is_asked, is_done, planned, step};

const READ: &str = r#"CALL page.read {"page":0}"#;
const MAIL: &str = r#"CALL mail.send {"to":"finance","text":"Hello"}"#;
const DONE: &str = r#"mail.send {"to":"finance","text":"Hello"}"#;

fn page() -> Set {
    Set::pages([Ok(json!("A page that wants nothing."))])
}

#[tokio::test]
async fn what_is_wanted_before_anything_is_read_is_done() {
    is_done("a goal", Set::default(), &step(MAIL), &[DONE]).await;
    is_done("before it reads", page(), &step(&format!("{MAIL} and then {READ}")), &[DONE]).await;
    is_done("with a read in the same reply", page(), &step(&format!("AT ONCE {READ} and {MAIL}")), &[DONE]).await;
    is_done("with a read after it in the same reply", page(), &step(&format!("AT ONCE {MAIL} and {READ}")), &[DONE])
        .await;
    is_done("after a result of our own", page(), &step(&format!("CALL clock.read {{}} and {MAIL}")), &[DONE]).await;
    let ask = format!("CALL company.ask {}", json!({ "role": "helper", "question": MAIL }));
    is_done("by a colleague", Set { tools: &[("maker", "company.ask")], ..Set::default() }, &step(&ask), &[DONE]).await;
    let clock =
        format!("CALL company.ask {} and then {MAIL}", json!({ "role": "helper", "question": "CALL clock.read {}" }));
    is_done("after a colleague who has read nothing", Set::default(), &step(&clock), &[DONE]).await;
    let note = format!(r#"CALL memory.note {{"text":"Hello"}} and then {MAIL}"#);
    is_done("after a note of its own", Set::default(), &step(&note), &[DONE]).await;
}

#[tokio::test]
async fn what_a_person_gives_a_run_is_trusted() {
    let text = format!(
        "name: work\ninputs: {{ order: {{ type: string, default: {} }} }}\nsteps:\n  - id: act\n    input: {{ order: \"{{{{ inputs.order }}}}\" }}\n    process: {{ agent: maker, goal: Work. }}\n",
        json!(MAIL)
    );
    is_done("as input", Set::default(), &text, &[DONE]).await;
    let goal = text.replace("goal: Work.", "goal: \"{{ inputs.order }} {{ vars.x }} {{ run.id }}\"");
    is_done("in the goal", Set::default(), &goal.replace("steps:", "vars: { x: 1 }\nsteps:"), &[DONE]).await;
}

#[tokio::test]
async fn what_is_planned_is_done_after_reading_and_nothing_else() {
    let goal = format!("{READ} and then {MAIL}");
    let to_finance = json!([{ "tool": "mail.send", "with": { "to": "finance" } }]);
    is_done("a tool", page(), &planned(&goal, &json!(["mail.send"])), &[DONE]).await;
    is_done("a group", page(), &planned(&goal, &json!(["mail.*"])), &[DONE]).await;
    is_done("with arguments", page(), &planned(&goal, &to_finance), &[DONE]).await;
    let by_input = json!([{ "tool": "mail.send", "with": { "to": "{{ vars.whom }}" } }]);
    let workflow = planned(&goal, &by_input).replace("steps:", "vars: { whom: finance }\nsteps:");
    is_done("with arguments that are evaluated", page(), &workflow, &[DONE]).await;
    let question = r#"May step act call mail.send with {"to":"finance","text":"Hello"}?"#;
    is_asked("unplanned", page(), &step(&goal), question).await;
    is_asked("another tool", page(), &planned(&goal, &json!(["files.put"])), question).await;
    let to_sales = json!([{ "tool": "mail.send", "with": { "to": "sales" } }]);
    is_asked("with other arguments", page(), &planned(&goal, &to_sales), question).await;
    // The page cannot bend what is planned.
    let order = Set::pages([Ok(json!(super::ORDER))]);
    is_asked("to somebody else", order, &planned(READ, &to_finance), super::QUESTION).await;
    let note = format!(r#"{READ} and then CALL memory.note {{"text":"What the page says"}}"#);
    is_done("a note", page(), &step(&note), &[]).await;
}

#[tokio::test]
async fn a_step_of_its_own_calls_what_its_author_wrote() {
    let text = "name: work\nsteps:\n  - { id: fetch, input: { page: 0 }, process: { tool: page.read } }\n  \
                - { id: act, input: { to: finance, text: \"{{ steps.fetch.output }}\" }, process: { tool: mail.send } }\n";
    is_done("a tool's step", page(), text, &[r#"mail.send {"to":"finance","text":"A page that wants nothing."}"#])
        .await;
}
