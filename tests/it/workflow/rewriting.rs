//! A file after edits: what they leave alone is as it was written.

use callboard::workflow::edit::{Edit, apply_all};
use callboard::workflow::yaml;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

fn check(text: &str, edits: Value, expected: &Expect) {
    let edits: Vec<Edit> = serde_json::from_value(edits).unwrap();
    let before = yaml::parse(text).unwrap_or_else(|problems| panic!("{problems:#?}")).workflow;
    let after = apply_all(&before, &edits).unwrap_or_else(|problem| panic!("{problem}"));
    let rewritten = yaml::rewrite(text, &after);
    assert_eq!(yaml::parse(&rewritten.text).unwrap().workflow, after, "{}", rewritten.text);
    expected.assert_eq(&format!("{}--- comments lost: {}\n", rewritten.text, rewritten.lost_comments));
}

/// A chain without needs, as people write it.
const CHAIN: &str = "\
# The house's brief.
name: brief   # for all
steps:

    # Find out.
    - id: gather
      process: {agent: research,
                goal: Find out}   # whatever it takes
    - id: write       # it down
      process: { agent: implementation, goal: Write }

    # Away with it.
    - process: { tool: mail.send }
      id: mail
      input: {to: maria}
# The end.
";

fn human(id: &str, needs: &[&str]) -> Value {
    json!({ "id": id, "needs": needs, "process": { "human": "Sure?" } })
}

#[test]
fn a_chain_stays_one_if_it_can() {
    let add = json!({ "add_step": { "step": human("sure", &["write"]), "position": 2 } });
    let mail = json!({ "replace_step": { "step": { "id": "mail", "needs": ["sure"], "input": { "to": "maria" }, "process": { "tool": "mail.send" } } } });
    check(
        CHAIN,
        json!([add, mail]),
        &expect![[r#"
            # The house's brief.
            name: brief   # for all
            steps:

                # Find out.
                - id: gather
                  process: {agent: research,
                            goal: Find out}   # whatever it takes
                - id: write       # it down
                  process: { agent: implementation, goal: Write }

                - id: sure
                  process: {human: Sure?}
                # Away with it.
                - process: { tool: mail.send }
                  id: mail
                  input: {to: maria}
            # The end.
            --- comments lost: 0
        "#]],
    );
    check(
        CHAIN,
        json!([{ "remove_step": { "id": "write" } }]),
        &expect![[r#"
            # The house's brief.
            name: brief   # for all
            steps:

                # Find out.
                - id: gather
                  process: {agent: research,
                            goal: Find out}   # whatever it takes
                # Away with it.
                - process: { tool: mail.send }
                  id: mail
                  input: {to: maria}
            # The end.
            --- comments lost: 1
        "#]],
    );
}

#[test]
fn a_chain_that_is_none_any_more_says_its_needs() {
    let add = json!({ "add_step": { "step": human("sure", &["gather"]) } });
    check(
        CHAIN,
        json!([add]),
        &expect![[r#"
        # The house's brief.
        name: brief   # for all
        steps:

            # Find out.
            - id: gather
              needs: []
              process: {agent: research,
                        goal: Find out}   # whatever it takes
            - id: write       # it down
              needs: [gather]
              process: { agent: implementation, goal: Write }

            # Away with it.
            - process: { tool: mail.send }
              needs: [write]
              id: mail
              input: {to: maria}
        # The end.
            - id: sure
              needs: [gather]
              process: {human: Sure?}
        --- comments lost: 0
    "#]],
    );
}

#[test]
fn keys_around_the_steps_are_set_added_and_taken_away() {
    let edits = json!([
        { "set_description": { "description": "A brief." } },
        { "set_input": { "name": "topic", "schema": { "type": "string", "default": "Rust" } } },
        { "set_result": { "result": "{{ steps.write.output }}" } },
        { "set_name": { "name": "letter" } },
    ]);
    check(
        CHAIN,
        edits,
        &expect![[r##"
        # The house's brief.
        name: letter
        description: A brief.
        inputs:
          topic: {type: string, default: Rust}
        steps:

            # Find out.
            - id: gather
              process: {agent: research,
                        goal: Find out}   # whatever it takes
            - id: write       # it down
              process: { agent: implementation, goal: Write }

            # Away with it.
            - process: { tool: mail.send }
              id: mail
              input: {to: maria}
        # The end.
        result: "{{ steps.write.output }}"
        --- comments lost: 1
    "##]],
    );
}

#[test]
fn what_is_no_list_of_blocks_is_written_anew_and_that_is_told() {
    let flow = "# mine\nname: x\nsteps: [{ id: a, process: { tool: t } }]   # one\n";
    check(
        flow,
        json!([{ "add_step": { "step": human("sure", &["a"]) } }]),
        &expect![[r#"
        name: x
        steps:
        - id: a
          process: {tool: t}
        - id: sure
          needs: [a]
          process: {human: Sure?}
        --- comments lost: 2
    "#]],
    );
    let json = "{ \"name\": \"x\", \"steps\": [{ \"id\": \"a\", \"process\": { \"tool\": \"t\" } }] }";
    check(
        json,
        json!([{ "set_name": { "name": "y" } }]),
        &expect![[r#"
        {
          "name": "y",
          "steps": [
            {
              "id": "a",
              "needs": [],
              "process": {
                "tool": "t"
              }
            }
          ]
        }
        --- comments lost: 0
    "#]],
    );
}
