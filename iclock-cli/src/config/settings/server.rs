//! The keys of `[server]`.

use super::super::ServerConfig;
use super::super::key::Shape::{List, Path, Text};
use super::super::key::Shown::Example;
use super::super::key::{Entry, Wrong, key, put};
use super::push::address;

pub(in crate::config) fn entries() -> Vec<Entry<ServerConfig>> {
    vec![
        key(
            "listen",
            Text,
            Example("127.0.0.1:8080"),
            "Address and port at which `serve` answers programs. `--listen` sets it too. At another address than this \
             computer's own, it needs a token: `access create`.",
            |server: &mut ServerConfig, text| put(&mut server.listen, address(text)),
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
