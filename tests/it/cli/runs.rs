//! Running workflows, and looking at what was run.

use expect_test::expect;
use serde_json::{Value, json};

use super::stage::{HELLO, READS, Stage, run_id};

#[test]
fn a_run_says_its_id_its_steps_and_its_result() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    let ended = stage.run(&["run", "hello.yaml", "--input", "who=Ada", "-i", "times=3"]);
    expect![[r#"
        run RUN of hello
          greet             ok SPAN
          often             ok SPAN  3 of 3
        completed after SPAN
        [
          "Hello, Ada!",
          "Hello, Ada!",
          "Hello, Ada!"
        ]
        --- exit 0
    "#]]
    .assert_eq(&ended.shown());
}

#[test]
fn a_run_as_json_is_one_object() {
    let stage = Stage::new().with("hello.yaml", HELLO).with("inputs.json", r#"{"who": "Bob", "times": 1}"#);
    let run = stage.json(&["run", "hello.yaml", "--inputs", "inputs.json", "-i", "who=42"]);
    let id = run["id"].as_str().unwrap();
    assert_eq!(
        run,
        json!({ "id": id, "workflow": "hello", "status": "completed", "result": ["Hello, 42!"], "failure": null })
    );
    let runs = stage.json(&["runs"]);
    assert_eq!(runs.as_array().unwrap().len(), 1);
    assert_eq!((&runs[0]["id"], &runs[0]["status"]), (&run["id"], &json!("completed")));
    assert!(runs[0]["created_at"].as_i64() <= runs[0]["ended_at"].as_i64());
}

#[test]
fn inputs_that_do_not_fit_are_all_reported_and_nothing_is_run() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    let ended = stage.run(&["run", "hello.yaml", "-i", "times=0", "-i", "whom=x"]);
    expect![[r#"
        --- stderr
        error: the inputs do not fit

        inputs.whom: the workflow has no such input
             = help: it takes who, times

        inputs.times: 0 is less than the minimum of 1
        --- exit 2
    "#]]
    .assert_eq(&ended.shown());
    assert_eq!(stage.json(&["runs"]), json!([]));
}

#[test]
fn a_failed_run_can_be_tried_again_from_where_it_failed() {
    let stage = Stage::new().with("reads.yaml", READS);
    let failed = stage.run(&["run", "reads.yaml"]);
    expect![[r#"
        run RUN of reads
          before            ok SPAN
          read: attempt 1 failed: there is no file `note.txt` (not_found)
          read              error SPAN  there is no file `note.txt` (not_found)
          after             skipped
        failed after SPAN
          step read: there is no file `note.txt` (not_found)
          `callboard retry RUN` tries again what failed, and keeps the rest
        --- exit 1
    "#]]
    .assert_eq(&failed.shown());

    stage.write("note.txt", "hello");
    let retried = stage.json(&["retry", "last"]);
    assert_eq!((&retried["status"], &retried["result"]), (&json!("completed"), &json!("kept")));
    let shown = stage.json(&["show", "last"]);
    assert_eq!(shown["retry_of"], json!(failed.run_id()));
    let events = events(&stage, "last");
    assert!(events.iter().any(|event| event["event"]["reused"]["step"] == "before"), "{events:#?}");
}

#[test]
fn retrying_from_a_step_that_is_not_there_says_so() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    stage.done(&["run", "hello.yaml"]);
    expect![[r#"
        --- stderr
        error: the workflow of run RUN has no step nowhere at its top level
        --- exit 2
    "#]]
    .assert_eq(&stage.run(&["retry", "last", "--from", "nowhere"]).shown());
}

#[test]
fn show_and_events_tell_the_same_run_to_people_and_programs() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    let id = stage.done(&["run", "hello.yaml"]).run_id();
    expect![[r#"
        run       RUN
        workflow  hello (version ca543bea782b)
        status    completed
        began     TIME
        ended     TIME, after SPAN
        steps
          greet  ok SPAN
          often  ok SPAN  2 of 2
        result
        [
          "Hello, world!",
          "Hello, world!"
        ]
        --- exit 0
    "#]]
    .assert_eq(&stage.run(&["show", &id]).shown());
    expect![[r#"
             2  TIME  started          greet             {"attempt":1}
             3  TIME  ended            greet             {"outcome":"ok","output":{"value":{"value":"Hello, world!"}}}
             4  TIME  started          often             {"attempt":1}
             5  TIME  expanded         often             {"items":{"value":[0,1]},"count":2}
             6  TIME  body_opened      often             {"index":0}
             7  TIME  started          often[0].say      {"attempt":1}
             8  TIME  ended            often[0].say      {"outcome":"ok","output":{"value":{"value":"Hello, world!"}}}
             9  TIME  body_ended       often             {"index":0,"value":{"run":"RUN","seq":8}}
            10  TIME  body_opened      often             {"index":1}
            11  TIME  started          often[1].say      {"attempt":1}
            12  TIME  ended            often[1].say      {"outcome":"ok","output":{"value":{"value":"Hello, world!"}}}
            13  TIME  body_ended       often             {"index":1,"value":{"run":"RUN","seq":12}}
            14  TIME  ended            often             {"outcome":"ok","output":{"value":{"value":["Hello, world!","Hello, world!"]}}}
            15  TIME  completed                          {"result":{"ref":{"run":"RUN","seq":14}}}
        --- exit 0
    "#]].assert_eq(&stage.run(&["events", "last", "--after", "1"]).shown());

    let shown = stage.json(&["show", &id]);
    assert_eq!(shown["result"], json!(["Hello, world!", "Hello, world!"]));
    let steps: Vec<_> = shown["steps"].as_array().unwrap().iter().map(|s| (&s["step"], &s["outcome"])).collect();
    assert_eq!(steps, [(&json!("greet"), &json!("ok")), (&json!("often"), &json!("ok"))]);

    let events = events(&stage, &id);
    let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(events[0]["event"]["created"]["workflow"], "hello");
    assert!(events.last().unwrap()["event"]["completed"].is_object());
}

#[test]
fn following_a_run_prints_every_event_then_how_it_ended() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    let ended = stage.done(&["run", "hello.yaml", "--follow", "--format", "json"]);
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, events) = lines.split_last().unwrap();
    assert_eq!(summary["status"], "completed");
    assert_eq!(events.last().unwrap()["seq"], events.len());
}

#[test]
fn detached_runs_are_finished_by_resume_which_ends_as_the_worst_of_them() {
    let fails =
        SLOW.replace("process: { transform: rested }", "input: { path: none }\n    process: { tool: files.read }");
    let stage = Stage::new().with("slow.yaml", SLOW).with("fails.yaml", fails);
    let first = stage.json(&["run", "slow.yaml", "--detach"])["id"].clone();
    let second = stage.json(&["run", "fails.yaml", "--detach"])["id"].clone();
    let resumed = stage.run(&["resume", "--format", "json"]);
    assert_eq!(resumed.code, Some(1), "one of them fails: {resumed:#?}");
    let runs: Value = serde_json::from_str(&resumed.stdout).unwrap();
    let ends: Vec<_> = runs.as_array().unwrap().iter().map(|run| (&run["id"], &run["status"])).collect();
    assert_eq!(ends, [(&first, &json!("completed")), (&second, &json!("failed"))]);
    expect![[r#"
        nothing is unfinished
        --- exit 0
    "#]]
    .assert_eq(&stage.run(&["resume"]).shown());
}

#[test]
fn a_detached_run_is_only_recorded() {
    let writes = "name: writes\nsteps:\n  - id: write\n    input: { path: out.txt, text: hello }\n    \
                  process: { tool: files.write }\n";
    let stage = Stage::new().with("writes.yaml", writes);
    stage.done(&["run", "writes.yaml", "--detach"]);
    assert!(!stage.path().join("out.txt").exists());
    assert_eq!(stage.json(&["show", "last"])["status"], "running");
    stage.done(&["resume"]);
    assert!(stage.path().join("out.txt").exists());
}

#[test]
fn a_run_is_meant_by_the_beginning_of_its_id() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    expect![[r#"
        --- stderr
        error: there are no runs yet
        help: `callboard run FILE` begins one
        --- exit 2
    "#]]
    .assert_eq(&stage.run(&["show", "last"]).shown());
    let id = stage.done(&["run", "hello.yaml"]).run_id();
    assert_eq!(stage.json(&["show", &id[..20]])["id"], json!(id));
    let other = stage.done(&["run", "hello.yaml"]).run_id();
    assert_eq!(stage.json(&["show", "last"])["id"], json!(other));
    let ambiguous = stage.run(&["show", "0", "--format", "json"]);
    assert_eq!((ambiguous.code, &ambiguous.error()["code"]), (Some(2), &json!("ambiguous_run")));
    expect![[r#"
        --- stderr
        error: there is no run `ffff`
        help: `callboard runs` lists those there are; the beginning of an id is enough, and so is `last`
        --- exit 2
    "#]]
    .assert_eq(&stage.run(&["show", "ffff"]).shown());
}

#[test]
fn a_workflow_beside_the_file_is_found_and_saved_with_it() {
    let outer = "\
name: outer
description: Starts another.
steps:
  - id: inner
    input: { who: Ada }
    process: { workflow: hello }
";
    let stage =
        Stage::new().with("outer.yaml", outer).with("some_other_name.yaml", HELLO).with("broken.yaml", "name: [");
    let run = stage.json(&["run", "outer.yaml"]);
    assert_eq!(run["result"], json!(["Hello, Ada!", "Hello, Ada!"]));
    let runs = stage.json(&["runs"]);
    let workflows: Vec<_> = runs.as_array().unwrap().iter().map(|run| &run["workflow"]).collect();
    assert!(workflows.contains(&&json!("hello")), "{runs:#}");

    // It was saved: without its file it is still there.
    std::fs::remove_file(stage.path().join("some_other_name.yaml")).unwrap();
    assert_eq!(stage.json(&["run", "outer.yaml"])["status"], "completed");
}

#[test]
fn a_simulation_changes_nothing() {
    let workflow = "\
name: writes
description: Writes a file after asking.
steps:
  - id: ask
    process: { human: Write it? }
  - id: write
    input: { path: out.txt, text: hello }
    process: { tool: files.write }
";
    let stage = Stage::new().with("writes.yaml", workflow);
    expect![[r#"
          ask asks: Write it?
          ask answered: approved (by simulation)
          ask               approved SPAN
          write             ok SPAN
        would call files.write (write) in write: {"path":"out.txt","text":"hello"}
        would be completed
        {
          "simulated": "files.write"
        }
        --- exit 0
    "#]]
    .assert_eq(&stage.run(&["simulate", "writes.yaml"]).shown());
    let simulated = stage.json(&["simulate", "writes.yaml", "--answer", "ask=rejected"]);
    assert_eq!(simulated["withheld"], json!([]), "the write is skipped");
    assert!(!stage.path().join("out.txt").exists());
    assert_eq!(stage.json(&["runs"]), json!([]));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    stage.done(&["run", "hello.yaml"]);
    for arguments in [&["runs"][..], &["events", "last"], &["run", "hello.yaml"], &["config"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = stage.command(arguments).stdout(writer).output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{arguments:?}");
    }
}

#[test]
fn ctrl_c_leaves_the_run_as_it_is_and_resume_finishes_it() {
    let stage = Stage::new().with("slow.yaml", SLOW);
    let mut going = stage.start(&["run", "slow.yaml"]);
    let id = run_id(&going.line("run "));
    going.line("rest waits");
    going.signal("INT");
    expect![[r#"
        run RUN of slow
          rest waits
        --- stderr
        stopping; once more to stop at once
        run RUN is left as it is; nothing is lost: `callboard resume` goes on
        --- exit 130
    "#]]
    .assert_eq(&going.end().shown());
    let resumed = stage.json(&["resume", &id]);
    assert_eq!(resumed[0]["result"], json!("rested"));
}

const SLOW: &str = "\
name: slow
description: Takes a moment.
steps:
  - id: rest
    process: { wait: { for: 2s } }
  - id: done
    process: { transform: rested }
";

fn events(stage: &Stage, run: &str) -> Vec<Value> {
    let ended = stage.done(&["events", run, "--format", "json"]);
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_role_can_be_tried_by_itself() {
    let stage = Stage::new().with("notes/outage.md", "# Outage\n\nThe outage in March cost 27,400 euros in refunds.\n");
    stage.done(&["remember", "notes"]);
    let ended = stage.done(&["agents", "try", "research", "Find what the outage cost"]);
    assert!(ended.stdout.contains("27,400 euros") && ended.stdout.contains("notes/outage.md"), "{ended:#?}");
    assert!(stage.done(&["events", "last"]).stdout.contains("memory.search"));

    let refused = stage.run(&["agents", "try", "reserch", "Find it"]);
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(refused.stderr.contains("did you mean `research`?"), "{refused:#?}");
}
