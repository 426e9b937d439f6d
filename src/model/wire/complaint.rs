//! Why a server gives no reply, in the many forms in which servers say it.

use std::fmt;

use reqwest::StatusCode;
use serde_json::Value;

use super::Trouble;

/// What a server says about why it gives no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) struct Complaint {
    status: Option<u16>,
    /// The kinds that it names, in small letters.
    codes: Vec<String>,
    message: String,
    /// Whether it says when to come again.
    asks_for_time: bool,
}

impl Complaint {
    /// What came with a status that is no success.
    pub(super) fn read(status: StatusCode, body: &[u8], asks_for_time: bool) -> Self {
        let json: Option<Value> = serde_json::from_slice(body).ok();
        let said = json.as_ref().and_then(|json| Self::within(json).or_else(|| Self::of(json)));
        let mut complaint = said.unwrap_or_else(|| {
            let text = String::from_utf8_lossy(body);
            Self { status: None, codes: Vec::new(), message: text.trim().to_owned(), asks_for_time }
        });
        complaint.status = Some(status.as_u16());
        complaint.asks_for_time = asks_for_time;
        complaint
    }

    /// The complaint in a reply that began well, if there is one: `{"error": {"message": …, "type": …, "code": …}}` (`OpenAI`),
    /// `{"error": "…"}` (Ollama, llama.cpp), `{"object": "error", "message": …}` (vLLM).
    pub(in crate::model) fn within(reply: &Value) -> Option<Self> {
        match reply.get("error") {
            Some(Value::Null) | None => reply.get("object").filter(|object| *object == "error").and(Self::of(reply)),
            Some(error) => Some(Self::of(error).unwrap_or_else(|| Self {
                status: None,
                codes: Vec::new(),
                message: error.to_string(),
                asks_for_time: false,
            })),
        }
    }

    /// `"…"`, `{"message": …, "type": …, "code": …}` or `{"detail": …}` (`FastAPI`).
    fn of(error: &Value) -> Option<Self> {
        let message = match error.as_str() {
            Some(_) => error,
            None => error.get("message").or_else(|| error.get("detail")).filter(|message| !message.is_null())?,
        };
        let message = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
        let kind = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_ascii_lowercase);
        let inner = error.pointer("/innererror/code").and_then(Value::as_str).map(str::to_ascii_lowercase);
        let status = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        let codes = [kind("code"), kind("type"), inner].into_iter().flatten().collect();
        Some(Self { status, codes, message, asks_for_time: false })
    }

    /// The status, of the answer or in it.
    pub(super) fn status(&self) -> Option<u16> {
        self.status
    }

    /// What it says.
    pub(in crate::model) fn message(&self) -> &str {
        &self.message
    }

    /// What can be done about it.
    pub(super) fn trouble(&self) -> Trouble {
        let message = self.message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        let is = |codes: &[&str]| self.codes.iter().any(|code| codes.contains(&code.as_str()));
        let is_about_tokens = self.status.is_none_or(|status| ![401, 403, 404].contains(&status));
        match self.status {
            Some(413) => Trouble::TooLong,
            _ if is_about_tokens && (is(TOO_LONG_CODES) || says(TOO_LONG)) => Trouble::TooLong,
            _ if is(FILTER_CODES) || says(FILTER) => Trouble::Refused,
            Some(429 | 529) => Trouble::Busy,
            Some(503) if self.asks_for_time || says(&["busy", "overload", "capacity"]) => Trouble::Busy,
            Some(408 | 504 | 524) => Trouble::TimedOut,
            Some(501 | 505) => Trouble::Rejected,
            Some(409 | 425 | 500..) | None => Trouble::Unavailable,
            Some(_) => Trouble::Rejected,
        }
    }
}

/// How servers name a request that is longer than the model's context window.
const TOO_LONG_CODES: &[&str] =
    &["context_length_exceeded", "exceed_context_size_error", "request_too_large", "string_above_max_length"];

/// How they say it: OpenAI and vLLM, llama.cpp, LM Studio, Ollama, Anthropic and Gemini behind compatible addresses, and the
/// limit of OpenAI by the minute, if one request alone is above it.
const TOO_LONG: &[&str] = &[
    "maximum context length",
    "context length",
    "context size",
    "context window",
    "context the overflows",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "too many input tokens",
    "maximum number of tokens",
    "reduce the length",
    "request too large for",
];

/// How servers name what they filter.
const FILTER_CODES: &[&str] =
    &["content_filter", "content_policy_violation", "responsibleaipolicyviolation", "moderation_blocked"];

/// How they say it.
const FILTER: &[&str] = &["content management policy", "content policy", "flagged by moderation"];

/// `429 Too Many Requests: slow down`, with what it calls itself if it says nothing more.
impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status.map(StatusCode::from_u16) {
            Some(Ok(status)) => write!(f, "{status}: ")?,
            _ => f.write_str("the server fails: ")?,
        }
        f.write_str(if self.message.is_empty() { "no reason is given" } else { &self.message })?;
        match self.codes.first() {
            Some(code) if !self.message.contains(code.as_str()) => write!(f, " ({code})"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_complaint_has_the_trouble_that_fits_it() {
        use Trouble::{Busy, Refused, Rejected, TimedOut, TooLong, Unavailable};
        // The words are those of the servers.
        for (status, body, trouble, told) in [
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
                TooLong,
                "maximum context length",
            ),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","type":"BadRequestError","param":null,"code":400}"#,
                TooLong,
                "4096",
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error"}}"#,
                TooLong,
                "available context size",
            ),
            (
                400,
                r#"{"error":"Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens"}"#,
                TooLong,
                "Trying to keep",
            ),
            (500, r#"{"error":"the input length exceeds the context length"}"#, TooLong, "input length"),
            (
                429,
                r#"{"error":{"message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000.","type":"tokens","code":"rate_limit_exceeded"}}"#,
                TooLong,
                "Request too large",
            ),
            (413, "<html>nginx</html>", TooLong, "413"),
            (
                429,
                r#"{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
                Busy,
                "429 Too Many Requests: Rate limit reached (rate_limit_exceeded)",
            ),
            (
                429,
                r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
                Busy,
                "insufficient_quota",
            ),
            (529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, Busy, "Overloaded"),
            (503, r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#, Busy, "busy"),
            (503, "no healthy upstream", Unavailable, "no healthy upstream"),
            (500, "Internal Server Error", Unavailable, "Internal"),
            (502, "", Unavailable, "no reason is given"),
            (409, "{}", Unavailable, "409"),
            (504, "upstream timed out", TimedOut, "504"),
            (408, "", TimedOut, "408"),
            (501, "", Rejected, "501"),
            (
                400,
                r#"{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400}}"#,
                Refused,
                "filtered",
            ),
            (
                400,
                r#"{"error":{"message":"no","code":"x","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
                Refused,
                "no (x)",
            ),
            (
                401,
                r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
                Rejected,
                "Incorrect",
            ),
            (404, r#"{"error":"model 'x' not found"}"#, Rejected, "not found"),
            (422, r#"{"detail":[{"loc":["body","model"],"msg":"field required"}]}"#, Rejected, "field required"),
            (400, r#"{"error":{"message":null}}"#, Rejected, "400"),
            (418, "\u{0}\u{1}", Rejected, "418"),
        ] {
            let complaint = Complaint::read(StatusCode::from_u16(status).unwrap(), body.as_bytes(), false);
            assert_eq!(complaint.trouble(), trouble, "{status} {body}");
            assert!(complaint.to_string().contains(told), "{complaint}");
        }
        let pause = Complaint::read(StatusCode::SERVICE_UNAVAILABLE, b"", true);
        assert_eq!(pause.trouble(), Busy);
    }

    #[test]
    fn a_complaint_inside_a_reply_is_found_and_a_reply_is_none() {
        let within = |text: &str| Complaint::within(&serde_json::from_str(text).unwrap());
        let busy = within(r#"{"error":{"code":429,"message":"Provider returned error"}}"#).unwrap();
        assert_eq!((busy.trouble(), busy.status()), (Trouble::Busy, Some(429)));
        assert_eq!(
            within(r#"{"error":"llama runner process has terminated"}"#).unwrap().trouble(),
            Trouble::Unavailable
        );
        for reply in [
            r#"{"object":"chat.completion","choices":[]}"#,
            r#"{"object":"chat.completion.chunk","choices":[],"error":null}"#,
            r#"{"model":"m","message":{"role":"assistant","content":"error"},"done":true}"#,
            "[]",
            "7",
        ] {
            assert_eq!(within(reply), None, "{reply}");
        }
    }
}
