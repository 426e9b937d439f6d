//! Recorded and played back again. That the whole suite of models can be played back is in `tests/it/models`.

use serde_json::json;

use super::*;
use crate::model::{Message, Offline, ToolCall, Usage};
use crate::secrets::Mask;

const CANARY: &str = "sk-canary/42+x";

/// A model that says what it is asked, in two pieces, and is busy the first time.
struct Echo(Mutex<bool>);

#[async_trait]
impl Model for Echo {
    fn name(&self) -> &'static str {
        "test/echo"
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        if !std::mem::replace(&mut *self.0.lock().unwrap(), true) {
            let message = format!("test/echo: 429: come back with Bearer {CANARY}");
            let after = Some(std::time::Duration::from_secs(3));
            return Err(ModelError { after, ..ModelError::new(Trouble::Busy, message) });
        }
        let Some(Message::User { text }) = request.messages.last() else { panic!("nothing is asked") };
        let call = ToolCall {
            id: "call_1".to_owned(),
            name: "http.request".to_owned(),
            arguments: json!({ "headers": { CANARY: ["x", CANARY] } }),
        };
        let usage = Usage { input_tokens: 3, output_tokens: 2 };
        Ok(Reply { text: text.clone(), calls: vec![call], usage, ..Reply::default() })
    }

    fn stream<'a>(&'a self, request: &'a Request) -> Pieces<'a> {
        let pieces = async move {
            match self.reply(request).await {
                Err(error) => vec![Err(error)],
                Ok(reply) => {
                    let (one, two) = reply.text.split_at(reply.text.len() / 2);
                    let texts = [one, two].map(|text| Ok(Piece::Text(text.to_owned())));
                    texts.into_iter().chain([Ok(Piece::Done(reply))]).collect()
                }
            }
        };
        stream::once(pieces).map(stream::iter).flatten().boxed()
    }
}

fn request(text: &str) -> Request {
    let system = Message::System { text: "You echo.".to_owned() };
    Request { messages: vec![system, Message::User { text: text.to_owned() }], ..Request::default() }
}

fn mask() -> Mask {
    Mask::of([CANARY.into(), "x".into()])
}

async fn all(model: &dyn Model, request: &Request) -> Vec<Result<Piece, ModelError>> {
    model.stream(request).collect().await
}

fn files(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[tokio::test]
async fn what_is_recorded_is_played_back_in_its_pieces_and_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let echo = Recorder::new(Arc::new(Echo(Mutex::new(false))), folder.path(), Mask::default());
    let (one, two) = (request("one and a half"), request("two"));
    let mut recorded = Vec::new();
    for request in [&one, &one, &two] {
        recorded.push(all(&echo, request).await);
    }
    let whole = echo.reply(&two).await;
    assert!(recorded[0][0].is_err() && recorded[1].len() == 3);
    assert_eq!(files(folder.path()).len(), 2);
    let replay = Replay::open("test/echo", folder.path(), Mask::default()).unwrap();
    for (request, recorded) in [&one, &one, &two].into_iter().zip(&recorded) {
        assert_eq!(all(&replay, request).await, *recorded);
    }
    assert_eq!(replay.reply(&two).await, whole);
    // Once all was played, the last stays.
    assert_eq!(all(&replay, &one).await[2], recorded[1][2]);
    let text = whole.clone().map(|reply| Piece::Text(reply.text));
    assert_eq!(all(&replay, &two).await, [text, whole.map(Piece::Done)]);
}

#[tokio::test]
async fn a_secret_is_on_no_cassette_and_its_request_is_found_again_whatever_it_is_by_then() {
    let folder = tempfile::tempdir().unwrap();
    let echo = Recorder::new(Arc::new(Echo(Mutex::new(false))), folder.path(), mask());
    let forms = format!("plain {CANARY}, base64 c2stY2FuYXJ5LzQyK3g=, url sk-canary%2F42%2Bx, cut sk-ca");
    let secret = request(&forms);
    assert!(echo.reply(&secret).await.unwrap_err().message.contains(CANARY));
    // The canary is cut in two between the pieces.
    let halved = request(&format!("{CANARY}{CANARY}{CANARY}"));
    all(&echo, &halved).await;
    all(&echo, &secret).await;
    let files = files(folder.path());
    assert_eq!(files.len(), 2);
    for file in &files {
        for form in [CANARY, "c2stY2FuYXJ5LzQyK3g", "sk-canary", "canary%2F42"] {
            assert!(!file.contains(form), "{form} in {file}");
        }
        let cassette: serde_json::Value = serde_json::from_str(file).unwrap();
        let pieces =
            cassette["answers"].as_array().unwrap().iter().filter_map(|answer| answer["pieces"].as_array().cloned());
        let told: String = pieces.flatten().map(|piece| piece.as_str().unwrap().to_owned()).collect();
        assert!(!told.contains("canary"), "{told}");
    }
    assert!(files.iter().any(|file| file.contains("come back with Bearer ***")));
    let other = Mask::of(["sk-another-key".into()]);
    let replay = Replay::open("test/echo", folder.path(), other).unwrap();
    let later = request("plain sk-another-key, base64 c2stYW5vdGhlci1rZXk=, url sk-another-key, cut sk-ca");
    assert_eq!(replay.reply(&later).await.unwrap_err().after, Some(std::time::Duration::from_secs(3)));
    assert!(!format!("{:?} {:?}", mask(), replay).contains("canary"));
}

#[tokio::test]
async fn a_request_that_was_not_recorded_is_told_what_it_differs_in() {
    let folder = tempfile::tempdir().unwrap();
    let echo = Recorder::new(Arc::new(Echo(Mutex::new(true))), folder.path(), Mask::default());
    for text in ["What is one?", "What is two?"] {
        echo.reply(&request(text)).await.unwrap();
    }
    let replay = Replay::open("test/echo", folder.path(), Mask::default()).unwrap();
    let mut asked = request("What is one?");
    asked.messages[0] = Message::System { text: "You echo loudly.".to_owned() };
    let error = replay.reply(&asked).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Rejected);
    let expected = "differs in 1 places: messages[0].text was \"You echo.\" and is \"You echo loudly.\".";
    assert!(error.message.contains(expected), "{error}");
    asked.output = Some(json!({ "type": "object" }));
    let error = all(&replay, &asked).await.remove(0).unwrap_err();
    assert!(error.message.contains("differs in 2 places") && error.message.contains("output was nothing"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_recorded_or_opened_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let empty = Replay::open("test/echo", folder.path(), Mask::default()).unwrap();
    let told = empty.reply(&request("one")).await.unwrap_err().message;
    assert!(told.contains("no cassette in"), "{told}");
    let told = Replay::open("test/echo", folder.path().join("none"), Mask::default()).unwrap_err();
    assert!(told.contains("cannot be read"), "{told}");
    std::fs::write(folder.path().join("a.json"), "{").unwrap();
    let told = Replay::open("test/echo", folder.path(), Mask::default()).unwrap_err();
    assert!(told.contains("a.json"), "{told}");
    // A file is where the folder should be.
    let recorder = Recorder::new(Arc::new(Offline), folder.path().join("a.json"), Mask::default());
    let error = recorder.reply(&request("x")).await.unwrap_err();
    assert!(error.message.contains("cannot be recorded"), "{error}");
}
