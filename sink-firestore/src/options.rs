//! The URL and the settings of a sink.

use std::fs;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use attendance_model::{IdScheme, OptionsError, Outgoing, Settings};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::ServiceAccountKey;
use crate::channel::Way;
use crate::endpoint::{Endpoint, invalid_url, split_url};

/// How the document's `timestamp` is made from the terminal's wall clock.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeReading {
    /// The wall clock as if it were UTC: what the Python tool stored and SchoolSync shows. The default.
    #[default]
    WallClockAsUtc,
    /// The true moment. Each terminal needs a zone; an event without one is rejected, with that reason.
    Instant,
}

/// The fields of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// The five fields of the Python tool and no other. The default.
    #[default]
    Compatible,
    /// The five, and a map `_src` with all else that is known of an event.
    Full,
}

/// How an emulator is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treated {
    /// Without ramp and budget, and not asked for an index: it needs none of these.
    AsEmulator,
    /// As the real service.
    AsService,
}

impl Treated {
    /// Returns true if this endpoint gets a ramp and a budget, and is asked for its index.
    pub(crate) fn is_as_service(self, endpoint: &Endpoint) -> bool {
        self == Self::AsService || !endpoint.is_emulator()
    }
}

/// The options of a sink. Nothing is contacted before the first probe or write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirestoreOptions {
    pub(crate) name: String,
    pub(crate) endpoint: Endpoint,
    pub(crate) way: Way,
    pub(crate) credentials: Option<ServiceAccountKey>,
    pub(crate) time: TimeReading,
    pub(crate) ids: IdScheme,
    pub(crate) layout: Layout,
    pub(crate) names: bool,
    pub(crate) daily_writes: Option<NonZeroU64>,
    pub(crate) timeout: Duration,
    pub(crate) treated: Treated,
}

const KNOWN: [&str; 12] = [
    "credentials",
    "daily_writes",
    "database",
    "emulator",
    "ids",
    "layout",
    "names",
    "no_proxy",
    "proxy",
    "time",
    "timeout",
    "tls_ca",
];

impl FirestoreOptions {
    /// Options for a collection of a project's default database: application default credentials, ids of the Python
    /// tool, its five fields, the wall clock as UTC, no limit on the writes of a day, 30 seconds for each request.
    ///
    /// # Errors
    /// [`OptionsError`] for `url` when the project or the collection cannot be one's name.
    pub fn new(name: &str, project: &str, collection: &str) -> Result<Self, OptionsError> {
        Ok(Self {
            name: name.to_owned(),
            endpoint: Endpoint::new(project, collection)?,
            way: Way::default(),
            credentials: None,
            time: TimeReading::default(),
            ids: IdScheme::IclockSyncV1,
            layout: Layout::default(),
            names: false,
            daily_writes: None,
            timeout: Duration::from_secs(30),
            treated: Treated::AsEmulator,
        })
    }

    /// Options from `firestore://PROJECT/COLLECTION` (or `firestore:///COLLECTION`, with the project of the key file)
    /// and these settings, all optional: `credentials`, `daily_writes`, `database`, `emulator`, `ids`, `layout`,
    /// `names`, `time`, `timeout`, and `proxy`, `no_proxy` and `tls_ca` of [`Outgoing`].
    ///
    /// # Errors
    /// [`OptionsError`] that names the key, what is wrong and what to write instead.
    pub fn parse(name: &str, url: &str, mut settings: Settings) -> Result<Self, OptionsError> {
        let (project, collection) = split_url(url)?;
        let credentials =
            settings.take("credentials").map(|value| ServiceAccountKey::from_setting(&value)).transpose()?;
        let project = match (project, credentials.as_ref().and_then(ServiceAccountKey::project)) {
            ("", Some(of_key)) => of_key,
            ("", None) => {
                return Err(invalid_url(
                    "the URL names no project, and no key file does",
                    "write firestore://PROJECT/COLLECTION, or set `credentials` to a service-account key",
                ));
            }
            (named, _) => named,
        };
        let mut options = Self::new(name, project, collection)?;
        options.credentials = credentials;
        if let Some(database) = settings.take("database") {
            options = options.database(&database)?;
        }
        if let Some(emulator) = settings.take("emulator") {
            options = options.emulator(&emulator)?;
        }
        options.ids = settings.take_ids()?.unwrap_or(options.ids);
        let layout = settings.take_parsed("layout", "a layout", "write compatible (five fields) or full")?;
        options.layout = layout.unwrap_or(options.layout);
        options.names = settings.take_names()?;
        let hint = "write wall-clock-as-utc (SchoolSync's reading) or instant";
        options.time = settings.take_parsed("time", "a reading of time", hint)?.unwrap_or(options.time);
        let hint = "write a number like 20000, or leave it out for no limit";
        options.daily_writes = settings.take_parsed("daily_writes", "a number of writes above 0", hint)?;
        options.timeout = settings.take_timeout()?.unwrap_or(options.timeout);
        options = options.outgoing(Outgoing::take(&mut settings)?)?;
        settings.finish(&KNOWN)?;
        Ok(options)
    }

    /// Calls the service in this way. Default: directly, trusting public authorities. An emulator is always called
    /// directly.
    ///
    /// Credentials other than a key of a service account get their tokens by themselves: they read `HTTPS_PROXY`, and
    /// trust what the system trusts.
    ///
    /// # Errors
    /// [`OptionsError`] for `tls_ca` if the file has no certificate that can be used.
    pub fn outgoing(mut self, outgoing: Outgoing) -> Result<Self, OptionsError> {
        let authorities = outgoing.authorities(|path| fs::read(path))?;
        if let Some(pem) = &authorities {
            let mut trusted = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| outgoing.unusable_authorities(error))?;
                trusted.add(certificate).map_err(|error| outgoing.unusable_authorities(error))?;
            }
        }
        self.way = Way { outgoing, authorities };
        Ok(self)
    }

    /// Writes as this service account. Default: application default credentials.
    #[must_use]
    pub fn credentials(mut self, key: ServiceAccountKey) -> Self {
        self.credentials = Some(key);
        self
    }

    /// Writes to this database of the project. Default: `(default)`.
    ///
    /// # Errors
    /// [`OptionsError`] for `database` when it cannot be a database's name.
    pub fn database(mut self, database: &str) -> Result<Self, OptionsError> {
        self.endpoint.use_database(database)?;
        Ok(self)
    }

    /// Writes to an emulator at `HOST:PORT`, without credentials. Default: the real service. The library does not read
    /// `FIRESTORE_EMULATOR_HOST`; a program that honours it hands its value over here.
    ///
    /// # Errors
    /// [`OptionsError`] for `emulator` when it is not `HOST:PORT`.
    pub fn emulator(mut self, address: &str) -> Result<Self, OptionsError> {
        self.endpoint.use_emulator(address)?;
        Ok(self)
    }

    /// Returns true if these options name an emulator.
    #[must_use]
    pub fn is_emulator(&self) -> bool {
        self.endpoint.is_emulator()
    }

    /// How `timestamp` is made from the wall clock.
    #[must_use]
    pub fn time(mut self, time: TimeReading) -> Self {
        self.time = time;
        self
    }

    /// Sets the ids of the documents. Default: the Python tool's.
    #[must_use]
    pub fn ids(mut self, ids: IdScheme) -> Self {
        self.ids = ids;
        self
    }

    /// Sets the fields of the documents. Default: the Python tool's five.
    #[must_use]
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// Keeps people's names in a collection of their own, named after that of the events: `staffAttendanceLogs_people`.
    /// Default: off.
    #[must_use]
    pub fn names(mut self, wanted: bool) -> Self {
        self.names = wanted;
        self
    }

    /// At most so many writes a day, which ends at midnight in Los Angeles, as the day of Firestore's quotas does; the
    /// events beyond are deferred. Every write counts that is sent, also one that finds its document there. An emulator
    /// is written to without a limit. Default: none.
    #[must_use]
    pub fn daily_writes(mut self, writes: NonZeroU64) -> Self {
        self.daily_writes = Some(writes);
        self
    }

    /// Treats an emulator as the real service is treated: keeps the ramp and the daily budget, and asks for the index
    /// in the probe. For tests of what these do.
    #[must_use]
    pub fn emulator_as_service(mut self) -> Self {
        self.treated = Treated::AsService;
        self
    }

    /// Limits the time of a request, connecting included: above 0, at most an hour.
    ///
    /// # Errors
    /// [`OptionsError`] for `timeout` when it is out of range.
    pub fn timeout(mut self, timeout: Duration) -> Result<Self, OptionsError> {
        if timeout.is_zero() || timeout > Duration::from_secs(3600) {
            let problem = format!("{} is not above 0 and at most an hour", humantime::format_duration(timeout));
            return Err(OptionsError::new("timeout", problem).hint("write a time-out like 30s"));
        }
        self.timeout = timeout;
        Ok(self)
    }
}

impl FromStr for TimeReading {
    type Err = UnknownTimeReading;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "wall-clock-as-utc" => Ok(Self::WallClockAsUtc),
            "instant" => Ok(Self::Instant),
            _ => Err(UnknownTimeReading),
        }
    }
}

/// Text that is no reading of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither wall-clock-as-utc nor instant")]
pub struct UnknownTimeReading;

impl FromStr for Layout {
    type Err = UnknownLayout;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "compatible" => Ok(Self::Compatible),
            "full" => Ok(Self::Full),
            _ => Err(UnknownLayout),
        }
    }
}

/// Text that is no layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither compatible nor full")]
pub struct UnknownLayout;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, settings: &[(&str, &str)]) -> Result<FirestoreOptions, OptionsError> {
        let settings = settings.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
        FirestoreOptions::parse("school", url, Settings::new(settings))
    }

    /// No key: of the form that is asked for, put together so that nobody takes it for a real one.
    const KEY: &str = concat!(
        r#"{"type":"service_account","project_id":"of-the-key","private_key_id":"abc",
        "private_key":"-----BEGIN "#,
        "PRIVATE",
        r#" KEY-----\nc2VjcmV0\n-----END "#,
        "PRIVATE",
        r#" KEY-----\n","client_email":"a@b.example"}"#
    );

    #[test]
    fn the_defaults_are_those_of_the_python_tool() {
        let options = parse("firestore://my-project/staffAttendanceLogs", &[]).unwrap();
        assert_eq!(options, FirestoreOptions::new("school", "my-project", "staffAttendanceLogs").unwrap());
        assert_eq!((options.ids, options.time), (IdScheme::IclockSyncV1, TimeReading::WallClockAsUtc));
        assert_eq!(options.layout, Layout::Compatible);
    }

    #[test]
    fn the_project_comes_from_the_url_before_the_key_file() {
        let of_url = parse("firestore://of-the-url/logs", &[("credentials", KEY)]).unwrap();
        let of_key = parse("firestore:///logs", &[("credentials", KEY)]).unwrap();
        assert_eq!((of_url.endpoint.project(), of_key.endpoint.project()), ("of-the-url", "of-the-key"));
    }

    #[test]
    fn every_setting_is_read() {
        let settings = [
            ("daily_writes", "20000"),
            ("database", "second"),
            ("emulator", "http://127.0.0.1:8080/"),
            ("ids", "full"),
            ("layout", "full"),
            ("time", "instant"),
            ("timeout", "1m 30s"),
        ];
        let options = parse("firestore://p/schools/north/logs", &settings).unwrap();
        assert_eq!(options.endpoint.target(), "firestore-emulator://127.0.0.1:8080/p/second/schools/north/logs");
        assert_eq!((options.ids, options.time), (IdScheme::Full, TimeReading::Instant));
        assert_eq!(options.layout, Layout::Full);
        assert_eq!(options.timeout, Duration::from_secs(90));
        assert_eq!(options.daily_writes, NonZeroU64::new(20_000));
    }

    #[test]
    fn a_bad_value_names_its_key_and_the_hint() {
        for (key, value) in [
            ("credentials", "no/such/file.json"),
            ("credentials", "{"),
            ("tls_ca", "no/such/file.pem"),
            ("tls_ca", "Cargo.toml"),
            ("proxy", "socks5://192.0.2.9"),
            ("daily_writes", "0"),
            ("daily_writes", "-5"),
            ("daily_writes", "many"),
            ("database", "Second"),
            ("emulator", "127.0.0.1"),
            ("emulator", "127.0.0.1:0"),
            ("ids", "uuid"),
            ("layout", "wide"),
            ("time", "utc"),
            ("timeout", "soon"),
            ("timeout", "0s"),
            ("timeout", "2h"),
            ("colour", "red"),
        ] {
            let error = parse("firestore://p/logs", &[(key, value)]).unwrap_err();
            assert_eq!(error.key, key, "{value}");
            assert!(error.hint.is_some(), "{key}={value}: {error:?}");
        }
    }

    #[test]
    fn a_url_that_names_no_collection_is_refused_with_its_shape() {
        for url in [
            "firebase://p/logs",
            "firestore://p",
            "firestore://p/",
            "firestore:///logs",
            "firestore://P!/logs",
            "firestore://p/schools/north",
            "firestore://p/__logs__",
            "firestore://p/..",
            "firestore://p/logs?ids=full",
        ] {
            let error = parse(url, &[]).unwrap_err();
            assert_eq!(error.key, "url", "{url}");
            assert!(error.hint.is_some(), "{url}: {error:?}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let options = parse("firestore://p/logs", &[("credentials", KEY)]).unwrap();
        let error = parse("firestore://user:c2VjcmV0@p/logs", &[]).unwrap_err();
        assert!(!format!("{options:?}{error:?}").contains("c2VjcmV0"));
    }
}
