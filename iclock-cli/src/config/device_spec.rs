//! A terminal on the command line: `[NAME=]HOST[:PORT][?OPTION=VALUE&…]`.

use std::net::Ipv6Addr;

use super::layers::{ConfigError, Layer, Origin, Setting};

const FLAG: Origin = Origin::Flag("--device");
const SHAPE: &str = "write [NAME=]HOST[:PORT][?key=ENV:NAME&transport=tcp|udp|auto&timeout=5s&zone=Indian/Maldives\
                     &serial=…&encoding=gbk&layout=40]";
/// The port that terminals listen on.
const PORT: &str = "4370";
/// The options after the question mark, and the keys of the configuration that they set.
const WORDS: [(&str, &str); 7] = [
    ("key", "comm_key"),
    ("transport", "transport"),
    ("timeout", "timeout"),
    ("zone", "zone"),
    ("serial", "serial"),
    ("encoding", "encoding"),
    ("layout", "layout"),
];

/// Reads the n-th `--device` into a layer.
pub(crate) fn read(n: usize, spec: &str, layer: &mut Layer) -> Result<(), ConfigError> {
    let mut set = |key: &str, text: &str| layer.set(format!("device.{n}.{key}"), Setting::new(text, FLAG));
    let (place, query) = spec.split_once('?').unwrap_or((spec, ""));
    let wrong = |problem: String| ConfigError::new(Some(FLAG), "device", problem).hint(SHAPE);
    let place = match place.split_once('=') {
        Some(("", _)) => return Err(wrong(format!("{place:?} has no name before the ="))),
        Some((name, place)) => {
            set("name", name);
            place
        }
        None => place,
    };
    if let Some(Mistaken { problem, hint }) = mistaken(place) {
        return Err(ConfigError::new(Some(FLAG), "device", problem).hint(hint));
    }
    let (host, port) = split_port(place).ok_or_else(|| wrong(format!("{place:?} is not a valid host")))?;
    // The brackets stay: without them, an address may look like one with a port.
    set("host", if place.starts_with('[') { place.get(..host.len() + 2).unwrap_or(host) } else { host });
    if let Some(port) = port {
        set("port", port);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (word, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = WORDS.iter().find(|(known, _)| *known == word).map(|(_, key)| *key);
        // The message repeats the word alone, because the value may be a secret.
        set(key.ok_or_else(|| wrong(format!("unknown option {word:?}")))?, value);
    }
    Ok(())
}

/// Splits `HOST:PORT`. An IPv6 address is in brackets, or has no port.
pub(crate) fn split_port(place: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => after.is_empty().then_some((host, None)),
        };
    }
    match place.split_once(':') {
        Some((_, rest)) if rest.contains(':') => {
            let address = place.split('%').next().unwrap_or_default();
            address.parse::<Ipv6Addr>().is_ok().then_some((place, None))
        }
        Some((host, port)) => (!host.is_empty()).then_some((host, Some(port))),
        None => (!place.is_empty()).then_some((place, None)),
    }
}

/// A host that was probably meant otherwise.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistaken {
    pub(crate) problem: String,
    pub(crate) hint: String,
}

/// Returns what is wrong with a URL, and with an IPv6 address whose end was probably meant as the port, as in
/// `::1:4370`; `None` for any other place.
pub(crate) fn mistaken(place: &str) -> Option<Mistaken> {
    if let Some((_, rest)) = place.split_once("://") {
        let host = rest.split('/').next().unwrap_or_default();
        return Some(Mistaken { problem: format!("{place} is a URL"), hint: format!("write the host alone: {host}") });
    }
    let (host, port) = place.rsplit_once(':')?;
    (port == PORT && host.parse::<Ipv6Addr>().is_ok()).then(|| Mistaken {
        problem: format!("{place} is an IPv6 address whose end looks like a port"),
        hint: format!("write [{host}]:{port}; for the address {place} itself, [{place}]"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(spec: &str) -> Vec<(String, String)> {
        let mut layer = Layer::default();
        read(0, spec, &mut layer).unwrap();
        layer.take_under("device.0.").into_iter().map(|(key, setting)| (key, setting.text)).collect()
    }

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
    }

    #[test]
    fn a_host_is_enough() {
        assert_eq!(keys("192.0.2.10"), pairs([("host", "192.0.2.10")]));
        assert_eq!(
            keys("gate=gate.example:4371"),
            pairs([("host", "gate.example"), ("name", "gate"), ("port", "4371")])
        );
    }

    #[test]
    fn an_ipv6_address_before_a_port_is_in_brackets() {
        assert_eq!(keys("a=[2001:db8::1]:4370"), pairs([("host", "[2001:db8::1]"), ("name", "a"), ("port", "4370")]));
        assert_eq!(keys("2001:db8::1"), pairs([("host", "2001:db8::1")]));
        assert_eq!(keys("fe80::1%eth0"), pairs([("host", "fe80::1%eth0")]));
    }

    #[test]
    fn an_ipv6_address_that_ends_like_a_port_has_to_be_in_brackets() {
        let hint = mistaken("::1:4370").unwrap().hint;
        assert_eq!(hint, "write [::1]:4370; for the address ::1:4370 itself, [::1:4370]");
        assert!(mistaken("2001:db8::7:4370").unwrap().hint.starts_with("write [2001:db8::7]:4370;"));
        for place in ["2001:db8::1", "::4370", "192.0.2.1:4370", "gate:4370", "[::1]:4370", "[::1:4370]"] {
            assert_eq!(mistaken(place), None, "{place}");
        }
        assert_eq!(keys("[::1:4370]"), pairs([("host", "[::1:4370]")]));
    }

    #[test]
    fn options_follow_a_question_mark() {
        let expected = pairs([
            ("comm_key", "ENV:K"),
            ("encoding", "gbk"),
            ("host", "h"),
            ("transport", "udp"),
            ("zone", "Etc/GMT+5"),
        ]);
        assert_eq!(keys("h?key=ENV:K&transport=udp&zone=Etc/GMT+5&encoding=gbk"), expected);
    }

    #[test]
    fn a_wrong_device_is_refused_without_showing_its_key() {
        for spec in [
            "",
            "a=",
            "=192.0.2.1",
            "http://192.0.2.1",
            "a=::1:4370",
            ":4370",
            "[::1",
            "192.0.2.1:4370:x",
            "h?colour=hunter2",
        ] {
            let error = read(0, spec, &mut Layer::default()).unwrap_err();
            assert!(error.hint.is_some() && !error.to_string().contains("hunter2"), "{spec}");
        }
    }
}
