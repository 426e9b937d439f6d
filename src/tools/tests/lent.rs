//! Requests with secrets: who is sent what, and what is left of it in what comes back. And lists in pages, and webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use super::http::{Server, kind};
use super::*;
use crate::clock::{ManualClock, Timestamp};
use crate::net::AddressRules;
use crate::secrets::{KeyPlace, SecretRules, Secrets};
use crate::store::fixtures::{Fixture, fixture};
use crate::tools::webhook;

const TOKEN: &str = "s3cr3t/t+k\"n äöü";
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW: i64 = 1_614_265_330_123;

/// The tools of this part, with secrets that may be sent to `host`.
struct Kit {
    tools: Tools,
    _fixture: Fixture,
    folder: tempfile::TempDir,
}

impl Kit {
    async fn for_host(host: &str) -> Self {
        let fixture = fixture().await;
        let clock = Arc::new(ManualClock::at(Timestamp(NOW)));
        let mut rules = SecretRules::default();
        let list = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
        for (name, tools) in [("TOKEN", &["http.request"][..]), ("PLAIN", &["http.*"]), ("HOOK", &["webhook.send"])] {
            rules.allow(name.parse().unwrap(), &list(tools), &list(&[host])).unwrap();
        }
        let place = KeyPlace::Given(SecretString::from(STANDARD.encode([7; 32])));
        let secrets = Secrets::new(fixture.workspace.secrets(), place, rules, clock.clone());
        for (name, value) in
            [("TOKEN", TOKEN), ("PLAIN", "abcdef123456"), ("HOOK", WHSEC), ("UNRULED", "no rule at all")]
        {
            secrets.set(&name.parse().unwrap(), &value.into()).await.unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("photo.png"), [0xff, 0x00, 0xfe]).unwrap();
        let allowed = || AddressRules::parse(["127.0.0.1", "localhost"]).unwrap();
        let mut tools = Tools::new();
        let request = HttpRequest::new(allowed()).with_limit(4000).with_secrets(secrets.clone());
        tools.register(Arc::new(request.with_folder(Folder::new(folder.path())))).unwrap();
        tools.register(Arc::new(WebhookSend::new(allowed(), Duration::from_secs(5), secrets, clock))).unwrap();
        Self { tools, _fixture: fixture, folder }
    }

    async fn request(&self, arguments: Value) -> Result<Value, ToolError> {
        call(&self.tools, "http.request", arguments).await
    }
}

#[tokio::test]
async fn a_request_is_sent_with_its_secret_and_comes_back_without() {
    let server = Server::start().await;
    let kit = Kit::for_host(&server.url("")).await;
    let basic = format!("Basic {}", STANDARD.encode("ada:abcdef123456"));
    for (auth, name, sent) in [
        (json!({ "bearer": { "secret": "PLAIN" } }), "authorization", "Bearer abcdef123456"),
        (json!({ "basic": { "user": "ada", "password": { "secret": "PLAIN" } } }), "authorization", basic.as_str()),
        (json!({ "header": { "name": "X-Api-Key", "value": { "secret": "PLAIN" } } }), "x-api-key", "abcdef123456"),
        (
            json!({ "header": { "name": "Authorization", "value": { "secret": "PLAIN" }, "prefix": "token " } }),
            "authorization",
            "token abcdef123456",
        ),
    ] {
        for query in ["", "?fail"] {
            let arguments = json!({ "method": "POST", "url": server.url(&format!("/echo{query}")), "auth": auth });
            assert_eq!(kit.tools.get("http.request").unwrap().secrets(&arguments), ["PLAIN"]);
            let came = match kit.request(arguments).await {
                Ok(answer) => answer.to_string(),
                Err(error) => format!("{error:?}"),
            };
            assert_eq!(server.seen().pop().unwrap().2[name], sent);
            assert!(came.contains("[secret PLAIN]"), "{came}");
            assert!(!came.contains("abcdef123456") && !came.contains(&basic[10..24]), "{came}");
        }
    }
    // A secret with characters that every escape writes differently.
    let arguments = json!({ "method": "GET", "url": server.url("/echo"), "auth": { "bearer": { "secret": "TOKEN" } } });
    let answer = kit.request(arguments).await.unwrap().to_string();
    assert!(answer.contains("[secret TOKEN]") && !answer.contains("s3cr3t"), "{answer}");
}

#[tokio::test]
async fn a_secret_is_sent_nowhere_else() {
    let (server, other) = (Server::start().await, Server::start().await);
    let kit = Kit::for_host(&server.url("")).await;
    let with =
        |url: String, name: &str| json!({ "method": "GET", "url": url, "auth": { "bearer": { "secret": name } } });
    for (arguments, code) in [
        (with(other.url("/echo"), "PLAIN"), "secret_refused"),
        (with(server.url("/echo").replace("127.0.0.1", "localhost"), "PLAIN"), "secret_refused"),
        (with(server.url("/echo").replace("http:", "https:"), "PLAIN"), "secret_refused"),
        (with(server.url("/echo"), "UNRULED"), "secret_refused"),
        (with(server.url("/echo"), "HOOK"), "secret_refused"),
        (with(server.url("/echo"), "NOT_SET"), "secret_refused"),
        (with(server.url("/echo"), "lower"), "bad_arguments"),
        (with(format!("http://{}@{}/", server.address, other.address), "PLAIN"), "secret_refused"),
    ] {
        let error = kit.request(arguments.clone()).await.unwrap_err();
        assert_eq!((kind(&error), error.code()), ("give up", code), "{arguments}: {error}");
    }
    assert!(server.seen().is_empty() && other.seen().is_empty());

    // Nor does a redirect carry it away, whatever header it is in.
    let away: String = url::form_urlencoded::byte_serialize(other.url("/text").as_bytes()).collect();
    for auth in [
        json!({ "bearer": { "secret": "PLAIN" } }),
        json!({ "header": { "name": "X-Api-Key", "value": { "secret": "PLAIN" } } }),
    ] {
        let url = server.url(&format!("/redirect?url={away}"));
        kit.request(json!({ "method": "GET", "url": url, "auth": auth })).await.unwrap();
        let headers = format!("{:?}", other.seen().pop().unwrap().2);
        assert!(!headers.contains("authorization") && !headers.contains("x-api-key"), "{headers}");
    }
}

#[tokio::test]
async fn forms_and_parts_are_sent() {
    let server = Server::start().await;
    let kit = Kit::for_host(&server.url("")).await;
    let form = json!({ "a": "b c&d", "n": 1.5, "t": true, "l": ["x", 2] });
    kit.request(json!({ "method": "POST", "url": server.url("/text"), "form": form })).await.unwrap();
    let (_, _, headers, body) = server.seen().pop().unwrap();
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(body, "a=b+c%26d&n=1.5&t=true&l=x&l=2");

    let parts = json!([
        { "name": "note", "text": "hello" },
        { "name": "raw", "base64": "/wD+", "filename": "raw.bin", "content_type": "application/x-raw" },
        { "name": "photo", "file": "photo.png", "content_type": "image/png" },
    ]);
    // A redirect that keeps the method has the body sent again.
    let url = server.url("/redirect?url=/text&status=307");
    kit.request(json!({ "method": "POST", "url": url, "multipart": parts })).await.unwrap();
    for (_, _, headers, body) in server.seen().into_iter().rev().take(2) {
        assert!(headers["content-type"].to_str().unwrap().starts_with("multipart/form-data; boundary="));
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("name=\"note\"\r\n\r\nhello\r\n"), "{text}");
        assert!(
            text.contains("name=\"raw\"; filename=\"raw.bin\"\r\nContent-Type: application/x-raw\r\n\r\n"),
            "{text}"
        );
        assert!(text.contains("name=\"photo\"; filename=\"photo.png\"\r\nContent-Type: image/png\r\n\r\n"), "{text}");
        assert_eq!(body.windows(3).filter(|bytes| bytes == &[0xff, 0x00, 0xfe]).count(), 2);
    }
    let sent = server.seen().len();
    for (extra, code) in [
        (json!({ "body": "x", "form": {} }), "bad_arguments"),
        (json!({ "form": { "a": {} } }), "bad_arguments"),
        (json!({ "multipart": [{ "name": "a" }] }), "bad_arguments"),
        (json!({ "multipart": [{ "name": "a", "base64": "!" }] }), "bad_arguments"),
        (json!({ "multipart": [{ "name": "a", "text": "x", "content_type": "no type" }] }), "bad_arguments"),
        (json!({ "multipart": [{ "name": "a", "file": "../x" }] }), "bad_path"),
        (json!({ "multipart": [{ "name": "a", "file": "missing" }] }), "not_found"),
    ] {
        let mut arguments = json!({ "method": "POST", "url": server.url("/text") });
        arguments.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let error = kit.request(arguments).await.unwrap_err();
        assert_eq!((kind(&error), error.code()), ("give up", code), "{extra}: {error}");
    }
    assert_eq!(server.seen().len(), sent);
    assert!(kit.folder.path().exists());
}

#[tokio::test]
async fn a_list_in_pages_is_one_list() {
    let server = Server::start().await;
    let kit = Kit::for_host(&server.url("")).await;
    let all = json!([0, 1, 2, 3, 4, 5, 6]);
    for next in [
        json!("link"),
        json!({ "url": "/next" }),
        json!({ "cursor": "/cursor", "param": "from" }),
        json!({ "page": "page" }),
    ] {
        let ask = async |pages: Value| {
            let auth = json!({ "bearer": { "secret": "PLAIN" } });
            kit.request(json!({ "method": "GET", "url": server.url("/pages"), "auth": auth, "pages": pages })).await
        };
        let got = ask(json!({ "next": next, "items": "/data/items" })).await.unwrap();
        let pages = if next.get("page").is_some() { 4 } else { 3 };
        assert_eq!(got, json!({ "status": 200, "items": all, "pages": pages, "complete": true }), "{next}");
        assert!(server.seen().iter().all(|seen| seen.2["authorization"] == "Bearer abcdef123456"));
        let cut = ask(json!({ "next": next, "items": "/data/items", "max": 2 })).await.unwrap();
        assert_eq!((&cut["items"], &cut["complete"]), (&json!([0, 1, 2, 3, 4, 5]), &json!(false)), "{next}");
        let error = ask(json!({ "next": next, "items": "/next" })).await.unwrap_err();
        assert_eq!((kind(&error), error.code()), ("give up", "no_items"), "{next}");
    }
    let elsewhere =
        json!({ "method": "GET", "url": server.url("/pages"), "pages": { "next": { "url": "/x" }, "items": "/x" } });
    assert_eq!(kit.request(elsewhere).await.unwrap_err().code(), "no_items");
    let posted = json!({ "method": "POST", "url": server.url("/pages"), "pages": { "next": "link" } });
    assert_eq!(kit.request(posted).await.unwrap_err().code(), "bad_arguments");
}

#[tokio::test]
async fn a_webhook_is_signed_so_that_its_receiver_can_tell() {
    let server = Server::start().await;
    let kit = Kit::for_host(&server.url("")).await;
    let arguments = json!({ "url": server.url("/text"), "body": { "n": 1 }, "secret": { "secret": "HOOK" } });
    let sent = call(&kit.tools, "webhook.send", arguments.clone()).await.unwrap();
    let (method, _, headers, body) = server.seen().pop().unwrap();
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!((method.as_str(), header("content-type")), ("POST", "application/json"));
    assert_eq!(sent, json!({ "id": header("webhook-id"), "status": 200 }));
    let body = std::str::from_utf8(&body).unwrap();
    let (id, at, signature) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    assert_eq!(webhook::verify(&WHSEC.into(), id, at, signature, body, Timestamp(NOW)), Ok(()));
    // Sent again, it is the same message.
    call(&kit.tools, "webhook.send", arguments).await.unwrap();
    assert_eq!(server.seen().pop().unwrap().2["webhook-id"].to_str().unwrap(), id);

    for (path, secret, kind_of, code) in [
        ("/status/410", "HOOK", "give up", "http_410"),
        ("/status/503", "HOOK", "retry", "http_503"),
        ("/redirect?url=/text", "HOOK", "give up", "too_many_redirects"),
        ("/text", "PLAIN", "give up", "secret_refused"),
    ] {
        let arguments = json!({ "url": server.url(path), "body": 1, "secret": { "secret": secret } });
        let error = call(&kit.tools, "webhook.send", arguments).await.unwrap_err();
        assert_eq!((kind(&error), error.code()), (kind_of, code), "{path}: {error}");
    }
    let effect =
        kit.tools.effect("webhook.send", &json!({ "url": "x", "body": 1, "secret": { "secret": "HOOK" } })).unwrap();
    assert!(effect.may_repeat() && effect.effect == Effect::Write);
}
