//! `callboard serve`

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;
use serde::Serialize;

use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Purpose, Session};
use super::{Context, Format};
use crate::app::App;
use crate::secrets::fresh_value;
use crate::server::open;

/// Lets other programs use the models, and carries on what is unfinished
///
/// Listens for OpenAI's chat completions (`/v1/chat/completions`, `/v1/models`). A program names an alias, such as
/// `default`, as its model, and sends the key: the value of `CALLBOARD_KEY`, or one that is made at the start and shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard serve                                   at 127.0.0.1:4000, with a key that is shown
  CALLBOARD_KEY=… callboard serve --listen 0.0.0.0:4000
  curl http://127.0.0.1:4000/v1/chat/completions -H \"Authorization: Bearer $CALLBOARD_KEY\" \\
    -H 'Content-Type: application/json' -d '{\"model\": \"default\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'

It ends with Ctrl-C or SIGTERM, which loses nothing.")]
pub(super) struct Serve {
    /// The address and port to listen on; port 0 is any that is free [default: 127.0.0.1:4000]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

/// How long answers may take to end when the process does.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// What is said once it listens.
#[derive(Serialize)]
struct Listening<'a> {
    url: String,
    /// Null if it is the one that was given.
    key: Option<&'a str>,
}

impl Serve {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let settings = &context.config.listen;
        let listen = self.listen.as_ref().unwrap_or(&settings.address);
        let address: SocketAddr = listen.parse().map_err(|_| {
            let message = format!("`{listen}` is no address and port to listen on");
            Complaint::invalid("bad_address", message).suggest("write an address of this machine: 127.0.0.1:4000")
        })?;
        let given = std::env::var(&settings.key_variable).ok().filter(|key| !key.is_empty());
        let session = Session::open(&context.config, &context.interrupt, Purpose::CarryOn).await?;
        let served = if let Some(app) = session.app() {
            serve(context, app, address, given).await
        } else {
            let message = format!("another process works on {}", context.config.data.display());
            Err(Complaint::environment("owned_folder", message)
                .suggest("stop it, or choose another folder with --data"))
        };
        session.close().await;
        served
    }
}

async fn serve(context: &Context, app: &App, address: SocketAddr, given: Option<String>) -> Result<Exit, Complaint> {
    let made = given.is_none().then(|| format!("cb-{}", fresh_value()));
    let key = SecretString::from(given.or_else(|| made.clone()).unwrap_or_default());
    let (address, serving) = open::serve(address, app.clone(), &key).await.map_err(|error| {
        Complaint::environment("cannot_listen", format!("{address} cannot be listened on: {error}"))
            .suggest("choose another address or port with --listen")
    })?;
    let listening = Listening { url: format!("http://{address}/v1"), key: made.as_deref() };
    match context.output.format() {
        Format::Json => context.output.json_line(&listening),
        Format::Text => {
            context.output.line(format!("listening at {}", listening.url));
            if let Some(key) = listening.key {
                context.output.line(format!("key: {key}"));
            }
            if !address.ip().is_loopback() {
                context.output.line(
                    "other machines can reach it, and nothing is encrypted on the way: put a proxy with TLS before it",
                );
            }
        }
    }
    context.interrupt.wanted().await;
    serving.stop(CLOSE_LIMIT).await;
    Ok(Exit::Done)
}
