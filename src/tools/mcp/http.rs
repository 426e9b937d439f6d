//! A server that is reached over streamable HTTP.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client as Http;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::{BoxedSseResponse, ExponentialBackoff};
use rmcp::transport::streamable_http_client::{
    StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError, StreamableHttpPostResponse,
};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::child::LONGEST_MESSAGE;

/// How often a stream that broke off is opened again before it is given up.
const RECONNECTS: usize = 5;

/// The longest pause before that.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The way to a server, which takes its address from the configuration alone.
///
/// # Errors
/// What is wrong with the settings.
pub(super) fn transport(
    url: &Url,
    headers: &BTreeMap<String, SecretString>,
) -> Result<StreamableHttpClientTransport<Client>, String> {
    // A server that moves is to be moved in the configuration: what is sent along is meant for one address.
    let client = crate::net::client().redirect(Policy::none()).build();
    let client = client.map_err(|error| format!("cannot set up HTTPS: {error}"))?;
    let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
    config.custom_headers = parsed(headers)?;
    config.max_sse_event_size = LONGEST_MESSAGE;
    config.retry_config = Arc::new(backoff());
    Ok(StreamableHttpClientTransport::with_client(Client(client), config))
}

fn backoff() -> ExponentialBackoff {
    let mut backoff = ExponentialBackoff::default();
    backoff.max_times = Some(RECONNECTS);
    backoff.max_delay = Some(LONGEST_PAUSE);
    backoff
}

fn parsed(headers: &BTreeMap<String, SecretString>) -> Result<HashMap<HeaderName, HeaderValue>, String> {
    let one = |(name, value): (&String, &SecretString)| {
        let parsed = name.parse().map_err(|_| format!("`headers.{name}` is no header's name"))?;
        let mut value = HeaderValue::from_str(value.expose_secret())
            .map_err(|_| format!("`headers.{name}` has a value with a line break or the like"))?;
        value.set_sensitive(true);
        Ok((parsed, value))
    };
    headers.iter().map(one).collect()
}

/// The library's client, which says of more sessions that they are lost.
#[derive(Clone, Debug)]
pub(super) struct Client(Http);

type Failed = StreamableHttpError<reqwest::Error>;

/// The answer to a request, as its caller can take it.
///
/// A server that cannot tell what a request is for answers with an error for nobody, which would be waited for in vain.
/// It has carried out nothing. With a session in the request it is the session that it does not know: servers say so with
/// 400 as often as with the protocol's 404.
fn understood(
    answer: StreamableHttpPostResponse,
    request: &ClientJsonRpcMessage,
    has_session: bool,
) -> Result<StreamableHttpPostResponse, Failed> {
    match (answer, request) {
        (
            StreamableHttpPostResponse::Json(ServerJsonRpcMessage::Error(mut error), session),
            ClientJsonRpcMessage::Request(request),
        ) if error.id.is_none() => {
            if has_session {
                return Err(StreamableHttpError::SessionExpired);
            }
            error.id = Some(request.id.clone());
            Ok(StreamableHttpPostResponse::Json(ServerJsonRpcMessage::Error(error), session))
        }
        (answer, _) => Ok(answer),
    }
}

impl StreamableHttpClient for Client {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        let limit = LONGEST_MESSAGE;
        self.post_message_with_max_sse_event_size(uri, message, session_id, auth_header, custom_headers, limit).await
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
        limit: usize,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        let (request, has_session) = (message.clone(), session_id.is_some());
        let sent =
            self.0.post_message_with_max_sse_event_size(uri, message, session_id, auth_header, custom_headers, limit);
        understood(sent.await?, &request, has_session)
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failed> {
        self.0.delete_session(uri, session_id, auth_header, custom_headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxedSseResponse, Failed> {
        let limit = LONGEST_MESSAGE;
        self.get_stream_with_max_sse_event_size(uri, session_id, last_event_id, auth_header, custom_headers, limit)
            .await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
        limit: usize,
    ) -> Result<BoxedSseResponse, Failed> {
        let stream = self.0.get_stream_with_max_sse_event_size(
            uri,
            session_id,
            last_event_id,
            auth_header,
            custom_headers,
            limit,
        );
        stream.await
    }
}
