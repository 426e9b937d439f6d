//! The roles: how they stand, and their versions.

use serde_json::{Value, json};

use super::stage::Stage;

const ROLE: &str = "name: legal\ndescription: Reads contracts.\nprompt: legal.md\nworkers: 2\n";

fn with_role() -> Stage {
    Stage::new().with("agents/legal.yaml", ROLE).with("prompts/legal.md", "Read with care.\n")
}

#[test]
fn a_roles_versions_are_listed_compared_and_brought_back() {
    let stage = with_role();
    let first = stage.json(&["agents", "versions", "legal"]);
    assert_eq!(first.as_array().unwrap().len(), 2, "its file and its prompt: {first:#}");
    let old = first[0]["hash"].as_str().unwrap()[..8].to_owned();
    stage.write("agents/legal.yaml", ROLE.replace("workers: 2", "workers: 5"));
    let versions = stage.json(&["agents", "versions", "legal"]);
    let current: Vec<&Value> = versions.as_array().unwrap().iter().map(|version| &version["current"]).collect();
    assert_eq!(current, [&json!(true), &json!(false), &json!(true)], "{versions:#}");
    assert!(stage.done(&["agents", "versions", "legal"]).stdout.starts_with("VERSION"));

    let compared = stage.done(&["agents", "compare", "legal", &old]).stdout;
    assert!(compared.contains("-workers: 2\n+workers: 5"), "{compared}");
    assert_eq!(stage.done(&["agents", "compare", "legal", &old, &old]).stdout, "the two are the same\n");

    let told = stage.done(&["agents", "revert", "legal", &old]).stdout;
    assert!(told.contains("agents/legal.yaml is version"), "{told}");
    assert_eq!(std::fs::read_to_string(stage.path().join("agents/legal.yaml")).unwrap(), ROLE);
    assert_eq!(stage.json(&["agents"])[4]["workers"], 2);
    assert_eq!(stage.json(&["agents", "versions", "legal"]).as_array().unwrap().len(), 3, "nothing is lost");

    // What was written since the last look is a version too, though nobody has seen it.
    stage.write("agents/legal.yaml", ROLE.replace("workers: 2", "workers: 9"));
    stage.done(&["agents", "revert", "legal", &old]);
    assert_eq!(stage.json(&["agents", "versions", "legal"]).as_array().unwrap().len(), 4);

    for (arguments, hint) in [
        (["agents", "versions", "legl", ""], "did you mean legal?"),
        (["agents", "compare", "legal", "zz"], "there is no version of role legal"),
        (["agents", "compare", "legal", "zz"], "`callboard agents versions legal` lists them"),
    ] {
        let arguments: Vec<&str> = arguments.into_iter().filter(|argument| !argument.is_empty()).collect();
        let refused = stage.run(&arguments);
        assert_eq!(refused.code, Some(2), "{refused:#?}");
        assert!(refused.stderr.contains(hint), "{refused:#?}");
    }
}

const WAITS: &str = "\
name: waits
description: An agent, and then a long wait.
steps:
  - id: read
    process: { agent: research, goal: Find what there is about otters }
  - id: wait
    process: { wait: { for: 1h } }
    needs: [read.done]
";

#[test]
fn the_roles_of_a_company_at_work_are_shown_and_resized_from_beside_it() {
    let stage = Stage::new().with("waits.yaml", WAITS).with("notes/otters.md", "# Otters\n\nOtters sleep in pairs.\n");
    let nobody = stage.run(&["agents", "resize", "research", "3"]);
    assert_eq!(nobody.code, Some(2), "{nobody:#?}");
    assert!(nobody.stderr.contains("no company is at work here"), "{nobody:#?}");

    stage.done(&["remember", "notes"]);
    let mut at_work = stage.start(&["run", "waits.yaml", "--follow"]);
    at_work.line("read");
    let research = |stage: &Stage| stage.json(&["agents"])[0]["now"].clone();
    let done = (0..200).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        Some(research(&stage)).filter(|now| now["done"] == 1)
    });
    let done = done.expect("the agent never ended");
    assert_eq!((&done["workers"], &done["queued"], &done["restarts"]), (&json!(4), &json!(0), &json!(0)), "{done:#}");
    assert!(done["median_ms"].is_u64(), "{done:#}");
    let shown = stage.done(&["agents"]).stdout;
    assert!(shown.contains("STATE") && shown.contains("idle"), "{shown}");

    stage.done(&["agents", "resize", "research", "7"]);
    let grown = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        research(&stage)["live"] == 7
    });
    assert!(grown, "{:#}", research(&stage));
    let refused = stage.run(&["agents", "resize", "research", "9999"]);
    assert!(refused.stderr.contains("1024 workers at most"), "{refused:#?}");
    at_work.signal("INT");
    at_work.end();
}
