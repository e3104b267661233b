//! What a sink is told beside its URL.

use std::collections::BTreeMap;
use std::fmt::Debug;

/// The settings of one sink beside its URL: the keys of its `[[sink]]` table, secrets already resolved.
/// Each sink crate takes out what it knows and refuses the rest.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

/// A sink's URL or settings that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct OptionsError {
    /// The setting's key; `url` for the URL itself.
    pub key: String,
    /// What is wrong with it; no credentials.
    pub problem: String,
    /// What to write instead.
    pub mend: Option<String>,
}

impl OptionsError {
    /// What is wrong with a key's value.
    #[must_use]
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into(), mend: None }
    }

    /// With what to write instead.
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }
}

impl Settings {
    /// Settings from keys and values.
    pub fn new(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(entries.into_iter().collect())
    }

    /// Takes a setting out.
    pub fn take(&mut self, key: &str) -> Option<String> {
        self.0.remove(key)
    }

    /// Takes a setting out and parses it; `expected` names what would be right.
    ///
    /// # Errors
    /// [`OptionsError`] that names the key when the value does not parse.
    pub fn take_parsed<T: std::str::FromStr>(&mut self, key: &str, expected: &str) -> Result<Option<T>, OptionsError> {
        self.take(key)
            .map(|text| text.parse().map_err(|_| OptionsError::new(key, format!("{text:?} is not {expected}"))))
            .transpose()
    }

    /// Nothing may be left once a sink has taken what it knows; `known` lists the keys it would have taken.
    ///
    /// # Errors
    /// [`OptionsError`] that names the first unknown key.
    pub fn finish(self, known: &[&str]) -> Result<(), OptionsError> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(key) => Err(OptionsError {
                problem: format!("unknown setting {key}"),
                mend: Some(format!("this sink knows: {}", known.join(", "))),
                key,
            }),
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
        assert_eq!(error.mend.as_deref(), Some("this sink knows: password, timeout"));
    }

    #[test]
    fn a_value_that_does_not_parse_names_its_key_and_what_would_be_right() {
        let mut settings = Settings::new([("batch".to_owned(), "many".to_owned())]);
        let error = settings.take_parsed::<usize>("batch", "a number of events").unwrap_err();
        assert_eq!((error.key.as_str(), error.to_string().as_str()), ("batch", "\"many\" is not a number of events"));
    }

    #[test]
    fn settings_show_no_value() {
        assert_eq!(format!("{:?}", settings()), r#"{"password", "table"}"#);
    }
}
