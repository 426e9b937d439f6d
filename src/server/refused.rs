//! What is refused before a route's own work begins (a path, a query or a body that cannot be read, a route that is not there) is
//! told as every other error is.

use axum::Json;
use axum::body::to_bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::error::{ErrorBody, ErrorDocument};

/// The longest explanation that is taken over.
const LONGEST: usize = 16 << 10;

/// Tells a refusal in plain text as the API tells errors; whatever else there is stays as it is.
pub(super) async fn told(response: Response) -> Response {
    let status = response.status();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(is_json);
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let text = to_bytes(body, LONGEST).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let message = match (text.trim(), status) {
        ("", StatusCode::NOT_FOUND) => "there is no such route",
        ("", StatusCode::METHOD_NOT_ALLOWED) => "the route is there, and does not take this method",
        ("", status) => status.canonical_reason().unwrap_or("it was refused"),
        (said, _) => said,
    };
    let code = match status {
        StatusCode::NOT_FOUND => "no_such_route",
        StatusCode::METHOD_NOT_ALLOWED => "wrong_method",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        status if status.is_client_error() => "bad_request",
        _ => "internal",
    };
    // What else the refusal says stays: which methods there are, that the connection is closed.
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.remove(header::CONTENT_TYPE);
    let mut told = (status, Json(ErrorDocument { error: ErrorBody::new(code, message) })).into_response();
    told.headers_mut().extend(head.headers);
    told
}

fn is_json(kind: &HeaderValue) -> bool {
    kind.as_bytes().starts_with(b"application/json")
}
