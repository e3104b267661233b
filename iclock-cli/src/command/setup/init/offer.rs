//! Terminals that a search finds, and that are offered to a person or taken.

use std::collections::VecDeque;

use zk_proto::client::DEFAULT_PORT;

use super::ask::Ask;
use crate::command::terminal::discover::Shown;
use crate::error::CliError;

/// A terminal that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// `HOST`, or `HOST:PORT` with another port than the usual one.
    pub(super) address: String,
    pub(super) serial: Option<String>,
    /// What a person recognizes it by.
    pub(super) about: String,
}

impl Offer {
    pub(super) fn of(found: &Shown) -> Self {
        let address = found.address();
        let usual = address.strip_suffix(&format!(":{DEFAULT_PORT}")).filter(|host| !host.contains(':'));
        Self {
            address: usual.unwrap_or(address).to_owned(),
            serial: found.serial().map(str::to_owned),
            about: found.about(),
        }
    }
}

/// Asks whether to search, and which of the terminals that are found to take.
pub(super) fn offered(
    person: &mut impl Ask,
    search: impl FnOnce() -> Result<Vec<Offer>, CliError>,
) -> Result<VecDeque<Offer>, CliError> {
    let ways = ["Search the networks of this computer", "Type their addresses"];
    if person.choose("The terminals", &ways)? != 0 {
        return Ok(VecDeque::new());
    }
    let found = search()?;
    if found.is_empty() {
        eprintln!("No terminal answered. Its address is in its menu: Comm, Ethernet.");
        return Ok(VecDeque::new());
    }
    let titles: Vec<String> = found.iter().map(|offer| format!("{:21} {}", offer.address, offer.about)).collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let chosen = person.choose_several("The terminals to use", &titles)?;
    Ok(found.into_iter().enumerate().filter(|(n, _)| chosen.contains(n)).map(|(_, offer)| offer).collect())
}

/// A terminal as `--device` takes it. The address may have options already.
pub(super) fn spec(name: &str, address: &str, serial: Option<&str>, key: Option<String>) -> String {
    // One with other letters cannot be written there; it is no serial number of a terminal that is sold.
    let is_plain = |serial: &&str| !serial.is_empty() && serial.chars().all(|letter| letter.is_ascii_alphanumeric());
    let serial = serial.filter(is_plain).map(|serial| format!("serial={serial}"));
    let mut spec = format!("{name}={address}");
    for option in key.into_iter().chain(serial) {
        spec.push(if spec.contains('?') { '&' } else { '?' });
        spec.push_str(&option);
    }
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_written_as_a_flag_takes_it() {
        assert_eq!(spec("a", "192.0.2.10", Some("X1"), None), "a=192.0.2.10?serial=X1");
        let key = Some("key=FILE:keys/a".to_owned());
        assert_eq!(spec("a", "192.0.2.10?timeout=1s", Some("X&1"), key), "a=192.0.2.10?timeout=1s&key=FILE:keys/a");
    }
}
