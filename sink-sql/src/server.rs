//! The address of a database server and how to sign in: the part that PostgreSQL and MySQL/MariaDB share.

use std::path::{Path, PathBuf};

use attendance_model::{OptionsError, Secret, Settings};
use url::Url;

/// The two kinds of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Mysql,
}

/// A database on a server. Prints without the password.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Option<Secret>,
    pub(crate) database: String,
    pub(crate) tls: Tls,
    /// Certificates to trust instead of the public ones; a PEM file.
    pub(crate) tls_ca: Option<PathBuf>,
    /// Connections at most.
    pub(crate) pool: usize,
}

/// How much the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Plain text.
    Disable,
    /// Encrypted if the server supports it.
    Prefer,
    /// Encrypted; the server's identity is not checked.
    Require,
    /// Encrypted, and the server proves its name.
    VerifyFull,
}

/// Settings that servers take in addition to the common ones.
pub(crate) const SETTINGS: [&str; 4] = ["password", "tls", "tls_ca", "pool"];

impl Kind {
    /// The kind that a URL's scheme names.
    pub(crate) fn of_scheme(scheme: &str) -> Option<Self> {
        match scheme {
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" => Some(Self::Mysql),
            _ => None,
        }
    }

    /// The feature that builds it in, and the word in a sink's target.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    fn built_in(self) -> bool {
        match self {
            Self::Postgres => cfg!(feature = "postgres"),
            Self::Mysql => cfg!(feature = "mysql"),
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql => 3306,
        }
    }
}

impl Server {
    /// Reads the URL, without its query, and takes what else it needs from the settings.
    pub(crate) fn parse(kind: Kind, url: &str, settings: &mut Settings) -> Result<Self, OptionsError> {
        if !kind.built_in() {
            return Err(OptionsError::not_compiled(kind.word(), "sink-sql"));
        }
        let word = kind.word();
        let shape = format!("write {word}://USER@HOST:PORT/DATABASE");
        let refused = |problem: String| OptionsError::new("url", problem).hint(&shape);
        // The URL itself is never shown: it may hold a password.
        let url = Url::parse(url).map_err(|problem| refused(format!("cannot be read: {problem}")))?;
        let text = |what: &str, text: &str| decode(text).ok_or_else(|| refused(format!("{what} is not UTF-8")));
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| refused("names no host".to_owned()))?;
        let user = text("the user", url.username())?;
        if user.is_empty() {
            return Err(refused("names no user".to_owned()));
        }
        let database = text("the database", url.path().trim_start_matches('/'))?;
        if database.is_empty() || database.contains('/') {
            return Err(refused("does not name one database".to_owned()));
        }
        let in_url = url.password().map(|password| text("the password", password)).transpose()?;
        let password = settings.take_password(in_url.map(Secret::new))?;
        let tls_ca = settings.take("tls_ca").map(PathBuf::from);
        let tls = match settings.take("tls").as_deref() {
            None if tls_ca.is_some() => Tls::VerifyFull,
            None | Some("prefer") => Tls::Prefer,
            Some("disable") => Tls::Disable,
            Some("require") => Tls::Require,
            Some("verify-full") => Tls::VerifyFull,
            Some(other) => {
                let hint = "write disable, prefer, require or verify-full";
                let problem = format!("{other:?} is not a way to protect a connection");
                return Err(OptionsError::new("tls", problem).hint(hint));
            }
        };
        if tls_ca.is_some() && tls != Tls::VerifyFull {
            return Err(
                OptionsError::new("tls_ca", "needs tls = verify-full").hint("set tls to verify-full, or neither")
            );
        }
        if let Some(file) = tls_ca.as_deref().filter(|file| !file.is_file()) {
            let problem = format!("{} is not a file", file.display());
            return Err(OptionsError::new("tls_ca", problem).hint("name a PEM file of certificates"));
        }
        Ok(Self {
            kind,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(kind.default_port()),
            user,
            password,
            database,
            tls,
            tls_ca,
            pool: settings.take_pool()?.unwrap_or(4) as usize,
        })
    }

    /// Kind, host, port and database.
    pub(crate) fn target(&self) -> String {
        let Self { host, port, database, .. } = self;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("{}://{host}:{port}/{database}", self.kind.word())
    }
}

fn decode(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}

/// The text of a file that begins with a byte-order mark, which the TLS library does not skip. `None` if it has
/// none.
pub(crate) fn without_mark(file: &Path) -> Option<Vec<u8>> {
    let bytes = std::fs::read(file).ok()?;
    bytes.strip_prefix("\u{feff}".as_bytes()).map(<[u8]>::to_vec)
}
