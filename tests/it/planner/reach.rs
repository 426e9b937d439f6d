//! That an edit asked about one step touches no other without need.

use callboard::planner::Standing;
use serde_json::{Value, json};

use super::{Script, WEEKLY, edits, offer, parsed, proposed};

fn set(step: &str, name: &str, value: &str) -> Value {
    json!({ "do": "change", "step": step, "set": [{ "name": name, "value": value }] })
}

#[tokio::test]
async fn what_the_request_does_not_speak_of_is_left_alone() {
    let before = parsed(WEEKLY);
    let subject = || set("mail", "input.subject", "The week");
    let cases = [
        // Asked about the mail, and only that is touched.
        ("change the subject of mail", json!([subject()]), None),
        // The writing is touched as well.
        ("change the subject of mail", json!([subject(), set("write", "process.goal", "Write a song")]), Some("write")),
        ("change the subject of mail", json!([subject(), { "do": "remove", "step": "gather" }]), Some("gather")),
        (
            "change the subject in the mail steps",
            json!([subject(), set("write", "process.goal", "A song")]),
            Some("write"),
        ),
        // The request speaks of both, by what they do.
        (
            "change the subject of mail, and let the brief be a song",
            json!([subject(), set("write", "process.goal", "Write a song")]),
            None,
        ),
        // Everything is meant.
        (
            "make mail and every step patient",
            json!([set("write", "timeout", "1h"), set("mail", "timeout", "1h")]),
            None,
        ),
        (
            "make mail and the other steps patient",
            json!([set("write", "timeout", "1h"), set("mail", "timeout", "1h")]),
            None,
        ),
        // What hangs on it is mended.
        ("call mail letter", json!([{ "do": "rename", "step": "mail", "to": "letter" }]), None),
        ("let gather feed mail", json!([set("mail", "input.body", "{{ steps.gather.output.text }}")]), None),
        (
            "leave write out",
            json!([{ "do": "remove", "step": "write" }, set("mail", "input.body", "{{ steps.gather.output.text }}")]),
            None,
        ),
        // What is spoken of is all that is wanted: the rest may go, but not be changed.
        (
            "I only want to gather",
            json!([{ "do": "remove", "step": "write" }, { "do": "remove", "step": "mail" }]),
            None,
        ),
        (
            "just gather, nothing else",
            json!([{ "do": "remove", "step": "write" }, { "do": "remove", "step": "mail" }]),
            None,
        ),
        ("I only want to gather", json!([set("mail", "input.subject", "The week")]), Some("mail")),
        // What is to be otherwise says nothing of the rest.
        ("I only want to change gather", json!([{ "do": "remove", "step": "mail" }]), Some("mail")),
        ("only gather on weekdays", json!([{ "do": "remove", "step": "mail" }]), Some("mail")),
        // No step is called by its name: what is meant is for the model to find out.
        ("let it be a song", json!([set("write", "process.goal", "Write a song")]), None),
    ];
    for (request, said, touched) in cases {
        let proposed = proposed(&Script::of(&[edits(said.clone())]), request, Some(&before), &offer()).await;
        let proposal = &proposed.proposal;
        match touched {
            None => assert_eq!(proposal.standing, Standing::Ready, "{request}: {}", proposed.reply),
            Some(step) => {
                assert_eq!(proposal.standing, Standing::Failed, "{request}: {}", proposed.reply);
                let problem = proposal.problems.iter().find(|problem| problem.code == "beside_the_point");
                let problem = problem.unwrap_or_else(|| panic!("{request}: {}", proposed.reply));
                assert!(problem.message.contains(&format!("`{step}`")), "{request}: {problem}");
                assert_eq!(proposed.workflow.as_ref(), Some(&before));
            }
        }
    }
}
