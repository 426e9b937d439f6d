//! All servers of the configuration, and what they offered when they were last asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::join_all;

use super::listing::{LeftOut, Listing};
use super::server::{Server, Standing, Surroundings};
use super::settings::ServerSettings;
use crate::clock::{Clock, Timestamp};
use crate::secrets::Secrets;
use crate::tools::{Folder, ToolError, Tools};

/// All servers of the configuration.
pub struct Servers {
    by_name: BTreeMap<String, Arc<Server>>,
}

/// A server cannot be asked what it offers.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct NotKnown {
    /// The server.
    pub server: String,
    /// Why, and what to do.
    pub reason: String,
}

/// A server, as it is shown.
#[derive(Clone, Debug)]
pub struct ServerView {
    /// Its name.
    pub name: String,
    /// Its command, or its address.
    pub reach: String,
    /// How it stands in this process.
    pub standing: Standing,
    /// When it last said what it offers; `None` if it was never asked.
    pub asked: Option<Timestamp>,
    /// What it calls itself.
    pub calls_itself: String,
    /// How many tools it has that are not allowed.
    pub not_allowed: usize,
    /// What it offers and is not taken.
    pub left_out: Vec<LeftOut>,
}

impl Servers {
    /// The servers that the configuration names. None is started; what they offered when they were last asked is read
    /// from `data`. The files of their results are kept in `folder`; what they are to be given of `secrets` is read when they
    /// are reached.
    pub fn new(
        settings: Vec<ServerSettings>,
        tools: &Tools,
        folder: &Folder,
        data: &Path,
        secrets: &Secrets,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let listings = Listings { folder: data.to_owned() };
        let (tools, folder, secrets) = (tools.clone(), folder.clone(), secrets.clone());
        let around = Arc::new(Surroundings { tools, folder, clock, secrets, listings });
        let server = |settings: ServerSettings| {
            let (name, listing) = (settings.name.clone(), around.listings.read(&settings.name));
            (name, Server::new(settings, Arc::clone(&around), listing))
        };
        Self { by_name: settings.into_iter().map(server).collect() }
    }

    /// Asks those servers what they offer that these tools can be of, unless that is known. A tool is given by its name
    /// or, as in an agent's list, by the beginning of names (`fs.*`, `*`).
    ///
    /// # Errors
    /// Each server that cannot be asked.
    pub async fn learn<'a>(&self, tools: impl IntoIterator<Item = &'a str>) -> Result<(), Vec<NotKnown>> {
        let mut wanted = BTreeSet::new();
        for tool in tools {
            let group = tool.split_once('.').map_or(tool, |(group, _)| group);
            match group.strip_suffix('*') {
                Some(begin) => wanted.extend(self.by_name.keys().filter(|name| name.starts_with(begin))),
                None => wanted.extend(self.by_name.keys().filter(|name| *name == group)),
            }
        }
        let unknown = wanted.into_iter().filter_map(|name| self.by_name.get(name)).filter(|server| !server.is_known());
        let asked = join_all(unknown.map(|server| async move {
            let not_known =
                |error: ToolError| NotKnown { server: server.settings.name.clone(), reason: error.to_string() };
            server.ask().await.map_err(not_known)
        }))
        .await;
        let failed: Vec<NotKnown> = asked.into_iter().filter_map(Result::err).collect();
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// Connects to a server, and asks what it offers; `None` if there is no such server.
    pub async fn check(&self, name: &str) -> Option<Result<ServerView, NotKnown>> {
        let server = self.by_name.get(name)?;
        let checked = server.check().await;
        let checked = checked.map_err(|error| NotKnown { server: name.to_owned(), reason: error.to_string() });
        Some(checked.map(|()| view(server)))
    }

    /// How the servers stand.
    pub fn views(&self) -> Vec<ServerView> {
        self.by_name.values().map(|server| view(server)).collect()
    }

    /// Whether there is a server of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Ends all connections, and sees every child to its end.
    pub async fn stop(&self) {
        join_all(self.by_name.values().map(|server| server.stop())).await;
    }
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

fn view(server: &Server) -> ServerView {
    let settings = &server.settings;
    let known = server.listing();
    let listing = known.as_ref().map(|(listing, _)| listing);
    let not_allowed = listing.map_or(0, |listing| listing.tools.len() - listing.allowed(settings).count());
    let mut left_out = listing.map(|listing| listing.left_out.clone()).unwrap_or_default();
    left_out.extend(known.iter().flat_map(|(_, unfit)| unfit.clone()));
    ServerView {
        name: settings.name.clone(),
        reach: settings.reach.shown(),
        standing: server.standing(),
        asked: listing.map(|listing| listing.at),
        calls_itself: listing.map(|listing| listing.server.clone()).unwrap_or_default(),
        not_allowed,
        left_out,
    }
}

/// What servers offered when they were last asked, one file a server.
#[derive(Clone, Debug)]
pub(super) struct Listings {
    folder: PathBuf,
}

impl Listings {
    fn file(&self, server: &str) -> PathBuf {
        self.folder.join(format!("{server}.json"))
    }

    /// What a server offered; `None` if that is not known, or written by another version.
    fn read(&self, server: &str) -> Option<Listing> {
        let text = std::fs::read_to_string(self.file(server)).ok()?;
        let listing = serde_json::from_str(&text);
        listing.inspect_err(|error| tracing::info!(server, %error, "what an MCP server offered is asked again")).ok()
    }

    /// Keeps what a server offers. If that fails, it is asked again at the next start.
    pub(super) async fn keep(&self, server: &str, listing: &Listing) {
        let (file, folder) = (self.file(server), self.folder.clone());
        let text = match serde_json::to_string_pretty(listing) {
            Ok(text) => text,
            Err(error) => return tracing::warn!(server, %error, "what an MCP server offers cannot be kept"),
        };
        let write = move || {
            std::fs::create_dir_all(&folder)?;
            let temporary = file.with_extension("part");
            std::fs::write(&temporary, text)?;
            std::fs::rename(temporary, file)
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(write).await {
            tracing::warn!(server, %error, "what an MCP server offers cannot be kept");
        }
    }
}
