//! A session with the data folder: as its owner, or beside the process that owns it.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::client::{Client, Failed, query_text};
use super::complaint::Complaint;
use super::interrupt::{Heeding, Interrupt};
use crate::app::{App, AppError, Attention};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::server;
use crate::server::socket::{self, Socket};
use crate::store::StoreError;

/// What the folder is wanted for, if this process becomes its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A look at what is there, for a moment: nothing is carried out, and nobody else is served.
    Look,
    /// Something is told to a run, for a moment: it is recorded, nothing is carried out, and nobody else is served.
    Record,
    /// Work that others may look on at.
    Work,
    /// The same, and unfinished runs are carried on.
    CarryOn,
}

impl Purpose {
    fn is_momentary(self) -> bool {
        matches!(self, Self::Look | Self::Record)
    }

    fn attention(self) -> Attention {
        if self.is_momentary() { Attention::OnlyRecord } else { Attention::CarryOut }
    }
}

/// How long an owner that has just begun or is about to end is waited for, besides the grace that it gives to what it
/// carries out.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often an owner that cannot be reached is looked for again.
const PAUSE: Duration = Duration::from_millis(20);

/// How long connections may take to end when the session does.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// How often the next owner of the folder is looked for before a session gives up.
const MOST_OWNERS: u32 = 1_000;

/// What making a request twice does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twice {
    /// The same as making it once: it is made again if nobody knows what came of it.
    Harmless,
    /// Something else.
    Harmful,
}

/// A session with the data folder.
pub(super) struct Session {
    config: Config,
    interrupt: Interrupt,
    purpose: Purpose,
    /// Whoever carries something on ends well; a look can end at any time.
    #[expect(dead_code, reason = "held for as long as the session lasts")]
    heeding: Option<Heeding>,
    client: Client,
    host: Option<Host>,
}

/// A data folder that is taken away with this.
pub(super) struct Passing(PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        // What is left is in the system's folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What this process holds as the folder's owner.
struct Host {
    app: App,
    socket: Option<Socket>,
}

impl Session {
    /// Becomes the folder's owner, or finds the way to it.
    pub(super) async fn open(config: &Config, interrupt: &Interrupt, purpose: Purpose) -> Result<Self, Complaint> {
        let until = Instant::now() + PATIENCE + 2 * config.engine.stop_grace;
        loop {
            let owned = match App::open(config, purpose.attention()).await {
                Ok(app) => {
                    let (client, host) = host(app, purpose).await?;
                    return Ok(Self::of(config, interrupt, purpose, client, Some(host)));
                }
                Err(AppError::Store(owned @ StoreError::Owned { .. })) => owned,
                Err(error) => return Err(error.into()),
            };
            if let Some(client) = beside(config).await {
                return Ok(Self::of(config, interrupt, purpose, client, None));
            }
            if Instant::now() >= until {
                return Err(Complaint::environment("owned_folder", owned.to_string()).suggest(
                    "that process does not answer; wait for it, stop it, or choose another folder with --data",
                ));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The same as [`Session::open`]; if there is no data folder none is made: one that is gone with the second part of
    /// what is returned will do.
    pub(super) async fn look(
        config: &Config,
        interrupt: &Interrupt,
        purpose: Purpose,
    ) -> Result<(Self, Option<Passing>), Complaint> {
        if config.data.exists() {
            return Ok((Self::open(config, interrupt, purpose).await?, None));
        }
        let passing = Passing(std::env::temp_dir().join(format!("callboard-{}", SystemClock.fresh_id().simple())));
        let mut config = config.clone();
        config.data.clone_from(&passing.0);
        Ok((Self::open(&config, interrupt, purpose).await?, Some(passing)))
    }

    fn of(config: &Config, interrupt: &Interrupt, purpose: Purpose, client: Client, host: Option<Host>) -> Self {
        let heeding = (!purpose.is_momentary()).then(|| interrupt.heed());
        Self { config: config.clone(), interrupt: interrupt.clone(), purpose, heeding, client, host }
    }

    /// `GET`
    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Complaint> {
        self.ask(Twice::Harmless, async |client: &Client| client.get(path).await).await
    }

    /// `GET`, with a query.
    pub(super) async fn get_with<Q: Serialize, T: DeserializeOwned>(
        &mut self,
        path: &str,
        query: &Q,
    ) -> Result<T, Complaint> {
        let query = query_text(query);
        self.get(&if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }).await
    }

    /// `POST`
    pub(super) async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &B,
        twice: Twice,
    ) -> Result<T, Complaint> {
        self.ask(twice, async |client: &Client| client.post(path, body).await).await
    }

    /// Makes a request; of the next owner, if the one that was asked has gone.
    async fn ask<T>(
        &mut self,
        twice: Twice,
        request: impl AsyncFn(&Client) -> Result<T, Failed>,
    ) -> Result<T, Complaint> {
        for _ in 0..MOST_OWNERS {
            match request(&self.client).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Undone(_)) => {}
                Err(Failed::Unknown(_)) if twice == Twice::Harmless => {}
                Err(failed) => return Err(failed.into()),
            }
            self.renew().await?;
        }
        Err(passed_on(&self.config))
    }

    /// Finds the next owner of the folder, or becomes it.
    pub(super) async fn renew(&mut self) -> Result<(), Complaint> {
        if self.is_owner() {
            // It is this process, and only the connection was lost.
            tokio::time::sleep(PAUSE).await;
            return Ok(());
        }
        *self = Self::open(&self.config, &self.interrupt, self.purpose).await?;
        Ok(())
    }

    /// `POST`, with an answer that comes line by line.
    pub(super) async fn post_for_lines<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<impl futures::Stream<Item = Result<T, Failed>> + Send + Unpin + use<B, T>, Complaint> {
        Ok(self.client.post_for_lines(path, body).await?)
    }

    /// The routes of the folder's owner.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// True if this process works on the folder's runs, so that they stop when it does.
    pub(super) fn is_owner(&self) -> bool {
        self.host.is_some()
    }

    /// The program, if this process owns the folder.
    pub(super) fn app(&self) -> Option<&App> {
        self.host.as_ref().map(|host| &host.app)
    }

    /// Ends the session; an owner stops what it carries out, which loses nothing, and gives the folder up.
    pub(super) async fn close(self) {
        if let Some(host) = self.host {
            host.give_up().await;
        }
    }
}

/// The folder goes from one process to the next, and none of them answers.
pub(super) fn passed_on(config: &Config) -> Complaint {
    let message = format!("{} is taken up and let go again by one process after the other", config.data.display());
    Complaint::environment("lost_owner", message).suggest("try again; nothing is lost")
}

/// The way to the process that owns the folder, if one does and answers.
async fn beside(config: &Config) -> Option<Client> {
    Client::there(&socket::find(&config.data)?).await.ok()
}

/// Makes this process the folder's owner for others to see, as far as the purpose wants that.
async fn host(app: App, purpose: Purpose) -> Result<(Client, Host), Complaint> {
    let router = server::router(app.clone());
    if purpose.is_momentary() {
        return Ok((Client::here(router, None), Host { app, socket: None }));
    }
    let socket = match socket::serve(&app.config().data, app.clock().fresh_id(), router.clone()) {
        Ok(socket) => socket,
        Err(error) => {
            app.stop().await;
            let message = format!("the data folder's socket cannot be made: {error}");
            return Err(Complaint::environment("no_socket", message));
        }
    };
    let client = Client::here(router, Some(socket.path().to_owned()));
    let host = Host { app, socket: Some(socket) };
    if purpose == Purpose::CarryOn
        && let Err(error) = host.app.engine().await
    {
        host.give_up().await;
        return Err(error.into());
    }
    Ok((client, host))
}

impl Host {
    /// Stops what is carried out, which loses nothing, and gives the folder up.
    async fn give_up(self) {
        let Self { app, socket } = self;
        app.wind_down();
        if let Some(socket) = socket {
            socket.stop(CLOSE_LIMIT).await;
        }
        app.stop().await;
    }
}
