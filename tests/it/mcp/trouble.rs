//! Servers that are not there, die in the middle, or are not to be started at all.

use super::*;

/// What [`STARTED`] is made by, if anything starts it.
const STARTS: &str = "command = [\"touch\", \"started\"]\ntools = [\"*\"]\n";

const STARTED: &str = "started";

const QUIET: &str =
    "name: quiet\ndescription: Calls nothing of a server.\nsteps:\n  - id: say\n    process: { transform: hello }\n";

fn calls(tool: &str) -> String {
    format!("name: calls\ndescription: Calls a tool.\nsteps:\n  - id: call\n    process: {{ tool: {tool} }}\n")
}

fn misbehaving(more: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/misbehaving.py").display().to_string();
    format!("[mcp.bad]\ncommand = [\"python3\", {script:?}, \"well\"]\ntools = [\"*\"]\n{more}\n")
}

/// How a run of `calls.yaml` stands that ends the command like this.
fn ended_with(stage: &Stage, code: i32) -> Value {
    let ended = stage.run(&["run", "calls.yaml", "--format", "json"]);
    assert_eq!(ended.code, Some(code), "{ended:#?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn nothing_is_started_because_a_workflow_or_a_role_says_so() {
    let command = "{ command: [touch, started], tools: [\"*\"] }";
    let stage = Stage::new();
    for (name, text) in [
        ("section", format!("mcp: {{ evil: {command} }}\n{}", calls("evil.run"))),
        ("field", calls("evil.run").replace("{ tool: evil.run }", "{ tool: evil.run, command: [touch, started] }")),
        ("process", calls("evil.run").replace("{ tool: evil.run }", "{ mcp: { command: [touch, started] } }")),
        ("name", calls("\"touch started\"")),
        ("path", calls("./touch.started")),
        ("input", calls("evil.run").replace("    process", &format!("    input: {command}\n    process"))),
    ] {
        stage.write("evil.yaml", text);
        for verb in ["validate", "simulate", "run"] {
            let ended = stage.run(&[verb, "evil.yaml"]);
            assert_eq!(ended.code, Some(2), "{name}: {ended:#?}");
        }
    }
    let role = format!("name: evil\ndescription: Evil.\nprompt: evil.md\nmodel: default\nmcp: {{ evil: {command} }}\n");
    let stage = stage.with("agents/evil.yaml", role).with("prompts/evil.md", "Be evil.").with("quiet.yaml", QUIET);
    assert_eq!(stage.run(&["run", "quiet.yaml"]).code, Some(2));
    assert!(!stage.path().join(STARTED).exists());
}

#[test]
fn a_server_that_nothing_names_is_not_started() {
    let stage = Stage::new().with("callboard.toml", format!("[mcp.extra]\n{STARTS}")).with("quiet.yaml", QUIET);
    for command in
        [&["run", "quiet.yaml"][..], &["validate", "quiet.yaml"], &["tools"], &["agents"], &["runs"], &["resume"]]
    {
        stage.done(command);
    }
    assert!(!stage.path().join(STARTED).exists());
    let ended = stage.run(&["tools", "check", "extra"]);
    assert_eq!(ended.code, Some(5), "it is no MCP server: {ended:#?}");
    assert!(stage.path().join(STARTED).exists());
}

#[test]
fn a_server_that_cannot_be_started_is_named_and_harms_nobody_else() {
    let server = "[mcp.gone]\ncommand = [\"no-such-program\"]\ntools = [\"*\"]\n";
    let stage =
        Stage::new().with("callboard.toml", server).with("quiet.yaml", QUIET).with("calls.yaml", calls("gone.x"));
    stage.done(&["run", "quiet.yaml"]);
    for command in [&["run", "calls.yaml"][..], &["validate", "calls.yaml"], &["tools", "check", "gone"]] {
        let ended = stage.run(command);
        assert_eq!(ended.code, Some(5), "{ended:#?}");
        for says in ["`gone`", "there is no program `no-such-program`", "callboard tools check gone"] {
            assert!(ended.stderr.contains(says), "{says}: {ended:#?}");
        }
    }
    assert_eq!(stage.run(&["tools", "check", "other"]).code, Some(2));
}

#[test]
fn a_role_goes_without_the_tools_of_a_server_that_is_down() {
    let server = "[mcp.gone]\ncommand = [\"no-such-program\"]\ntools = [\"*\"]\n";
    let role = "name: keeper\ndescription: Keeps.\nprompt: keeper.md\nmodel: default\ntools: [\"gone.*\"]\n";
    let stage = Stage::new().with("callboard.toml", server).with("quiet.yaml", QUIET);
    let stage = stage.with("agents/keeper.yaml", role).with("prompts/keeper.md", "Keep.");
    let ended = stage.done(&["run", "quiet.yaml"]);
    assert!(ended.stderr.contains("roles go without") && ended.stderr.contains("`gone`"), "{ended:#?}");
}

#[test]
fn a_server_that_dies_in_a_call_leaves_a_question_unless_the_call_may_be_repeated() {
    let stage = Stage::new().with("callboard.toml", misbehaving("")).with("calls.yaml", calls("bad.crash"));
    let parked = ended_with(&stage, 3);
    assert_eq!(parked["status"], "parked", "{parked:#}");
    let question = parked["questions"][0]["ask"].as_str().unwrap();
    assert!(question.contains("bad.crash") && parked.to_string().contains("out of cheese"), "{parked:#}");
    stage.done(&["cancel", "last"]);

    stage.write("callboard.toml", misbehaving("[mcp.bad.effects]\ncrash = \"read\""));
    let failed = ended_with(&stage, 1);
    assert!(failed["failure"]["message"].as_str().unwrap().contains("out of cheese"), "{failed:#}");
}

#[test]
fn settings_that_make_no_sense_are_explained() {
    let stage = Stage::new();
    for (section, says) in [
        ("[mcp.a]\ntools = [\"*\"]", "say how it is reached"),
        ("[mcp.a]\ncommand = [\"x\"]", "say which of its tools may be used"),
        ("[mcp.a]\ncommand = [\"x\"]\nurl = \"http://x\"\ntools = [\"*\"]", "both `command` and `url`"),
        ("[mcp.a]\nurl = \"ftp://x\"\ntools = [\"*\"]", "only http and https"),
        ("[mcp.a]\nurl = \"http://me:pass@x\"\ntools = [\"*\"]", "carries a password"),
        ("[mcp.a]\nurl = \"http://x\"\ntools = [\"*\"]\nenv.A = \"b\"", "`env` means nothing"),
        ("[mcp.a]\ncommand = [\"x\"]\ntools = [\"*\"]\nheaders.A = \"b\"", "`headers` means nothing"),
        ("[mcp.files]\ncommand = [\"x\"]\ntools = [\"*\"]", "give the server another name"),
        ("[mcp.My-Server]\ncommand = [\"x\"]\ntools = [\"*\"]", "a-z, 0-9 and _"),
        ("[mcp.a]\ncommand = [\"x\"]\ntools = [\"*\"]\neffects.y = \"nothing\"", "none of read, write"),
    ] {
        stage.write("callboard.toml", section);
        let ended = stage.run(&["tools"]);
        assert_eq!(ended.code, Some(2), "{section}: {ended:#?}");
        assert!(ended.stderr.contains(says), "{section}: {ended:#?}");
    }
}
