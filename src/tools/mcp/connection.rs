//! One connection with a server, from the handshake to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientCapabilities, ClientConfig, ClientRequest, Implementation,
    PaginatedRequestParams, PingRequest, ProtocolVersion, Tool,
};
use rmcp::service::{NotificationContext, PeerRequestOptions, RunningService, ServiceError};
use rmcp::{ClientHandler, Peer, RoleClient, ServiceExt as _};
use secrecy::SecretString;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::child::{Child, LastWords};
use super::http;
use super::listing::{MOST_PAGES, MOST_TOOLS};
use super::settings::Reach;
use crate::secrets::{Mask, Secrets, Written};

/// How long a server may take to answer whether it is still there.
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a server may take to say goodbye, before it is left to itself. A child is killed before that.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(8);

/// One connection with a server. When it is dropped, a server that is a child is killed.
pub(super) struct Connection {
    peer: Peer<RoleClient>,
    running: tokio::sync::Mutex<Option<RunningService<RoleClient, Listener>>>,
    /// Ends the connection.
    end: CancellationToken,
    changed: Arc<AtomicBool>,
    last_words: LastWords,
    /// Takes out of what the server says the secrets that it was given.
    pub(super) mask: Mask,
    /// What the server calls itself.
    pub(super) server: String,
}

/// What is passed to a server, with the secrets that it is to have.
async fn filled(
    written: &BTreeMap<String, Written>,
    secrets: &Secrets,
    mask: &mut Mask,
) -> Result<BTreeMap<String, SecretString>, String> {
    let mut filled = BTreeMap::new();
    for (name, value) in written {
        let value = value.filled(secrets, mask).await.map_err(|error| error.to_string())?;
        filled.insert(name.clone(), value);
    }
    Ok(filled)
}

/// What we answer a server, which is little: nothing was offered to it.
#[derive(Debug)]
struct Listener {
    changed: Arc<AtomicBool>,
}

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        let callboard = Implementation::new("callboard", env!("CARGO_PKG_VERSION"));
        let mut info = ClientConfig::new(ClientCapabilities::default(), callboard);
        // The newest version that begins with a handshake, which every server knows.
        info.protocol_version = ProtocolVersion::LATEST_WITH_INITIALIZE;
        info
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.changed.store(true, Ordering::Relaxed);
    }
}

impl Connection {
    /// Starts the server if it is to be started, and shakes hands with it.
    ///
    /// # Errors
    /// Why that did not work.
    pub(super) async fn open(reach: &Reach, secrets: &Secrets) -> Result<Self, String> {
        let mut mask = Mask::new();
        let opened = Self::open_with(reach, secrets, &mut mask).await;
        let opened = opened.map(|connection| Self { mask: mask.clone(), ..connection });
        opened.map_err(|why| mask.text(&why))
    }

    async fn open_with(reach: &Reach, secrets: &Secrets, mask: &mut Mask) -> Result<Self, String> {
        let changed = Arc::new(AtomicBool::new(false));
        let (listener, end) = (Listener { changed: Arc::clone(&changed) }, CancellationToken::new());
        let (running, last_words) = match reach {
            Reach::Command { command, environment, folder } => {
                let environment = filled(environment, secrets, mask).await?;
                let (child, last_words) = Child::start(command, &environment, folder)?;
                (listener.serve_with_ct(child, end.clone()).await, last_words)
            }
            Reach::Url { url, headers } => {
                let transport = http::transport(url, &filled(headers, secrets, mask).await?)?;
                (listener.serve_with_ct(transport, end.clone()).await, LastWords::default())
            }
        };
        let running = match running {
            Ok(running) => running,
            Err(error) => {
                // What it says on standard error as it dies is read by another task.
                tokio::time::sleep(Duration::from_millis(20)).await;
                let words = last_words.text().map(|words| format!(" ({words})")).unwrap_or_default();
                return Err(format!("it does not shake hands: {}{words}", super::failure::causes(&error)));
            }
        };
        let about = running.peer_info();
        let server = about.and_then(|about| about.server_info.clone());
        let server = server.map(|server| format!("{} {}", server.name, server.version)).unwrap_or_default();
        let peer = running.peer().clone();
        let running = tokio::sync::Mutex::new(Some(running));
        Ok(Self { peer, running, end, changed, last_words, mask: Mask::default(), server })
    }

    /// True if it is of no use any more.
    pub(super) fn is_closed(&self) -> bool {
        self.end.is_cancelled() || self.peer.is_transport_closed()
    }

    /// Whether the server said since the last time that its tools have changed.
    pub(super) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    /// Why it ended, and what the server said last.
    pub(super) fn last_words(&self) -> Option<String> {
        self.last_words.text().map(|words| self.mask.text(&words))
    }

    /// All tools that the server has, up to a limit.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub(super) async fn tools(&self) -> Result<Vec<Tool>, String> {
        let mut tools = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut wanted = PaginatedRequestParams::default();
            wanted.cursor.clone_from(&cursor);
            let page = self.peer.list_tools(Some(wanted)).await;
            let page = page.map_err(|error| self.mask.text(&format!("it does not list its tools: {error}")))?;
            tools.extend(page.tools);
            if tools.len() > MOST_TOOLS || page.next_cursor.is_none() || page.next_cursor == cursor {
                break;
            }
            cursor = page.next_cursor;
        }
        Ok(tools)
    }

    /// Calls a tool. If this is dropped, the server is told that nobody waits any more.
    ///
    /// # Errors
    /// As the protocol library has it.
    pub(super) async fn call(
        &self,
        tool: &str,
        arguments: Map<String, Value>,
    ) -> Result<CallToolResponse, ServiceError> {
        self.peer.call_tool_once(CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments)).await
    }

    /// Ends the connection if the server does not answer any more.
    pub(super) async fn end_if_hung(&self) {
        let ping = ClientRequest::PingRequest(PingRequest::default());
        let asking = async {
            let options = PeerRequestOptions::with_timeout(PING_TIMEOUT);
            self.peer.send_request_with_option(ping, options).await?.await_response().await
        };
        // Asking can wait for a server that reads nothing.
        match tokio::time::timeout(PING_TIMEOUT, asking).await {
            // An error is an answer, too.
            Ok(Ok(_) | Err(ServiceError::McpError(_))) => {}
            Ok(Err(_)) | Err(_) => self.close().await,
        }
    }

    /// Says goodbye, and sees a child to its end.
    pub(super) async fn close(&self) {
        self.end.cancel();
        if let Some(mut running) = self.running.lock().await.take() {
            // Err says that its task panicked; then a child was killed by being dropped.
            let _ = running.close_with_timeout(CLOSE_TIMEOUT).await;
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("server", &self.server).finish_non_exhaustive()
    }
}
