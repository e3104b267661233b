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

fn open_url(name: &str, url: &str, settings: Settings) -> Result<Arc<dyn Sink>, OptionsError> {
    match url.split(':').next().unwrap_or_default() {
        #[cfg(feature = "firestore")]
        "firestore" => {
            let options = read_firestore(name, url, settings)?;
            Ok(Arc::new(sink_firestore::FirestoreSink::open(options)))
        }
        #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
        "sqlite" | "postgres" | "postgresql" | "mysql" | "mariadb" => {
            let options = sink_sql::SqlOptions::parse(name, url, settings)?;
            Ok(Arc::new(sink_sql::SqlSink::open(options)?))
        }
        #[cfg(feature = "mongo")]
        "mongodb" | "mongodb+srv" => {
            let options = sink_mongo::MongoOptions::parse(name, url, settings)?;
            Ok(Arc::new(sink_mongo::MongoSink::open(options)))
        }
        #[cfg(feature = "file")]
        "jsonl" | "csv" => {
            let options = sink_file::FileOptions::parse(name, url, settings)?;
            Ok(Arc::new(sink_file::FileSink::open(options)))
        }
        scheme => Err(unknown(scheme)),
    }
}

fn unknown(scheme: &str) -> OptionsError {
    let error = OptionsError::new("url", format!("no sink is written {scheme}:"));
    let known = [
        ("firestore://PROJECT/COLLECTION", cfg!(feature = "firestore")),
        ("sqlite:PATH", cfg!(feature = "sqlite")),
        ("postgres://USER@HOST/DATABASE", cfg!(feature = "postgres")),
        ("mysql://USER@HOST/DATABASE", cfg!(feature = "mysql")),
        ("mongodb://USER@HOST/DATABASE", cfg!(feature = "mongo")),
        ("jsonl:PATH", cfg!(feature = "file")),
        ("csv:PATH", cfg!(feature = "file")),
    ];
    let known: Vec<&str> = known.into_iter().filter(|(_, built)| *built).map(|(url, _)| url).collect();
    error.hint(format!("this build knows {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_settings_of_each_sink() {
        for url in ["firestore://p/c", "sqlite:a", "postgres://u@h/d", "mysql://u@h/d", "mongodb://u@h/d", "csv:a"] {
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
