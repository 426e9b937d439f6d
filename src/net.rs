//! The way to the network: one TLS provider for everything, and the guard for whatever fetches from an address that
//! somebody else chose.
//!
//! Architecture invariant: nothing else makes an HTTP client. What goes to an address of the configuration takes
//! [`client`]; what goes to an address from a workflow, a model or a document takes [`Guarded`].

mod address;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Client, ClientBuilder};
use url::{Host, Url};

use address::Guard;
pub use address::{AddressRules, BadAddressRule, Refused};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client for addresses of the configuration, still to be given its limits.
pub fn client() -> ClientBuilder {
    install_tls();
    Client::builder().connect_timeout(CONNECT_TIMEOUT).user_agent(concat!("callboard/", env!("CARGO_PKG_VERSION")))
}

/// Has every library that speaks TLS use the same provider. Again and again it is the same as once.
pub fn install_tls() {
    // Err says that one is there already.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// Why there is no way to a URL.
#[derive(Debug, thiserror::Error)]
pub enum NoWay {
    /// The URL names no host.
    #[error("it names no host")]
    NoHost,
    /// Its host is at a private address.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No connection can ever be made.
    #[error("cannot set up HTTPS: {0}")]
    NoClient(String),
}

/// Clients that connect to public addresses and to what rules allow, and follow no redirect by themselves.
///
/// There is one for each port that a rule is restricted to, and one for all others; each is made on first use.
#[derive(Clone, Debug)]
pub struct Guarded {
    rules: Arc<AddressRules>,
    by_port: Arc<BTreeMap<Option<u16>, OnceLock<Client>>>,
}

impl Guarded {
    /// Connects to public addresses and to what `rules` allow.
    #[must_use]
    pub fn new(rules: AddressRules) -> Self {
        let ports: BTreeSet<_> = rules.ports().into_iter().map(Some).chain([None]).collect();
        let by_port = ports.into_iter().map(|port| (port, OnceLock::new())).collect();
        Self { rules: Arc::new(rules), by_port: Arc::new(by_port) }
    }

    /// The client for `url`, whose address has been checked if it is written out; a name is checked when it is resolved.
    /// Redirects are the caller's to follow, each through a call of this.
    ///
    /// # Errors
    /// [`NoWay`].
    pub fn to(&self, url: &Url) -> Result<Client, NoWay> {
        let port = url.port_or_known_default().filter(|port| self.by_port.contains_key(&Some(*port)));
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(NoWay::NoHost),
        };
        if let Some(address) = literal {
            self.rules.permit(url.host_str().unwrap_or_default(), address, port)?;
        }
        let client = self.by_port.get(&port).and_then(OnceLock::get);
        client.map_or_else(|| self.make(port), |client| Ok(client.clone()))
    }

    fn make(&self, port: Option<u16>) -> Result<Client, NoWay> {
        let client = client()
            .dns_resolver(Arc::new(Guard { rules: self.rules.clone(), port }))
            // Redirects are followed hop by hop by whoever asks; a proxy would connect to what we never saw.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| NoWay::NoClient(error.to_string()))?;
        Ok(self.by_port.get(&port).map_or(client.clone(), |slot| slot.get_or_init(|| client).clone()))
    }
}

/// The refusal below a failed request, if that is why it failed.
#[must_use]
pub fn refused(error: &reqwest::Error) -> Option<&Refused> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            return Some(refused);
        }
        cause = inner.source();
    }
    None
}

/// What went wrong at the bottom, without the URL, which can hold what is secret.
#[must_use]
pub fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
