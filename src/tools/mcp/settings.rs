//! What the configuration says about a server.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use url::Url;

use crate::secrets::{SecretName, Written};
use crate::tools::Origin;
use crate::workflow::CallEffect;

/// What the configuration says about a server.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Its name, with which the names of its tools begin.
    pub name: String,
    /// How it is reached.
    pub reach: Reach,
    /// The tools that may be used, by the server's own names: `read_file`, `read_*`, `*`.
    pub tools: Vec<String>,
    /// What tools do, whatever the server says; by the server's own names or by ours.
    pub effects: BTreeMap<String, CallEffect>,
    /// Whether what the server says about what its tools do is believed.
    pub hints: Believed,
    /// Whose words its results are.
    pub origin: Origin,
    /// The longest that a call may take.
    pub timeout: Duration,
    /// The longest that it may take to start, or to connect to.
    pub start_timeout: Duration,
}

/// Whether what a server says about its tools is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Believed {
    /// It is: a tool that it calls read-only reads.
    Yes,
    /// It is not: every tool writes.
    No,
}

/// How a server is reached.
#[derive(Clone)]
pub enum Reach {
    /// It is started, and spoken to over its standard input and output.
    Command {
        /// The program and its arguments.
        command: Vec<String>,
        /// Its environment, besides `PATH` and `HOME`.
        environment: BTreeMap<String, Written>,
        /// The folder that it is started in.
        folder: PathBuf,
    },
    /// It runs already, and is spoken to over streamable HTTP.
    Url {
        /// Its address.
        url: Url,
        /// What is sent along with every request.
        headers: BTreeMap<String, Written>,
    },
}

impl Reach {
    /// How people recognise it: the command, or the address without what may be secret.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Command { command, .. } => command.join(" "),
            Self::Url { url, .. } => format!("{}{}", url.origin().ascii_serialization(), url.path()),
        }
    }

    /// The secrets that it takes to reach it.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        let (Self::Command { environment: named, .. } | Self::Url { headers: named, .. }) = self;
        named.values().flat_map(Written::secrets)
    }

    /// Sets what is reached apart from what another configuration reaches. Values that may be secret are not in it.
    pub(super) fn hash(&self) -> String {
        let mut hash = Sha256::new();
        match self {
            Self::Command { command, environment, folder } => {
                let given = environment.keys().collect::<Vec<_>>();
                hash.update(format!("{command:?} {given:?} {}", folder.display()));
            }
            Self::Url { url, headers } => hash.update(format!("{url} {:?}", headers.keys().collect::<Vec<_>>())),
        }
        format!("{:x}", hash.finalize())
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}
