//! The sink's URL and settings.

use std::time::Duration;

use attendance_model::{IdScheme, OptionsError, Secret, Settings, SinkUrl};
use mongodb::options::{Acknowledgment, ConnectionString, HostInfo, Tls, TlsOptions};

/// The options of a sink, made of a URL and settings. Prints without secrets.
#[derive(Clone)]
pub struct MongoOptions {
    pub(crate) name: String,
    pub(crate) target: String,
    /// As the driver reads it, with what the settings add to it.
    pub(crate) connection: ConnectionString,
    pub(crate) database: String,
    pub(crate) collection: String,
    pub(crate) ids: IdScheme,
    pub(crate) names: bool,
    pub(crate) timeout: Duration,
    pub(crate) pool: u32,
}

/// Settings that may also follow the URL; `password` may not.
const SETTINGS: [&str; 7] = ["collection", "ids", "names", "password", "pool", "timeout", "tls_ca"];

const SHAPE: &str = "write mongodb://USER@HOST:PORT/DATABASE, or mongodb+srv://USER@HOST/DATABASE";

impl MongoOptions {
    /// Reads the URL and settings of the sink `name`: `mongodb://USER@HOST:PORT,HOST:PORT/DATABASE` or
    /// `mongodb+srv://USER@HOST/DATABASE`. What follows a question mark is the driver's (`replicaSet`, `authSource`,
    /// `tls` …), but for our own settings. Contacts nothing, not even name servers.
    ///
    /// Settings: `collection` (default `attendance_events`), `ids` (`full`, the default, or `iclock-sync-v1`),
    /// `names` (`true` for a collection of people next to the events), `timeout` of one call (default `30s`),
    /// `pool` (connections at most, default 4), `tls_ca` (a PEM file of certificates to trust; means TLS) and
    /// `password`. All but the password may also follow the URL.
    ///
    /// # Errors
    /// [`OptionsError`] names the key, what is wrong with it and what to write instead; never a secret.
    pub fn parse(name: &str, url: &str, settings: Settings) -> Result<Self, OptionsError> {
        let url = SinkUrl::split(url);
        if !matches!(url.scheme, "mongodb" | "mongodb+srv") || !url.path.starts_with("//") {
            return Err(OptionsError::new("url", "is not one of MongoDB").hint(SHAPE));
        }
        if url.query.contains('@') {
            return Err(OptionsError::new("url", "has an @ after the question mark")
                .hint("percent-encode the password, or set it next to the URL"));
        }
        let (ours, drivers) = url.divide_query(&SETTINGS);
        let mut settings = settings.and_query(&ours)?;
        let collection = settings.take("collection").unwrap_or_else(|| "attendance_events".to_owned());
        check_name("collection", &collection)?;
        let ids = settings.take_ids()?.unwrap_or_default();
        let names = settings.take_names()?;
        let timeout = settings.take_timeout()?.unwrap_or(Duration::from_secs(30));
        let pool = settings.take_pool()?.unwrap_or(4);

        // The driver's words may repeat what it was given, the password included: they are not shown.
        let url = if drivers.is_empty() { url.address.to_owned() } else { format!("{}?{drivers}", url.address) };
        let mut connection = ConnectionString::parse(&url)
            .map_err(|_| OptionsError::new("url", "cannot be read as a URL of MongoDB").hint(SHAPE))?;
        let database = connection.default_database.clone().unwrap_or_default();
        check_name("url", &database)?;
        check_write_concern(&connection)?;
        let in_url = connection.credential.as_mut().and_then(|credential| credential.password.take());
        if let Some(password) = settings.take_password(in_url.map(Secret::new))? {
            let credential = connection.credential.as_mut().ok_or_else(|| {
                OptionsError::new("password", "is set, and the URL names no user")
                    .hint("write mongodb://USER@HOST/DATABASE")
            })?;
            credential.password = Some(password.expose().to_owned());
        }
        if let Some(file) = settings.take("tls_ca") {
            if !std::path::Path::new(&file).is_file() {
                return Err(OptionsError::new("tls_ca", format!("{file} is not a file"))
                    .hint("name a PEM file of certificates"));
            }
            let mut tls = match connection.tls.take() {
                Some(Tls::Enabled(tls)) => tls,
                _ => TlsOptions::default(),
            };
            tls.ca_file_path = Some(file.into());
            connection.tls = Some(Tls::Enabled(tls));
        }
        settings.finish(&SETTINGS)?;
        let place = match &connection.host_info {
            HostInfo::DnsRecord(host) => format!("mongodb+srv://{host}"),
            HostInfo::HostIdentifiers(hosts) => {
                let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
                format!("mongodb://{}", hosts.join(","))
            }
            _ => return Err(OptionsError::new("url", "names no host").hint(SHAPE)),
        };
        let target = format!("{place}/{database}#{collection}");
        Ok(Self { name: name.to_owned(), target, connection, database, collection, ids, names, timeout, pool })
    }
}

/// Not derived: the driver's options hold the password.
impl std::fmt::Debug for MongoOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MongoOptions")
            .field("name", &self.name)
            .field("target", &self.target)
            .field("ids", &self.ids)
            .field("timeout", &self.timeout)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

/// Refuses a weaker write concern: an event counts as stored only once a majority has journaled it.
fn check_write_concern(connection: &ConnectionString) -> Result<(), OptionsError> {
    let Some(concern) = &connection.write_concern else { return Ok(()) };
    let weaker = |what: &str| {
        let problem = format!("asks for {what}, which an event could be lost by");
        Err(OptionsError::new("url", problem).hint("leave it out: writes wait for the journals of a majority"))
    };
    match concern.w {
        None | Some(Acknowledgment::Majority) => {}
        Some(_) => return weaker("another write concern than w=majority"),
    }
    if concern.journal == Some(false) { weaker("journal=false") } else { Ok(()) }
}

/// Checks that every server takes a name, and that it fits into a target.
fn check_name(key: &str, name: &str) -> Result<(), OptionsError> {
    if name.is_empty() {
        return Err(OptionsError::new(key, "names no database").hint(SHAPE));
    }
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if plain && name.len() <= 60 && !name.starts_with(['.', '-']) && !name.starts_with("system.") {
        return Ok(());
    }
    let hint = "use letters, digits, _ and -, at most 60, such as attendance_events";
    Err(OptionsError::new(key, format!("{name:?} is not a name that every server takes")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<MongoOptions, OptionsError> {
        MongoOptions::parse("school", url, Settings::default())
    }

    fn next_to_it(key: &str, value: &str) -> Settings {
        Settings::new([(key.to_owned(), value.to_owned())])
    }

    #[test]
    fn a_target_names_hosts_database_and_collection_and_no_credentials() {
        let options =
            parse("mongodb://me:hunter2@192.0.2.1,192.0.2.2:27018/hr?collection=punches&replicaSet=rs").unwrap();
        assert_eq!(options.target, "mongodb://192.0.2.1:27017,192.0.2.2:27018/hr#punches");
        assert!(!format!("{options:?}").contains("hunter2"));
        assert_eq!(options.connection.replica_set.as_deref(), Some("rs"));
        assert_eq!(
            parse("mongodb+srv://db.example/hr").unwrap().target,
            "mongodb+srv://db.example/hr#attendance_events"
        );
    }

    #[test]
    fn a_password_is_in_the_url_or_next_to_it() {
        let options =
            MongoOptions::parse("school", "mongodb://me@db.example/hr", next_to_it("password", "hunter2")).unwrap();
        assert_eq!(options.connection.credential.unwrap().password.as_deref(), Some("hunter2"));
        for url in ["mongodb://me:other@db.example/hr", "mongodb://db.example/hr"] {
            assert_eq!(
                MongoOptions::parse("school", url, next_to_it("password", "hunter2")).unwrap_err().key,
                "password"
            );
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_key_without_a_secret() {
        for (url, key) in [
            ("mongo://me:hunter2@192.0.2.1/db", "url"),
            ("mongodb://", "url"),
            ("mongodb://me:hunter2@/db", "url"),
            ("mongodb://me:hunter2@192.0.2.1", "url"),
            ("mongodb://me:hunter2@192.0.2.1/", "url"),
            ("mongodb://me:hunter2@192.0.2.1:port/db", "url"),
            ("mongodb://me:hunter2?x@192.0.2.1/db", "url"),
            ("mongodb://me:hunter2@192.0.2.1/a b", "url"),
            ("mongodb://192.0.2.1/db?password=hunter2", "url"),
            ("mongodb://me:hunter2@192.0.2.1/db?w=1", "url"),
            ("mongodb://me:hunter2@192.0.2.1/db?w=0", "url"),
            ("mongodb://me:hunter2@192.0.2.1/db?journal=false", "url"),
            ("mongodb://192.0.2.1/db?collection=$x", "collection"),
            ("mongodb://192.0.2.1/db?collection=system.users", "collection"),
            ("mongodb://192.0.2.1/db?ids=md5", "ids"),
            ("mongodb://192.0.2.1/db?timeout=0s", "timeout"),
            ("mongodb://192.0.2.1/db?pool=0", "pool"),
            ("mongodb://192.0.2.1/db?tls_ca=/no/such/file", "tls_ca"),
        ] {
            let problem = parse(url).unwrap_err();
            assert_eq!(problem.key, key, "{url}");
            assert!(problem.hint.is_some(), "{url}");
            assert!(!format!("{problem:?}").contains("hunter2"), "{url}");
        }
        assert_eq!(MongoOptions::parse("s", "mongodb://h/db", next_to_it("colour", "red")).unwrap_err().key, "colour");
    }

    #[test]
    fn a_majority_may_be_asked_for_in_words() {
        parse("mongodb://192.0.2.1/db?w=majority&journal=true&retryWrites=true&authSource=admin").unwrap();
    }
}
