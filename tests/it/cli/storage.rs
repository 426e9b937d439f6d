//! What is said and kept when the disk takes no more.

use super::stage::Stage;

/// Three hundred items, each of which leaves some eight kilobytes behind.
const GROWING: &str = "\
name: growing
description: Leaves more behind than the disk takes.
steps:
  - id: each
    process:
      for_each:
        items: '{{ range(300) | list }}'
        steps:
          - id: fill
            input: { path: filler.txt }
            process: { tool: files.read }
result: '{{ steps.each.output | length }}'
";

/// The operating system lets no file grow past a limit (`RLIMIT_FSIZE`), as on a disk that is full.
#[test]
fn a_run_that_the_disk_has_no_room_for_says_so_and_goes_on_when_it_has() {
    let stage = Stage::new().with("growing.yaml", GROWING).with("filler.txt", "x".repeat(8_000));
    let program = stage.command(&["run", "growing.yaml"]);
    let mut limited = std::process::Command::new("bash");
    // Without the trap the signal of the limit would end the process, as a kill does.
    limited.arg("-c").arg("trap '' XFSZ; ulimit -f 700; exec \"$@\"").arg("bash");
    limited.arg(program.get_program()).args(program.get_args()).current_dir(stage.path()).env("USER", "ada");
    let ended = stage.go_on(&mut limited).end();
    assert_ne!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.code.is_some(), "it was killed: {ended:#?}");
    assert!(ended.stderr.contains("disk"), "{ended:#?}");

    let runs = stage.json(&["runs"]);
    let before: Vec<&str> = runs.as_array().unwrap().iter().map(|run| run["status"].as_str().unwrap()).collect();
    assert_eq!(before, ["running"], "the run was acknowledged");
    let events = stage.done(&["events", "last", "--format", "json"]).stdout.lines().count();
    assert!(events > 10, "{events}");

    stage.done(&["resume"]);
    let shown = stage.json(&["show", "last"]);
    assert_eq!((shown["status"].as_str(), shown["result"].as_u64()), (Some("completed"), Some(300)), "{shown:#}");
    let all = stage.done(&["events", "last", "--format", "json"]);
    assert_eq!(all.stdout.lines().filter(|line| line.contains("\"body_ended\"")).count(), 300);
}
