//! What an Ollama server has, and what it gets.

use callboard::model::Trouble;
use callboard::model::ollama::{self, Installed, Progress};
use futures::StreamExt as _;
use serde_json::json;

use super::protocol::{Protocol, SHORT, Said, TIMEOUT};
use super::server::{Answer, End, Server};
use crate::cli::stage::Stage;

#[tokio::test]
async fn the_models_of_a_server_are_listed() {
    let details =
        json!({ "format": "gguf", "family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M" });
    let server = Server::saying(Answer::json(
        200,
        &json!({ "models": [{
        "name": "llama3.2:3b", "model": "llama3.2:3b", "modified_at": "2025-05-04T17:37:44.706015396-07:00",
        "size": 3_826_793_677_u64, "digest": "a80c4f17acd5", "details": details
    }] }),
    ))
    .await;
    let installed = Installed { name: "llama3.2:3b".to_owned(), bytes: 3_826_793_677 };
    for address in [server.address.clone(), format!("{}/", server.address)] {
        assert_eq!(ollama::list(&address, TIMEOUT).await.unwrap(), std::slice::from_ref(&installed));
        assert_eq!(server.sent().last().unwrap().line, "GET /api/tags");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_is_another_is_said_to_be() {
    for (answer, trouble, told) in [
        (Answer::silence(), Trouble::TimedOut, "models.ollama.timeout"),
        (Answer::new(200, "text/html", "<html>"), Trouble::Malformed, "is that Ollama?"),
        (Answer::json(500, &json!({ "error": "no space left" })), Trouble::Rejected, "no space left"),
    ] {
        let server = Server::saying(answer).await;
        let error = ollama::list(&server.address, SHORT).await.unwrap_err();
        assert_eq!(error.trouble, trouble, "{error}");
        assert!(error.message.contains(told) && error.message.contains(&server.address), "{error}");
    }
    let error = ollama::list("http://127.0.0.1:1", TIMEOUT).await.unwrap_err();
    assert!(error.trouble == Trouble::Unavailable && error.message.contains("is it started"), "{error}");
    let error = ollama::list("localhost", TIMEOUT).await.unwrap_err();
    assert!(error.trouble == Trouble::Rejected && error.message.contains("models.ollama.base_url"), "{error}");
}

async fn pulled(answer: Answer) -> (Vec<Progress>, Option<callboard::model::ModelError>) {
    let server = Server::saying(answer).await;
    let (mut steps, mut failure) = (Vec::new(), None);
    let mut told = ollama::pull(&server.address, "llama3.2:3b", SHORT);
    while let Some(step) = told.next().await {
        match step {
            Ok(step) => steps.push(step),
            Err(error) => failure = Some(error),
        }
    }
    assert_eq!(server.sent()[0].line, "POST /api/pull");
    assert_eq!(server.sent()[0].json()["name"], "llama3.2:3b");
    (steps, failure)
}

#[tokio::test]
async fn a_model_is_got_with_its_progress_and_what_stops_it_is_said() {
    let lines = [
        json!({ "status": "pulling manifest" }),
        json!({ "status": "pulling dde5aa3fc5ff", "digest": "sha256:dde5", "total": 2_142_590_208_u64, "completed": 241_970 }),
        json!({ "status": "success" }),
    ];
    let body = |lines: &[serde_json::Value]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let answer = |lines| Answer::new(200, "application/x-ndjson", body(lines));
    let step = |status: &str, completed, total| Progress { status: status.to_owned(), completed, total };
    let part = step("pulling dde5aa3fc5ff", Some(241_970), Some(2_142_590_208));
    let all = [step("pulling manifest", None, None), part, step("success", None, None)];
    assert_eq!(pulled(answer(&lines)).await, (all.to_vec(), None));
    assert_eq!(pulled(answer(&lines).cut(std::iter::repeat(1))).await, (all.to_vec(), None));
    let failed = json!({ "error": "pull model manifest: file does not exist" });
    for (answer, count, trouble, told) in [
        (answer(&[lines[0].clone(), failed.clone()]), 1, Trouble::Rejected, "file does not exist"),
        (Answer::json(400, &failed), 0, Trouble::Rejected, "file does not exist"),
        (answer(&lines[..2]), 2, Trouble::Malformed, "ends in the middle"),
        (answer(&lines[..2]).ending(End::Hang), 2, Trouble::TimedOut, "said nothing for 200ms"),
        (Answer::silence(), 0, Trouble::TimedOut, "said nothing for 200ms"),
    ] {
        let (steps, failure) = pulled(answer).await;
        let error = failure.unwrap();
        assert_eq!((steps.len(), error.trouble), (count, trouble), "{error}");
        assert!(error.message.contains(told), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_of_ollama_answers_the_program() {
    let server = Server::saying(Protocol::Ollama.whole(&Said::text(&["ok"]))).await;
    let config =
        format!("[models]\ndefault = \"ollama/small-1\"\n[models.ollama]\nbase_url = \"{}\"\n", server.address);
    let role = "name: writer\ndescription: Writes.\nprompt: writer.md\nmodel: default\n";
    let stage = Stage::new().with("callboard.toml", config).with("agents/writer.yaml", role);
    stage.write("prompts/writer.md", "You write.");
    let ended = tokio::task::spawn_blocking(move || stage.run(&["models", "--check"])).await.unwrap();
    assert!(ended.stdout.contains("ollama/small-1"), "{ended:?}");
    let sent = server.sent();
    let asked: Vec<_> = sent.iter().filter(|sent| sent.line == "POST /api/chat").collect();
    assert!(!asked.is_empty(), "{ended:?}");
    assert_eq!(asked[0].json()["options"]["num_ctx"], 8192);
}
