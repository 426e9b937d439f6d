use super::super::planning::Parameter;
use super::*;
use crate::workflow::edit::apply_all;
use crate::workflow::yaml;

const WORKFLOW: &str = "\
name: news
steps:
  - id: issues
    input: { repository: otter, state: \"{{ run.id }}\" }
    process: { tool: github.list_issues }
  - id: research
    needs: []
    input: { question: Otters }
    process: { agent: research, goal: Research otters }
    output: { type: object, required: [findings], properties: { findings: { type: array } } }
    retry: { max_attempts: 2 }
  - id: sum
    needs: [issues, research.ok]
    process: { transform: \"{{ steps.issues.output.issues | length }} {{ steps.research.output.findings }}\" }
  - id: mail
    needs: [sum]
    input: { to: me, text: \"{{ steps.sum.output }}\" }
    process: { tool: mail.send }
";

fn tools() -> Vec<Card> {
    let parameter = |(name, required): (&str, bool)| Parameter {
        name: name.to_owned(),
        required,
        kind: crate::model::planning::Kind::String,
        values: Vec::new(),
        description: None,
    };
    let card = |name: &str, description: &str, effect, takes: &[(&str, bool)], brings: &[&str]| Card {
        parameters: takes.iter().copied().map(parameter).collect(),
        outputs: brings.iter().map(|name| (*name).to_owned()).collect(),
        ..Card::of(name, description, effect, None, None)
    };
    let takes = [("repository", true), ("state", false)];
    vec![
        card("github.list_issues", "Lists the issues of a repository.", Effect::Read, &takes, &["issues"]),
        card("archive.list_issues", "Lists the issues of a repository.", Effect::Write, &takes, &["issues"]),
        card("jira.list_issues", "Lists the issues of a repository.", Effect::Read, &[("board", true)], &["issues"]),
        card("bitbucket.list_issues", "Lists the issues of a repository.", Effect::Read, &takes, &["rows"]),
        card("mail.send", "Sends a mail.", Effect::Irreversible, &[("to", true), ("text", true)], &[]),
    ]
}

/// The steps of the workflow that are not as they were, and what is taken for granted.
fn planned(failed: &[&str], tools: &[Card]) -> String {
    let before = yaml::parse(WORKFLOW).unwrap().workflow;
    let way = AnotherWay { steps: failed.iter().map(|step| (*step).to_owned()).collect() };
    let Planned { edits, assumptions, .. } = plan(&way, &before, tools);
    let after = apply_all(&before, &edits).unwrap();
    let changed = after.steps.iter().filter(|step| !before.steps.contains(step));
    let steps: Vec<String> = changed.map(|step| yaml::step_to_json(step).to_string()).collect();
    [steps, assumptions].concat().join("\n")
}

#[test]
fn another_tool_that_does_the_same_takes_the_place_of_one() {
    let mut tools = tools();
    let twin = Card { name: "gitlab.list_issues".to_owned(), ..tools[0].clone() };
    tools.push(twin);
    expect_test::expect![[r#"
        {"id":"issues","needs":[],"input":{"repository":"otter","state":"{{ run.id }}"},"process":{"tool":"gitlab.list_issues"}}
        By its description `gitlab.list_issues` does the same as `github.list_issues`; `issues` calls it instead."#]]
    .assert_eq(&planned(&["issues"], &tools));
}

#[test]
fn a_person_does_what_no_other_tool_does_and_what_an_agent_was_to_do() {
    // None of the others will do: one changes the world, one takes something else, one brings something else.
    expect_test::expect![[r#"
        {"id":"issues","needs":[],"process":{"human":{"ask":"Lists the issues of a repository (repository: otter; state: {{ run.id }})","form":{"type":"object","required":["issues"],"properties":{"issues":{}}}}}}
        No tool is known that does the same as `issues`, so a person is asked for what it was to bring."#]]
    .assert_eq(&planned(&["issues"], &tools()));
    expect_test::expect![[r#"
        {"id":"research","needs":[],"process":{"human":{"ask":"Research otters","form":{"type":"object","required":["findings"],"properties":{"findings":{"type":"array"}}}}}}
        {"id":"sum","needs":["issues","research"],"process":{"transform":"{{ steps.issues.output.issues | length }} {{ steps.research.output.findings }}"}}
        No tool is known that does the same as `research`, so a person is asked for what it was to bring."#]]
    .assert_eq(&planned(&["research"], &tools()));
    assert!(planned(&["mail", "research"], &tools()).contains(r#"{"id":"mail","needs":["sum"],"process":{"human":"#));
}

#[test]
fn where_nothing_else_is_known_that_is_said_and_nothing_is_changed() {
    for (failed, why) in [
        (&["sum"][..], "No tool is known that does the same as `sum`"),
        (&["research", "sum"], "No tool is known that does the same as `sum`"),
        (&["otter"], "`otter` is no step of it."),
        (&[], "It is not known which step failed."),
    ] {
        let said = planned(failed, &tools());
        assert!(
            said.starts_with(why) && said.ends_with("So no other way is known to what failed."),
            "{failed:?}: {said}"
        );
    }
}
