//! The reference filesystem server.

use super::*;

const SERVER: &str = "@modelcontextprotocol/server-filesystem/dist/index.js";

const WORKFLOW: &str = "\
name: copy_note
description: Copies a note by way of an MCP server.
steps:
  - id: read
    input: { path: in.txt }
    process: { tool: disk.read_text_file }
  - id: write
    input: { path: out.txt, content: \"{{ steps.read.output.content | upper }}\" }
    process: { tool: disk.write_file }
result: \"{{ steps.write.output.content }}\"
";

fn stage() -> Stage {
    let stage = Stage::new().with("notes/in.txt", "remember the milk").with("copy.yaml", WORKFLOW);
    let allowed =
        "tools = [\"read_*\", \"write_file\", \"list_directory\"]\n[mcp.disk.effects]\nwrite_file = \"idempotent\"";
    let notes = stage.path().join("notes");
    stage.with("callboard.toml", node_server("disk", SERVER, &[notes.to_str().unwrap()], allowed))
}

#[test]
fn a_workflow_reads_and_writes_by_way_of_a_server() {
    let stage = stage();
    // Looking starts nothing.
    let list = stage.json(&["tools"]);
    assert_eq!(list["servers"][0]["state"], "unknown", "{list:#}");
    assert!(list["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == "files.read"));

    assert_eq!(result_of(&stage, "copy.yaml"), "Successfully wrote to out.txt");
    assert_eq!(std::fs::read_to_string(stage.path().join("notes/out.txt")).unwrap(), "REMEMBER THE MILK");
    assert_eq!(processes(stage.path().to_str().unwrap()), Vec::<String>::new(), "the server ended with the program");

    let list = stage.json(&["tools"]);
    assert_eq!(list["servers"][0]["state"], "idle", "{list:#}");
    let effect = |name: &str| {
        let tools = list["tools"].as_array().unwrap();
        tools.iter().find(|tool| tool["name"] == name).map(|tool| tool["effect"].as_str().unwrap().to_owned())
    };
    assert_eq!(effect("disk.read_text_file").as_deref(), Some("read"));
    assert_eq!(effect("disk.write_file").as_deref(), Some("write"));
    assert_eq!(effect("disk.move_file"), None);
    let shown = stage.done(&["tools"]).stdout;
    assert!(shown.contains("secure-filesystem-server") && shown.contains("does not allow"), "{shown}");
}

#[test]
fn an_error_of_the_server_fails_the_step_with_its_words() {
    let stage = stage().with("out.yaml", WORKFLOW.replace("in.txt", "/etc/hostname"));
    let ended = stage.run(&["run", "out.yaml"]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stderr.contains("Access denied") || ended.stdout.contains("Access denied"), "{ended:#?}");
}

#[test]
fn a_workflow_is_checked_against_what_the_server_offers() {
    let stage = stage();
    for (from, to, code) in [
        ("disk.read_text_file", "disk.read_text_fil", "unknown_tool"),
        ("disk.write_file", "disk.move_file", "unknown_tool"),
        ("path: in.txt", "pathh: in.txt", "missing_argument"),
    ] {
        stage.write("wrong.yaml", WORKFLOW.replace(from, to));
        let ended = stage.run(&["validate", "wrong.yaml", "--format", "json"]);
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        let problems = ended.error()["problems"].clone();
        let codes: Vec<_> = problems.as_array().unwrap().iter().map(|problem| problem["code"].clone()).collect();
        assert!(codes.iter().any(|found| found == code), "{to}: {problems:#}");
    }
}

#[test]
fn an_agent_is_offered_the_tools_of_a_server_that_its_role_lists() {
    let role = "name: keeper\ndescription: Keeps the notes.\nprompt: keeper.md\nmodel: default\ntools: [\"disk.*\"]\n";
    let stage = stage().with("agents/keeper.yaml", role).with("prompts/keeper.md", "You keep the notes.");
    stage.write(
        "ask.yaml",
        "name: ask\ndescription: Asks.\nsteps:\n  - id: ask\n    process: { agent: keeper, goal: Say what is in notes/in.txt }\n",
    );
    let ended = stage.run(&["run", "ask.yaml"]);
    assert!(!ended.stderr.contains("go without"), "{ended:#?}");
    assert_eq!(stage.json(&["tools"])["servers"][0]["state"], "idle");
}
