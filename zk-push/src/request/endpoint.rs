//! The endpoints, and the paths that reach them.

use std::fmt;

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `cdata`: the handshake (GET) and uploads (POST).
    Cdata,
    /// `fdata`: attendance photos.
    Fdata,
    /// `getrequest`: the poll for commands.
    GetRequest,
    /// `devicecmd`: results of commands.
    DeviceCommand,
    /// `ping`: a sign of life during a long upload.
    Ping,
    /// `registry`: registration of an access control terminal.
    Registry,
    /// `push`: the configuration for a registered one.
    Push,
    /// `querydata`: answers to queries.
    QueryData,
    /// `rtdata`: the server's time for access control terminals.
    RtData,
    /// `exchange`: negotiates encryption, which nobody outside the maker implements.
    Exchange,
    /// `file`: downloads.
    File,
    /// `service/control`: polls and results of some controllers.
    ServiceControl,
    /// Another path below `iclock`, in lower case.
    Other(String),
}

const NAMES: [(&str, Endpoint); 12] = [
    ("cdata", Endpoint::Cdata),
    ("fdata", Endpoint::Fdata),
    ("getrequest", Endpoint::GetRequest),
    ("devicecmd", Endpoint::DeviceCommand),
    ("ping", Endpoint::Ping),
    ("registry", Endpoint::Registry),
    ("push", Endpoint::Push),
    ("querydata", Endpoint::QueryData),
    ("rtdata", Endpoint::RtData),
    ("exchange", Endpoint::Exchange),
    ("file", Endpoint::File),
    ("service/control", Endpoint::ServiceControl),
];

/// Returns the path in front of the last `iclock`, and the endpoint after it. `None` if no part is `iclock`.
///
/// Doubled slashes, doubled prefixes (`/iclock/iclock/cdata`), odd case, a slash at the end and the endings `.aspx` and
/// `.php` occur.
pub(super) fn route(path: &str) -> Option<(String, Endpoint)> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let last = parts.iter().rposition(|part| part.eq_ignore_ascii_case("iclock"))?;
    let mut before = parts.get(..last)?;
    while let Some((doubled, rest)) = before.split_last().filter(|(part, _)| part.eq_ignore_ascii_case("iclock")) {
        let _ = doubled;
        before = rest;
    }
    let name = parts.get(last + 1..)?.join("/").to_ascii_lowercase();
    let name = name.strip_suffix(".aspx").or_else(|| name.strip_suffix(".php")).unwrap_or(&name);
    let known = NAMES.into_iter().find(|(known, _)| *known == name);
    Some((before.join("/"), known.map_or_else(|| Endpoint::Other(name.into()), |(_, endpoint)| endpoint)))
}

/// Writes the path below `iclock/`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Other(path) = self {
            return f.write_str(path);
        }
        let known = NAMES.iter().find(|(_, endpoint)| endpoint == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_reach_the_same_endpoint() {
        for path in
            ["/iclock/cdata", "//ICLOCK//CData", "/iclock/iclock/cdata/", "/iclock/cdata.aspx", "/iclock/CDATA.PHP"]
        {
            assert_eq!(route(path), Some((String::new(), Endpoint::Cdata)), "{path}");
        }
        assert_eq!(route("/t/s3cret/iclock/ping"), Some(("t/s3cret".into(), Endpoint::Ping)));
        assert_eq!(route("/a/iclock/iclock/ping"), Some(("a".into(), Endpoint::Ping)));
        assert_eq!(route("/iclock/service/control").unwrap().1, Endpoint::ServiceControl);
        assert_eq!(route("/iclock/FileName=options.cfg").unwrap().1, Endpoint::Other("filename=options.cfg".into()));
        assert_eq!(route("/cdata"), None);
        assert_eq!(route("/iclock").unwrap().1, Endpoint::Other(String::new()));
    }
}
