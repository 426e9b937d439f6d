//! That a prompt stays small, however many tools there are and however long the workflow is.

use callboard::model::{Message, TokenCount};
use callboard::planner::{Offer, Wish, propose};
use callboard::workflow::{CatalogTool, Effect};
use serde_json::json;

use super::{Script, catalog, edits, parsed};

/// What the issue asks for.
const MOST_TOKENS: u32 = 6_000;

#[tokio::test]
async fn forty_steps_and_five_hundred_tools_fit_in_six_thousand_tokens() {
    let mut catalog = catalog();
    for n in 0..496 {
        let parameters = json!({ "type": "object", "required": ["id", "workspace"], "properties": {
            "id": { "type": "string" }, "workspace": { "type": "string" }, "fields": { "type": "object" }, "limit": { "type": "integer" } } });
        let description =
            format!("Updates record number {n} of the finance workspace and says what it has done, in a few words.");
        catalog.tools.insert(
            format!("finance.update_record_{n}"),
            CatalogTool { description, parameters, effect: Effect::Write, denied: None },
        );
    }
    let mut text = "name: month_end\ninputs: { month: { type: string } }\nsteps:\n".to_owned();
    for n in 0..40 {
        let from =
            if n == 0 { "{{ inputs.month }}".to_owned() } else { format!("{{{{ steps.step_{}.output.id }}}}", n - 1) };
        text.push_str(&format!(
            "  - id: step_{n}\n    name: Update the record of the month in the finance workspace\n    process: {{ tool: finance.update_record_{n} }}\n    \
             input: {{ id: \"{from}\", workspace: \"{}\" }}\n",
            "a long name of a workspace, ".repeat(12)
        ));
    }
    let workflow = parsed(&text);
    let offer = Offer::new(catalog, &std::collections::HashMap::new());
    for name in ["gpt-4.1-mini", "llama3.1:8b"] {
        let model = Script::of(&[edits(json!([]))]);
        let count = TokenCount::of(name);
        let request = "Update the finance record of the month before the last step.";
        let wish = Wish { request, workflow: Some(&workflow), offer: &offer, turns: &[], memory: &[] };
        propose(&model, &count, &wish, &mut |_| {}).await.unwrap();
        let asked = &model.asked()[0];
        let tokens = count.request(asked);
        assert!((4_000..=MOST_TOKENS).contains(&tokens), "{name}: {tokens} tokens");
        // What matters is there all the same: every step with what it needs and calls, and the likeliest tools.
        let Message::User { text } = &asked.messages[1] else { panic!() };
        let steps = text.lines().filter(|line| line.starts_with("{\"id\":")).count();
        let called =
            text.lines().filter(|line| line.contains("\"process\":{\"tool\":\"finance.update_record_")).count();
        let tools = text.lines().filter(|line| line.contains(" [write] ")).count();
        assert!(
            steps == 40 && called == 40 && tools >= 12,
            "{name}: {steps} steps, {tools} tools, {tokens} tokens\n{text}"
        );
    }
}
