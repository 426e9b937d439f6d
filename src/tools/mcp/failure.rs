//! What went wrong in a call, as the engine has to know it: whether it may have taken effect.

use std::error::Error;

use rmcp::model::ErrorCode;
use rmcp::service::ServiceError;
use rmcp::transport::streamable_http_client::StreamableHttpError;

use crate::tools::ToolError;

/// The longest message of a server that is passed on, in characters.
const LONGEST_MESSAGE: usize = 2_000;

/// What a call came to that yielded no result. `place` names the server and its tool.
pub(super) fn of_call(place: &str, error: &ServiceError, last_words: Option<&str>) -> ToolError {
    let lost = || {
        let words = last_words.map(|words| format!(": {words}")).unwrap_or_default();
        ToolError::unknown("lost", format!("{place}: the connection was lost during the call{words}"))
    };
    match error {
        ServiceError::McpError(error) => {
            let message = format!("{place}: {}", clipped(&error.message));
            match error.code {
                ErrorCode::PARSE_ERROR
                | ErrorCode::INVALID_REQUEST
                | ErrorCode::METHOD_NOT_FOUND
                | ErrorCode::INVALID_PARAMS => ToolError::give_up("refused", message),
                _ => ToolError::unknown("server_error", message),
            }
        }
        ServiceError::TransportSend(error) => of_sending(place, error.error.as_ref()).unwrap_or_else(lost),
        ServiceError::UnexpectedResponse => {
            ToolError::unknown("bad_result", format!("{place}: the server answers with what is no result of a tool"))
        }
        _ => lost(),
    }
}

/// What a request came to that could not be sent, or was answered with an HTTP error; `None` if nobody knows.
fn of_sending(place: &str, error: &(dyn Error + 'static)) -> Option<ToolError> {
    if error.is::<std::io::Error>() {
        // A message that is not written to its end is none.
        return Some(ToolError::retry("not_sent", format!("{place}: the server does not listen any more")));
    }
    let error = error.downcast_ref::<StreamableHttpError<reqwest::Error>>()?;
    let message = format!("{place}: {}", causes(error));
    match error {
        StreamableHttpError::Client(error) if error.is_connect() || error.is_builder() => {
            Some(ToolError::retry("not_sent", message))
        }
        StreamableHttpError::SessionExpired => Some(ToolError::retry("not_sent", message)),
        StreamableHttpError::HttpStatus(status) if matches!(status.status, 429 | 503) => {
            Some(ToolError::retry("busy", message))
        }
        StreamableHttpError::AuthRequired(_) | StreamableHttpError::InsufficientScope(_) => {
            Some(ToolError::give_up("unauthorized", format!("{message}; set what it wants in `headers`")))
        }
        StreamableHttpError::UnexpectedServerResponse(answer) if answer.starts_with("HTTP 4") => {
            Some(ToolError::give_up("refused", clipped(&message)))
        }
        _ => None,
    }
}

/// An error with what caused it, the outermost first.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    clipped(&text)
}

/// The beginning of a text of others, in one line.
pub(super) fn clipped(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut clipped: String = text.trim().chars().take(LONGEST_MESSAGE).map(plain).collect();
    if text.trim().chars().nth(LONGEST_MESSAGE).is_some() {
        clipped.push('…');
    }
    clipped
}
