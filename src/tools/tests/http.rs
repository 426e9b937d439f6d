use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::net::AddressRules;

/// A server on this machine that remembers what it was asked.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    seen: Seen,
}

pub(super) type Seen = Arc<Mutex<Vec<(Method, String, HeaderMap, Bytes)>>>;

#[derive(serde::Deserialize)]
struct To {
    url: String,
    #[serde(default = "found")]
    status: u16,
}

fn found() -> u16 {
    302
}

async fn status(uri: Uri) -> Response {
    let status: u16 = uri.path().rsplit('/').next().unwrap().parse().unwrap();
    (StatusCode::from_u16(status).unwrap(), [("retry-after", "7")], "the  reason\nis this").into_response()
}

async fn redirect(Query(To { url, status }): Query<To>) -> Response {
    (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, url)]).into_response()
}

/// Says back all that it was sent, in several ways, and fails if asked to.
async fn echo(uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let headers: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))).collect();
    let text = format!("{uri} {} {}", headers.join(" "), String::from_utf8_lossy(&body));
    let coded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let status = if uri.query() == Some("fail") { StatusCode::FORBIDDEN } else { StatusCode::OK };
    (status, [("x-echo", coded.clone())], axum::Json(json!({ "text": text, "coded": coded }))).into_response()
}

/// Seven items in pages of three, found by a link, a URL, a cursor or a number.
async fn pages(Query(asked): Query<std::collections::HashMap<String, String>>) -> Response {
    let at = |name: &str| asked.get(name).and_then(|value| value.parse::<usize>().ok());
    let from = at("from").or_else(|| at("page").map(|page| (page - 1) * 3)).unwrap_or(0);
    let items: Vec<usize> = (from..7.min(from + 3)).collect();
    let next = from + 3;
    let (url, cursor) =
        if next < 7 { (json!(format!("/pages?from={next}")), json!(next)) } else { (Value::Null, json!("")) };
    let link = format!(
        "</pages?from=0>; rel=\"first\", </pages?from={next}>; rel=\"{}\"",
        if next < 7 { "next" } else { "last" }
    );
    ([("link", link)], axum::Json(json!({ "data": { "items": items }, "next": url, "cursor": cursor }))).into_response()
}

async fn cut_short() -> Response {
    let body = futures::stream::iter([Ok("half"), Err(std::io::Error::other("gone"))]);
    ([("content-length", "100")], Body::from_stream(body)).into_response()
}

impl Server {
    pub(super) async fn start() -> Self {
        let seen = Seen::default();
        let app = Router::new()
            .route("/json", any(|| async { ([("set-cookie", "k=v")], axum::Json(json!({ "ok": [1, 2] }))) }))
            .route("/text", any(|| async { "plain" }))
            .route("/binary", any(|| async { ([("content-type", "image/png")], vec![0xff_u8, 0xd8, 0xff]) }))
            .route("/large", any(|| async { "x".repeat(5000) }))
            .route("/status/{code}", any(status))
            .route("/redirect", any(redirect))
            .route("/loop", any(|| async { (StatusCode::FOUND, [("location", "/loop")]) }))
            .route("/slow", any(|| tokio::time::sleep(Duration::from_mins(1))))
            .route("/cut", any(cut_short))
            .route("/echo", any(echo))
            .route("/pages", any(pages))
            .layer(axum::middleware::from_fn_with_state(seen.clone(), record))
            .with_state(seen.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, seen }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn seen(&self) -> Vec<(Method, String, HeaderMap, Bytes)> {
        self.seen.lock().unwrap().clone()
    }

    /// The tool, allowed to call this server.
    fn tools(&self) -> Tools {
        allowing(&[&self.address.to_string()])
    }

    async fn call(&self, method: &str, path: &str) -> Result<Value, ToolError> {
        self.call_with(json!({ "method": method, "url": self.url(path) })).await
    }

    async fn call_with(&self, arguments: Value) -> Result<Value, ToolError> {
        call(&self.tools(), "http.request", arguments).await
    }
}

async fn record(State(seen): State<Seen>, request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let uri = parts.uri.path().to_owned();
    seen.lock().unwrap().push((parts.method.clone(), uri, parts.headers.clone(), body.clone()));
    next.run(axum::extract::Request::from_parts(parts, Body::from(body))).await
}

fn allowing(rules: &[&str]) -> Tools {
    registry(HttpRequest::new(AddressRules::parse(rules).unwrap()).with_limit(2000))
}

pub(super) fn kind(error: &ToolError) -> &'static str {
    match error {
        ToolError::Retry { .. } => "retry",
        ToolError::GiveUp { .. } => "give up",
        ToolError::Unknown { .. } => "unknown",
    }
}

#[tokio::test]
async fn an_answer_has_status_headers_and_body() {
    let server = Server::start().await;
    let answer = server.call("GET", "/json").await.unwrap();
    assert_eq!(answer["status"], 200);
    assert_eq!(answer["headers"]["content-type"], "application/json");
    assert_eq!(answer["headers"].get("set-cookie"), None, "a cookie is not for the journal");
    assert_eq!(answer["body"], json!({ "ok": [1, 2] }));
    assert_eq!(server.call("GET", "/text").await.unwrap()["body"], "plain");
    assert_eq!(server.call("HEAD", "/text").await.unwrap()["body"], Value::Null);
    assert_eq!(
        server.call("GET", "/binary").await.unwrap()["body"],
        json!({ "content_type": "image/png", "bytes": 3 })
    );
}

#[tokio::test]
async fn a_request_carries_headers_body_and_the_permits_key() {
    let server = Server::start().await;
    let arguments = json!({
        "method": "POST", "url": server.url("/json"), "headers": { "X-Trace": "t1" }, "body": { "a": 1 }
    });
    let key = CallKey::of(caller().run, &caller().step, "http.request", &arguments.to_string(), 0);
    server.call_with(arguments).await.unwrap();
    server.call_with(json!({ "method": "PUT", "url": server.url("/text"), "body": "as it is" })).await.unwrap();
    server.call("GET", "/text").await.unwrap();

    let seen = server.seen();
    assert_eq!(seen[0].0, Method::POST);
    assert_eq!(seen[0].2["x-trace"], "t1");
    assert_eq!(seen[0].2["idempotency-key"], key.as_str());
    assert_eq!(seen[0].2["content-type"], "application/json");
    assert_eq!(seen[0].3, r#"{"a":1}"#);
    assert_eq!(seen[1].2["content-type"], "text/plain; charset=utf-8");
    assert_eq!(seen[1].3, "as it is");
    assert_eq!(seen[2].2.get("idempotency-key"), None, "reading needs no key");
}

#[test]
fn the_effect_follows_the_method() {
    let tool = HttpRequest::new(AddressRules::default());
    let effect = |arguments| tool.effect(&arguments);
    let write = |idempotent| CallEffect { effect: Effect::Write, idempotent };
    assert_eq!(effect(json!({ "method": "GET" })), CallEffect::of(Effect::Read));
    assert_eq!(effect(json!({ "method": "HEAD" })), CallEffect::of(Effect::Read));
    assert_eq!(effect(json!({ "method": "PUT" })), write(true));
    assert_eq!(effect(json!({ "method": "DELETE" })), write(true));
    assert_eq!(effect(json!({ "method": "POST" })), write(false));
    assert_eq!(effect(json!({ "method": "PATCH" })), write(false));
    assert_eq!(effect(json!({ "method": "POST", "idempotent": true })), write(true));
    assert_eq!(effect(json!({ "method": "DELETE", "idempotent": false })), write(false));
}

#[tokio::test]
async fn a_failure_says_what_to_do_about_it() {
    let server = Server::start().await;
    for (method, status, expected) in [
        ("GET", 404, "give up"),
        ("POST", 422, "give up"),
        ("POST", 429, "retry"),
        ("POST", 500, "retry"),
        ("POST", 503, "retry"),
        ("GET", 504, "retry"),
        ("POST", 504, "unknown"),
        ("PUT", 502, "unknown"),
        ("GET", 599, "retry"),
        ("GET", 418, "give up"),
    ] {
        let error = server.call(method, &format!("/status/{status}")).await.unwrap_err();
        assert_eq!(kind(&error), expected, "{method} {status}: {error}");
        let message = error.to_string();
        assert!(message.contains(&status.to_string()) && message.contains("the reason is this"), "{message}");
        assert!(message.contains("tried again after 7"), "{message}");
    }
}

#[tokio::test]
async fn what_was_not_sent_can_be_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let tools = allowing(&["127.0.0.1", "no-such-host.invalid"]);
    for (url, code) in [(format!("http://{address}/"), "connect"), ("http://no-such-host.invalid/".to_owned(), "dns")] {
        let error = call(&tools, "http.request", json!({ "method": "POST", "url": url })).await.unwrap_err();
        assert_eq!((kind(&error), error.code()), ("retry", code), "{error}");
    }
}

#[tokio::test]
async fn a_lost_result_of_a_write_is_unknown() {
    let server = Server::start().await;
    for (method, expected) in [("GET", "retry"), ("POST", "unknown"), ("PUT", "unknown")] {
        let slow = json!({ "method": method, "url": server.url("/slow"), "timeout": 1 });
        let error = server.call_with(slow).await.unwrap_err();
        assert_eq!((kind(&error), error.code()), (expected, "timeout"), "{error}");
        let error = server.call(method, "/cut").await.unwrap_err();
        assert_eq!((kind(&error), error.code()), (expected, "lost"), "{error}");
    }
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_leaves_a_write_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 100];
            drop(stream.read(&mut buffer).await);
            drop(stream.shutdown().await);
        }
    });
    let tools = allowing(&["127.0.0.0/8"]);
    for (method, expected) in [("POST", "unknown"), ("GET", "retry")] {
        let arguments = json!({ "method": method, "url": format!("http://{address}/") });
        let error = call(&tools, "http.request", arguments).await.unwrap_err();
        assert_eq!((kind(&error), error.code()), (expected, "lost"), "{error}");
    }
}

#[tokio::test]
async fn answers_past_the_limit_are_not_taken() {
    let server = Server::start().await;
    let error = server.call("GET", "/large").await.unwrap_err();
    assert_eq!((kind(&error), error.code()), ("give up", "too_large"));
    // What was written was written: the answer is cut instead.
    let answer = server.call("POST", "/large").await.unwrap();
    assert_eq!(answer["truncated"], true);
    assert_eq!(answer["body"].as_str().unwrap().len(), 2000);
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_written() {
    let server = Server::start().await;
    let port = server.address.port();
    let tools = allowing(&[]);
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0.0.0.0",
        "169.254.169.254",
        "127.0.0.1.",
        "１２７.0.0.1",
        "LOCALHOST",
        "0",
        "0x0",
        "0177.1",
        "127.0x1",
        "0x7f.1",
        "①27.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "[::]",
        "[::127.0.0.1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "192.168.0.1",
        "10.1",
        "100.64.0.1",
    ] {
        let arguments = json!({ "method": "POST", "url": format!("http://{host}:{port}/text") });
        let error = call(&tools, "http.request", arguments).await.unwrap_err();
        assert_eq!((kind(&error), error.code()), ("give up", "address_refused"), "{host}: {error}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn what_is_allowed_is_reached_and_nothing_beside_it() {
    let server = Server::start().await;
    let other = Server::start().await;
    let port = server.address.port();
    let call_it = async |rules: &[&str], url: String| {
        call(&allowing(rules), "http.request", json!({ "method": "GET", "url": url }))
            .await
            .map(|answer| answer["status"].clone())
    };
    let by_name = format!("http://localhost:{port}/text");
    assert_eq!(call_it(&["localhost"], by_name.clone()).await, Ok(json!(200)));
    assert_eq!(call_it(&[&format!("localhost:{port}")], by_name.clone()).await, Ok(json!(200)));
    assert_eq!(call_it(&["127.0.0.0/8"], by_name.clone()).await, Ok(json!(200)));
    assert_eq!(call_it(&[&server.address.to_string()], server.url("/text")).await, Ok(json!(200)));
    for rules in [[format!("localhost:{}", other.address.port())], ["10.0.0.0/8".to_owned()]] {
        let error = call_it(&[&rules[0]], by_name.clone()).await.unwrap_err();
        assert_eq!(error.code(), "address_refused", "{rules:?}");
    }
    let error = call_it(&[&server.address.to_string()], other.url("/text")).await.unwrap_err();
    assert_eq!(error.code(), "address_refused");
}

#[tokio::test]
async fn redirects_are_followed_and_checked_at_each_hop() {
    let server = Server::start().await;
    let other = Server::start().await;
    let to = |url: &str, status: u16| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("url", url)
            .append_pair("status", &status.to_string())
            .finish();
        format!("/redirect?{query}")
    };
    assert_eq!(server.call("GET", &to("/text", 302)).await.unwrap()["body"], "plain");
    assert_eq!(server.call("GET", &to(&to("/json", 301), 308)).await.unwrap()["body"]["ok"], json!([1, 2]));

    for target in [other.url("/text"), "http://169.254.169.254/latest".to_owned(), "http://localhost/".to_owned()] {
        let error = server.call("GET", &to(&target, 302)).await.unwrap_err();
        assert_eq!((kind(&error), error.code()), ("give up", "address_refused"), "{target}: {error}");
    }
    assert!(other.seen().is_empty());
    assert_eq!(server.call("GET", &to("file:///etc/passwd", 302)).await.unwrap_err().code(), "bad_url");
    assert_eq!(server.call("GET", "/loop").await.unwrap_err().code(), "too_many_redirects");
}

#[tokio::test]
async fn a_redirect_turns_a_post_into_a_get_only_when_it_is_done() {
    let server = Server::start().await;
    for (status, method, body) in [(303, Method::GET, ""), (302, Method::GET, ""), (307, Method::POST, "b")] {
        let url = server.url(&format!("/redirect?url=/text&status={status}"));
        server.call_with(json!({ "method": "POST", "url": url, "body": "b" })).await.unwrap();
        let last = server.seen().pop().unwrap();
        assert_eq!((last.0, last.3), (method, Bytes::from(body)), "{status}");
    }
    let put = json!({ "method": "PUT", "url": server.url("/redirect?url=/text&status=302"), "body": "b" });
    server.call_with(put).await.unwrap();
    assert_eq!(server.seen().pop().unwrap().0, Method::PUT);
    // The POST was carried out; that its result is at a refused address does not undo it.
    let url = server.url("/redirect?url=http%3A%2F%2F10.0.0.1%2F&status=303");
    let error = server.call_with(json!({ "method": "POST", "url": url })).await.unwrap_err();
    assert_eq!((kind(&error), error.code()), ("unknown", "address_refused"));
}

#[tokio::test]
async fn credentials_stay_with_the_server_that_they_are_for() {
    let server = Server::start().await;
    let other = Server::start().await;
    let tools = allowing(&["127.0.0.1"]);
    let there = url::form_urlencoded::byte_serialize(other.url("/text").as_bytes()).collect::<String>();
    for url in [server.url("/redirect?url=/text"), server.url(&format!("/redirect?url={there}"))] {
        let headers = json!({ "Authorization": "Bearer key", "Cookie": "k=v", "X-Trace": "t1" });
        call(&tools, "http.request", json!({ "method": "GET", "url": url, "headers": headers })).await.unwrap();
    }
    let same = server.seen()[1].2.clone();
    assert_eq!((same.get("authorization").is_some(), same.get("cookie").is_some()), (true, true));
    let elsewhere = other.seen()[0].2.clone();
    assert_eq!((elsewhere.get("authorization"), elsewhere.get("cookie")), (None, None));
    assert_eq!(elsewhere["x-trace"], "t1");
}

#[tokio::test]
async fn arguments_that_cannot_be_sent_are_refused() {
    let server = Server::start().await;
    let url = server.url("/text");
    for (arguments, code) in [
        (json!({ "method": "GET", "url": "ftp://example.com/" }), "bad_url"),
        (json!({ "method": "GET", "url": "file:///etc/passwd" }), "bad_url"),
        (json!({ "method": "GET", "url": "not a url" }), "bad_url"),
        (json!({ "method": "GET", "url": "http://" }), "bad_url"),
        (json!({ "method": "GET", "url": "http://user:key@example.com/" }), "bad_url"),
        (json!({ "method": "TRACE", "url": url }), "bad_arguments"),
        (json!({ "method": "GET", "url": url, "headers": { "Host": "other" } }), "bad_arguments"),
        (json!({ "method": "GET", "url": url, "headers": { "X": "a\r\nY: b" } }), "bad_arguments"),
        (json!({ "method": "GET", "url": url, "headers": { "a b": "c" } }), "bad_arguments"),
        (json!({ "method": "GET", "url": url, "timeout": 0 }), "bad_arguments"),
        (json!({ "method": "GET", "url": url, "timeout": "11m" }), "bad_arguments"),
        (json!({ "method": "GET", "url": url, "timeout": "soon" }), "bad_arguments"),
    ] {
        let error = server.call_with(arguments.clone()).await.unwrap_err();
        assert_eq!((kind(&error), error.code()), ("give up", code), "{arguments}: {error}");
        assert!(!error.to_string().contains("key@"), "{error}");
    }
    assert!(server.seen().is_empty());
}
