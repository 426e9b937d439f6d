//! Settings, and where they come from.

use expect_test::expect;
use serde_json::{Value, json};

use super::stage::Stage;

#[test]
fn every_effective_value_has_its_origin() {
    let stage = Stage::new()
        .with("callboard.toml", "[tools.http]\ntimeout = \"5s\"\nallow = [\"localhost\"]\n")
        .with("house/config.toml", "gate.ask = \"irreversible\"\n");
    let mut command = stage.command(&["config", "--data", "house", "--log", "info"]);
    command
        .env("CALLBOARD_TOOLS__HTTP__ALLOW", "127.0.0.1:8080,10.0.0.0/8")
        .env("CALLBOARD_DATA", "elsewhere")
        .env("HOME", "/home/ada");
    expect![[r#"
        SETTING                     VALUE                                    ORIGIN
        data                        house                                    flag: --data
        log.level                   info                                     flag: --log
        log.format                  text                                     default
        engine.active_runs          50000                                    default
        engine.attempts             1024                                     default
        engine.stop_grace           10s                                      default
        agents.folder               agents                                   default
        agents.prompts              prompts                                  default
        models.default              offline                                  default
        models.fast                 []                                       default
        models.strong               []                                       default
        models.tries                3                                        default
        models.patience             1m                                       default
        models.timeout              5m                                       default
        models.prices               config/prices.toml                       default
        models.exchanges            live                                     default
        models.cassettes            cassettes                                default
        models.openai.base_url      https://api.openai.com/v1                default
        models.openai.key_variable  OPENAI_API_KEY                           default
        models.openai.model         gpt-4.1-mini                             default
        models.openai.timeout       2m                                       default
        models.openai.idle_timeout  1m                                       default
        models.ollama.base_url      http://localhost:11434                   default
        models.ollama.context       8192                                     default
        models.ollama.timeout       5m                                       default
        models.ollama.idle_timeout  1m                                       default
        budget.run                                                           default
        budget.day                                                           default
        budget.workspace                                                     default
        chat.model                  default                                  default
        chat.auto_run               read                                     default
        listen.address              127.0.0.1:4000                           default
        listen.key_variable         CALLBOARD_KEY                            default
        gate.ask                    irreversible                             house/config.toml:1
        policy.tools                *                                        default
        policy.deny                 []                                       default
        policy.ask                  []                                       default
        tools.max_result            65536                                    default
        memory.embedder             none                                     default
        memory.backend              edge                                     default
        memory.remote.url           http://localhost:6334                    default
        memory.remote.key_variable  QDRANT_API_KEY                           default
        memory.remote.collection    callboard                                default
        memory.remote.timeout       10s                                      default
        tools.http.allow            127.0.0.1:8080,10.0.0.0/8                environment: CALLBOARD_TOOLS__HTTP__ALLOW
        tools.http.timeout          5s                                       callboard.toml:2
        tools.http.max_bytes        4194304                                  default
        tools.files.root            .                                        default
        tools.files.max_bytes       4194304                                  default
        tools.code.timeout          10s                                      default
        tools.code.memory           67108864                                 default
        tools.email.server                                                   default
        tools.email.from                                                     default
        tools.email.password                                                 default
        tools.email.recipients      []                                       default
        tools.email.ca                                                       default
        tools.email.timeout         1m                                       default
        tools.email.max_bytes       20971520                                 default
        secrets.key_file            /home/ada/.config/callboard/secrets.key  default
        --- exit 0
    "#]]
    .assert_eq(&stage.go_on(&mut command).end().shown());

    let settings = stage.json(&["config"]);
    let timeout = settings.as_array().unwrap().iter().find(|setting| setting["key"] == "tools.http.timeout").unwrap();
    assert_eq!(timeout["value"], "5s");
    assert_eq!(timeout["origin"], json!({ "file": { "path": "callboard.toml", "line": 2 } }));
}

#[test]
fn what_is_wrong_is_shown_at_its_place() {
    let stage = Stage::new().with("callboard.toml", "[tools.http]\ntimeuot = \"5s\"\n");
    let mut command = stage.command(&["runs"]);
    command.env("CALLBOARD_ENGINE__ATTEMPTS", "none");
    expect![[r#"
        --- stderr
        error: the configuration cannot be used

        callboard.toml:2:1: tools.http.timeuot is not a setting
           2 | timeuot = "5s"
             | ^
             = help: did you mean tools.http.timeout?

        environment: CALLBOARD_ENGINE__ATTEMPTS: engine.attempts: "none" is not a whole number of at least 1

        help: `callboard config --example` prints every setting with its default
        --- exit 2
    "#]]
    .assert_eq(&stage.go_on(&mut command).end().shown());
}

#[test]
fn the_example_can_be_used_as_it_is() {
    let stage = Stage::new();
    let example = stage.done(&["config", "--example"]).stdout;
    let before = stage.json(&["config"]);
    stage.write("callboard.toml", example);
    assert_eq!(stage.json(&["config"]), before);
}

#[test]
fn the_data_folder_is_what_the_environment_says() {
    let stage = Stage::new();
    let mut command = stage.command(&["runs", "--format", "json"]);
    let ended = stage.go_on(command.env("CALLBOARD_DATA", "elsewhere")).end();
    assert_eq!(serde_json::from_str::<Value>(&ended.stdout).unwrap(), json!([]));
    assert!(stage.path().join("elsewhere/callboard.db").exists());
    assert!(!stage.path().join("data").exists());
}

#[test]
fn a_data_folder_that_cannot_be_made_is_the_environments_fault() {
    let stage = Stage::new().with("file", "");
    let ended = stage.run(&["runs", "--data", "file/data"]);
    assert_eq!(ended.code, Some(5), "{ended:#?}");
    assert!(ended.stderr.contains("file/data"), "{ended:#?}");
}

#[test]
fn roles_that_are_wrong_are_shown_at_their_place() {
    let stage = Stage::new()
        .with("agents/legal.yaml", "name: legal\ndescription: Reads contracts.\nprompt: none.md\nwokers: 2\n");
    expect![[r#"
        --- stderr
        error: the role files cannot be used

        agents/legal.yaml:4:1: a role has no `wokers`
           4 | wokers: 2
             | ^
             = help: did you mean `workers`?
        --- exit 2
    "#]]
    .assert_eq(&stage.run(&["agents"]).shown());
}

#[test]
fn the_roles_are_listed() {
    let stage = Stage::new();
    let agents = stage.json(&["agents"]);
    let names: Vec<_> = agents.as_array().unwrap().iter().map(|agent| agent["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["research", "analysis", "implementation", "qa"]);
    assert!(agents[0]["tools"].as_array().unwrap().contains(&json!("memory.search")));
    assert!(stage.done(&["agents"]).stdout.starts_with("AGENT"));
}

#[test]
fn what_names_no_tool_in_a_policy_is_an_error() {
    let stage = Stage::new();
    for (section, says) in [
        (
            "[policy]\ndeny = [\"file.write\"]",
            "policy.deny: there is no tool `file.write`; did you mean `files.write`?",
        ),
        ("[policy]\ntools = [\"mail.*\"]", "policy.tools: there is no tool `mail.*`"),
        ("[secrets.KEY]\ntools = [\"http.reqest\"]\nhosts = [\"a.example\"]", "did you mean `http.request`?"),
    ] {
        stage.write("callboard.toml", section);
        let ended = stage.run(&["tools"]);
        assert_eq!(ended.code, Some(2), "{section}: {ended:#?}");
        assert!(ended.stderr.contains(says), "{section}: {ended:#?}");
    }
    stage.write("callboard.toml", "[policy]\ndeny = [\"files.write\", \"email.send\"]\nask = [\"http.*\"]");
    let listed = stage.done(&["tools"]).stdout;
    let row = |tool: &str| listed.lines().find(|line| line.starts_with(tool)).unwrap_or_default().to_owned();
    assert!(row("files.write ").contains("denied") && row("http.request").contains("asks first"), "{listed}");
    assert!(!row("files.read ").contains("denied"), "{listed}");
}
