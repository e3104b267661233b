//! The networks to search.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The bits of a network's addresses that may vary: 65,536 addresses.
const MOST_BITS: u8 = 16;
/// The same for a network that is searched although it is large.
const MOST_BITS_IF_LARGE: u8 = 24;
/// A network of this computer that is larger is not searched as a whole unless it is named.
const OWN_PREFIX: u8 = 22;
/// The part of it that is searched.
const NEAR_PREFIX: u8 = 24;

/// The networks to search, each address once.
#[derive(Clone, Debug)]
pub(super) struct Networks(Vec<IpNet>);

/// Reads a network, or one address.
pub(crate) fn parse(text: &str) -> Result<IpNet, String> {
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    net.map(|net| net.trunc()).map_err(|_| "write a network like 192.0.2.0/24, or one address".to_owned())
}

impl Networks {
    /// The networks that were named.
    ///
    /// # Errors
    /// When one is larger than allowed.
    pub(super) fn named(nets: &[IpNet], large: bool) -> Result<Self, CliError> {
        let most = if large { MOST_BITS_IF_LARGE } else { MOST_BITS };
        let Some(net) = nets.iter().find(|net| net.max_prefix_len() - net.prefix_len() > most) else {
            return Ok(Self(nets.to_vec()));
        };
        let prefix = net.max_prefix_len() - most;
        let what = format!("{net} has more than {} addresses", 1_u64 << most);
        let hint = match large {
            true => format!("name parts of it, of /{prefix} or smaller"),
            false => format!("name a part of it, of /{prefix} or smaller; or search all of it with --large"),
        };
        Err(CliError::new(ExitCode::Usage, what).hint(hint))
    }

    /// The networks of this computer, and remarks about those that are searched in part.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn own() -> Result<(Self, Vec<String>), CliError> {
        let hint = "name a network, as in iclock-cli discover 192.0.2.0/24";
        let interfaces = if_addrs::get_if_addrs().map_err(|error| {
            CliError::because(ExitCode::Fault, "cannot list the networks of this computer", &error).hint(hint)
        })?;
        let of_this = interfaces.into_iter().filter_map(|interface| match interface.addr {
            if_addrs::IfAddr::V4(address) if !address.is_loopback() && !address.is_link_local() => {
                Some((interface.name, Ipv4Net::new(address.ip, address.prefixlen).ok()?))
            }
            // An IPv6 network is too large to be searched.
            _ => None,
        });
        let (nets, remarks) = near(of_this);
        if nets.0.is_empty() {
            return Err(
                CliError::new(ExitCode::Usage, "this computer is in no network that can be searched").hint(hint)
            );
        }
        Ok((nets, remarks))
    }

    /// Every address, once.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> + Send + use<> {
        let nets = self.0.clone();
        (0..nets.len()).flat_map(move |n| {
            let (earlier, this) = (nets.get(..n).unwrap_or_default().to_vec(), nets.get(n).copied());
            let hosts = this.into_iter().flat_map(|net| net.hosts());
            hosts.filter(move |address| !earlier.iter().any(|net| net.contains(address)))
        })
    }

    /// Returns true if the address is in one of them.
    pub(super) fn contain(&self, address: &IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(address))
    }

    /// Their names, in a sentence.
    pub(super) fn text(&self) -> String {
        let single = |net: &IpNet| net.prefix_len() == net.max_prefix_len();
        let names = self.0.iter().map(|net| if single(net) { net.addr().to_string() } else { net.to_string() });
        names.collect::<Vec<_>>().join(", ")
    }
}

/// The networks around the addresses of this computer, with remarks about those that are searched in part.
fn near(own: impl Iterator<Item = (String, Ipv4Net)>) -> (Networks, Vec<String>) {
    let (mut nets, mut remarks) = (Vec::new(), Vec::new());
    for (interface, net) in own {
        let part = match net.prefix_len() < OWN_PREFIX {
            // The prefix is valid for IPv4.
            true => Ipv4Net::new(net.addr(), NEAR_PREFIX).unwrap_or(net).trunc(),
            false => net.trunc(),
        };
        if part != net.trunc() {
            remarks
                .push(format!("{interface}: only {part} of {} is searched; name it to search all of it", net.trunc()));
        }
        if !nets.contains(&IpNet::V4(part)) {
            nets.push(IpNet::V4(part));
        }
    }
    (Networks(nets), remarks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| parse(text).unwrap()).collect()
    }

    #[test]
    fn an_address_in_two_networks_is_tried_once() {
        let networks = Networks::named(&nets(&["192.0.2.8/30", "192.0.2.10", "192.0.2.9/29"]), false).unwrap();
        let all: Vec<String> = networks.addresses().map(|address| address.to_string()).collect();
        let mut unique = all.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), all.len(), "{all:?}");
        assert_eq!(networks.text(), "192.0.2.8/30, 192.0.2.10, 192.0.2.8/29");
    }

    #[test]
    fn a_network_larger_than_a_16_is_refused_unless_it_is_asked_for() {
        assert!(Networks::named(&nets(&["10.0.0.0/16"]), false).is_ok());
        let refused = Networks::named(&nets(&["10.0.0.0/15"]), false).unwrap_err();
        assert_eq!(refused.code, ExitCode::Usage);
        assert!(Networks::named(&nets(&["10.0.0.0/15"]), true).is_ok());
        assert!(Networks::named(&nets(&["2001:db8::/64"]), true).is_err());
    }

    #[test]
    fn of_a_large_network_of_this_computer_only_the_near_part_is_searched() {
        let own = [("a", "10.1.2.3/8"), ("b", "192.0.2.7/24"), ("c", "192.0.2.9/24")];
        let own = own.map(|(name, net)| (name.to_owned(), net.parse().unwrap()));
        let (networks, remarks) = near(own.into_iter());
        assert_eq!(networks.text(), "10.1.2.0/24, 192.0.2.0/24");
        assert_eq!(remarks, ["a: only 10.1.2.0/24 of 10.0.0.0/8 is searched; name it to search all of it"]);
    }
}
