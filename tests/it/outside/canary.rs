//! A secret goes through every tool, with failures and with servers that say it back; then nothing of it is left anywhere.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;

use super::mail::MailServer;
use super::postgres::Postgres;
use super::{run, set};
use crate::cli::secrets::grep;
use crate::cli::stage::Stage;

const CANARY: &str = "c4n4ry/\"of+the%mine\\&=";
/// A webhook's secret has a form of its own.
const WEBHOOK: &str = "whsec_Y2FuYXJ5IG9mIHRoZSB3ZWJob29rLCB3aGljaCBpcyBsb25n";

/// A server that says back all that it is sent, in every form that it can think of, and fails if asked to.
async fn echo(uri: Uri, headers: HeaderMap, body: String) -> Response {
    let plain: String = headers.iter().map(|(name, value)| format!("{name}={}\n", value.to_str().unwrap())).collect();
    let plain = format!("{uri}\n{plain}\n{body}");
    let coded: String = url::form_urlencoded::byte_serialize(plain.as_bytes()).collect();
    let forms =
        json!({ "plain": plain, "coded": coded, "base64": STANDARD.encode(&plain), "json": json!(plain).to_string() });
    let status = if uri.path() == "/fail" { 403 } else { 200 };
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("x-said", coded)], axum::Json(forms)).into_response()
}

/// All forms in which a secret could be left somewhere.
fn forms(secret: &str) -> Vec<String> {
    let json = json!(secret).to_string();
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut forms = vec![
        secret.to_owned(),
        json[1..json.len() - 1].to_owned(),
        json!(json).to_string().trim_matches('"').replace("\\\"", ""),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        percent.to_lowercase(),
        percent,
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ];
    for before in ["", "x", "xx"] {
        for engine in [&STANDARD, &URL_SAFE] {
            let encoded = engine.encode(format!("{before}{secret}"));
            // Without what depends on what stands around.
            forms.push(encoded.trim_end_matches('=')[4..].trim_end_matches(char::is_alphanumeric).to_owned());
            let end = encoded.trim_end_matches('=').len() - 2;
            forms.push(encoded[4..end].to_owned());
        }
    }
    // A part of it would be bad enough.
    forms.push(secret[..secret.len() / 2].to_owned());
    forms.retain(|form| form.len() >= 8);
    forms
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_left_anywhere() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(echo)).await.unwrap() });
    tokio::task::spawn_blocking(move || everything(&host.to_string())).await.unwrap();
}

fn everything(host: &str) {
    let (mail, wrong_mail) = (MailServer::start("auth", CANARY), MailServer::start("auth", "something else"));
    let (database, wrong_database) = (Postgres::start(CANARY), Postgres::start("something else"));
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/misbehaving.py").display().to_string();
    let config = |mail: &MailServer, database: &Postgres| {
        format!(
            "[tools.http]\nallow = [\"127.0.0.1\"]\n[tools.email]\nserver = \"smtp://ada%40example.com@localhost:{}\"\n\
             from = \"ada@example.com\"\npassword = \"CANARY\"\n[tools.sql.books]\nurl = \"{}\"\npassword = \"CANARY\"\n\
             [secrets.CANARY]\ntools = [\"http.request\"]\nhosts = [\"http://{host}\"]\n\
             [secrets.HOOK]\ntools = [\"webhook.send\"]\nhosts = [\"http://{host}\"]\n\
             [mcp.bad]\ncommand = [\"python3\", {server:?}, \"well\"]\ntools = [\"*\"]\n\
             env.TOKEN = \"Bearer {{secret:CANARY}}\"\n",
            mail.port,
            database.url("ada"),
        )
    };
    let stage = Stage::new().with("callboard.toml", config(&mail, &database));
    set(&stage, "CANARY", CANARY);
    set(&stage, "HOOK", WEBHOOK);

    let secret = json!({ "secret": "CANARY" });
    let request = |path: &str, auth: serde_json::Value| json!({ "method": "POST", "url": format!("http://{host}{path}"), "body": { "n": path }, "auth": auth });
    let hook =
        |path: &str| json!({ "url": format!("http://{host}{path}"), "body": {}, "secret": { "secret": "HOOK" } });
    let calls = [
        ("http.request", request("/bearer", json!({ "bearer": secret }))),
        ("http.request", request("/basic", json!({ "basic": { "user": "ada", "password": secret } }))),
        ("http.request", request("/header", json!({ "header": { "name": "X-Key", "value": secret } }))),
        ("http.request", request("/fail", json!({ "basic": { "user": "a", "password": secret } }))),
        ("http.request", json!({ "method": "GET", "url": "https://elsewhere.example/", "auth": { "bearer": secret } })),
        ("webhook.send", hook("/hook")),
        ("webhook.send", hook("/fail")),
        ("email.send", json!({ "to": "bob@example.org", "subject": "x", "text": "x" })),
        ("sql.query", json!({ "statement": "SELECT current_user::text AS me", "params": [] })),
        ("sql.query", json!({ "statement": "SELECT nothing", "params": [] })),
        ("bad.env", json!({})),
        ("bad.crash", json!({})),
    ];
    let step = |(nth, (tool, input)): (usize, &(&str, serde_json::Value))| json!({ "id": format!("s{nth}"), "needs": [], "input": input, "process": { "tool": tool } });
    let steps: Vec<serde_json::Value> = calls.iter().enumerate().map(step).collect();
    let collect = json!({ "id": "all", "needs": (0..calls.len()).map(|nth| format!("s{nth}.done")).collect::<Vec<_>>(),
        "process": { "transform": "{{ [steps.s0.output, steps.s1.output, steps.s3.error, steps.s8.output, steps.s10.output] }}" } });
    let workflow = json!({ "name": "canary", "description": "Uses a secret everywhere.",
        "steps": steps.into_iter().chain([collect]).collect::<Vec<_>>() });
    stage.write("canary.yaml", workflow.to_string());

    let mut said = Vec::new();
    let mut go = |arguments: &[&str]| {
        let ended = run(&stage, arguments, "");
        said.extend([ended.stdout.clone(), ended.stderr.clone()]);
        ended
    };
    // Every library's own log, too.
    let log = ["--log", "trace,callboard=trace"];
    let right = go(&[&["run", "canary.yaml"][..], &log].concat());
    stage.write("callboard.toml", config(&wrong_mail, &wrong_database));
    let wrong = go(&[&["run", "canary.yaml"][..], &log].concat());
    for arguments in [
        &["show", "last"][..],
        &["show", "last", "--format", "json"],
        &["events", "last"],
        &["events", "last", "--format", "json"],
        &["runs", "--format", "json"],
        &["secrets", "list"],
        &["config", "--format", "json"],
        &["secrets", "rekey"],
    ] {
        go(arguments);
    }
    // It was used, and it came back: else this would prove nothing.
    assert!(right.stderr.len() > 10_000, "the log is not at trace: {right:#?}");
    let events = run(&stage, &["events", "last", "--format", "json"], "").stdout;
    for proof in [
        "[secret CANARY]",
        "Bearer [secret CANARY]",
        "out of cheese",
        "535",
        "password authentication failed",
        "secret_refused",
        "http_403",
    ] {
        assert!(events.contains(proof), "no `{proof}` in {events}\n{wrong:#?}");
    }
    assert!(said[0].contains("[secret CANARY]"), "{}", said[0]);
    assert_eq!(mail.count(), 1);

    // A process that was killed leaves its log of the database behind.
    let mut killed = stage.command(&["run", "canary.yaml"]);
    killed.env("CALLBOARD_SECRETS__KEY_FILE", "key/secrets.key").stdout(Stdio::null()).stderr(Stdio::null());
    let mut killed = killed.spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(600));
    killed.kill().unwrap();
    killed.wait().unwrap();

    for secret in [CANARY, WEBHOOK, &WEBHOOK["whsec_".len()..], "canary of the webhook, which is long"] {
        for form in forms(secret) {
            let found = grep(&stage.path().join("data"), form.as_bytes());
            assert!(found.is_empty(), "`{form}` is in {found:?}");
            for said in &said {
                let at = said.find(&form);
                assert!(
                    at.is_none(),
                    "`{form}` was said: {}",
                    &said[at.unwrap().saturating_sub(300)..][..600.min(said.len())]
                );
            }
        }
    }
    std::io::stdout().flush().unwrap();
}
