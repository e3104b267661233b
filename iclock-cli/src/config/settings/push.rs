//! The keys of `[push]` and of `[[pushing]]`.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use attendance_model::validate::MAX_NAME_CHARS;
use chrono_tz::Tz;
use iclock_sync::{DeviceOptions, Permission};
use ipnet::IpNet;
use zk_push::SerialNumber;

use super::super::PushConfig;
use super::super::key::Shape::{List, Path, Secret, Text, Whole};
use super::super::key::Shown::{ByDefault, Example, Required, Usual};
use super::super::key::{Entry, Wrong, key, put, whole};

/// The shortest secret: a short one can be guessed, because every terminal may ask.
const SHORTEST: usize = 16;
/// The most KiB of a terminal's requests that may be kept: 16 MiB.
const MOST_CAPTURED: u64 = 16 << 10;

pub(in crate::config) fn entries() -> Vec<Entry<PushConfig>> {
    vec![
        key(
            "listen",
            Text,
            Example("127.0.0.1:8081"),
            "Address and port at which `serve` waits for terminals. `--push` sets it too. With 0.0.0.0:8081, \
             terminals of the network reach it.",
            |push: &mut PushConfig, text| put(&mut push.listen, address(text)),
        ),
        key(
            "listen_tls",
            Text,
            Example("0.0.0.0:8443"),
            "Address and port for terminals that can do HTTPS, next to `listen` or instead of it.",
            |push: &mut PushConfig, text| put(&mut push.listen_tls, address(text)),
        ),
        key(
            "certificate",
            Path,
            Example("push-certificate.pem"),
            "The certificate for `listen_tls`, with those between it and its authority, as PEM. It is read again when \
             it changes.",
            |push: &mut PushConfig, text| put(&mut push.certificate, Ok(Some(text.into()))),
        ),
        key(
            "certificate_key",
            Path,
            Example("push-key.pem"),
            "The file with the private key of the certificate, as PEM without a password.",
            |push: &mut PushConfig, text| put(&mut push.certificate_key, Ok(Some(text.into()))),
        ),
        key(
            "token",
            Secret,
            Example("ENV:PUSH_TOKEN"),
            "A secret in the path: only calls to http://HOST:PORT/t/TOKEN are believed. At least 16 letters, digits, - \
             and _. By default there is none.",
            |push: &mut PushConfig, text| {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                if text.len() >= SHORTEST && text.bytes().all(is_plain) {
                    return put(&mut push.access.token, Ok(Some(text.to_owned())));
                }
                let problem = format!("the secret is not {SHORTEST} or more letters, digits, - and _");
                Err(Wrong::new(
                    problem,
                    "a terminal's menu takes no other characters; `openssl rand -hex 16` makes one",
                ))
            },
        ),
        key(
            "comm_key",
            Secret,
            Example("ENV:PUSH_COMM_KEY"),
            "What terminals have to send as pushcommkey or ComKey when they shake hands. From then on, their address \
             is believed. By default there is none.",
            |push: &mut PushConfig, text| {
                let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
                let wrong = || Wrong::new("the key is not 1 to 64 characters without blanks", "write what they send");
                put(&mut push.access.comm_key, fits.then(|| Some(text.to_owned())).ok_or_else(wrong))
            },
        ),
        key(
            "networks",
            List,
            Example("192.0.2.0/24,198.51.100.7/32"),
            "The networks from which terminals may call. Others are answered as strangers, and not listed. By default \
             all may.",
            |push: &mut PushConfig, text| put(&mut push.access.networks, networks(text)),
        ),
        key(
            "proxies",
            List,
            Example("127.0.0.1/32"),
            "Reverse proxies in front of `serve`: the address of the terminal is the one in their X-Forwarded-For. By \
             default there are none, and that header counts for nothing.",
            |push: &mut PushConfig, text| put(&mut push.access.proxies, networks(text)),
        ),
        key(
            "capture",
            Whole(0, MOST_CAPTURED),
            ByDefault("0"),
            "KiB of the last requests and answers of each terminal to keep, without secrets, for `push captures`. 0 \
             keeps none.",
            |push: &mut PushConfig, text| put(&mut push.capture, whole(text)),
        ),
    ]
}

pub(super) fn address(text: &str) -> Result<Option<SocketAddr>, Wrong> {
    let wrong =
        |_| Wrong::new(format!("{text:?} is no address and port"), "write it like 127.0.0.1:8081 or [::1]:8081");
    SocketAddr::from_str(text.trim()).map(Some).map_err(wrong)
}

/// Reads networks with commas between them. An address is a network of its own.
fn networks(text: &str) -> Result<Vec<IpNet>, Wrong> {
    let network = |text: &str| {
        let text = text.trim();
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let wrong = || Wrong::new(format!("{text:?} is no network"), "write it like 192.0.2.0/24 or 192.0.2.7");
        text.parse().ok().or_else(address).ok_or_else(wrong)
    };
    text.split(',').map(network).collect()
}

/// Reads permissions with commas between them.
fn permissions(text: &str) -> Result<BTreeSet<Permission>, Wrong> {
    let permission = |text: &str| {
        let text = text.trim();
        let known = Permission::ALL.map(Permission::as_str).join(", ");
        Permission::of_word(text)
            .ok_or_else(|| Wrong::new(format!("{text:?} is no permission"), format!("use {known}")))
    };
    text.split(',').filter(|text| !text.trim().is_empty()).map(permission).collect()
}

/// A terminal that pushes, and the name that is set for it.
pub(in crate::config) struct Pushing {
    pub(in crate::config) name: Option<String>,
    pub(in crate::config) options: DeviceOptions,
}

pub(in crate::config) fn terminal() -> Vec<Entry<Pushing>> {
    vec![
        key(
            "serial",
            Text,
            Required("OID7040067012100054"),
            "Its serial number, as its menu shows it.",
            |pushing: &mut Pushing, text| {
                let wrong = || {
                    let problem = format!("{text:?} is no serial number");
                    Wrong::new(problem, "write 1 to 64 letters, digits, - and _, as the terminal shows them")
                };
                let serial = SerialNumber::new(text).map(|serial| serial.to_string());
                put(&mut pushing.options.serial, serial.map(Some).ok_or_else(wrong))
            },
        ),
        key(
            "name",
            Text,
            Usual("branch-gate"),
            "The name in reports; unique. By default it is the serial number.",
            |pushing: &mut Pushing, text| {
                let wrong = || {
                    let problem = format!("the name is longer than {MAX_NAME_CHARS} characters");
                    Wrong::new(problem, "give it a shorter one: sinks store it with each event")
                };
                let name = (text.chars().count() <= MAX_NAME_CHARS).then(|| Some(text.to_owned()));
                put(&mut pushing.name, name.ok_or_else(wrong))
            },
        ),
        key(
            "zone",
            Text,
            Usual("Indian/Maldives"),
            "The time zone of the place where it is, by its IANA name. By default there is none.",
            |pushing: &mut Pushing, text| {
                let wrong = |_| {
                    let problem = format!("unknown time zone {text:?}");
                    Wrong::new(problem, "write an IANA name such as Indian/Maldives")
                };
                put(&mut pushing.options.zone, Tz::from_str(text).map(Some).map_err(wrong))
            },
        ),
        key(
            "permit",
            List,
            Example("open-door"),
            "What `push command` may order besides the usual: open-door, clear, shell, upgrade, network. By default \
             nothing of that.",
            |pushing: &mut Pushing, text| put(&mut pushing.options.permits, permissions(text)),
        ),
    ]
}
