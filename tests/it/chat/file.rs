//! The file that a conversation is about: what is accepted is written to it, and nothing that belongs to somebody else is lost.

use std::io::Write as _;

use super::HELLO;
use crate::cli::stage::Stage;

const OTHER: &str = "\
name: other
steps:
  - id: only
    process: { transform: x }
";

fn text(stage: &Stage, file: &str) -> String {
    std::fs::read_to_string(stage.path().join(file)).unwrap()
}

#[test]
fn what_somebody_wrote_to_the_file_meanwhile_is_not_lost_by_taking_back() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    let (reader, mut lines) = std::io::pipe().unwrap();
    let mut command = stage.command(&["chat", "--workflow", "hello.yaml"]);
    let mut going = stage.go_on(command.stdin(reader));
    drop(command);
    lines.write_all(b"rename greet to welcome\nyes\n").unwrap();
    going.line("undo that");
    let edited = text(&stage, "hello.yaml").replace("Hello, {{", "Good day, {{");
    assert!(edited.contains("welcome") && edited.contains("Good day"), "{edited}");
    stage.write("hello.yaml", &edited);
    lines.write_all(b"undo that\n").unwrap();
    drop(lines);
    let ended = going.end();
    assert!(ended.stdout.contains("Taken back: `hello` is as it was"), "{ended:#?}");
    assert!(ended.stdout.contains("hello.yaml was changed meanwhile, and is left as it is"), "{ended:#?}");
    assert_eq!(text(&stage, "hello.yaml"), edited);

    // Gone on with from the file as it is, an edit is part of what is live, and stays with what is taken back.
    stage.done(&["chat", "--workflow", "hello.yaml", "rename welcome to salute"]);
    stage.done(&["chat", "--conversation", "last", "--workflow", "hello.yaml", "yes"]);
    assert!(text(&stage, "hello.yaml").contains("salute"));
    stage.write("hello.yaml", text(&stage, "hello.yaml").replace("Greets somebody", "Greets all"));
    stage.done(&["chat", "--conversation", "last", "--workflow", "hello.yaml", "undo that"]);
    assert_eq!(text(&stage, "hello.yaml"), edited.replace("Greets somebody", "Greets all"));
}

#[test]
fn what_is_decided_about_another_workflow_is_not_written_to_the_file() {
    let stage = Stage::new().with("hello.yaml", HELLO).with("other.yaml", OTHER);
    stage.done(&["chat", "--workflow", "other.yaml", "rename only to single"]);
    stage.done(&["chat", "--conversation", "last", "--workflow", "other.yaml", "yes"]);
    assert!(text(&stage, "other.yaml").contains("single"));
    let said = stage.done(&["chat", "--conversation", "last", "--workflow", "hello.yaml", "undo that"]).stdout;
    assert!(said.contains("Taken back: `other` is as it was"), "{said}");
    assert_eq!(text(&stage, "hello.yaml"), HELLO);

    stage.done(&["chat", "every Monday at 9 ask Maria for approval"]);
    let said = stage.done(&["chat", "--conversation", "last", "--workflow", "hello.yaml", "yes"]).stdout;
    assert!(said.contains("Accepted and saved: `ask_maria`"), "{said}");
    assert_eq!(text(&stage, "hello.yaml"), HELLO);
}

#[test]
fn a_change_of_comments_alone_is_saved_and_stays_with_what_is_accepted_next() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    stage.done(&["chat", "--workflow", "hello.yaml", "what does it do?"]);
    stage.write("hello.yaml", HELLO.replace("steps:\n", "# Kindly:\nsteps:\n"));
    stage.done(&["chat", "--workflow", "hello.yaml", "rename greet to welcome"]);
    let said = stage.done(&["chat", "--conversation", "last", "--workflow", "hello.yaml", "yes"]).stdout;
    assert!(said.contains("Accepted and saved: `hello`") && !said.contains("was changed meanwhile"), "{said}");
    let written = text(&stage, "hello.yaml");
    assert!(written.contains("# Kindly:\n") && written.contains("id: welcome"), "{written}");
    stage.done(&["chat", "--conversation", "last", "--workflow", "hello.yaml", "undo that"]);
    assert!(text(&stage, "hello.yaml").contains("# Kindly:\n") && text(&stage, "hello.yaml").contains("id: greet"));
}
