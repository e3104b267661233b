//! The environment and `.env`: `ICLOCK_` and a key's path.

use std::collections::BTreeMap;
use std::path::Path;

use super::layers::{ConfigError, Layer, Origin, Setting};
use super::settings::CATALOGUE;
use super::text::read_text;

/// Variables by name. Those of the process override those of `.env`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    all: BTreeMap<String, Setting>,
    /// Variables that a container runtime set under the name of a setting.
    foreign: Vec<String>,
}

/// Variables with our prefix that are not settings.
const NO_SETTING: [&str; 2] = ["ICLOCK_CONFIG", "ICLOCK_BACKUP_PASSPHRASE"];

impl Variables {
    /// Reads the variables of this process, and of `.env` in `dir` if there is one.
    pub(crate) fn load(dir: &Path) -> Result<Self, ConfigError> {
        let path = dir.join(".env");
        let mut variables = if path.is_file() { Self::of_file(&path)? } else { Self::default() };
        for (name, value) in std::env::vars_os() {
            // None of ours has a value that is not text.
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                variables.add_of_process(name, value);
            }
        }
        Ok(variables)
    }

    /// Adds a variable of the process. Kubernetes and Docker describe each service by variables named after it, such as
    /// `ICLOCK_PORT=tcp://192.0.2.7:4370`. No setting has such a value, so these are kept apart.
    fn add_of_process(&mut self, name: String, value: String) {
        let is_ours = name.starts_with("ICLOCK_") || name == "DEVICE_PORT";
        let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.trim_start().starts_with(scheme));
        if is_ours && is_address {
            self.foreign.push(name);
            return;
        }
        let origin = Origin::Environment(name.clone());
        self.all.insert(name, Setting::new(value, origin));
    }

    pub(super) fn of_file(path: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path)?;
        let mut variables = Self::default();
        let quoted: String = text.lines().map(|line| quoted(line) + "\n").collect();
        for pair in dotenvy::from_read_iter(quoted.as_bytes()) {
            let (name, value) = pair.map_err(|error| unreadable(path, &quoted, &error))?;
            let origin = Origin::File(path.to_owned(), line_that_sets(&text, &name));
            variables.all.insert(name, Setting::new(value, origin));
        }
        Ok(variables)
    }

    /// Returns a variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&Setting> {
        self.all.get(name).filter(|setting| !setting.text.trim().is_empty())
    }

    /// Returns true if a variable is set, but empty.
    pub(crate) fn is_empty(&self, name: &str) -> bool {
        self.all.get(name).is_some_and(|setting| setting.text.trim().is_empty())
    }

    /// Returns the rules alone, for `iclock`, which has no configuration file.
    pub(crate) fn rules(&self) -> Layer {
        let mut layer = Layer::default();
        for (name, setting) in &self.all {
            let Some(rest) = name.strip_prefix("ICLOCK_").filter(|rest| rest.starts_with("RULES_")) else { continue };
            let path = CATALOGUE.path_of_variable(&rest.to_ascii_lowercase());
            if CATALOGUE.find(&path).is_some() && !setting.text.trim().is_empty() {
                layer.set(path, setting.clone());
            }
        }
        layer
    }

    /// Returns the settings named by `ICLOCK_` and their path. Other programs write such variables too, so an unknown
    /// one is only a warning.
    ///
    /// # Errors
    /// A setting's variable is empty: it may be meant to be unset, or to have a value.
    pub(crate) fn settings(&self, warnings: &mut Vec<String>) -> Result<Layer, ConfigError> {
        for name in &self.foreign {
            let nearest = CATALOGUE.nearest_variable(name);
            let why = "its value is the address of a service, as Kubernetes and Docker set it";
            warnings.push(format!("environment variable {name} is ignored: {why} (nearest setting: {nearest})"));
        }
        let mut layer = Layer::default();
        for (name, setting) in &self.all {
            let Some(rest) = name.strip_prefix("ICLOCK_") else { continue };
            let path = CATALOGUE.path_of_variable(&rest.to_ascii_lowercase());
            let is_setting = !NO_SETTING.contains(&name.as_str());
            if is_setting && CATALOGUE.find(&path).is_none() {
                let nearest = CATALOGUE.nearest_variable(name);
                let place = match &setting.origin {
                    Origin::Environment(_) => String::new(),
                    origin => format!("{origin}: "),
                };
                let what = format!("environment variable {name} is ignored: it is no setting");
                warnings.push(format!("{place}{what} (nearest setting: {nearest})"));
            } else if setting.text.trim().is_empty() {
                let error = setting.wrong(if is_setting { &path } else { name }, "the variable is set, but empty");
                return Err(error.hint(format!("give {name} a value, or unset it")));
            } else if is_setting {
                layer.set(path, setting.clone());
            }
        }
        Ok(layer)
    }
}

/// Quotes a bare value with spaces, such as `DEVICE_NAMES=front, back`: the Python tool's reader takes it, dotenvy does
/// not.
fn quoted(line: &str) -> String {
    let Some((name, value)) = line.split_once('=') else { return line.to_owned() };
    let value = value.split(" #").next().unwrap_or_default().trim();
    let is_bare = !name.trim_start().starts_with('#') && !value.contains(['\'', '"']) && !value.starts_with('#');
    if is_bare && value.contains(char::is_whitespace) { format!("{name}='{value}'") } else { line.to_owned() }
}

/// The error for a line that cannot be read. The line itself is not shown, because it may contain a secret.
fn unreadable(path: &Path, text: &str, error: &dotenvy::Error) -> ConfigError {
    let line = match error {
        dotenvy::Error::LineParse(rest, _) => text.lines().position(|line| line.ends_with(rest.trim_end())),
        _ => None,
    };
    let origin = line.map(|line| Origin::File(path.to_owned(), line + 1));
    ConfigError::new(origin, ".env", "a line is no setting")
        .hint("write NAME=value lines, and quotes around a value with a quote, a # or a line break in it")
}

fn line_that_sets(text: &str, name: &str) -> usize {
    let sets = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    // The last one counts. Only a list can be searched from its end.
    text.lines().collect::<Vec<_>>().iter().rposition(|line| sets(line)).map_or(1, |line| line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(text: &str) -> Result<Variables, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".env");
        std::fs::write(&path, text).unwrap();
        Variables::of_file(&path)
    }

    #[test]
    fn bare_values_may_have_spaces_as_in_the_python_tool() {
        let text = "# a = b c\nDEVICE_NAMES = front, back  # both\nA='x y' # z\nB=\"x y\"\nC=x # y\nD=\nE=a#b\n";
        let variables = of_text(text).unwrap();
        let value = |name: &str| variables.all.get(name).map(|setting| setting.text.as_str());
        assert_eq!(value("DEVICE_NAMES"), Some("front, back"));
        assert_eq!((value("A"), value("B"), value("C")), (Some("x y"), Some("x y"), Some("x")));
        assert_eq!((value("D"), value("E"), value("a")), (Some(""), Some("a#b"), None));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_not_shown() {
        let error = of_text("A=1\nPGPASSWORD=\"hunter2\nB=2\n").unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        let error = of_text("A=1\nhunter2\n").unwrap_err();
        assert!(matches!(&error.origin, Some(Origin::File(_, 2))), "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn the_line_of_a_variable_is_found_in_its_file() {
        let text = "# DEVICE_IPS=no\nDEVICE_IPS_2=x\n export DEVICE_IPS = 192.0.2.1\n";
        assert_eq!(line_that_sets(text, "DEVICE_IPS"), 3);
    }
}
