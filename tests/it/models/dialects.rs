//! What servers that speak a protocol do otherwise than the one that it comes from.

use callboard::model::{Message, Model, OpenAi, OpenAiSettings, Reply, Request, Trouble, Usage};
use serde_json::{Value, json};

use super::protocol::{Protocol, Said, TIMEOUT, chunk, conversation, events, question, schema, usage_chunk};
use super::server::{Answer, End, Server};
use super::suite::streamed;

async fn told(answer: Answer) -> (Vec<String>, Result<Reply, callboard::model::ModelError>) {
    let server = Server::saying(answer).await;
    streamed(&*Protocol::OpenAi.model(&server.address), &conversation()).await
}

#[tokio::test]
async fn a_stream_is_understood_however_a_server_writes_it() {
    let text = chunk(json!({ "content": "Hi" }), None);
    let end = chunk(json!({}), Some("stop"));
    let both = chunk(json!({ "content": "Hi" }), Some("stop"));
    let mut counted = end.clone();
    counted["usage"] = json!({ "prompt_tokens": 11, "completion_tokens": 7 });
    let mut counting = text.clone();
    counting["usage"] = json!({ "prompt_tokens": 11, "completion_tokens": 1 });
    let mut nothing = chunk(json!({}), None);
    nothing["choices"] = json!([]);
    nothing["prompt_filter_results"] = json!([]);
    nothing["usage"] = json!(null);
    let parts = chunk(json!({ "content": [{ "type": "thinking" }, { "type": "text", "text": "Hi" }] }), None);
    let bare = json!({ "choices": [{ "delta": { "content": "Hi" }, "finish_reason": "" }] });
    let thinking = chunk(json!({ "role": "assistant", "content": null, "reasoning_content": "Hm" }), None);
    let pretty = serde_json::to_string_pretty(
        &json!({ "choices": [{ "message": { "content": "Hi" }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 11, "completion_tokens": 7 } }),
    );
    let plain = |chunks: &[Value]| String::from_utf8(events(chunks, "\n").body()).unwrap();
    let event = |body: String| Answer::new(200, "text/event-stream", body);
    let usage = usage_chunk(11, 7);
    for (what, answer) in [
        ("lines end as in mail", events(&[text.clone(), end.clone(), usage.clone()], "\r\n")),
        ("the end is in the last chunk of text", events(&[both.clone(), usage.clone()], "\n")),
        ("the usage is in the chunk of the end", events(&[text.clone(), counted.clone()], "\n")),
        ("every chunk counts", events(&[counting, counted.clone()], "\n")),
        ("a chunk comes without choices", events(&[nothing, text.clone(), counted.clone()], "\n")),
        ("the text is in parts", events(&[parts, counted.clone()], "\n")),
        ("there is no more than must be", events(&[bare, counted.clone()], "\n")),
        ("the model thinks aloud", events(&[thinking, text.clone(), counted.clone()], "\n")),
        ("there is no mark of the end", event(plain(&[text.clone(), counted.clone()]).replace("data: [DONE]\n\n", ""))),
        ("there is no space after data", event(plain(&[text.clone(), counted.clone()]).replace("data: ", "data:"))),
        (
            "events have names",
            event(plain(&[text.clone(), counted.clone()]).replace("data: ", "event: message\nid: 1\ndata: ")),
        ),
        ("there is no stream", Answer::new(200, "application/json; charset=utf-8", pretty.unwrap())),
    ] {
        let (texts, reply) = told(answer).await;
        let usage = Usage { input_tokens: 11, output_tokens: 7 };
        assert_eq!(
            (texts.concat().as_str(), reply),
            ("Hi", Ok(Reply { text: "Hi".to_owned(), usage, ..Reply::default() })),
            "{what}"
        );
    }
    // The reply is there, though the usage is not and the connection breaks.
    let (_, reply) = told(events(&[both], "\n").cut(std::iter::once(300)).first(1).ending(End::Cut)).await;
    assert_eq!(reply.unwrap().text, "Hi");
}

#[tokio::test]
async fn calls_are_told_apart_however_a_server_numbers_them() {
    let delta = |call: Value| chunk(json!({ "tool_calls": [call] }), None);
    let call = |index: Value, id: Value, name: Value, arguments: Value| {
        let mut call = json!({ "index": index, "id": id, "type": "function", "function": { "name": name, "arguments": arguments } });
        call.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        delta(call)
    };
    let (no, name) = (Value::Null, json!("files-read"));
    let whole = json!("{\"n\":1}");
    let end = || chunk(json!({}), Some("tool_calls"));
    for (what, chunks) in [
        (
            "each its own index",
            vec![
                call(json!(0), json!("a"), name.clone(), json!("")),
                call(json!(1), json!("b"), name.clone(), json!("{\"n\"")),
                call(json!(0), no.clone(), no.clone(), whole.clone()),
                call(json!(1), no.clone(), no.clone(), json!(":1}")),
                end(),
            ],
        ),
        (
            "all the index 0",
            vec![
                call(json!(0), json!("a"), name.clone(), whole.clone()),
                call(json!(0), json!("b"), name.clone(), whole.clone()),
                end(),
            ],
        ),
        (
            "no index, and pieces without an id",
            vec![
                call(no.clone(), json!("a"), name.clone(), json!("{\"n\"")),
                call(no.clone(), no.clone(), no.clone(), json!(":1}")),
                call(no.clone(), json!("b"), name.clone(), whole.clone()),
                end(),
            ],
        ),
        (
            "the id and the name again and again",
            vec![
                call(json!(0), json!("a"), name.clone(), json!("{\"n\"")),
                call(json!(0), json!("a"), name.clone(), json!(":1}")),
                call(json!(1), json!("b"), name.clone(), whole.clone()),
                end(),
            ],
        ),
        (
            "later ones first",
            vec![
                call(json!(1), json!("b"), name.clone(), whole.clone()),
                call(json!(0), json!("a"), name.clone(), whole.clone()),
                end(),
            ],
        ),
        (
            "arguments that are no text",
            vec![
                call(json!(0), json!("a"), name.clone(), json!({ "n": 1 })),
                call(json!(1), json!("b"), name.clone(), json!({ "n": 1 })),
                end(),
            ],
        ),
    ] {
        let (_, reply) = told(events(&chunks, "\n")).await;
        let calls = reply.unwrap().calls;
        let calls: Vec<_> = calls.iter().map(|call| (call.id.as_str(), call.name.as_str(), &call.arguments)).collect();
        let arguments = json!({ "n": 1 });
        assert_eq!(calls, [("a", "files.read", &arguments), ("b", "files.read", &arguments)], "{what}");
    }
    // Without ids and indices, a name begins a call.
    let bare = vec![
        call(no.clone(), no.clone(), name.clone(), whole.clone()),
        call(no.clone(), no.clone(), name.clone(), whole),
        end(),
    ];
    let calls = told(events(&bare, "\n")).await.1.unwrap().calls;
    assert_eq!(calls.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["call_7_0", "call_7_1"]);
}

#[tokio::test]
async fn a_stream_that_fails_or_refuses_says_so() {
    let text = chunk(json!({ "content": "Hi" }), None);
    let refusal = ["I can", "not"].map(|piece| chunk(json!({ "refusal": piece }), None));
    let end = |reason| chunk(json!({}), Some(reason));
    let mut none = end("stop");
    none["choices"] = json!([]);
    for (chunks, trouble, told_of) in [
        (vec![text.clone(), json!({ "error": { "code": 429, "message": "Rate limit" } })], Trouble::Busy, "Rate limit"),
        (
            vec![text.clone(), json!({ "error": { "message": "The server had an error", "type": "server_error" } })],
            Trouble::Unavailable,
            "had an error",
        ),
        (vec![text.clone(), json!({ "error": "out of memory" })], Trouble::Unavailable, "out of memory"),
        (
            vec![text.clone(), json!({ "error": { "message": "Your key sk-canary" } })],
            Trouble::Unavailable,
            "Your key ***",
        ),
        (vec![text.clone(), end("error")], Trouble::Unavailable, "failed while it replied"),
        (vec![refusal[0].clone(), refusal[1].clone(), end("stop")], Trouble::Refused, "refuses: I cannot"),
        (vec![text.clone(), end("content_filter")], Trouble::Refused, "filter"),
        (vec![text, end("length")], Trouble::Truncated, "limit of tokens"),
        (vec![json!({ "choices": [] })], Trouble::Malformed, "no choice"),
        (vec![json!({ "some": "thing" })], Trouble::Malformed, "no choices"),
        (vec![json!(7)], Trouble::Malformed, "cannot be read"),
    ] {
        let (_, ended) = told(events(&chunks, "\n")).await;
        let error = ended.unwrap_err();
        assert_eq!(error.trouble, trouble, "{error}");
        assert!(error.message.contains(told_of), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_to_count_is_not_asked_to_again() {
    let answer = Protocol::OpenAi.streamed(&Said { usage: None, ..Said::text(&["Hi"]) });
    let refusal = json!({ "detail": [{ "loc": ["body", "stream_options"], "msg": "extra fields not permitted" }] });
    let server = Server::start(move |sent| match sent.json().get("stream_options") {
        Some(options) if options["include_usage"] == true => Answer::json(422, &refusal),
        _ => answer.clone(),
    })
    .await;
    let model = Protocol::OpenAi.model(&server.address);
    for asked in [2, 3] {
        let (texts, reply) = streamed(&*model, &question()).await;
        assert_eq!(texts, ["Hi"]);
        assert!(reply.unwrap().usage.input_tokens > 0);
        assert_eq!(server.sent().len(), asked);
    }
}

#[tokio::test]
async fn azure_s_query_goes_with_every_request() {
    let server = Server::saying(Protocol::OpenAi.whole(&Said::text(&["Hi"]))).await;
    let base_url = format!("{}/openai/deployments/m?api-version=2024-10-21", server.address);
    let (model, key) = ("m".to_owned(), None);
    let settings = OpenAiSettings { base_url, model, key, timeout: TIMEOUT, idle_timeout: TIMEOUT };
    OpenAi::new(&settings).unwrap().reply(&question()).await.unwrap();
    let sent = &server.sent()[0];
    assert_eq!(sent.line, "POST /openai/deployments/m/chat/completions?api-version=2024-10-21");
    assert_eq!(sent.header("authorization"), None);
}

#[tokio::test]
async fn ollama_is_sent_a_conversation_as_it_has_it() {
    let server = Server::saying(Protocol::Ollama.whole(&Said::text(&["Hi"]))).await;
    let model = Protocol::Ollama.model(&server.address);
    model.reply(&conversation()).await.unwrap();
    let call = |query: &str| json!({ "function": { "name": "memory-search", "arguments": { "query": query } } });
    let tool = |name: &str| {
        json!({ "type": "function", "function": { "name": name, "description": "Searches.",
            "parameters": { "type": "object", "properties": { "query": { "type": "string" } } } } })
    };
    let expected = json!({
        "model": "small-1",
        "messages": [
            { "role": "system", "content": "You find." },
            { "role": "user", "content": "Find x and y, schön." },
            { "role": "assistant", "content": "", "tool_calls": [call("x"), call("y")] },
            { "role": "tool", "content": "{\"hits\":[]}", "tool_name": "memory-search" },
            { "role": "tool", "content": "none", "tool_name": "memory-search" },
            { "role": "assistant", "content": "Nothing yet." },
            { "role": "user", "content": "Go on." },
        ],
        "tools": [tool("memory-search"), tool("files-read")],
        "options": { "num_ctx": 2048, "num_predict": 500, "temperature": 0.25 },
        "stream": false,
    });
    assert_eq!(server.sent()[0].json(), expected);
    assert_eq!(model.window(), Some(2048));
    // What keeps to a format could call nothing, so that the model is told instead.
    let mut request = Request { output: Some(schema()), ..conversation() };
    model.reply(&request).await.unwrap();
    let sent = server.sent()[1].json();
    assert!(sent.get("format").is_none());
    assert!(sent["messages"][7]["content"].as_str().unwrap().contains(&schema().to_string()), "{sent}");
    // Arguments that were no JSON go back as an object, which is all that Ollama takes.
    if let Message::Assistant { calls, .. } = &mut request.messages[2] {
        calls[0].arguments = json!("{\"que");
    }
    model.reply(&request).await.unwrap();
    let sent = server.sent()[2].json();
    assert_eq!(sent["messages"][2]["tool_calls"][0]["function"]["arguments"], json!({ "arguments": "{\"que" }));
}

#[tokio::test]
async fn ollama_may_fail_in_the_middle_and_leave_out_what_it_still_knows() {
    let server = |body: &'static str| Server::saying(Answer::new(200, "application/x-ndjson", body));
    let failing = server("{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"done\":false}\n{\"error\":\"an error was encountered while running the model\"}\n").await;
    let (texts, ended) = streamed(&*Protocol::Ollama.model(&failing.address), &question()).await;
    assert_eq!(texts, ["Hi"]);
    let error = ended.unwrap_err();
    assert_eq!(error.trouble, Trouble::Unavailable);
    assert!(error.message.contains("while running the model"), "{error}");
    // Without the last line's end, without a reason, without the count of a prompt that it has kept.
    let kept = server("{\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"}}\r\n\r\n{\"message\":{\"role\":\"assistant\"},\"done\":true,\"eval_count\":5}").await;
    let reply = streamed(&*Protocol::Ollama.model(&kept.address), &question()).await.1.unwrap();
    assert_eq!((reply.text.as_str(), reply.usage.output_tokens), ("Hi", 5));
    assert!(reply.usage.input_tokens > 10);
}
