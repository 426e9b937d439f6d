//! Which addresses may be connected to.
//!
//! Whoever can choose a URL can otherwise reach what only this machine can reach: services without
//! a password on its own network, and the cloud's metadata with its keys. So what is private is
//! refused unless the configuration allows it, and the check is made by the resolver that the
//! connection itself uses: what is checked is what is connected to.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What may be connected to besides public addresses: the entries of `tools.http.allow`.
#[derive(Clone, Debug, Default)]
pub struct AddressRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    who: Who,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Host(String),
    Network { address: IpAddr, prefix: u8 },
}

/// An entry of `tools.http.allow` that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is neither a host (`intranet`), a host and port (`localhost:8080`) nor a network (`10.0.0.0/8`)")]
pub struct BadAddressRule(String);

/// An address that is private and not allowed.
#[derive(Debug, thiserror::Error)]
#[error("{host} is at {address}, a private address; add it to tools.http.allow if it is meant to be called")]
pub struct Refused {
    pub(crate) host: String,
    pub(crate) address: IpAddr,
}

impl AddressRules {
    /// Reads the entries: hosts, `host:port`, addresses, or networks as `address/prefix`.
    ///
    /// # Errors
    /// [`BadAddressRule`] with the first entry that is none of these.
    pub fn parse<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, BadAddressRule> {
        let rules = entries.into_iter().map(|entry| entry.as_ref().parse()).collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// The ports that some rule is restricted to.
    pub(super) fn ports(&self) -> BTreeSet<u16> {
        self.rules.iter().filter_map(|rule| rule.port).collect()
    }

    /// Whether `address` may be connected to for `host`. `port` is `None` when it is none of [`Self::ports`].
    pub(super) fn permit(&self, host: &str, address: IpAddr, port: Option<u16>) -> Result<(), Refused> {
        if is_public(address) || self.rules.iter().any(|rule| rule.allows(host, address, port)) {
            return Ok(());
        }
        Err(Refused { host: host.to_owned(), address })
    }
}

impl Rule {
    fn allows(&self, host: &str, address: IpAddr, port: Option<u16>) -> bool {
        if self.port.is_some() && self.port != port {
            return false;
        }
        match &self.who {
            Who::Host(name) => name.eq_ignore_ascii_case(host.trim_end_matches('.')),
            Who::Network { address: network, prefix } => within(address.to_canonical(), *network, *prefix),
        }
    }
}

impl FromStr for Rule {
    type Err = BadAddressRule;

    fn from_str(entry: &str) -> Result<Self, BadAddressRule> {
        let entry = entry.trim();
        let bad = || BadAddressRule(entry.to_owned());
        if let Some((address, prefix)) = entry.split_once('/') {
            let address = IpAddr::from_str(address).map_err(|_| bad())?.to_canonical();
            let prefix: u8 = prefix.parse().map_err(|_| bad())?;
            let longest = if address.is_ipv4() { 32 } else { 128 };
            return if prefix <= longest {
                Ok(Self { who: Who::Network { address, prefix }, port: None })
            } else {
                Err(bad())
            };
        }
        if let Ok(address) = IpAddr::from_str(entry) {
            return Ok(Self { who: Who::of(address), port: None });
        }
        if let Ok(socket) = SocketAddr::from_str(entry) {
            return Ok(Self { who: Who::of(socket.ip()), port: Some(socket.port()) });
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| bad())?)),
            None => (entry, None),
        };
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || !host.chars().all(plain) {
            return Err(bad());
        }
        Ok(Self { who: Who::Host(host.trim_end_matches('.').to_owned()), port })
    }
}

impl Who {
    fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self::Network { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }
}

fn within(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let same = |bits: u128, other: u128, width: u8| {
        let host_bits = u32::from(width - prefix);
        bits.checked_shr(host_bits).unwrap_or(0) == other.checked_shr(host_bits).unwrap_or(0)
    };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => same(address.to_bits().into(), network.to_bits().into(), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => same(address.to_bits(), network.to_bits(), 128),
        _ => false,
    }
}

/// Whether anybody on the internet could be at this address. By the special-purpose registries of
/// IANA (RFC 6890 and its updates); addresses that carry an IPv4 address are judged by that one.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    const SPECIAL: [(Ipv4Addr, u8); 13] = [
        (Ipv4Addr::UNSPECIFIED, 8),            // this network
        (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
        (Ipv4Addr::new(100, 64, 0, 0), 10),    // carriers' private networks, some clouds' metadata
        (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback
        (Ipv4Addr::new(168, 63, 129, 16), 32), // a cloud's host, reachable from its guests only
        (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local, most clouds' metadata
        (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
        (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments, a cloud's metadata
        (Ipv4Addr::new(192, 88, 99, 0), 24),   // relays that no longer are
        (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
        (Ipv4Addr::new(198, 18, 0, 0), 15),    // measurements
        (Ipv4Addr::new(224, 0, 0, 0), 3),      // multicast, reserved, broadcast
        (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    ];
    let documentation = matches!(address.octets(), [192, 0, 2, _] | [198, 51, 100, _]);
    !documentation && !SPECIAL.iter().any(|(network, prefix)| within(address.into(), (*network).into(), *prefix))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |at: usize| Ipv4Addr::from((u32::from(segments[at]) << 16) | u32::from(segments[at + 1]));
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => is_public_v4(embedded(6)), // translated by NAT64
        [0x2002, ..] => is_public_v4(embedded(1)),                   // 6to4
        // Protocol assignments and Teredo, then documentation.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first), // all that is handed out
    }
}

/// Resolves names to those of their addresses that may be connected to.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) rules: Arc<AddressRules>,
    /// The port that the connections go to, if a rule is restricted to it.
    pub(super) port: Option<u16>,
}

impl Guard {
    /// Those of the addresses found for a name that may be connected to. The connection is made to one of these, so that a
    /// name that changes its answer between the check and the use gains nothing.
    fn permitted(&self, host: &str, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        let mut permitted = Vec::new();
        let mut refused = None;
        for address in found {
            match self.rules.permit(host, address.ip(), self.port) {
                Ok(()) => permitted.push(address),
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) if permitted.is_empty() => Err(error),
            _ => Ok(permitted),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(guard.permitted(name.as_str(), found)?.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for public in
            ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "172.31.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:a9fe:a9fe",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn a_name_that_changes_its_answer_is_judged_by_each_answer() {
        let guard = Guard { rules: Arc::default(), port: None };
        let permitted = |found: &[&str]| {
            let found = found.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0));
            let permitted = guard.permitted("rebound.example", found).ok()?;
            Some(permitted.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>())
        };
        assert_eq!(permitted(&["1.1.1.1"]), Some(vec!["1.1.1.1".to_owned()]));
        assert_eq!(permitted(&["127.0.0.1"]), None);
        assert_eq!(permitted(&["127.0.0.1", "1.1.1.1", "::ffff:10.0.0.1"]), Some(vec!["1.1.1.1".to_owned()]));
        assert_eq!(permitted(&["169.254.169.254", "::1"]), None);
    }

    #[test]
    fn rules_allow_what_they_name_and_no_more() {
        let rules = AddressRules::parse([
            "intranet",
            "cache.local:6380",
            "127.0.0.1:8080",
            "10.2.0.0/16",
            "[::1]:443",
            "fd00::/8",
            "192.168.7.7",
        ])
        .unwrap();
        let permits = |host: &str, address: &str, port| rules.permit(host, address.parse().unwrap(), port).is_ok();

        assert!(permits("INTRANET.", "10.9.9.9", None));
        assert!(!permits("other", "10.9.9.9", None));
        assert!(permits("cache.local", "127.0.0.1", Some(6380)));
        assert!(!permits("cache.local", "127.0.0.1", None));
        assert!(permits("x", "127.0.0.1", Some(8080)));
        assert!(permits("x", "::ffff:127.0.0.1", Some(8080)));
        assert!(!permits("x", "127.0.0.1", Some(443)));
        assert!(permits("x", "10.2.255.1", None));
        assert!(!permits("x", "10.3.0.1", None));
        assert!(permits("x", "::1", Some(443)));
        assert!(permits("x", "fdab::1", None));
        assert!(permits("x", "192.168.7.7", None));
        assert!(!permits("x", "192.168.7.8", None));
        assert!(permits("x", "1.1.1.1", None), "public addresses need no rule");
        assert_eq!(rules.ports(), [443, 6380, 8080].into());
    }

    #[test]
    fn the_whole_internet_can_be_allowed() {
        let rules = AddressRules::parse(["0.0.0.0/0", "::/0"]).unwrap();
        assert!(rules.permit("x", "127.0.0.1".parse().unwrap(), None).is_ok());
        assert!(rules.permit("x", "fe80::1".parse().unwrap(), None).is_ok());
    }

    #[test]
    fn a_rule_that_cannot_be_understood_is_named() {
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "http://localhost", "localhost:port", "a b", ":80"] {
            let error = AddressRules::parse(["ok", bad]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{bad}`")), "{bad}: {error}");
        }
    }
}
