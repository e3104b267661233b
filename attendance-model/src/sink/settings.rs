//! The settings of a sink: those next to its URL, and those after the URL's question mark.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use super::Secret;
use crate::IdScheme;

/// The range of a `timeout`: shorter ones fail healthy servers, longer ones hold up a shutdown.
const TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);
/// The range of a `pool`: more connections help no server.
const POOL: std::ops::RangeInclusive<u32> = 1..=64;

/// The settings of one sink next to its URL: the keys of its `[[sink]]` table, secrets already resolved.
/// Each sink crate takes out what it knows and refuses the rest.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

/// A sink's URL or settings that cannot be used.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct OptionsError {
    /// The setting's key; `url` for the URL itself.
    pub key: String,
    /// The problem, as a phrase after the key; no credentials.
    pub problem: String,
    /// The text to write instead.
    pub hint: Option<String>,
}

impl OptionsError {
    /// An error about a key's value.
    #[must_use]
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into(), hint: None }
    }

    /// The error for a URL whose driver was left out of this build; `build` is the crate that has the feature.
    #[must_use]
    pub fn not_compiled(feature: &str, build: &str) -> Self {
        Self::new("url", format!("this program was built without {feature}"))
            .hint(format!("build it with the feature {feature} of {build}"))
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Settings {
    /// Settings from keys and values.
    pub fn new(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(entries.into_iter().collect())
    }

    /// Adds the settings after a URL's question mark, `key=value` joined by `&`.
    ///
    /// # Errors
    /// [`OptionsError`] for a key that is set both there and next to the URL, and for a password or a proxy: URLs are
    /// logged.
    pub fn and_query(mut self, query: &str) -> Result<Self, OptionsError> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if key == "password" {
                let problem = "has a password after the question mark";
                return Err(OptionsError::new("url", problem).hint("set `password` next to the URL"));
            }
            if key == "proxy" {
                let problem = "has a proxy after the question mark";
                return Err(OptionsError::new("url", problem).hint("set `proxy` next to the URL"));
            }
            if self.0.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(OptionsError::new(key, "is set twice").hint("keep it in the URL or next to it, not both"));
            }
        }
        Ok(self)
    }

    /// Takes a setting out.
    pub fn take(&mut self, key: &str) -> Option<String> {
        self.0.remove(key)
    }

    /// Takes a setting out and parses it. `expected` names what the value should be, `hint` what to write.
    ///
    /// # Errors
    /// [`OptionsError`] that names the key when the value does not parse.
    pub fn take_parsed<T: std::str::FromStr>(
        &mut self,
        key: &str,
        expected: &str,
        hint: &str,
    ) -> Result<Option<T>, OptionsError> {
        let Some(text) = self.take(key) else { return Ok(None) };
        let wrong = || OptionsError::new(key, format!("{text:?} is not {expected}")).hint(hint);
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// Takes out a secret.
    pub fn take_secret(&mut self, key: &str) -> Option<Secret> {
        self.take(key).map(Secret::new)
    }

    /// Takes out `password`, which may be in the URL instead.
    ///
    /// # Errors
    /// [`OptionsError`] if both have one.
    pub fn take_password(&mut self, in_url: Option<Secret>) -> Result<Option<Secret>, OptionsError> {
        match (in_url, self.take_secret("password")) {
            (Some(_), Some(_)) => {
                Err(OptionsError::new("password", "is set both in the URL and next to it")
                    .hint("keep the one next to it"))
            }
            (in_url, next_to_it) => Ok(next_to_it.or(in_url)),
        }
    }

    /// Takes out `ids`, the scheme of the ids that the sink stores.
    ///
    /// # Errors
    /// [`OptionsError`] if there is no such scheme.
    pub fn take_ids(&mut self) -> Result<Option<IdScheme>, OptionsError> {
        self.take_parsed("ids", "an id scheme", "write full or iclock-sync-v1")
    }

    /// Takes out `timeout`, the longest that one call may take: `30s`, `2m`, or a number of seconds.
    ///
    /// # Errors
    /// [`OptionsError`] if it is no time, or not between a second and an hour.
    pub fn take_timeout(&mut self) -> Result<Option<Duration>, OptionsError> {
        let Some(text) = self.take("timeout") else { return Ok(None) };
        let parsed = text.parse().map(Duration::from_secs).or_else(|_| humantime::parse_duration(&text));
        match parsed {
            Ok(timeout) if TIMEOUT.contains(&timeout) => Ok(Some(timeout)),
            _ => Err(OptionsError::new("timeout", format!("{text:?} is not a time from one second to one hour"))
                .hint("write it like 30s or 2m")),
        }
    }

    /// Takes out `pool`, the most connections that the sink may open, 1 to 64.
    ///
    /// # Errors
    /// [`OptionsError`] if it is no such number.
    pub fn take_pool(&mut self) -> Result<Option<u32>, OptionsError> {
        let Some(text) = self.take("pool") else { return Ok(None) };
        match text.parse() {
            Ok(pool) if POOL.contains(&pool) => Ok(Some(pool)),
            _ => {
                Err(OptionsError::new("pool", format!("{text:?} is not a number of connections")).hint("write 1 to 64"))
            }
        }
    }

    /// Takes out `names`: true if people's names are wanted next to the events.
    ///
    /// # Errors
    /// [`OptionsError`] if it is neither `true` nor `false`.
    pub fn take_names(&mut self) -> Result<bool, OptionsError> {
        Ok(self.take_parsed("names", "true or false", "write names = true, or leave it out")?.unwrap_or(false))
    }

    /// Checks that nothing is left once a sink has taken what it knows; `known` lists these keys.
    ///
    /// # Errors
    /// [`OptionsError`] that names the first unknown key.
    pub fn finish(self, known: &[&str]) -> Result<(), OptionsError> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(key) => {
                let problem = format!("unknown setting {key}");
                Err(OptionsError::new(key, problem).hint(format!("this sink knows: {}", known.join(", "))))
            }
        }
    }
}

/// Values may be secrets: only keys are shown.
impl Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new([("table".to_owned(), "punches".to_owned()), ("password".to_owned(), "hunter2".to_owned())])
    }

    #[test]
    fn a_setting_that_nobody_took_is_an_error_that_names_it() {
        let mut settings = settings();
        assert_eq!(settings.take("password").as_deref(), Some("hunter2"));
        let error = settings.finish(&["password", "timeout"]).unwrap_err();
        assert_eq!((error.key.as_str(), error.to_string().as_str()), ("table", "unknown setting table"));
        assert_eq!(error.hint.as_deref(), Some("this sink knows: password, timeout"));
    }

    #[test]
    fn a_value_that_does_not_parse_names_its_key_and_what_would_be_right() {
        let mut settings = Settings::new([("batch".to_owned(), "many".to_owned())]);
        let error = settings.take_parsed::<usize>("batch", "a number of events", "write 500").unwrap_err();
        assert_eq!((error.key.as_str(), error.to_string().as_str()), ("batch", "\"many\" is not a number of events"));
        assert_eq!(error.hint.as_deref(), Some("write 500"));
    }

    fn queried(query: &str) -> Result<Settings, OptionsError> {
        Settings::default().and_query(query)
    }

    #[test]
    fn settings_may_follow_the_url_or_be_next_to_it_but_not_both() {
        let mut both = settings().and_query("ids=full&&timeout=2m").unwrap();
        assert_eq!(both.take("table").as_deref(), Some("punches"));
        assert_eq!(both.take_ids().unwrap(), Some(IdScheme::Full));
        assert_eq!(both.take_timeout().unwrap(), Some(Duration::from_secs(120)));
        assert_eq!(settings().and_query("table=other").unwrap_err().key, "table");
        assert_eq!(queried("table=a&table=b").unwrap_err().key, "table");
    }

    #[test]
    fn a_password_after_the_question_mark_is_refused_and_not_shown() {
        let error = queried("password=hunter2").unwrap_err();
        assert_eq!(error.key, "url");
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn a_password_is_in_the_url_or_next_to_it() {
        let in_url = || Some(Secret::new("other"));
        assert_eq!(settings().take_password(in_url()).unwrap_err().key, "password");
        assert_eq!(settings().take_password(None).unwrap(), Some(Secret::new("hunter2")));
        assert_eq!(Settings::default().take_password(in_url()).unwrap(), in_url());
    }

    #[test]
    fn common_settings_out_of_range_are_errors() {
        for timeout in ["0", "999ms", "3601", "soon", ""] {
            assert_eq!(queried(&format!("timeout={timeout}")).unwrap().take_timeout().unwrap_err().key, "timeout");
        }
        for pool in ["0", "65", "-1", "many"] {
            assert_eq!(queried(&format!("pool={pool}")).unwrap().take_pool().unwrap_err().key, "pool");
        }
        assert_eq!(queried("ids=mine").unwrap().take_ids().unwrap_err().key, "ids");
        assert_eq!(queried("pool=64&timeout=1").unwrap().take_pool().unwrap(), Some(64));
    }

    #[test]
    fn settings_show_no_value() {
        assert_eq!(format!("{:?}", settings()), r#"{"password", "table"}"#);
    }
}
