//! Which tool may send which secret where.

use std::collections::BTreeMap;

use url::Url;

use super::{SecretName, SecretsError};

/// Which tool may send which secret where. What is not allowed is refused, so that an agent that was talked into it
/// cannot send a secret to somebody else.
#[derive(Clone, Debug, Default)]
pub struct SecretRules {
    by_name: BTreeMap<SecretName, Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    tools: Vec<String>,
    hosts: Vec<Host>,
}

/// An entry of `hosts`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    scheme: &'static str,
    /// The host, or what it ends with if `below`.
    name: String,
    below: bool,
    port: u16,
}

/// An entry of `hosts` that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no host that a secret may be sent to; write api.example.com, *.example.com, api.example.com:8443, or \
     http://host:port for one without encryption"
)]
pub struct BadSecretRule(String);

impl SecretRules {
    /// Adds what may be done with a secret: by which tools (`http.request`, `http.*`), and where they may send it.
    ///
    /// # Errors
    /// [`BadSecretRule`] with the first host that is none.
    pub fn allow(&mut self, name: SecretName, tools: &[String], hosts: &[String]) -> Result<(), BadSecretRule> {
        let hosts = hosts.iter().map(|host| Host::parse(host)).collect::<Result<_, _>>()?;
        self.by_name.insert(name, Rule { tools: tools.to_vec(), hosts });
        Ok(())
    }

    pub(super) fn check(&self, name: &SecretName, tool: &str, url: &Url) -> Result<(), SecretsError> {
        let refused = |what: String| Err(SecretsError::NotAllowed { name: name.clone(), what });
        let rule = self.by_name.get(name);
        let allows = |entry: &String| match entry.strip_suffix('*') {
            Some(group) => tool.starts_with(group),
            None => entry == tool,
        };
        let Some(rule) = rule.filter(|rule| rule.tools.iter().any(allows)) else {
            return refused(format!("by {tool}"));
        };
        if rule.hosts.iter().any(|host| host.covers(url)) {
            return Ok(());
        }
        refused(format!("by {tool} at {}", url.origin().ascii_serialization()))
    }
}

impl Host {
    fn parse(entry: &str) -> Result<Self, BadSecretRule> {
        let bad = || BadSecretRule(entry.to_owned());
        let (scheme, rest) = match entry.split_once("://") {
            None => ("https", entry),
            Some(("https", rest)) => ("https", rest),
            Some(("http", rest)) => ("http", rest),
            Some(_) => return Err(bad()),
        };
        let (rest, below) = rest.strip_prefix("*.").map_or((rest, false), |rest| (rest, true));
        // As the addresses of calls are read, so that the two are spelt the same.
        let url = Url::parse(&format!("{scheme}://{rest}/")).map_err(|_| bad())?;
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        let name =
            url.host_str().filter(|name| plain && !rest.ends_with('/') && !name.contains('*')).ok_or_else(bad)?;
        let port = url.port_or_known_default().ok_or_else(bad)?;
        Ok(Self { scheme, name: name.trim_end_matches('.').to_owned(), below, port })
    }

    fn covers(&self, url: &Url) -> bool {
        let Some(host) = url.host_str().map(|host| host.trim_end_matches('.')) else { return false };
        let is_host = if self.below {
            host.strip_suffix(&self.name).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
        } else {
            host == self.name
        };
        is_host && url.scheme() == self.scheme && url.port_or_known_default() == Some(self.port)
    }
}
