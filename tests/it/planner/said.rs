//! What a model says, and what comes of it: each edit, the words about it, and what goes back to be mended.

use callboard::model::Message;
use callboard::planner::Standing;
use callboard::workflow::yaml;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{Script, WEEKLY, edits, offer, parsed, proposed};

/// Holds what is said of edits of the weekly workflow.
async fn check(request: &str, said: Value, expected: &Expect) {
    let before = parsed(WEEKLY);
    let proposed = proposed(&Script::of(&[edits(said)]), request, Some(&before), &offer()).await;
    let needs = proposed.workflow.iter().flat_map(|workflow| &workflow.steps).map(|step| {
        let needs: Vec<String> = step.needs.iter().map(ToString::to_string).collect();
        format!("{} <- {}\n", step.id, needs.join(", "))
    });
    expected.assert_eq(&format!("{}\n{}", proposed.reply, needs.collect::<String>()));
}

#[tokio::test]
async fn a_step_is_added_between_two_and_the_rest_stays() {
    let approve = json!({ "do": "add", "step": "approve", "work": { "kind": "human", "ask": "Send it?", "choices": [], "to": ["maria"] },
        "input": [], "set": [{ "name": "timeout", "value": "2h" }], "after": ["write"], "before": ["mail"], "within": null });
    check(
        "ask maria before the mail",
        json!([approve]),
        &expect![[r#"
        - Adds `approve`, which asks maria “Send it?”, after `write`.
        - Changes `mail`: it waits for `approve` in place of `write`.

        2 other steps stay as they were.

        gather <- 
        write <- gather
        approve <- write
        mail <- approve
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_step_goes_first_beside_or_last() {
    let add = |step: &str, after: Value, before: Value| {
        json!({ "do": "add", "step": step, "work": { "kind": "tool", "tool": "issues.list" }, "input": [], "set": [],
            "after": after, "before": before, "within": null })
    };
    let said = json!([
        add("first", json!([]), json!(["gather"])),
        add("beside", json!(["gather"]), json!([])),
        add("last", json!(["mail"]), json!([]))
    ]);
    check(
        "list the issues",
        said,
        &expect![[r#"
        - Adds `first`, which calls `issues.list`.
        - Changes `gather`: it waits for `first`.
        - Adds `beside`, which calls `issues.list`, after `gather`.
        - Adds `last`, which calls `issues.list`, after `mail`.

        2 other steps stay as they were.

        first <- 
        gather <- first
        beside <- gather
        write <- gather
        mail <- write
        last <- mail
    "#]],
    )
    .await;
}

#[tokio::test]
async fn values_are_changed_by_their_paths_and_taken_away() {
    let said = json!([{ "do": "change", "step": "mail", "set": [
        { "name": "input.subject", "value": "The week" },
        { "name": "process.tool", "value": "mail.send" },
        { "name": "retry", "json": "{\"max_attempts\": 5}" },
    ] }, { "do": "change", "step": "gather", "set": [{ "name": "name", "value": null }, { "name": "goal", "value": "x" }] }]);
    check("another subject", said, &expect![[r#"
        - Changes `gather`: name is gone; it was “Gather sources”; process.goal from “Find what is new about {{ inputs.topic }}” to “x”.
        - Changes `mail`: input.subject from “News” to “The week”; retry is {"max_attempts":5} now.

        One other step stays as it was.

        Once it runs, it calls `mail.send` in `mail` (cannot be undone).

        gather <- 
        write <- gather
        mail <- write
    "#]]).await;
    let said = json!([{ "do": "change", "step": "mail", "set": [
        { "name": "tool", "value": "chat.post" }, { "name": "input", "json": "{\"channel\": \"#news\", \"text\": \"{{ steps.write.output.text }}\"}" },
    ] }]);
    check("post it to the chat instead of the mail", said, &expect![[r#"
        - Changes `mail`: input.to is gone; it was “maria@example.com”; input.subject is gone; it was “News”; input.body is gone; it was “{{ steps.write.output.text }}”; input.channel is “#news” now; input.text is “{{ steps.write.output.text }}” now; process.tool from “mail.send” to “chat.post”.

        2 other steps stay as they were.

        gather <- 
        write <- gather
        mail <- write
    "#]]).await;
}

#[tokio::test]
async fn steps_are_removed_renamed_and_moved() {
    check(
        "no mail",
        json!([{ "do": "remove", "step": "mail" }]),
        &expect![[r#"
        - Removes `mail`, which calls `mail.send` (cannot be undone).

        2 other steps stay as they were.

        gather <- 
        write <- gather
    "#]],
    )
    .await;
    check(
        "call write draft",
        json!([{ "do": "rename", "step": "write", "to": "draft" }]),
        &expect![[r#"
        - Calls `write` `draft` from now on, wherever it is named.

        One other step stays as it was.

        gather <- 
        draft <- gather
        mail <- draft
    "#]],
    )
    .await;
    let said = json!([{ "do": "add", "step": "list", "work": { "kind": "tool", "tool": "issues.list" }, "input": [], "set": [],
            "after": ["write"], "before": ["mail"], "within": null },
        { "do": "move", "step": "list", "after": [], "before": ["gather"], "within": null }]);
    check(
        "list the issues at the beginning",
        said,
        &expect![[r#"
        - Adds `list`, which calls `issues.list`.
        - Changes `gather`: it waits for `list`.

        2 other steps stay as they were.

        list <- 
        gather <- list
        write <- gather
        mail <- write
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_new_workflow_has_a_loop_a_branch_and_a_trigger() {
    let add = |step: &str, work: Value, input: Value, after: Value, within: Value| json!({ "do": "add", "step": step, "work": work, "input": input, "set": [], "after": after, "before": [], "within": within });
    let said = json!([
        { "do": "workflow", "set": [{ "name": "triggers", "json": "[{\"cron\": \"0 9 * * MON\"}]" }] },
        add("issues", json!({ "kind": "tool", "tool": "issues.list" }), json!([]), json!([]), Value::Null),
        add("each", json!({ "kind": "for_each", "items": "{{ steps.issues.output.items }}", "as": "issue" }), json!([]), json!(["issues"]), Value::Null),
        add("old", json!({ "kind": "branch", "cases": [{ "outcome": "stale", "when": "issue.days > 90" }] }), json!([]), json!(["each"]), json!("each")),
        add("close", json!({ "kind": "tool", "tool": "issues.close" }), json!([{ "name": "id", "value": "{{ issue.id }}" }]), json!(["old.stale"]), json!("each")),
    ]);
    let proposed =
        proposed(&Script::of(&[edits(said)]), "every Monday at 9, close the stale issues", None, &offer()).await;
    let expected = expect![[r#"
        - Makes the workflow `every_monday_at_9_close`.
        - Of the workflow, triggers is [{"cron":"0 9 * * MON"}] now.
        - Adds `issues`, which calls `issues.list`.
        - Adds `each`, which does its body for each of “{{ steps.issues.output.items }}”, after `issues`.
        - Adds `old`, which goes by `stale` if “issue.days > 90”, else `otherwise`, in each round of `each`.
        - Adds `close`, which calls `issues.close` (writes), after `old.stale`, in each round of `each`.

        name: every_monday_at_9_close
        triggers:
        - {cron: 0 9 * * MON}
        steps:
        - id: issues
          process: {tool: issues.list}
        - id: each
          needs: [issues]
          process:
            for_each:
              items: "{{ steps.issues.output.items }}"
              as: issue
              steps:
              - id: old
                process:
                  branch: {stale: issue.days > 90}
              - id: close
                needs: [old.stale]
                input: {id: "{{ issue.id }}"}
                process: {tool: issues.close}
    "#]];
    expected.assert_eq(&format!("{}\n{}", proposed.reply, yaml::write(&proposed.workflow.unwrap())));
}

#[tokio::test]
async fn all_that_is_wrong_goes_back_at_once_and_what_is_mended_is_proposed() {
    let wrong = json!([
        { "do": "change", "step": "mial", "set": [{ "name": "input.subject", "value": "x" }] },
        { "do": "add", "step": "post", "work": { "kind": "tool", "tool": "chat.pots" }, "input": [], "set": [], "after": ["write"], "before": [], "within": null },
        { "do": "add", "step": "post2", "work": { "kind": "tool", "tool": "chat.post" }, "input": [], "set": [], "after": ["write"], "before": [], "within": "write" },
        { "do": "fly" },
    ]);
    let right = json!([
        { "do": "change", "step": "mail", "set": [{ "name": "input.subject", "value": "x" }] },
    ]);
    let model = Script::of(&[edits(wrong), edits(right)]);
    let before = parsed(WEEKLY);
    let proposed = proposed(&model, "another subject, and post it", Some(&before), &offer()).await;
    assert_eq!((proposed.proposal.standing, proposed.proposal.rounds), (Standing::Ready, 2), "{}", proposed.reply);
    let asked = model.asked();
    let Some(Message::User { text }) = asked[1].messages.last() else { panic!("{asked:#?}") };
    let expected = expect![[r#"
        Nothing of this is applied yet, since it does not come to a valid workflow. All that is wrong:

        - edits[3]: unknown variant `fly`, expected one of `add`, `change`, `remove`, `rename`, `move`, `workflow`
        - edits[0] (change mial): there is no step `mial` (did you mean `mail`?)
        - edits[2] (add post2): `write` is no loop: only `for_each` and `repeat` have a body
        - steps.post.process.tool: there is no tool `chat.pots` (did you mean `chat.post`?)

        Answer again with the whole list of edits, in which this is mended and all else is as it was."#]];
    expected.assert_eq(text);
    assert!(matches!(&asked[1].messages[2], Message::Assistant { text, .. } if text.contains("mial")));
    assert_eq!(asked[0].output, asked[1].output);
}

#[tokio::test]
async fn a_model_that_repeats_itself_is_not_asked_a_third_time() {
    let model = Script::of(&[edits(json!([{ "do": "remove", "step": "nothing" }]))]);
    let before = parsed(WEEKLY);
    let proposed = proposed(&model, "remove nothing", Some(&before), &offer()).await;
    assert_eq!((proposed.proposal.standing, model.asked().len()), (Standing::Failed, 2));
    assert_eq!(proposed.workflow, Some(before));
}

#[tokio::test]
async fn a_question_and_no_edits_is_a_question() {
    let said = json!({ "edits": [], "questions": [{ "ask": "Which mail?", "choices": [
        { "label": "the brief", "request": "mail the brief" }, { "label": "the sources", "request": "mail the sources" } ] }],
        "assumptions": [], "doubts": [] });
    let before = parsed(WEEKLY);
    let proposed = proposed(&Script::of(&[said]), "mail it", Some(&before), &offer()).await;
    assert_eq!(proposed.proposal.standing, Standing::Asking);
    let expected = expect![[r#"
        Nothing is proposed yet: what is meant must be said first.

        Question: Which mail?
          - the brief: say “mail the brief”
          - the sources: say “mail the sources”
    "#]];
    expected.assert_eq(&proposed.reply);
}

#[tokio::test]
async fn what_is_shown_in_short_stays_whole_and_cannot_be_changed_in_part() {
    let long = "Write with care. ".repeat(100);
    let goal = json!(format!("{long}{{{{ inputs.topic }}}} and more. {long}")).to_string();
    let text = WEEKLY.replace("Write a brief", &goal);
    let before = parsed(&text);
    let model = super::ModelOf(move |request: &callboard::model::Request| {
        let brief = super::brief(request);
        let shown = serde_json::to_value(yaml::to_json(brief.workflow.as_ref().unwrap())).unwrap();
        let goal = shown["steps"][1]["process"]["goal"].as_str().unwrap().to_owned();
        assert!(goal.len() < 800 && goal.contains("{{ inputs.topic }}") && goal.contains("characters⟩"), "{goal}");
        let mended = matches!(request.messages.last(), Some(Message::User { text }) if text.contains("shown in short"));
        let goal = if mended { goal } else { goal.replace("with care", "quickly") };
        Ok(edits(json!([{ "do": "change", "step": "write", "set": [
            { "name": "process", "json": json!({ "agent": "research", "goal": goal }).to_string() } ] }]))
        .to_string())
    });
    let proposed = proposed(&model, "let research write", Some(&before), &offer()).await;
    assert_eq!((proposed.proposal.standing, proposed.proposal.rounds), (Standing::Ready, 2), "{}", proposed.reply);
    let after = yaml::to_json(&proposed.workflow.unwrap());
    let goal = yaml::to_json(&before)["steps"][1]["process"]["goal"].clone();
    assert_eq!(after["steps"][1]["process"], json!({ "agent": "research", "goal": goal }));
}
