//! One suite for all models: those behind a protocol against a server that speaks it, and what is played back beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callboard::model::{Message, Model, ModelError, Offline, Piece, Recorder, Replay, Reply, Request, Trouble, Usage};
use callboard::secrets::Mask;
use futures::StreamExt as _;
use serde_json::json;

use super::protocol::{ALL, HARD_TEXTS, Protocol, SHORT, Said, TIMEOUT, conversation, question, schema};
use super::server::{Answer, End, Server};

/// A reply as it came, in pieces: its texts, and what it came to.
pub async fn streamed(model: &dyn Model, request: &Request) -> (Vec<String>, Result<Reply, ModelError>) {
    let mut pieces = model.stream(request);
    let (mut texts, mut said) = (Vec::new(), false);
    loop {
        match pieces.next().await.expect("a stream ends with the whole reply or with an error") {
            Ok(Piece::Text(text)) => {
                assert!(!said, "no text comes after all of it was said");
                texts.push(text);
            }
            Ok(Piece::Said) => said = true,
            ended => {
                assert!(pieces.next().await.is_none(), "nothing comes after the end");
                return (texts, ended.map(|piece| if let Piece::Done(reply) = piece { reply } else { panic!() }));
            }
        }
    }
}

/// A server that answers in whatever way it is asked to.
async fn server(protocol: Protocol, said: &Said) -> Server {
    let (whole, streamed) = (protocol.whole(said), protocol.streamed(said));
    Server::start(move |sent| if sent.json()["stream"] == true { streamed.clone() } else { whole.clone() }).await
}

/// What makes a model a model, whichever it is.
async fn conforms(model: &dyn Model, request: &Request) -> Reply {
    let reply = model.reply(request).await.unwrap();
    let (texts, ended) = streamed(model, request).await;
    assert_eq!(ended.unwrap(), reply, "{}", model.name());
    assert!(texts.is_empty() || texts.concat() == reply.text, "{texts:?}");
    assert!(reply.usage.input_tokens > 0);
    let mut ids: Vec<&str> = reply.calls.iter().map(|call| call.id.as_str()).collect();
    ids.extend(request.messages.iter().flat_map(|message| match message {
        Message::Assistant { calls, .. } => calls.iter().map(|call| call.id.as_str()).collect(),
        _ => Vec::new(),
    }));
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "{}: {ids:?}", model.name());
    assert!(!ids.contains(&""));
    reply
}

/// The same once it is on a cassette, without the model.
async fn conforms_on_cassettes(model: Arc<dyn Model>, request: &Request) -> Reply {
    let folder = tempfile::tempdir().unwrap();
    let name = model.name().to_owned();
    let recorder = Recorder::new(model, folder.path(), Mask::default());
    let reply = conforms(&recorder, request).await;
    let (texts, _) = streamed(&recorder, request).await;
    drop(recorder);
    let replay = Replay::open(name, folder.path(), Mask::default()).unwrap();
    assert_eq!(conforms(&replay, request).await, reply);
    assert_eq!(streamed(&replay, request).await, (texts, Ok(reply.clone())));
    reply
}

#[tokio::test]
async fn a_text_comes_whole_and_in_pieces_with_its_usage() {
    for protocol in ALL {
        let server = server(protocol, &Said::text(&HARD_TEXTS)).await;
        let model = protocol.model(&server.address);
        assert_eq!(model.name(), protocol.name());
        let reply = conforms_on_cassettes(model.clone(), &conversation()).await;
        assert_eq!(reply.text, HARD_TEXTS.concat());
        assert_eq!(reply.usage, Usage { input_tokens: 11, output_tokens: 7 });
        assert_eq!(streamed(&*model, &conversation()).await.0, HARD_TEXTS);
        let key = (protocol == Protocol::OpenAi).then_some("Bearer sk-canary");
        for sent in server.sent() {
            assert_eq!(sent.line, protocol.line());
            assert_eq!(sent.header("authorization"), key);
            assert_eq!(sent.header("content-type"), Some("application/json"));
        }
    }
}

#[tokio::test]
async fn parallel_calls_come_in_pieces_and_under_the_tools_own_names() {
    for protocol in ALL {
        let said = Said::calls(&[
            ("c3", "memory-search", json!({ "query": "größer \"als\" 世界", "most": 3 })),
            ("c4", "files-read", json!({})),
            ("c5", "memory-search", json!({ "query": "🌍", "deep": { "er": [null, 1.5] } })),
        ]);
        let server = server(protocol, &said).await;
        let reply = conforms_on_cassettes(protocol.model(&server.address), &conversation()).await;
        let calls: Vec<_> = reply.calls.iter().map(|call| (call.name.as_str(), &call.arguments)).collect();
        let expected = [
            ("memory.search", &said.calls[0].2),
            ("files.read", &said.calls[1].2),
            ("memory.search", &said.calls[2].2),
        ];
        assert_eq!(calls, expected, "{protocol:?}");
        if protocol == Protocol::OpenAi {
            assert_eq!(reply.calls.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["c3", "c4", "c5"]);
        }
    }
}

#[tokio::test]
async fn what_satisfies_a_schema_is_asked_for_and_comes_as_text() {
    for protocol in ALL {
        let server = server(protocol, &Said::text(&["{\"fou", "nd\": 1}"])).await;
        let request = Request { output: Some(schema()), ..question() };
        let reply = conforms_on_cassettes(protocol.model(&server.address), &request).await;
        assert_eq!(reply.text, "{\"found\": 1}");
        for sent in server.sent() {
            let body = sent.json();
            match protocol {
                Protocol::OpenAi => {
                    let wanted = json!({ "name": "result", "schema": schema(), "strict": false });
                    assert_eq!(body["response_format"], json!({ "type": "json_schema", "json_schema": wanted }));
                }
                Protocol::Ollama => assert_eq!(body["format"], schema()),
            }
        }
    }
}

#[tokio::test]
async fn the_offline_model_is_a_model_and_can_be_played_back() {
    for request in [question(), conversation(), Request { output: Some(schema()), ..question() }] {
        conforms_on_cassettes(Arc::new(Offline), &request).await;
    }
}

#[tokio::test]
async fn a_stream_can_be_cut_at_every_byte() {
    for protocol in ALL {
        let calls = [("c3", "memory-search", json!({ "query": "é🌍" })), ("c4", "files-read", json!({ "n": 1 }))];
        let said = Said { texts: HARD_TEXTS.to_vec(), ..Said::calls(&calls) };
        let whole = protocol.streamed(&said);
        let length = whole.body().len();
        let next = Arc::new(AtomicUsize::new(0));
        let cut = next.clone();
        let server = Server::start(move |_| match cut.fetch_add(1, Ordering::SeqCst) {
            0 => whole.clone(),
            // Every byte by itself.
            1 => whole.clone().cut(std::iter::repeat(1)),
            2 => whole.clone().cut(std::iter::repeat(3)),
            at => whole.clone().cut(std::iter::once(at - 2)),
        })
        .await;
        let (model, request) = (protocol.model(&server.address), conversation());
        let expected = streamed(&*model, &request).await;
        assert_eq!((expected.0.concat(), expected.1.as_ref().unwrap().calls.len()), (HARD_TEXTS.concat(), 2));
        futures::stream::iter(0..length + 1)
            .for_each_concurrent(8, |_| async {
                assert_eq!(streamed(&*model, &request).await, expected);
            })
            .await;
        assert_eq!(next.load(Ordering::SeqCst), length + 2);
    }
}

#[tokio::test]
async fn every_status_is_a_trouble_and_nobody_is_asked_twice() {
    use Trouble::{Busy, Rejected, TimedOut, TooLong, Unavailable};
    let statuses = [
        (400, Rejected),
        (401, Rejected),
        (402, Rejected),
        (403, Rejected),
        (404, Rejected),
        (408, TimedOut),
        (409, Unavailable),
        (413, TooLong),
        (422, Rejected),
        (429, Busy),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, TimedOut),
        (529, Busy),
    ];
    for protocol in ALL {
        for (status, trouble) in statuses {
            let complaint = protocol.complaint("this is why, sk-canary");
            for answer in [Answer::json(status, &complaint), Answer::new(status, "text/html", "<p>this is why</p>")] {
                let server = Server::saying(answer).await;
                let model = protocol.model(&server.address);
                let error = model.reply(&question()).await.unwrap_err();
                let (texts, ended) = streamed(&*model, &question()).await;
                assert_eq!((texts.len(), ended.unwrap_err()), (0, error.clone()));
                assert_eq!(error.trouble, trouble, "{protocol:?} {status}");
                assert!(error.message.starts_with(&format!("{}: {status} ", protocol.name())), "{error}");
                assert!(error.message.contains("this is why"), "{error}");
                assert!(protocol == Protocol::Ollama || !error.message.contains("canary"), "{error}");
                assert_eq!(server.sent().len(), 2);
            }
        }
        for (header, value, after) in [
            ("retry-after", "7", 7_000),
            ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT", 10_000),
            ("retry-after-ms", "250", 250),
        ] {
            let answer = Answer::json(429, &protocol.complaint("slow down")).header(header, value);
            let server = Server::saying(answer.header("date", "Sun, 06 Nov 1994 08:49:37 GMT")).await;
            let error = protocol.model(&server.address).reply(&question()).await.unwrap_err();
            assert_eq!(error.after, Some(Duration::from_millis(after)), "{value}");
        }
        for words in [
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
            "the request exceeds the available context size",
            "input length exceeds the context length",
        ] {
            let server = Server::saying(Answer::json(400, &protocol.complaint(words))).await;
            let error = protocol.model(&server.address).reply(&question()).await.unwrap_err();
            assert_eq!(error.trouble, TooLong, "{error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_noticed() {
    for protocol in ALL {
        let silent = Server::saying(Answer::silence()).await;
        let model = protocol.patient(&silent.address, SHORT, TIMEOUT);
        for error in [model.reply(&question()).await.unwrap_err(), streamed(&*model, &question()).await.1.unwrap_err()]
        {
            assert_eq!(error.trouble, Trouble::TimedOut);
            assert!(error.message.contains("200ms; see models.") && error.message.contains(".timeout"), "{error}");
        }
        let whole = protocol.streamed(&Said::text(&HARD_TEXTS));
        let middle = protocol.body_up_to(&whole, "世界");
        let stuck = Server::saying(whole.cut([middle].into_iter()).hold()).await;
        let model = protocol.patient(&stuck.address, TIMEOUT, SHORT);
        let (texts, ended) = streamed(&*model, &question()).await;
        assert_eq!(texts, HARD_TEXTS[..1], "{protocol:?}");
        let error = ended.unwrap_err();
        assert_eq!(error.trouble, Trouble::TimedOut);
        assert!(error.message.contains("stopped in the middle for 200ms; see models."), "{error}");
        // Bytes that say nothing keep the connection alive, but not for ever.
        let alive = Answer::new(200, "text/event-stream", "\n\n").dripping(Duration::from_millis(50));
        let alive = Server::saying(alive).await;
        let model = protocol.patient(&alive.address, Duration::from_millis(700), Duration::from_millis(400));
        let error = streamed(&*model, &question()).await.1.unwrap_err();
        assert_eq!(error.trouble, Trouble::TimedOut);
        assert!(error.message.contains("no whole reply came within 700ms"), "{error}");
    }
}

#[tokio::test]
async fn a_reply_that_ends_in_the_middle_or_cannot_be_read_is_malformed() {
    for protocol in ALL {
        let said = Said::text(&HARD_TEXTS);
        let (whole, pieces) = (protocol.whole(&said), protocol.streamed(&said));
        let middle = protocol.body_up_to(&pieces, "世界");
        // In the middle of a letter.
        let mut broken = pieces.body();
        broken[middle + 4] = b'x';
        let mut short = whole.body();
        short.pop();
        for (answer, told) in [
            (pieces.clone().cut([middle].into_iter()).ending(End::Cut).first(1), "ends in the middle"),
            // Closed as it should be, but too early.
            (pieces.clone().cut([middle].into_iter()).first(1), ""),
            (Answer::new(200, "text/event-stream", broken), "cannot be read"),
            (Answer::new(200, "text/event-stream", "data: {\n\n{\n"), "cannot be read"),
            (Answer::new(200, "text/event-stream", ""), ""),
        ] {
            let server = Server::saying(answer).await;
            let error = streamed(&*protocol.model(&server.address), &question()).await.1.unwrap_err();
            assert_eq!(error.trouble, Trouble::Malformed, "{protocol:?} {error}");
            assert!(error.message.contains(told), "{protocol:?} {told}: {error}");
        }
        for (answer, told) in [
            (whole.clone().cut([20].into_iter()).ending(End::Cut).first(1), "ends in the middle"),
            (Answer::new(200, "application/json", short), "cannot be read"),
            (Answer::new(200, "text/html", "<html>Hello</html>"), "cannot be read"),
            (Answer::json(200, &json!({ "some": "thing" })), "cannot be read"),
            (Answer::json(200, &json!([])), "cannot be read"),
            (Answer::new(200, "application/json", ""), "cannot be read"),
        ] {
            let server = Server::saying(answer).await;
            let error = protocol.model(&server.address).reply(&question()).await.unwrap_err();
            assert_eq!(error.trouble, Trouble::Malformed, "{protocol:?} {error}");
            assert!(error.message.contains(told), "{protocol:?} {told}: {error}");
        }
    }
}

#[tokio::test]
async fn a_reply_that_is_cut_at_the_limit_of_tokens_is_truncated() {
    for protocol in ALL {
        let server = server(protocol, &Said { end: "length", ..Said::text(&["{\"fo"]) }).await;
        let model = protocol.model(&server.address);
        for error in [model.reply(&question()).await.unwrap_err(), streamed(&*model, &question()).await.1.unwrap_err()]
        {
            assert_eq!(error.trouble, Trouble::Truncated, "{error}");
        }
    }
}

#[tokio::test]
async fn what_a_server_does_not_count_is_estimated() {
    for protocol in ALL {
        let server = server(protocol, &Said { usage: None, ..Said::text(&["Ninebytes"]) }).await;
        let model = protocol.model(&server.address);
        let reply = model.reply(&question()).await.unwrap();
        assert_eq!(reply.usage.output_tokens, 3);
        assert!(reply.usage.input_tokens > 10, "{:?}", reply.usage);
        assert_eq!(streamed(&*model, &question()).await.1.unwrap().usage.output_tokens, 3);
    }
}

#[tokio::test]
async fn a_reply_without_end_is_not_read_without_end() {
    for protocol in ALL {
        // A line, and then lines, without end.
        let line = Answer::new(200, "text/event-stream", vec![b' '; 1 << 20]).dripping(Duration::ZERO);
        let blank = Answer::new(200, "application/json", vec![b' '; 1 << 20]).dripping(Duration::ZERO);
        let endless = Server::saying(line).await;
        let error = streamed(&*protocol.model(&endless.address), &question()).await.1.unwrap_err();
        assert!(error.message.contains("not read any further than 1048576 bytes"), "{error}");
        let endless = Server::saying(blank).await;
        let error = protocol.model(&endless.address).reply(&question()).await.unwrap_err();
        assert!(error.message.contains("not read any further than 67108864 bytes"), "{error}");
        let complaint = Answer::new(500, "text/plain", vec![b'x'; 1 << 20]).dripping(Duration::ZERO);
        let endless = Server::saying(complaint).await;
        let error = protocol.model(&endless.address).reply(&question()).await.unwrap_err();
        assert!(error.trouble == Trouble::Unavailable && error.message.len() < 1_000, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    for protocol in ALL {
        let model = protocol.model("http://127.0.0.1:1");
        let error = model.reply(&question()).await.unwrap_err();
        assert_eq!(error.trouble, Trouble::Unavailable);
        assert!(error.message.contains("cannot be reached") && error.message.contains(".base_url"), "{error}");
        assert_eq!(streamed(&*model, &question()).await.1.unwrap_err(), error);
    }
}

#[tokio::test]
async fn errors_are_played_back_as_they_came() {
    for protocol in ALL {
        let busy = Answer::json(429, &protocol.complaint("slow down")).header("retry-after", "7");
        let server = Server::saying(busy).await;
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(protocol.model(&server.address), folder.path(), Mask::default());
        let error = recorder.reply(&question()).await.unwrap_err();
        let replay = Replay::open(protocol.name(), folder.path(), Mask::default()).unwrap();
        assert_eq!(replay.reply(&question()).await.unwrap_err(), error);
        assert_eq!(streamed(&replay, &question()).await, (Vec::new(), Err(error)));
    }
}
