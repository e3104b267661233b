//! The way out to a server over HTTPS: through a proxy, and with certificates that are trusted besides the usual ones.

use std::io;
use std::path::{Path, PathBuf};

use super::{OptionsError, Secret, Settings};

const SHAPE: &str = "write http://HOST:PORT, or \"none\" for no proxy";
/// The line with which a certificate begins.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The way out, as the settings `proxy`, `no_proxy` and `tls_ca` of a sink have it. It reads no variable of the
/// environment: a program that honours `HTTPS_PROXY` hands its value over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    proxy: Option<Secret>,
    no_proxy: String,
    tls_ca: Option<PathBuf>,
}

impl Outgoing {
    /// The settings that [`Outgoing::take`] takes.
    pub const SETTINGS: [&'static str; 3] = ["no_proxy", "proxy", "tls_ca"];

    /// Takes `proxy` (`http://HOST:PORT`, or with `USER:PASSWORD@` before the host; `none` is no proxy), `no_proxy`
    /// (the hosts, domains and networks that are called without it, with commas between them; `*` is all) and `tls_ca`
    /// (a PEM file of certificates).
    ///
    /// # Errors
    /// [`OptionsError`] for a proxy that is no such address. It does not repeat the address, which may have a password.
    pub fn take(settings: &mut Settings) -> Result<Self, OptionsError> {
        let proxy = settings.take("proxy").filter(|proxy| !matches!(proxy.trim(), "" | "none"));
        let no_proxy = settings.take("no_proxy").unwrap_or_default();
        // Libraries take it for every name, but not for every address.
        let is_never = no_proxy.split(',').any(|place| place.trim() == "*");
        let proxy = proxy.map(|text| proxy_of(text.trim())).transpose()?;
        Ok(Self { proxy: proxy.filter(|_| !is_never), no_proxy, tls_ca: settings.take("tls_ca").map(PathBuf::from) })
    }

    /// The proxy for addresses that begin with `https://`, as a URL.
    #[must_use]
    pub fn proxy(&self) -> Option<&Secret> {
        self.proxy.as_ref()
    }

    /// The proxy's `HOST:PORT`, for messages.
    #[must_use]
    pub fn shown_proxy(&self) -> Option<&str> {
        let place = self.proxy.as_ref()?.expose().trim_start_matches("http://");
        Some(place.rsplit_once('@').map_or(place, |(_, place)| place))
    }

    /// The places that are called without the proxy.
    #[must_use]
    pub fn no_proxy(&self) -> &str {
        &self.no_proxy
    }

    /// Reads the file of certificates, without the byte order mark that some editors put in front.
    ///
    /// # Errors
    /// [`OptionsError`] that names the file if it cannot be read, or has no certificate.
    pub fn authorities(
        &self,
        read: impl FnOnce(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>, OptionsError> {
        let Some(path) = &self.tls_ca else { return Ok(None) };
        let mut pem = read(path).map_err(|error| self.unusable_authorities(error.to_string()))?;
        if pem.starts_with(b"\xEF\xBB\xBF") {
            pem.drain(..3);
        }
        if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
            return Err(self.unusable_authorities("has no certificate"));
        }
        Ok(Some(pem))
    }

    /// The error for a file of certificates that cannot be used.
    #[must_use]
    pub fn unusable_authorities(&self, problem: impl std::fmt::Display) -> OptionsError {
        let path = self.tls_ca.as_deref().unwrap_or(Path::new(""));
        OptionsError::new("tls_ca", format!("{}: {problem}", path.display())).hint("name a PEM file of certificates")
    }
}

fn proxy_of(text: &str) -> Result<Secret, OptionsError> {
    let wrong = |problem: &str| Err(OptionsError::new("proxy", problem).hint(SHAPE));
    let bare = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some(_) => return wrong("only a proxy that is called by http:// can be used"),
        None => text,
    };
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    let place = bare.rsplit_once('@').map_or(bare, |(_, place)| place);
    let port = match place.rsplit_once(':') {
        // The colons of an address in brackets are its own.
        Some((_, port)) if !port.ends_with(']') => Some(port),
        _ => None,
    };
    let host = port.map_or(place, |port| &place[..place.len() - port.len() - 1]);
    let is_host = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c));
    if !is_host || port.is_some_and(|port| !port.parse().is_ok_and(|port: u16| port != 0)) {
        return wrong("is not the address of a proxy");
    }
    Ok(Secret::new(format!("http://{bare}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(key: &str, value: &str) -> Result<Outgoing, OptionsError> {
        let mut settings = Settings::new([(key.to_owned(), value.to_owned())]);
        let outgoing = Outgoing::take(&mut settings)?;
        settings.finish(&[]).unwrap();
        Ok(outgoing)
    }

    #[test]
    fn a_proxy_is_an_address_and_none_is_no_proxy() {
        for (written, read, shown) in [
            ("http://192.0.2.9:3128", "http://192.0.2.9:3128", "192.0.2.9:3128"),
            ("HTTP://proxy.example/", "http://proxy.example", "proxy.example"),
            ("proxy.example:80", "http://proxy.example:80", "proxy.example:80"),
            ("http://office:p%40ss:word@[2001:db8::1]:3128", "", "[2001:db8::1]:3128"),
            ("http://[2001:db8::1]", "http://[2001:db8::1]", "[2001:db8::1]"),
        ] {
            let outgoing = taken("proxy", written).unwrap();
            let read = if read.is_empty() { written } else { read };
            assert_eq!(outgoing.proxy().map(Secret::expose), Some(read), "{written}");
            assert_eq!(outgoing.shown_proxy(), Some(shown), "{written}");
            assert!(!format!("{outgoing:?}").contains("word"));
        }
        for none in ["", " ", "none"] {
            assert_eq!(taken("proxy", none).unwrap(), Outgoing::default(), "{none:?}");
        }
    }

    #[test]
    fn another_address_is_refused_and_not_repeated() {
        for wrong in [
            "https://office:hunter2@proxy.example:3128",
            "socks5://proxy.example",
            "http://",
            "http://:3128",
            "http://proxy.example:0",
            "http://proxy.example:port",
            "http://office:hunter2@proxy example",
            "http://proxy.example/path",
        ] {
            let error = taken("proxy", wrong).unwrap_err();
            assert_eq!(error.key, "proxy", "{wrong}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn a_file_of_certificates_is_read_whole_or_named_with_its_problem() {
        let outgoing = taken("tls_ca", "school.pem").unwrap();
        let pem = b"\xEF\xBB\xBF# of the school\n-----BEGIN CERTIFICATE-----\n";
        assert_eq!(outgoing.authorities(|_| Ok(pem.to_vec())).unwrap(), Some(pem[3..].to_vec()));
        assert_eq!(Outgoing::default().authorities(|_| panic!("there is no file")).unwrap(), None);
        for read in [Ok(b"hello".to_vec()), Ok(Vec::new()), Err(io::ErrorKind::NotFound.into())] {
            let error = outgoing.authorities(|_| read).unwrap_err();
            assert!(error.key == "tls_ca" && error.problem.starts_with("school.pem: "), "{error:?}");
        }
    }
}
