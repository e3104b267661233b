//! A sink's URL, in its parts.

use std::fmt;

/// The parts of a sink's URL. Prints the scheme alone: the rest may hold a password.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SinkUrl<'a> {
    /// The text before the first colon; the whole address if there is none.
    pub scheme: &'a str,
    /// The text after that colon, up to the question mark.
    pub path: &'a str,
    /// Everything up to the question mark.
    pub address: &'a str,
    /// The settings after the question mark, `key=value` joined by `&`.
    pub query: &'a str,
}

impl<'a> SinkUrl<'a> {
    /// Splits a URL. Any text has these parts.
    #[must_use]
    pub fn split(url: &'a str) -> Self {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (scheme, path) = address.split_once(':').unwrap_or((address, ""));
        Self { scheme, path, address, query }
    }

    /// Divides the query into the settings with these keys and all others, for a driver that reads the others itself.
    #[must_use]
    pub fn divide_query(&self, keys: &[&str]) -> (String, String) {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        let (ours, others): (Vec<&str>, Vec<&str>) =
            pairs.partition(|pair| keys.contains(&pair.split_once('=').map_or(*pair, |(key, _)| key)));
        (ours.join("&"), others.join("&"))
    }
}

impl fmt::Debug for SinkUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkUrl").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_scheme_a_path_and_a_query() {
        let url = SinkUrl::split("csv:C:/a.csv?rotate=day&ids=full");
        assert_eq!((url.scheme, url.path, url.query), ("csv", "C:/a.csv", "rotate=day&ids=full"));
        assert_eq!(url.address, "csv:C:/a.csv");
        let bare = SinkUrl::split("csv");
        assert_eq!((bare.scheme, bare.path, bare.query), ("csv", "", ""));
    }

    #[test]
    fn a_driver_gets_the_settings_that_are_not_ours() {
        let url = SinkUrl::split("mongodb://h/d?w=majority&&timeout=5s&tls");
        assert_eq!(url.divide_query(&["timeout"]), ("timeout=5s".to_owned(), "w=majority&tls".to_owned()));
    }

    #[test]
    fn a_url_prints_without_its_password() {
        let printed = format!("{:?}", SinkUrl::split("mongodb://me:hunter2@h/d?password=hunter2"));
        assert!(printed.contains("mongodb") && !printed.contains("hunter2"), "{printed}");
    }
}
