//! The sink's URL and settings.

use std::fmt;
use std::net::IpAddr;

use attendance_model::{IdScheme, OptionsError, Secret, Settings, SinkUrl};
use url::{Host, Url};

use crate::client::Line;
use crate::signature::SigningKey;

/// Events in a request, unless set.
const BATCH: usize = 100;
/// The most that can be set: about 4 MB.
const MOST: usize = 10_000;

const SETTINGS: [&str; 9] = ["batch", "ids", "lookup", "no_proxy", "proxy", "secret", "timeout", "tls_ca", "token"];
/// Those that may follow the URL. A proxy may have a password, and URLs are logged.
const IN_THE_URL: [&str; 7] = ["batch", "ids", "lookup", "secret", "timeout", "tls_ca", "token"];

const SHAPE: &str = "write https://HOST/PATH";

/// The options of a sink, made of a URL and settings. Prints without secrets.
#[derive(Clone)]
pub struct HttpOptions {
    pub(crate) name: String,
    /// The address of the events.
    pub(crate) url: Url,
    /// The address that can say which events it has.
    pub(crate) lookup: Option<Url>,
    pub(crate) ids: IdScheme,
    pub(crate) batch: usize,
    pub(crate) line: Line,
    pub(crate) token: Option<Secret>,
    pub(crate) key: Option<SigningKey>,
}

impl HttpOptions {
    /// Reads the URL and settings of the sink `name`: `https://HOST/PATH`, or `http://` within a trusted network. What
    /// follows a question mark belongs to the address, but for our own settings. Contacts nothing.
    ///
    /// Settings, all optional: `secret` signs each request (text, or `whsec_` and Base64); `token` is sent as
    /// `Authorization: Bearer`; `lookup` is the address that says which events the receiver has; `batch` (events in a
    /// request, 1 to 10,000, default 100); `ids` (`full`, the default, or `iclock-sync-v1`); `timeout` of one request
    /// (default `30s`); and those of [`Outgoing`]: `proxy`, `no_proxy` and `tls_ca`. The two secrets and the proxy may
    /// not follow the URL.
    ///
    /// [`Outgoing`]: attendance_model::Outgoing
    ///
    /// # Errors
    /// [`OptionsError`] names the key, what is wrong with it and what to write instead; never a secret.
    pub fn parse(name: &str, url: &str, settings: Settings) -> Result<Self, OptionsError> {
        let split = SinkUrl::split(url);
        let (ours, others) = split.divide_query(&IN_THE_URL);
        if let Some(key) = ["secret", "token"].into_iter().find(|key| holds(&ours, key)) {
            return Err(OptionsError::new("url", format!("has a {key} after the question mark"))
                .hint(format!("set `{key}` next to the URL")));
        }
        let mut settings = settings.and_query(&ours)?;
        let address = if others.is_empty() { split.address.to_owned() } else { format!("{}?{others}", split.address) };
        let options = Self {
            name: name.to_owned(),
            url: address_of("url", &address)?,
            lookup: settings.take("lookup").map(|address| address_of("lookup", &address)).transpose()?,
            ids: settings.take_ids()?.unwrap_or_default(),
            batch: batch_of(&mut settings)?,
            line: Line::take(&mut settings)?,
            token: settings.take_secret("token"),
            key: settings.take_secret("secret").map(|secret| SigningKey::new(&secret)).transpose()?,
        };
        settings.finish(&SETTINGS)?;
        Ok(options)
    }

    /// The address without its query, which may hold a key.
    pub(crate) fn target(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.to_string()
    }

    /// The address without its path, which may hold a key too.
    pub(crate) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

/// Returns true if what is sent to this address goes over a network unencrypted.
pub(crate) fn is_open(url: &Url) -> bool {
    let own = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(domain)) => domain == "localhost",
        None => false,
    };
    url.scheme() == "http" && !own
}

/// Returns true if a query has a value for this key.
pub(crate) fn holds(query: &str, key: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some(key))
}

/// Reads an address of a server for HTTP.
pub(crate) fn address_of(key: &str, text: &str) -> Result<Url, OptionsError> {
    let refused = |problem: &str| Err(OptionsError::new(key, problem).hint(SHAPE));
    let Ok(url) = Url::parse(text) else { return refused("is not an address") };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return refused("is not an address for HTTP");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OptionsError::new(key, "has a user or a password in it")
            .hint("write secrets next to the URL, as settings of their own"));
    }
    if url.fragment().is_some() {
        return refused("has a # in it, after which nothing is sent");
    }
    Ok(url)
}

fn batch_of(settings: &mut Settings) -> Result<usize, OptionsError> {
    let hint = format!("write 1 to {MOST}");
    let batch = settings.take_parsed("batch", "a number of events", &hint)?.unwrap_or(BATCH);
    if (1..=MOST).contains(&batch) {
        return Ok(batch);
    }
    Err(OptionsError::new("batch", format!("{batch} events do not go into a request")).hint(hint))
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions").field("name", &self.name).field("target", &self.target()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, settings: &[(&str, &str)]) -> Result<HttpOptions, OptionsError> {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        HttpOptions::parse("hook", url, Settings::new(settings))
    }

    #[test]
    fn the_query_of_the_address_stays_and_our_settings_leave_it() {
        let options = parse("https://a.example/in?school=7&batch=20&timeout=5s", &[]).unwrap();
        assert_eq!(options.url.as_str(), "https://a.example/in?school=7");
        assert_eq!((options.batch, options.line.timeout), (20, std::time::Duration::from_secs(5)));
        assert_eq!(options.target(), "https://a.example/in");
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_key() {
        for (url, settings, key) in [
            ("ftp://a.example/", &[][..], "url"),
            ("https:", &[], "url"),
            ("https://ann:pw@a.example/", &[], "url"),
            ("https://a.example/#in", &[], "url"),
            ("https://a.example/?token=hunter2", &[], "url"),
            ("https://a.example/?secret=hunter2", &[], "url"),
            ("https://a.example/", &[("lookup", "a.example")], "lookup"),
            ("https://a.example/", &[("batch", "0")], "batch"),
            ("https://a.example/", &[("batch", "10001")], "batch"),
            ("https://a.example/", &[("secret", "whsec_hunter2!")], "secret"),
            ("https://a.example/", &[("secret", "")], "secret"),
            ("https://a.example/", &[("table", "x")], "table"),
        ] {
            let error = parse(url, settings).unwrap_err();
            assert_eq!(error.key, key, "{url} {settings:?}");
            assert!(error.hint.is_some() && !format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let settings = [("token", "hunter2"), ("secret", "hunter2")];
        let printed = format!("{:?}", parse("https://a.example/in?key=hunter2", &settings).unwrap());
        assert!(printed.contains("a.example") && !printed.contains("hunter2"), "{printed}");
    }

    #[test]
    fn only_another_computer_is_reached_in_the_open() {
        for (url, open) in [
            ("http://school.example/in", true),
            ("http://192.0.2.7/in", true),
            ("https://school.example/in", false),
            ("http://localhost:8080/in", false),
            ("http://127.0.0.1/in", false),
            ("http://[::1]:8080/in", false),
        ] {
            assert_eq!(is_open(&parse(url, &[]).unwrap().url), open, "{url}");
        }
    }
}
