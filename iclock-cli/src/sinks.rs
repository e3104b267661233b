//! Opens sinks: the scheme of a URL says which crate it belongs to. Opening contacts nothing.

use std::sync::Arc;

use attendance_model::{OptionsError, Settings, Sink};

use crate::config::{ConfigError, ConfigErrors, SinkConfig};

/// Opens every configured sink.
pub(crate) fn open_all(sinks: &[SinkConfig]) -> Result<Vec<Arc<dyn Sink>>, ConfigErrors> {
    match open_each(sinks) {
        (opened, errors) if errors.is_empty() => Ok(opened),
        (_, errors) => Err(ConfigErrors::in_order(errors)),
    }
}

/// Opens the sinks that can be opened. Two sinks with one target are an error: each would find the other's events.
pub(crate) fn open_each(sinks: &[SinkConfig]) -> (Vec<Arc<dyn Sink>>, Vec<ConfigError>) {
    let (mut opened, mut errors) = (Vec::<Arc<dyn Sink>>::new(), Vec::new());
    for config in sinks {
        let sink = match open(config) {
            Ok(sink) => sink,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        if let Some(other) = opened.iter().find(|other| other.target() == sink.target()) {
            let problem = format!("writes to the same target as {}", other.name());
            let key = format!("sink.{}.url", config.index);
            errors.push(config.url.wrong(&key, problem).hint("remove one of the two, or let it write elsewhere"));
            continue;
        }
        opened.push(sink);
    }
    (opened, errors)
}

pub(crate) fn open(sink: &SinkConfig) -> Result<Arc<dyn Sink>, ConfigError> {
    open_url(&sink.name, &sink.url.text, sink.settings.clone()).map_err(placed(sink))
}

/// The options of a Firestore sink.
#[cfg(feature = "firestore")]
pub(crate) fn firestore_options(sink: &SinkConfig) -> Result<sink_firestore::FirestoreOptions, ConfigError> {
    read_firestore(&sink.name, &sink.url.text, sink.settings.clone()).map_err(placed(sink))
}

/// Reads the options of a Firestore sink. `FIRESTORE_EMULATOR_HOST` names its emulator, unless its settings do.
#[cfg(feature = "firestore")]
fn read_firestore(name: &str, url: &str, settings: Settings) -> Result<sink_firestore::FirestoreOptions, OptionsError> {
    const VARIABLE: &str = "FIRESTORE_EMULATOR_HOST";
    let options = sink_firestore::FirestoreOptions::parse(name, url, settings)?;
    match std::env::var(VARIABLE) {
        Ok(address) if !address.is_empty() && !options.is_emulator() => options
            .emulator(&address)
            .map_err(|error| OptionsError::new(VARIABLE, error.problem).hint("write HOST:PORT, or unset it")),
        _ => Ok(options),
    }
}

/// Adds the place of the wrong setting to an error.
fn placed(sink: &SinkConfig) -> impl Fn(OptionsError) -> ConfigError {
    move |error| {
        let path = format!("sink.{}.{}", sink.index, error.key);
        let origin = sink.origins.iter().find(|(key, _)| *key == error.key).map(|(_, origin)| origin);
        let origin = Some(origin.unwrap_or(&sink.url.origin).clone());
        ConfigError { origin, key: path, problem: error.problem, hint: error.hint }
    }
}

type Opened = Result<Arc<dyn Sink>, OptionsError>;

/// A kind of sink.
struct Backend {
    /// The schemes of its URLs.
    schemes: &'static [&'static str],
    /// The shape of a URL, for a message.
    shape: &'static str,
    open: fn(&str, &str, Settings) -> Opened,
}

/// The kinds of this build.
const BACKENDS: &[Backend] = &[
    #[cfg(feature = "firestore")]
    Backend {
        schemes: &["firestore"],
        shape: "firestore://PROJECT/COLLECTION",
        open: |name, url, settings| {
            let options = read_firestore(name, url, settings)?;
            Ok(Arc::new(sink_firestore::FirestoreSink::open(options)))
        },
    },
    #[cfg(feature = "sqlite")]
    Backend { schemes: &["sqlite"], shape: "sqlite:PATH", open: open_sql },
    #[cfg(feature = "postgres")]
    Backend { schemes: &["postgres", "postgresql"], shape: "postgres://USER@HOST/DATABASE", open: open_sql },
    #[cfg(feature = "mysql")]
    Backend { schemes: &["mysql", "mariadb"], shape: "mysql://USER@HOST/DATABASE", open: open_sql },
    #[cfg(feature = "mongo")]
    Backend {
        schemes: &["mongodb", "mongodb+srv"],
        shape: "mongodb://USER@HOST/DATABASE",
        open: |name, url, settings| {
            let options = sink_mongo::MongoOptions::parse(name, url, settings)?;
            Ok(Arc::new(sink_mongo::MongoSink::open(options)))
        },
    },
    #[cfg(feature = "http")]
    Backend {
        schemes: &["https", "http"],
        shape: "https://HOST/PATH",
        open: |name, url, settings| {
            let options = sink_http::HttpOptions::parse(name, url, settings)?;
            Ok(Arc::new(sink_http::HttpSink::open(options)?))
        },
    },
    #[cfg(feature = "http")]
    Backend {
        schemes: &["frappe"],
        shape: "frappe:https://SITE",
        open: |name, url, settings| {
            let options = sink_http::FrappeOptions::parse(name, url, settings)?;
            Ok(Arc::new(sink_http::FrappeSink::open(options)?))
        },
    },
    #[cfg(feature = "http")]
    Backend {
        schemes: &["odoo"],
        shape: "odoo:https://SITE",
        open: |name, url, settings| {
            let options = sink_http::OdooOptions::parse(name, url, settings)?;
            Ok(Arc::new(sink_http::OdooSink::open(options)?))
        },
    },
    #[cfg(feature = "file")]
    Backend { schemes: &["jsonl"], shape: "jsonl:PATH", open: open_file },
    #[cfg(feature = "file")]
    Backend { schemes: &["csv"], shape: "csv:PATH", open: open_file },
];

/// The kinds of sink in this build, as the schemes of their URLs.
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    BACKENDS.iter().filter_map(|backend| backend.schemes.first().copied())
}

fn open_url(name: &str, url: &str, settings: Settings) -> Opened {
    let scheme = url.split(':').next().unwrap_or_default();
    match BACKENDS.iter().find(|backend| backend.schemes.contains(&scheme)) {
        Some(backend) => (backend.open)(name, url, settings),
        None => {
            let shapes: Vec<&str> = BACKENDS.iter().map(|backend| backend.shape).collect();
            Err(OptionsError::new("url", format!("unknown kind of sink {scheme:?}"))
                .hint(format!("this build knows {}", shapes.join(", "))))
        }
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
fn open_sql(name: &str, url: &str, settings: Settings) -> Opened {
    let options = sink_sql::SqlOptions::parse(name, url, settings)?;
    Ok(Arc::new(sink_sql::SqlSink::open(options)?))
}

#[cfg(feature = "file")]
fn open_file(name: &str, url: &str, settings: Settings) -> Opened {
    let options = sink_file::FileOptions::parse(name, url, settings)?;
    Ok(Arc::new(sink_file::FileSink::open(options)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_settings_of_each_sink() {
        let databases = ["firestore://p/c", "sqlite:a", "postgres://u@h/d", "mysql://u@h/d", "mongodb://u@h/d"];
        for url in databases.into_iter().chain(["https://h/p", "frappe:https://h", "odoo:https://h", "csv:a"]) {
            let settings = Settings::new([("no_such_setting".to_owned(), "x".to_owned())]);
            let Err(error) = open_url("sink", url, settings) else { panic!("{url} takes anything") };
            // A sink that is not part of this build knows nothing.
            if error.key == "url" {
                continue;
            }
            let hint = error.hint.unwrap();
            let keys = hint.split_once(": ").unwrap().1;
            let mut theirs: Vec<&str> = keys.split([',', ' ']).filter(|key| !key.is_empty()).collect();
            let mut ours = crate::config::sink_keys(url.split(':').next().unwrap());
            theirs.sort_unstable();
            ours.sort_unstable();
            assert_eq!(ours, theirs, "{url}");
        }
    }
}
