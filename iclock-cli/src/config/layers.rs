//! Settings as text under the path of their key, each with the place that it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The place where a setting is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Environment(String),
    /// A file and a line, counted from 1.
    File(PathBuf, usize),
    /// The program's own choice, and why.
    Default(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => f.write_str(name),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default(why) => f.write_str(why),
        }
    }
}

/// A setting's text and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// Settings by the path of their key: `interval`, `schedule.factor`, `device.0.host`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layer(BTreeMap<String, Setting>);

/// All errors of a configuration; at least one.
#[derive(Debug)]
pub(crate) struct ConfigErrors(pub(crate) Vec<ConfigError>);

/// A setting that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{key}: {problem}", .origin.as_ref().map(|origin| format!("{origin}: ")).unwrap_or_default())]
pub(crate) struct ConfigError {
    pub(crate) origin: Option<Origin>,
    pub(crate) key: String,
    pub(crate) problem: String,
    pub(crate) hint: Option<String>,
}

impl ConfigError {
    pub(crate) fn new(origin: Option<Origin>, key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { origin, key: key.into(), problem: problem.into(), hint: None }
    }

    /// The key to sort by: file and line; errors without a file come first.
    fn place(&self) -> Option<(&Path, usize)> {
        match &self.origin {
            Some(Origin::File(path, line)) => Some((path, *line)),
            _ => None,
        }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl ConfigErrors {
    /// Returns the errors in the order of their lines.
    pub(crate) fn in_order(mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by(|one, other| one.place().cmp(&other.place()));
        Self(errors)
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl Setting {
    pub(crate) fn new(text: impl Into<String>, origin: Origin) -> Self {
        Self { text: text.into(), origin }
    }

    /// Makes an error about this setting.
    pub(crate) fn wrong(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        ConfigError::new(Some(self.origin.clone()), key, problem)
    }
}

impl Layer {
    pub(crate) fn set(&mut self, path: impl Into<String>, setting: Setting) {
        self.0.insert(path.into(), setting);
    }

    /// Returns a setting with its path.
    pub(crate) fn get_key(&self, path: &str) -> Option<(&str, &Setting)> {
        self.0.get_key_value(path).map(|(path, setting)| (path.as_str(), setting))
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Setting> {
        self.0.get(path)
    }

    pub(crate) fn take(&mut self, path: &str) -> Option<Setting> {
        self.0.remove(path)
    }

    /// Puts another layer on top of this one.
    pub(crate) fn cover(&mut self, top: Self) {
        self.0.extend(top.0);
    }

    /// Drops a list with all its entries.
    pub(crate) fn drop_list(&mut self, list: &str) {
        self.0.retain(|path, _| path.split('.').next() != Some(list));
    }

    /// Returns the number of entries of a list.
    pub(crate) fn list_len(&self, list: &str) -> usize {
        let index = |path: &str| path.strip_prefix(list)?.strip_prefix('.')?.split('.').next()?.parse::<usize>().ok();
        self.0.keys().filter_map(|path| index(path)).max().map_or(0, |last| last.saturating_add(1))
    }

    /// Takes the settings under a prefix such as `sink.0.`, with the rest of their paths.
    pub(crate) fn take_under(&mut self, prefix: &str) -> Vec<(String, Setting)> {
        let paths: Vec<String> = self.0.keys().filter(|path| path.starts_with(prefix)).cloned().collect();
        let rest = |path: String| {
            let setting = self.0.remove(&path)?;
            Some((path.strip_prefix(prefix)?.to_owned(), setting))
        };
        paths.into_iter().filter_map(rest).collect()
    }

    /// Changes the text of each setting; `change` gets its path.
    pub(crate) fn change(&mut self, mut change: impl FnMut(&str, &mut String)) {
        for (path, setting) in &mut self.0 {
            change(path, &mut setting.text);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.0.iter().map(|(path, setting)| (path.as_str(), setting))
    }
}

/// Returns the line of a byte in a text, counted from 1.
pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}
