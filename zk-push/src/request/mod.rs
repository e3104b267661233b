//! Requests: the line, the query, and what each asks for.

mod endpoint;
mod info;
mod query;
mod serial;

use std::fmt;

use bytes::Bytes;

pub use endpoint::Endpoint;
pub use info::Info;
pub use query::{Parameter, Query};
pub use serial::SerialNumber;

use crate::Text;
use crate::table::Table;

/// The longest request target, in bytes: `INFO` and options travel in the query.
pub const MAX_TARGET: usize = 8 << 10;

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`, and `HEAD`, which no terminal sends.
    Get,
    /// `POST`.
    Post,
    /// Another one. No terminal sends it.
    Other,
}

impl Method {
    /// Reads the method's name.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "GET" | "HEAD" => Self::Get,
            "POST" => Self::Post,
            _ => Self::Other,
        }
    }
}

/// A request without its body: enough to decide if the terminal is admitted, before anything of the body is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// The part of the path in front of the last `iclock`, without slashes at its ends. It may contain a secret.
    pub prefix: Prefix,
    /// What is asked for.
    pub endpoint: Endpoint,
    /// The parameters.
    pub query: Query,
    /// The terminal's serial number. It identifies, but proves nothing.
    pub serial: SerialNumber,
}

/// The path in front of `iclock`, as an operator chose it; it may be a secret and is never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// The path, without slashes at its ends. Compare a secret in constant time.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Prefix()" } else { "Prefix(..)" })
    }
}

/// A request that is none of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The path has no `iclock`.
    #[error("path has no part iclock: terminals call /iclock/…")]
    NotPush,
    /// The query has no `SN`.
    #[error("request has no serial number (SN)")]
    NoSerial,
    /// The serial number has characters that none has, or is too long.
    #[error("serial number is not 1 to 64 letters, digits, - and _")]
    BadSerial,
    /// The target is longer than [`MAX_TARGET`].
    #[error("request target is longer than {MAX_TARGET} bytes")]
    TooLong,
}

impl RequestError {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::NotPush => 404,
            Self::NoSerial | Self::BadSerial => 400,
            Self::TooLong => 414,
        }
    }
}

impl Head {
    /// Reads a request line's method and target (path and query).
    ///
    /// # Errors
    /// [`RequestError`]: the path is none of the protocol, or the serial number is missing or impossible.
    pub fn parse(method: &str, target: &str) -> Result<Self, RequestError> {
        if target.len() > MAX_TARGET {
            return Err(RequestError::TooLong);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (prefix, endpoint) = endpoint::route(path).ok_or(RequestError::NotPush)?;
        let query = Query::parse(query);
        let serial = query.get("SN").ok_or(RequestError::NoSerial)?;
        let serial = serial.to_str().and_then(SerialNumber::new).ok_or(RequestError::BadSerial)?;
        Ok(Self { method: Method::parse(method), prefix: Prefix(prefix), endpoint, query, serial })
    }

    /// A request as a terminal sends it.
    #[must_use]
    pub fn new(method: Method, endpoint: Endpoint, serial: SerialNumber) -> Self {
        let query = Query::default().with("SN", serial.as_str());
        Self { method, prefix: Prefix::default(), endpoint, query, serial }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Text>) -> Self {
        self.query = self.query.with(name, value);
        self
    }

    /// Puts the request below a path, such as `/t/SECRET`.
    #[must_use]
    pub fn under(mut self, path: &str) -> Self {
        self.prefix = Prefix(path.trim_matches('/').into());
        self
    }

    /// The table of an upload: the parameter `table`.
    #[must_use]
    pub fn table(&self) -> Option<Table> {
        self.query.get("table").map(Table::parse)
    }

    /// The stamp of an upload, under the names of all versions. It is opaque: a number, a time, `9999` forever.
    #[must_use]
    pub fn stamp(&self) -> Option<&Text> {
        ["Stamp", "OpStamp", "PhotoStamp"].iter().find_map(|name| self.query.get(name))
    }

    /// The target: path and query.
    #[must_use]
    pub fn target(&self) -> String {
        let slash = if self.prefix.0.is_empty() { "" } else { "/" };
        format!("{slash}{}/iclock/{}?{}", self.prefix.0, self.endpoint, self.query)
    }
}

/// A request with its whole body.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The line and its parameters.
    pub head: Head,
    /// The body as it came, never decoded as a form.
    pub body: Bytes,
}

/// Shows the size of the body, which may contain passwords and templates.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("head", &self.head).field("body_bytes", &self.body.len()).finish()
    }
}
