//! The keys of `[server]`.

use super::super::key::Shape::{List, Path, Switch, Text};
use super::super::key::Shown::{ByDefault, Example};
use super::super::key::{Entry, Wrong, key, parsed, put};
use super::super::{Listen, ServerConfig};
use super::push::address;

pub(in crate::config) fn entries() -> Vec<Entry<ServerConfig>> {
    vec![
        key(
            "listen",
            Text,
            Example("127.0.0.1:8080"),
            "Address and port of the dashboard and the API of `serve`; `off` for none. `--listen` sets it too. By \
             default 127.0.0.1:8080, unless another program has that. At an address that others reach, somebody must \
             have a password or a token first: `access password`.",
            |server: &mut ServerConfig, text| put(&mut server.listen, listen(text)),
        ),
        key(
            "https",
            Switch,
            ByDefault("false"),
            "A proxy in front of it speaks HTTPS, and nobody reaches it another way: browsers send cookies over HTTPS \
             alone. With a certificate of its own that is so anyway.",
            |server: &mut ServerConfig, text| put(&mut server.https, parsed(text, "true or false")),
        ),
        key(
            "hosts",
            List,
            Example("clock.school.example"),
            "The names by which it is called, besides addresses and localhost. It answers to no others, so that no \
             page of a stranger reaches it through a browser.",
            |server: &mut ServerConfig, text| put(&mut server.hosts, hosts(text)),
        ),
        key(
            "biotime",
            Switch,
            ByDefault("false"),
            "Programs that were written for the vendor's server (BioTime 8) may read, under its paths: \
             docs/biotime.md. They need a token, or the name and password of an account.",
            |server: &mut ServerConfig, text| put(&mut server.biotime, parsed(text, "true or false")),
        ),
        key(
            "certificate",
            Path,
            Example("server-certificate.pem"),
            "The certificate, with those between it and its authority, as PEM: with it, the server speaks HTTPS. It is \
             read again when it changes.",
            |server: &mut ServerConfig, text| put(&mut server.certificate, Ok(Some(text.into()))),
        ),
        key(
            "certificate_key",
            Path,
            Example("server-key.pem"),
            "The file with the private key of the certificate, as PEM without a password.",
            |server: &mut ServerConfig, text| put(&mut server.certificate_key, Ok(Some(text.into()))),
        ),
    ]
}

/// Reads an address, or the word that there is none.
fn listen(text: &str) -> Result<Listen, Wrong> {
    match text.trim() {
        "off" => Ok(Listen::Off),
        text => Ok(address(text)?.map_or(Listen::Off, Listen::At)),
    }
}

/// Reads names with commas between them.
fn hosts(text: &str) -> Result<Vec<String>, Wrong> {
    let host = |text: &str| {
        let text = text.trim();
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
        let wrong = || Wrong::new(format!("{text:?} is no name of a computer"), "write it like clock.school.example");
        fits.then(|| text.to_owned()).ok_or_else(wrong)
    };
    text.split(',').map(host).collect()
}
