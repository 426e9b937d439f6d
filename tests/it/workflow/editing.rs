//! Edits: what they change, what undoes them, and what is refused.

use callboard::workflow::diff::diff;
use callboard::workflow::edit::{Edit, apply, apply_all, invert};
use callboard::workflow::merge::merge;
use callboard::workflow::{Workflow, yaml};
use expect_test::{Expect, expect};
use serde_json::json;

fn workflow() -> Workflow {
    parse(
        "
name: w
description: Before.
inputs: { topic: { type: string } }
vars: { limit: 3 }
steps:
  - { id: gather, process: { tool: search } }
  - { id: clean, needs: [gather], process: { transform: '{{ steps.gather.output }}' } }
  - { id: enough, needs: [clean], process: { branch: { thin: 'steps.clean.output | length < vars.limit' } } }
  - { id: ask, needs: [enough.thin], process: { human: 'Go on with {{ steps.clean.output }}?' } }
  - { id: write, needs: [enough.otherwise, ask], join: any, process: { agent: writer, goal: 'About {{ inputs.topic }}' } }
  - id: each
    needs: [write, gather.done]
    process:
      for_each:
        items: '{{ steps.write.output.parts }}'
        steps:
          - { id: check, process: { tool: check } }
          - { id: mend, needs: [check.error], process: { tool: mend } }
  - { id: rescue, needs: [write.error], process: { tool: alarm } }
  - { id: one, process: { tool: t } }
  - { id: two, process: { tool: t } }
result: '{{ steps.write.output }}'
",
    )
}

fn parse(text: &str) -> Workflow {
    yaml::parse(text).unwrap_or_else(|problems| panic!("{problems:#?}")).workflow
}

fn edit(json: serde_json::Value) -> Edit {
    serde_json::from_value(json).unwrap()
}

/// What an edit changes, as the lines of the file that go and come.
fn check(json: serde_json::Value, expected: Expect) {
    let before = workflow();
    let edit = edit(json);
    assert_eq!(serde_json::from_value::<Edit>(serde_json::to_value(&edit).unwrap()).unwrap(), edit);
    let shown = match apply(&before, &edit) {
        Err(problem) => format!("{problem}\n"),
        Ok(after) => {
            let undone = apply_all(&after, &invert(&before, &edit).unwrap()).unwrap();
            assert_eq!(yaml::write(&undone), yaml::write(&before));
            let (old, new) = (yaml::write(&before), yaml::write(&after));
            let lines = |text: &str, other: &str, sign: char| -> String {
                text.lines()
                    .filter(|line| !other.lines().any(|kept| kept == *line))
                    .map(|line| format!("{sign} {line}\n"))
                    .collect()
            };
            lines(&old, &new, '-') + &lines(&new, &old, '+')
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn fields_are_set() {
    check(
        json!({ "set_name": { "name": "v" } }),
        expect![[r#"
            - name: w
            + name: v
        "#]],
    );
    check(
        json!({ "set_name": { "name": "No" } }),
        expect![[r#"
            name: `No` cannot be the name of this workflow (a small letter, then small letters, digits and `_`: 64 at most)
        "#]],
    );
    check(
        json!({ "set_description": { "description": "After." } }),
        expect![[r#"
            - description: Before.
            + description: After.
        "#]],
    );
    check(
        json!({ "set_input": { "name": "depth", "schema": { "type": "integer" }, "position": 0 } }),
        expect![[r#"
            +   depth: {type: integer}
        "#]],
    );
    check(
        json!({ "set_input": { "name": "topic", "schema": { "type": "array" } } }),
        expect![[r#"
            -   topic: {type: string}
            +   topic: {type: array}
        "#]],
    );
    check(
        json!({ "set_input": { "name": "topic" } }),
        expect![[r#"
            - inputs:
            -   topic: {type: string}
        "#]],
    );
    check(
        json!({ "set_input": { "name": "topik" } }),
        expect![[r#"
            there is no input `topik` to remove (did you mean `topic`?)
        "#]],
    );
    check(
        json!({ "set_var": { "name": "limit", "value": null } }),
        expect![[r#"
            - vars: {limit: 3}
            + vars: {limit: null}
        "#]],
    );
    check(
        json!({ "set_triggers": { "triggers": [{ "event": "go" }] } }),
        expect![[r#"
            + triggers:
            + - {event: go}
        "#]],
    );
    check(
        json!({ "set_result": { "result": null } }),
        expect![[r#"
            - result: "{{ steps.write.output }}"
            + result: null
        "#]],
    );
    check(
        json!({ "set_result": {} }),
        expect![[r#"
            - result: "{{ steps.write.output }}"
        "#]],
    );
}

#[test]
fn steps_are_added_and_moved() {
    let step = json!({ "id": "log", "needs": ["write"], "process": { "tool": "log" } });
    check(
        json!({ "add_step": { "step": step } }),
        expect![[r#"
            + - id: log
            +   needs: [write]
            +   process: {tool: log}
        "#]],
    );
    check(
        json!({ "add_step": { "step": step, "body_of": "each" } }),
        expect![[r#"
            steps[5].process.for_each.steps[2].needs[0]: the step `write` is not in this list (needs stay within one list; need the step whose body it is in, or is around this one)
        "#]],
    );
    check(
        json!({ "add_step": { "step": step, "body_of": "write" } }),
        expect![[r#"
            the step `write` has no body (only `for_each` and `repeat` have one)
        "#]],
    );
    let taken = json!({ "id": "check", "process": { "tool": "log" } });
    check(
        json!({ "add_step": { "step": taken } }),
        expect![[r#"
            steps[9].id: the id `check` is taken by steps[5].process.for_each.steps[0] (ids are unique in the file, bodies included)
        "#]],
    );
    check(json!({ "move_step": { "id": "rescue", "position": 0 } }), expect![""]);
    check(
        json!({ "move_step": { "id": "nobody", "position": 0 } }),
        expect![[r#"
            there is no step `nobody` (one of `gather`, `clean`, `enough`, `ask`, `write`, `each`, `rescue`, `one`, `two`, `check`, `mend`)
        "#]],
    );
}

#[test]
fn a_removed_step_hands_its_needs_on() {
    check(
        json!({ "remove_step": { "id": "clean" } }),
        expect![[r#"
            - - id: clean
            -   process: {transform: "{{ steps.gather.output }}"}
            -   needs: [clean]
        "#]],
    );
    check(
        json!({ "remove_step": { "id": "gather" } }),
        expect![[r#"
            - - id: gather
            -   process: {tool: search}
            -   needs: [gather]
            -   needs: [write, gather.done]
            +   needs: [write]
        "#]],
    );
    check(
        json!({ "remove_step": { "id": "ask" } }),
        expect![[r#"
            - - id: ask
            -   needs: [enough.thin]
            -   process: {human: "Go on with {{ steps.clean.output }}?"}
            -   needs: [enough.otherwise, ask]
            +   needs: [enough.otherwise, enough.thin]
        "#]],
    );
    // Others need a certain case of it, or its failure.
    check(
        json!({ "remove_step": { "id": "enough" } }),
        expect![[r#"
            `enough` cannot be removed: `ask` needs `enough.thin`, `write` needs `enough.otherwise` (change those needs first, or in the same proposal)
        "#]],
    );
    check(
        json!({ "remove_step": { "id": "write" } }),
        expect![[r#"
            `write` cannot be removed: `each` needs `write`, `rescue` needs `write.error` (change those needs first, or in the same proposal)
        "#]],
    );
    check(
        json!({ "remove_step": { "id": "check" } }),
        expect![[r#"
            `check` cannot be removed: `mend` needs `check.error` (change those needs first, or in the same proposal)
        "#]],
    );
    check(
        json!({ "remove_step": { "id": "mend" } }),
        expect![[r#"
            -       - id: mend
            -         needs: [check.error]
            -         process: {tool: mend}
        "#]],
    );
    check(
        json!({ "remove_step": { "id": "rescu" } }),
        expect![[r#"
            there is no step `rescu` (did you mean `rescue`?)
        "#]],
    );
}

#[test]
fn a_renamed_step_is_renamed_everywhere() {
    check(
        json!({ "rename_step": { "id": "clean", "to": "tidy" } }),
        expect![[r#"
            - - id: clean
            -   needs: [clean]
            -     branch: {thin: steps.clean.output | length < vars.limit}
            -   process: {human: "Go on with {{ steps.clean.output }}?"}
            + - id: tidy
            +   needs: [tidy]
            +     branch: {thin: steps.tidy.output | length < vars.limit}
            +   process: {human: "Go on with {{ steps.tidy.output }}?"}
        "#]],
    );
    check(
        json!({ "rename_step": { "id": "write", "to": "draft" } }),
        expect![[r#"
            - - id: write
            -   needs: [write, gather.done]
            -       items: "{{ steps.write.output.parts }}"
            -   needs: [write.error]
            - result: "{{ steps.write.output }}"
            + - id: draft
            +   needs: [draft, gather.done]
            +       items: "{{ steps.draft.output.parts }}"
            +   needs: [draft.error]
            + result: "{{ steps.draft.output }}"
        "#]],
    );
    check(
        json!({ "rename_step": { "id": "write", "to": "check" } }),
        expect![[r#"
            steps[5].process.for_each.steps[0].id: the id `check` is taken by steps[4] (ids are unique in the file, bodies included)
        "#]],
    );
    check(
        json!({ "rename_step": { "id": "write", "to": "Draft" } }),
        expect![[r#"
            steps[4].id: `Draft` cannot be the name of this step (a small letter, then small letters, digits and `_`: 64 at most)
        "#]],
    );
}

#[test]
fn a_replaced_step_keeps_what_others_need_of_it() {
    let branch = |case: &str| json!({ "id": "enough", "needs": ["clean"], "process": { "branch": { case: "true" } } });
    check(
        json!({ "replace_step": { "step": branch("thin") } }),
        expect![[r#"
            -     branch: {thin: steps.clean.output | length < vars.limit}
            +     branch: {thin: "true"}
        "#]],
    );
    check(
        json!({ "replace_step": { "step": branch("thick") } }),
        expect![[r#"
            steps[3].needs[0]: the step `enough` has no outcome `thin` (did you mean `enough.thick`?)
        "#]],
    );
    let circle = json!({ "id": "gather", "needs": ["each"], "process": { "tool": "search" } });
    check(
        json!({ "replace_step": { "step": circle } }),
        expect![[r#"
            steps[0].needs: these steps need each other: gather -> each -> gather (remove one of the needs; what is to be done again goes into a `repeat`)
        "#]],
    );
}

#[test]
fn a_bad_step_in_an_edit_is_explained() {
    let bad = json!({ "add_step": { "step": { "id": "a", "proces": {}, "timeout": 3 } } });
    let error = serde_json::from_value::<Edit>(bad).unwrap_err();
    expect!["proces: there is no key `proces` here (did you mean `process`?); process: this is no kind of process (one of `agent`, `model`, `tool`, `transform`, `branch`, `for_each`, `repeat`, `workflow`, `wait`, `human`); timeout: expected a length of time such as `30s`, `5m` or `1d 12h`, found a number"].assert_eq(&error.to_string());
}

#[test]
fn a_broken_workflow_can_be_mended_step_by_step() {
    let broken = parse(
        "{ name: w, steps: [{ id: a, needs: [x], process: { tool: t } }, { id: b, needs: [y], process: { tool: t } }] }",
    );
    let half = apply(&broken, &edit(json!({ "replace_step": { "step": { "id": "a", "process": { "tool": "t" } } } })))
        .unwrap();
    assert!(
        apply(&half, &edit(json!({ "replace_step": { "step": { "id": "b", "process": { "tool": "t" } } } }))).is_ok()
    );
    assert!(apply(&half, &edit(json!({ "rename_step": { "id": "a", "to": "B" } }))).is_err());
}

#[test]
fn a_difference_is_small() {
    let old = workflow();
    let mut text =
        yaml::write(&old).replace("tool: mend", "tool: patch").replace("description: Before.", "description: After.");
    text = text.replace("'", "\"");
    let mut new = parse(&text);
    new.steps.swap(5, 6);
    let diff = diff(&old, &new);
    let shown: Vec<String> = diff.edits.iter().map(|edit| serde_json::to_string(edit).unwrap()).collect();
    expect![[r#"
        {"set_description":{"description":"After."}}
        {"replace_step":{"step":{"id":"mend","needs":["check.error"],"process":{"tool":"patch"}}}}
        {"move_step":{"id":"each","position":6}}"#]]
    .assert_eq(&shown.join("\n"));
    let untouched: Vec<&str> = diff.untouched.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(untouched, ["gather", "clean", "enough", "ask", "write", "rescue", "check", "one", "two"]);
    assert_eq!(yaml::write(&apply_all(&old, &diff.edits).unwrap()), yaml::write(&new));
}

fn merged(ours: &[serde_json::Value], theirs: &[serde_json::Value], expected: Expect) {
    let base = workflow();
    let side =
        |edits: &[serde_json::Value]| apply_all(&base, &edits.iter().cloned().map(edit).collect::<Vec<_>>()).unwrap();
    let (ours, theirs) = (side(ours), side(theirs));
    let shown = |result| match result {
        Ok(merged) => yaml::write(&merged)
            .lines()
            .filter(|line| !yaml::write(&base).lines().any(|kept| kept == *line))
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
        Err(conflicts) => {
            let conflicts: Vec<callboard::workflow::merge::Conflict> = conflicts;
            conflicts.iter().map(|conflict| format!("{}: {}\n", conflict.about, conflict.message)).collect()
        }
    };
    // A first line without indentation, since `expect!` takes away what all lines share.
    expected.assert_eq(&format!("merged\n{}", shown(merge(&base, &ours, &theirs))));
}

#[test]
fn sides_are_merged_step_by_step() {
    let tool = |id: &str, tool: &str| json!({ "replace_step": { "step": { "id": id, "process": { "tool": tool } } } });
    let add = |id: &str, needs: &str, position: usize| json!({ "add_step": { "step": { "id": id, "needs": [needs], "process": { "tool": "t" } }, "position": position } });
    merged(
        &[tool("gather", "ours")],
        &[tool("rescue", "theirs")],
        expect![[r#"
            merged
              process: {tool: ours}
              process: {tool: theirs}
        "#]],
    );
    merged(
        &[tool("gather", "same")],
        &[tool("gather", "same")],
        expect![[r#"
            merged
              process: {tool: same}
        "#]],
    );
    merged(
        &[tool("gather", "ours")],
        &[tool("gather", "theirs")],
        expect![[r#"
            merged
            steps.gather: both sides changed the step
        "#]],
    );
    merged(
        &[add("b", "gather", 1)],
        &[add("a", "gather", 1)],
        expect![[r#"
            merged
            - id: a
            - id: b
        "#]],
    );
    merged(
        &[json!({ "remove_step": { "id": "rescue" } })],
        &[tool("rescue", "theirs")],
        expect![[r#"
            merged
            steps.rescue: our side removed the step, and theirs changed it
        "#]],
    );
    merged(
        &[json!({ "remove_step": { "id": "rescue" } })],
        &[add("after", "rescue", 9)],
        expect![[r#"
            merged
            steps[8].needs[0]: what both sides did does not go together: there is no step `rescue`
        "#]],
    );
    merged(
        &[
            json!({ "set_description": { "description": "Ours." } }),
            json!({ "set_var": { "name": "limit", "value": 4 } }),
        ],
        &[
            json!({ "set_description": { "description": "Theirs." } }),
            json!({ "set_input": { "name": "more", "schema": true } }),
        ],
        expect![[r#"
            merged
            description: both sides changed it
        "#]],
    );
    // Both changed the same loop, at different steps of its body.
    merged(
        &[json!({ "replace_step": { "step": { "id": "check", "process": { "tool": "ours" } } } })],
        &[json!({ "add_step": { "step": { "id": "note", "process": { "tool": "theirs" } }, "body_of": "each" } })],
        expect![[r#"
            merged
                    process: {tool: ours}
                  - id: note
                    process: {tool: theirs}
        "#]],
    );
    merged(
        &[json!({ "move_step": { "id": "rescue", "position": 0 } })],
        &[json!({ "move_step": { "id": "rescue", "position": 3 } })],
        expect![[r#"
            merged
            steps: both sides put the steps in another order
        "#]],
    );
    // Each by itself is fine; together they are a circle.
    merged(
        &[json!({ "replace_step": { "step": { "id": "one", "needs": ["two"], "process": { "tool": "t" } } } })],
        &[json!({ "replace_step": { "step": { "id": "two", "needs": ["one"], "process": { "tool": "t" } } } })],
        expect![[r#"
            merged
            steps[7].needs: what both sides did does not go together: these steps need each other: one -> two -> one
        "#]],
    );
}
