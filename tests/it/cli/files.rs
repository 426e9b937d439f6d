//! Workflow files, good and bad.

use std::time::{Duration, Instant};

use expect_test::expect;
use serde_json::json;

use super::stage::{HELLO, Stage};

#[test]
fn a_valid_file_needs_no_data_folder() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    expect![[r#"
        hello.yaml: workflow hello is valid
        --- exit 0
    "#]]
    .assert_eq(&stage.run(&["validate", "hello.yaml"]).shown());
    let checked = stage.json(&["validate", "hello.yaml"]);
    assert_eq!(checked[0]["name"], "hello");
    assert_eq!(checked[0]["inputs"]["times"]["type"], "integer");
    assert!(!stage.path().join("data").exists());
}

#[test]
fn everything_that_is_wrong_is_shown_at_its_place() {
    let workflow = "\
name: brief
description: Wrong in many ways.
steps:
  - id: gather
    process: { agent: reserch, goal: Find it }
  - id: write
    needs: [gathr]
    proces: { transform: x }
  - id: mail
    needs: [write]
    process: { tool: files.wriet }
";
    let stage = Stage::new().with("brief.yaml", workflow);
    let ended = stage.run(&["validate", "brief.yaml"]);
    expect![[r#"
        --- stderr
        error: the workflow cannot be used: 4 problems

        brief.yaml:5:23: steps[0].process.agent: there is no agent `reserch`
           5 |     process: { agent: reserch, goal: Find it }
             |                       ^
             = help: did you mean `research`?

        brief.yaml:7:13: steps[1].needs[0]: there is no step `gathr`
           7 |     needs: [gathr]
             |             ^
             = help: did you mean `gather`?

        brief.yaml:8:5: steps[1].proces: there is no key `proces` here
           8 |     proces: { transform: x }
             |     ^
             = help: did you mean `process`?

        brief.yaml:11:22: steps[2].process.tool: there is no tool `files.wriet`
          11 |     process: { tool: files.wriet }
             |                      ^
             = help: did you mean `files.write`?
        --- exit 2
    "#]]
    .assert_eq(&ended.shown());

    let ended = stage.run(&["run", "brief.yaml", "--format", "json"]);
    let error = ended.error();
    assert_eq!((ended.code, &error["code"], ended.stdout.as_str()), (Some(2), &json!("invalid_workflow"), ""));
    let place = |problem: &serde_json::Value| (problem["file"].clone(), problem["line"].clone());
    let places: Vec<_> = error["problems"].as_array().unwrap().iter().map(place).collect();
    assert!(places.contains(&(json!("brief.yaml"), json!(8))), "{error:#}");
}

#[test]
fn a_problem_of_a_workflow_that_is_started_names_its_file() {
    let outer = "name: outer\ndescription: Starts another.\nsteps:\n  - id: a\n    process: { workflow: inner }\n";
    let inner = "name: inner\ndescription: Is wrong.\nsteps:\n  - id: a\n    process: { tool: nothing }\n";
    let stage = Stage::new().with("flows/outer.yaml", outer).with("flows/inner.yaml", inner);
    expect![[r#"
        --- stderr
        error: the workflow cannot be used

        flows/inner.yaml:5:22: steps[0].process.tool: there is no tool `nothing`
           5 |     process: { tool: nothing }
             |                      ^
        --- exit 2
    "#]]
    .assert_eq(&stage.run(&["validate", "flows/outer.yaml"]).shown());
    stage.write("flows/inner.yaml", "name: other\n");
    expect![[r#"
        --- stderr
        error: the workflow cannot be used

        flows/outer.yaml:5:26: steps[0].process.workflow: there is no workflow `inner`
           5 |     process: { workflow: inner }
             |                          ^
             = help: one of `outer`
        --- exit 2
    "#]]
    .assert_eq(&stage.run(&["validate", "flows/outer.yaml"]).shown());
}

#[test]
fn what_is_no_workflow_file_is_refused_before_long() {
    let deep = format!("name: x\ndescription: Deep.\nsteps: {}{}\n", "[".repeat(20_000), "]".repeat(20_000));
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\n\
                g: [*f,*f,*f,*f,*f,*f,*f,*f]\nname: bomb\nsteps: []\n";
    let stage = Stage::new()
        .with("binary.yaml", [b"name: x\n".as_slice(), &[0xff, 0xfe, 0, 1]].concat())
        .with("large.yaml", format!("name: x\ndescription: {}\n", "y".repeat(10 << 20)))
        .with("deep.yaml", deep)
        .with("bomb.yaml", bomb)
        .with("cut.yaml", &HELLO[..HELLO.len() - 20])
        .with("empty.yaml", "")
        .with("folder/x.txt", "");
    for file in ["binary.yaml", "large.yaml", "deep.yaml", "bomb.yaml", "cut.yaml", "empty.yaml", "folder", "none.yaml"]
    {
        let begun = Instant::now();
        let ended = stage.run(&["run", file, "--format", "json"]);
        assert!(begun.elapsed() < Duration::from_secs(20), "{file} took {:?}", begun.elapsed());
        let error = ended.error();
        assert_eq!(ended.code, Some(2), "{file}: {ended:#?}");
        let named = error["message"].as_str().unwrap().contains(file) || error["problems"][0]["file"] == file;
        assert!(named, "{file} is not named: {error:#}");
    }
    expect![[r#"
        --- stderr
        error: binary.yaml is not a workflow

        binary.yaml:2:1: this is not UTF-8 text
           2 | ����
             | ^
             = help: save the file as UTF-8
        --- exit 2
    "#]]
    .assert_eq(&stage.run(&["validate", "binary.yaml"]).shown());
    expect![[r#"
        --- stderr
        error: large.yaml has 10485782 bytes, and a workflow file at most 4 MiB
        help: split it into workflows that start each other, and let steps read large data from files
        --- exit 2
    "#]]
    .assert_eq(&stage.run(&["validate", "large.yaml"]).shown());
}

#[test]
fn the_schema_is_one_that_the_files_satisfy() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    let schema = stage.json(&["schema"]);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let hello: serde_json::Value = serde_saphyr::from_str(HELLO).unwrap();
    assert!(validator.is_valid(&hello));
    assert!(!validator.is_valid(&json!({ "name": "x", "steps": [{ "id": "a", "proces": {} }] })));
}

#[test]
fn what_callboard_goes_by_is_not_for_tools() {
    let step = |tool: &str, input: &str| {
        format!("name: own\ndescription: d\nsteps:\n  - id: a\n    input: {input}\n    process: {{ tool: {tool} }}\n")
    };
    let config = "[policy]\nask = [\"files.delete\"]\n";
    let stage = Stage::new().with("callboard.toml", config).with("notes/a.txt", "a");
    std::os::unix::fs::symlink("../callboard.toml", stage.path().join("notes/link.toml")).unwrap();
    stage.write("agents/x.yaml", "name: x\ndescription: X.\nprompt: x.md\n");
    stage.write("prompts/x.md", "You are x.");
    for (tool, input) in [
        ("files.write", "{ path: callboard.toml, text: x }"),
        ("files.append", "{ path: notes/link.toml, text: x }"),
        ("files.write", "{ path: ./prompts/x.md, text: x }"),
        ("files.write", "{ path: notes/../agents/y.yaml, text: x }"),
        ("files.copy", "{ from: notes/a.txt, to: prompts/y.md }"),
        ("files.move", "{ from: prompts, to: elsewhere }"),
        ("files.read", "{ path: data/callboard.db }"),
        ("files.write", "{ path: data/config.toml, text: x }"),
    ] {
        stage.write("own.yaml", step(tool, input));
        let ended = stage.run(&["run", "own.yaml"]);
        assert_eq!(ended.code, Some(1), "{tool} {input}: {ended:#?}");
        // A way back up is refused before anybody looks where it leads.
        let why = if input.contains("..") { "cannot be used" } else { "Callboard's own" };
        let told = ended.stdout.contains(why) || ended.stderr.contains(why);
        assert!(told, "{tool} {input}: {ended:#?}");
    }
    assert_eq!(std::fs::read_to_string(stage.path().join("callboard.toml")).unwrap(), config);
    stage.write("own.yaml", step("files.read", "{ path: notes/a.txt }"));
    stage.done(&["run", "own.yaml"]);
}
