//! What a server's answer means for the call.

use reqwest::header::{self, HeaderMap};
use reqwest::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::secrets::Mask;
use crate::tools::ToolError;

/// How much of the body of a failure is shown, in characters.
const SNIPPET: usize = 300;

/// Reads an answer to its end. `changes` tells whether the request may have changed the world.
/// Tells how long the body was, too.
pub(super) async fn read(
    mut response: Response,
    limit: usize,
    changes: bool,
    mask: &Mask,
) -> Result<(Map<String, Value>, usize), ToolError> {
    let status = response.status();
    let origin = response.url().origin().ascii_serialization();
    let mut body = Vec::new();
    let mut truncated = false;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = limit - body.len();
                truncated = chunk.len() > room;
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if truncated {
                    break;
                }
            }
            Ok(None) => break,
            Err(_) if !status.is_success() => break,
            Err(_) => {
                let message = format!("{origin}: the connection was lost in the middle of the answer");
                return Err(if changes {
                    ToolError::unknown("lost", message)
                } else {
                    ToolError::retry("lost", message)
                });
            }
        }
    }
    if status.is_client_error() || status.is_server_error() {
        return Err(failure(&origin, status, response.headers(), &body, changes, mask));
    }
    if truncated && !changes {
        let message = format!("{origin}: the answer is longer than the limit of {limit} bytes");
        return Err(ToolError::give_up("too_large", message));
    }
    let length = body.len();
    let mut result = Map::new();
    result.insert("status".to_owned(), status.as_u16().into());
    result.insert("headers".to_owned(), headers(response.headers()));
    result.insert("body".to_owned(), decode(response.headers(), body, truncated, mask));
    if truncated {
        // A request that changed something did so whatever the length of the answer.
        result.insert("truncated".to_owned(), true.into());
    }
    Ok((result, length))
}

fn failure(
    origin: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    changes: bool,
    mask: &Mask,
) -> ToolError {
    // First, so that no part of a secret is left where the text is cut.
    let text = mask.cut(&String::from_utf8_lossy(body));
    let mut snippet: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = snippet.char_indices().nth(SNIPPET) {
        snippet.truncate(cut);
        snippet.push('…');
    }
    let after = headers.get(header::RETRY_AFTER).and_then(|after| after.to_str().ok());
    let after = after.map(|after| format!(", to be tried again after {after}")).unwrap_or_default();
    let reason = if snippet.is_empty() { String::new() } else { format!(": {snippet}") };
    let message = format!("{origin} answered {status}{after}{reason}");
    let code = code(status);
    match status.as_u16() {
        // A gateway lost the server: what the server did, nobody knows.
        502 | 504 if changes => ToolError::unknown(code, message),
        408 | 425 | 429 | 500..=599 => ToolError::retry(code, message),
        _ => ToolError::give_up(code, message),
    }
}

fn code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "http_400",
        401 => "http_401",
        403 => "http_403",
        404 => "http_404",
        405 => "http_405",
        408 => "http_408",
        409 => "http_409",
        410 => "http_410",
        413 => "http_413",
        415 => "http_415",
        422 => "http_422",
        425 => "http_425",
        429 => "http_429",
        500 => "http_500",
        501 => "http_501",
        502 => "http_502",
        503 => "http_503",
        504 => "http_504",
        other if other < 500 => "http_4xx",
        _ => "http_5xx",
    }
}

/// The headers by lower-case name. Cookies are left out: results are kept, and a cookie is a key.
fn headers(found: &HeaderMap) -> Value {
    let mut headers = Map::new();
    for name in found.keys().filter(|name| **name != header::SET_COOKIE) {
        let values: Vec<_> =
            found.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        headers.insert(name.as_str().to_owned(), values.join(", ").into());
    }
    Value::Object(headers)
}

/// JSON if the server says so and it is; else text; else how much of what there is.
fn decode(headers: &HeaderMap, body: Vec<u8>, truncated: bool, mask: &Mask) -> Value {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if body.is_empty() {
        return Value::Null;
    }
    if !truncated
        && (kind == "application/json" || kind.ends_with("+json"))
        && let Ok(value) = serde_json::from_slice(&body)
    {
        return value;
    }
    match String::from_utf8(body) {
        Ok(text) if truncated => mask.cut(&text).into(),
        Ok(text) => text.into(),
        Err(error) if truncated => mask.cut(&String::from_utf8_lossy(error.as_bytes())).into(),
        Err(error) if kind.starts_with("text/") => String::from_utf8_lossy(error.as_bytes()).into(),
        Err(error) => json!({ "content_type": kind, "bytes": error.as_bytes().len() }),
    }
}
