//! Whose calls are believed: by the address that calls, and by a secret in the path.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use sha2::{Digest, Sha256};

/// Whose calls are believed; by default, everybody's. [`PushAccess::default`] makes it; its fields can be set.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushAccess {
    /// The secret in the path: only calls below `/t/TOKEN/` are believed. None by default.
    pub token: Option<String>,
    /// The key that terminals have to present when they shake hands, as `pushcommkey` or `ComKey` of their request.
    /// Then the address is believed from which they presented it. None by default.
    pub comm_key: Option<String>,
    /// The networks from which terminals may call. All by default.
    pub networks: Vec<IpNet>,
    /// The proxies in front of this program, whose header `X-Forwarded-For` names the terminal. None by default.
    pub proxies: Vec<IpNet>,
}

/// Leaves the secret out.
impl fmt::Debug for PushAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "***");
        f.debug_struct("PushAccess")
            .field("token", &hidden(&self.token))
            .field("comm_key", &hidden(&self.comm_key))
            .field("networks", &self.networks)
            .field("proxies", &self.proxies)
            .finish()
    }
}

impl PushAccess {
    /// Returns the address of the terminal. The header is believed as far as known proxies have written it: each adds
    /// the address that called it at the end.
    pub(super) fn address(&self, peer: Option<SocketAddr>, forwarded_for: Option<&str>) -> Option<IpAddr> {
        let peer = peer?.ip().to_canonical();
        let is_proxy = |address: &IpAddr| self.is_proxy(*address);
        if !is_proxy(&peer) {
            return Some(peer);
        }
        let hops = forwarded_for.unwrap_or_default().rsplit(',');
        let mut last = Some(peer);
        for hop in hops.map(|hop| hop.trim().parse::<IpAddr>()) {
            match hop {
                Ok(address) if is_proxy(&address.to_canonical()) => last = Some(address.to_canonical()),
                Ok(address) => return Some(address.to_canonical()),
                // Somebody wrote what is no address, and nothing before it can be believed.
                Err(_) => return last,
            }
        }
        last
    }

    /// Returns true for the address of a known proxy.
    pub(super) fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| proxy.contains(&address.to_canonical()))
    }

    /// Returns true if calls from an address to a path are believed.
    pub(super) fn allows(&self, address: Option<IpAddr>, path: &str) -> bool {
        // Both are always looked at, so that the time of a refusal says nothing.
        let (is_near, has_token) = (self.is_near(address), self.has_token(path));
        is_near && has_token
    }

    fn is_near(&self, address: Option<IpAddr>) -> bool {
        let contains = |address| self.networks.iter().any(|network| network.contains(&address));
        self.networks.is_empty() || address.is_some_and(contains)
    }

    /// The secret is the last part of the path, behind a part `t`. Digests are compared, so that the time of the
    /// comparison says nothing about the secret.
    fn has_token(&self, path: &str) -> bool {
        let Some(token) = &self.token else { return true };
        let (before, last) = path.rsplit_once('/').unwrap_or(("", path));
        let is_marked = before == "t" || before.ends_with("/t");
        Sha256::digest(last) == Sha256::digest(token) && is_marked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(networks: &str, proxies: &str) -> PushAccess {
        let nets = |text: &str| text.split_whitespace().map(|net| net.parse().unwrap()).collect();
        PushAccess { networks: nets(networks), proxies: nets(proxies), ..PushAccess::default() }
    }

    #[test]
    fn with_a_secret_nobody_is_believed_without_it() {
        let access = PushAccess { token: Some("s3cret".to_owned()), ..PushAccess::default() };
        for path in ["", "t", "s3cret", "t/", "t/s3cre", "t/s3cret/x", "at/s3cret"] {
            assert!(!access.allows(None, path), "{path}");
        }
        assert!(access.allows(None, "t/s3cret") && access.allows(None, "proxy/t/s3cret"));
        assert!(!format!("{access:?}").contains("s3cret"));
    }

    #[test]
    fn with_networks_only_terminals_of_them_are_believed() {
        let access = access("192.0.2.0/24 2001:db8::/32", "");
        let allows = |address: &str| {
            let peer = SocketAddr::new(address.parse().unwrap(), 1);
            access.allows(access.address(Some(peer), Some("192.0.2.7")), "")
        };
        assert!(allows("192.0.2.7") && allows("2001:db8::7") && allows("::ffff:192.0.2.7"));
        assert!(!allows("198.51.100.7") && !allows("::1"), "a header of somebody else counts for nothing");
        assert!(!access.allows(None, ""));
    }

    #[test]
    fn behind_a_known_proxy_the_address_is_what_it_says() {
        let access = access("192.0.2.0/24", "127.0.0.1/32 198.51.100.0/24");
        let address = |header: Option<&str>| {
            let peer = SocketAddr::new("127.0.0.1".parse().unwrap(), 1);
            access.address(Some(peer), header).unwrap().to_string()
        };
        assert_eq!(address(Some("192.0.2.7")), "192.0.2.7");
        // The terminal wrote the first one itself; the last but one is the address that the outer proxy saw.
        assert_eq!(address(Some("192.0.2.9, 203.0.113.5, 198.51.100.2")), "203.0.113.5");
        assert_eq!(address(Some("203.0.113.5, what, 198.51.100.2")), "198.51.100.2");
        assert_eq!((address(None), address(Some("what"))), ("127.0.0.1".to_owned(), "127.0.0.1".to_owned()));
    }
}
