//! What goes wrong, as OpenAI's clients expect to be told.

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app::App;
use crate::model::{ModelError, Trouble};

/// Why a request is not answered.
#[derive(Debug)]
pub(in crate::server) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// The parameter that is wrong.
    param: Option<String>,
    /// Seconds to wait before the next try.
    after: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), param: None, after: None }
    }

    /// The request makes no sense, or asks for what there is not.
    pub(in crate::server) fn invalid(param: Option<&str>, message: impl Into<String>) -> Self {
        Self { param: param.map(str::to_owned), ..Self::new(StatusCode::BAD_REQUEST, "invalid_request", message) }
    }

    /// The key is missing or wrong.
    pub(in crate::server) fn no_key() -> Self {
        let message = "the key is missing or wrong; send `Authorization: Bearer KEY` with the key of `callboard serve`";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
    }

    /// Too many ask at once.
    pub(in crate::server) fn crowded() -> Self {
        let message = "too many requests are being answered; try again";
        Self { after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message) }
    }

    /// There is no such alias.
    pub(super) fn no_such_model(alias: &str, app: &App) -> Self {
        let known: Vec<String> = app.models().aliases().map(|alias| format!("`{alias}`")).collect();
        let message = format!("there is no model `{alias}`; there are {}", known.join(", "));
        Self { param: Some("model".to_owned()), ..Self::new(StatusCode::NOT_FOUND, "model_not_found", message) }
    }

    fn body(&self) -> Value {
        let kind = match self.status.as_u16() {
            401 => "authentication_error",
            429 => "rate_limit_error",
            400..500 => "invalid_request_error",
            _ => "server_error",
        };
        json!({ "error": { "message": self.message, "type": kind, "param": self.param, "code": self.code } })
    }

    /// What is said in a stream that has begun.
    pub(super) fn event(&self) -> Bytes {
        format!("data: {}\n\n", self.body()).into()
    }
}

impl From<ModelError> for Refusal {
    fn from(error: ModelError) -> Self {
        let (status, code) = match error.trouble {
            Trouble::Busy => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded"),
            Trouble::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "model_unavailable"),
            Trouble::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "model_timed_out"),
            Trouble::Malformed => (StatusCode::BAD_GATEWAY, "model_malformed"),
            Trouble::Truncated => (StatusCode::BAD_GATEWAY, "model_truncated"),
            Trouble::Refused => (StatusCode::UNPROCESSABLE_ENTITY, "content_filter"),
            Trouble::TooLong => (StatusCode::BAD_REQUEST, "context_length_exceeded"),
            // It is Callboard's key or address that is wrong, and nothing that the caller could mend.
            Trouble::Rejected => (StatusCode::BAD_GATEWAY, "model_rejected"),
            Trouble::Spent(_) => (StatusCode::TOO_MANY_REQUESTS, "insufficient_quota"),
        };
        Self { after: error.after.map(|after| after.as_secs().max(1)), ..Self::new(status, code, error.message) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(after) = self.after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after));
        }
        response
    }
}
