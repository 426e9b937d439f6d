//! A server: started when it is wanted, started again after it died, and called.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rmcp::model::CallToolResponse;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::failure;
use super::listing::{LeftOut, Listed, Listing};
use super::restarts::{LONGEST_PAUSE, Next, Restarts};
use super::results;
use super::settings::ServerSettings;
use super::tool::McpTool;
use crate::clock::Clock;
use crate::secrets::Secrets;
use crate::tools::secret::masked;
use crate::tools::{Folder, Tool, ToolError, Tools};

/// Calls of one server that are in flight at once; others wait.
const CALLS_AT_ONCE: usize = 16;

/// How long a server may take to list its tools.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// How a server stands in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not been wanted yet.
    Idle,
    /// There is a connection.
    Connected,
    /// It could not be started, or died; it is started again when it is wanted.
    Down(String),
}

/// What all servers share.
pub(super) struct Surroundings {
    pub(super) tools: Tools,
    /// Where the files of results are kept.
    pub(super) folder: Folder,
    pub(super) clock: Arc<dyn Clock>,
    /// Those that servers are given.
    pub(super) secrets: Secrets,
    /// Where the listings are kept.
    pub(super) listings: super::servers::Listings,
}

/// A server.
pub(super) struct Server {
    pub(super) settings: ServerSettings,
    me: Weak<Server>,
    around: Arc<Surroundings>,
    /// Held while it is started, so that it is started once.
    starting: tokio::sync::Mutex<Restarts>,
    state: Mutex<State>,
    slots: Semaphore,
    stopping: CancellationToken,
}

#[derive(Default)]
struct State {
    connection: Option<Arc<Connection>>,
    listing: Option<Arc<Listing>>,
    /// What it offers and the registry does not take.
    unfit: Vec<LeftOut>,
    trouble: Option<String>,
}

/// The longest that a call can take, with starting the server.
pub(super) fn longest_call(settings: &ServerSettings) -> Duration {
    settings.timeout + settings.start_timeout + LIST_TIMEOUT + LONGEST_PAUSE
}

impl Server {
    /// A server that is not started yet. What it offered when it was last asked is in `listing`.
    pub(super) fn new(settings: ServerSettings, around: Arc<Surroundings>, listing: Option<Listing>) -> Arc<Self> {
        let server = Arc::new_cyclic(|me| Self {
            settings,
            me: Weak::clone(me),
            around,
            starting: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            slots: Semaphore::new(CALLS_AT_ONCE),
            stopping: CancellationToken::new(),
        });
        match listing {
            Some(listing) => server.offer(listing),
            None => server.around.tools.expect(&server.settings.name),
        }
        server
    }

    /// What it offers, as far as that is known, and what of it the registry does not take.
    pub(super) fn listing(&self) -> Option<(Arc<Listing>, Vec<LeftOut>)> {
        let state = self.state();
        state.listing.clone().map(|listing| (listing, state.unfit.clone()))
    }

    /// Whether what it offers is known, and it is still reached as it was then.
    pub(super) fn is_known(&self) -> bool {
        self.state().listing.as_ref().is_some_and(|listing| listing.reach == self.settings.reach.hash())
    }

    /// How it stands.
    pub(super) fn standing(&self) -> Standing {
        let state = self.state();
        match (&state.connection, &state.trouble) {
            (Some(connection), _) if !connection.is_closed() => Standing::Connected,
            (Some(connection), _) => Standing::Down(words(connection)),
            (None, Some(trouble)) => Standing::Down(trouble.clone()),
            (None, None) => Standing::Idle,
        }
    }

    /// Connects, and asks what it offers, however often it died.
    pub(super) async fn check(&self) -> Result<(), ToolError> {
        *self.starting.lock().await = Restarts::default();
        self.ask().await
    }

    /// Connects, and asks what it offers.
    pub(super) async fn ask(&self) -> Result<(), ToolError> {
        let connection = self.connected().await?;
        self.list_or_end(&connection).await
    }

    /// Calls a tool. `key` sets the files of this result apart from others'.
    pub(super) async fn call(
        &self,
        tool: &Listed,
        arguments: Map<String, Value>,
        key: &str,
    ) -> Result<Value, ToolError> {
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => {
                Err(ToolError::unknown("stopping", format!("{}: the program stops", self.place(tool))))
            }
            result = self.call_connected(tool, arguments, key) => result,
        }
    }

    async fn call_connected(
        &self,
        tool: &Listed,
        arguments: Map<String, Value>,
        key: &str,
    ) -> Result<Value, ToolError> {
        let place = self.place(tool);
        let Ok(Ok(_slot)) = timeout(self.settings.timeout, self.slots.acquire()).await else {
            return Err(ToolError::retry("busy", format!("{place}: the server is busy with {CALLS_AT_ONCE} calls")));
        };
        let connection = self.connected().await?;
        if connection.take_changed() {
            self.list_or_end(&connection).await?;
        }
        if !self.still_offers(tool) {
            let message =
                format!("{place}: the server says something else about this tool than before; nothing was called");
            return Err(ToolError::retry("tool_changed", message));
        }
        let result = self.call_over(&connection, tool, arguments, key).await;
        masked(result, &connection.mask)
    }

    async fn call_over(
        &self,
        connection: &Arc<Connection>,
        tool: &Listed,
        arguments: Map<String, Value>,
        key: &str,
    ) -> Result<Value, ToolError> {
        let (place, limit) = (self.place(tool), self.settings.timeout);
        let Ok(response) = timeout(limit, connection.call(&tool.own, arguments)).await else {
            let connection = Arc::clone(connection);
            tokio::spawn(async move { connection.end_if_hung().await });
            let message = format!(
                "{place}: no result within {}; `mcp.{}.timeout` sets how long is waited",
                humantime::format_duration(limit),
                self.settings.name
            );
            return Err(ToolError::unknown("timeout", message));
        };
        let result = match response {
            Ok(CallToolResponse::Complete(result)) => result,
            Ok(_) => {
                let message = format!("{place}: the server asks for what only an interactive client has");
                return Err(ToolError::unknown("input_required", message));
            }
            Err(error) => {
                // What a dying child says on standard error is read by another task.
                tokio::time::sleep(Duration::from_millis(20)).await;
                return Err(failure::of_call(&place, &error, connection.last_words().as_deref()));
            }
        };
        let taken = results::take(&place, result, tool.output.is_some())?;
        let paths = self.keep(tool, &taken.files, key).await?;
        Ok(taken.with_files(paths))
    }

    /// Keeps the files of a result, and returns where.
    async fn keep(&self, tool: &Listed, files: &[results::File], key: &str) -> Result<Vec<String>, ToolError> {
        let mut paths = Vec::new();
        let key: String = key.chars().take(12).collect();
        for (index, file) in files.iter().enumerate() {
            let nth = if index == 0 { String::new() } else { format!("-{}", index + 1) };
            let path = format!("mcp/{}/{}-{key}{nth}.{}", self.settings.name, tool.name, file.extension);
            let (folder, bytes, to, key) = (self.around.folder.clone(), file.bytes.clone(), path.clone(), key.clone());
            crate::tools::blocking(move || folder.write(&to, &bytes, &key)).await.map_err(|error| {
                let message =
                    format!("{}: the call was made, but a file of its result is lost: {error}", self.place(tool));
                ToolError::unknown(error.code(), message)
            })?;
            paths.push(path);
        }
        Ok(paths)
    }

    /// The connection; a new one, if there is none that is of use.
    async fn connected(&self) -> Result<Arc<Connection>, ToolError> {
        let mut restarts = self.starting.lock().await;
        let before = self.state().connection.clone();
        if let Some(connection) = before {
            if !connection.is_closed() {
                return Ok(connection);
            }
            let why = words(&connection);
            tracing::warn!(server = self.settings.name, "an MCP server is gone: {why}");
            restarts.died(Instant::now());
            let mut state = self.state();
            state.connection = None;
            state.trouble = Some(why);
        }
        match restarts.next(Instant::now()) {
            Next::At(at) => sleep_until(at).await,
            Next::NotBefore(at) => return Err(self.left_alone(at)),
        }
        let until = Instant::now() + self.settings.start_timeout;
        let opening = timeout_at(until, Connection::open(&self.settings.reach, &self.around.secrets)).await;
        let opened = opening.unwrap_or_else(|_| {
            let limit = humantime::format_duration(self.settings.start_timeout);
            Err(format!("it does not answer within {limit}"))
        });
        let listed = match opened {
            Ok(connection) => {
                let connection = Arc::new(connection);
                connection.take_changed();
                self.list(&connection).await.map(|()| connection)
            }
            Err(why) => Err(why),
        };
        match listed {
            Ok(connection) => {
                let mut state = self.state();
                state.connection = Some(Arc::clone(&connection));
                state.trouble = None;
                Ok(connection)
            }
            Err(why) => {
                restarts.died(Instant::now());
                Err(self.down(&why))
            }
        }
    }

    /// Asks what it offers, and has that be its tools.
    async fn list(&self, connection: &Connection) -> Result<(), String> {
        let listing = timeout(LIST_TIMEOUT, connection.tools()).await;
        let tools = listing.unwrap_or_else(|_| Err("it does not list its tools in time".to_owned()))?;
        let listing = Listing::of(&self.settings, &connection.server, tools, self.around.clock.now());
        let (name, keeping) = (self.settings.name.clone(), listing.clone());
        let is_new = !self.listing().is_some_and(|(known, _)| known.says_the_same_as(&listing));
        self.offer(listing);
        if is_new {
            self.around.listings.keep(&name, &keeping).await;
        }
        Ok(())
    }

    /// The same, for a connection that is in use.
    async fn list_or_end(&self, connection: &Arc<Connection>) -> Result<(), ToolError> {
        self.list(connection).await.map_err(|why| {
            let connection = Arc::clone(connection);
            tokio::spawn(async move { connection.end_if_hung().await });
            self.down(&why)
        })
    }

    /// Has what it offers be its tools, as far as that is allowed.
    fn offer(&self, listing: Listing) {
        let tool = |listed: &Listed| -> Arc<dyn Tool> {
            Arc::new(McpTool::new(&self.settings, listed, Weak::clone(&self.me)))
        };
        let tools = listing.allowed(&self.settings).map(tool).collect();
        let unfit = self.around.tools.replace(&self.settings.name, tools);
        let unfit =
            unfit.into_iter().map(|problem| LeftOut { tool: problem.tool().to_owned(), reason: problem.to_string() });
        let mut state = self.state();
        state.unfit = unfit.collect();
        state.listing = Some(Arc::new(listing));
    }

    fn still_offers(&self, tool: &Listed) -> bool {
        self.state().listing.as_ref().is_some_and(|listing| listing.tools.contains(tool))
    }

    /// Ends the connection. Calls in flight end first.
    pub(super) async fn stop(&self) {
        self.stopping.cancel();
        let connection = self.state().connection.clone();
        if let Some(connection) = connection {
            connection.close().await;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, tool: &Listed) -> String {
        format!("{}.{}", self.settings.name, tool.name)
    }

    /// Takes note of why it is of no use.
    fn down(&self, why: &str) -> ToolError {
        let name = &self.settings.name;
        self.state().trouble = Some(why.to_owned());
        ToolError::retry(
            "server_down",
            format!(
                "MCP server `{name}` ({}): {why}; `callboard tools check {name}` tries again",
                self.settings.reach.shown()
            ),
        )
    }

    fn left_alone(&self, until: Instant) -> ToolError {
        let wait = Duration::from_secs(until.saturating_duration_since(Instant::now()).as_secs() + 1);
        let trouble = self.state().trouble.clone().unwrap_or_default();
        let name = &self.settings.name;
        let message = format!(
            "MCP server `{name}` died too often and is left alone for {}: {trouble}; `callboard tools check {name}` tries it by itself",
            humantime::format_duration(wait)
        );
        ToolError::retry("server_down", message)
    }
}

fn words(connection: &Connection) -> String {
    connection.last_words().unwrap_or_else(|| "the connection ended".to_owned())
}
