//! The environment and `.env`: `ICLOCK_` and a key's path.

use std::collections::BTreeMap;
use std::path::Path;

use super::layers::{ConfigError, Layer, Origin, Setting};

/// Variables by name: those of `.env`, and those of the process above them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables(BTreeMap<String, Setting>);

/// Variables of this prefix that are no settings.
const NO_SETTING: [&str; 1] = ["ICLOCK_CONFIG"];
/// The tables and lists whose keys contain their name: `ICLOCK_SCHEDULE_FACTOR` is `schedule.factor`.
const TABLES: [&str; 3] = ["schedule", "rules", "log"];
const LISTS: [&str; 2] = ["device", "sink"];

impl Variables {
    /// The variables of this process, and of `.env` in `dir` where there is one.
    pub(crate) fn load(dir: &Path) -> Result<Self, ConfigError> {
        let path = dir.join(".env");
        let mut variables = if path.is_file() { Self::of_file(&path)? } else { Self::default() };
        for (name, value) in std::env::vars_os() {
            // A variable that is no text is none of ours.
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                let origin = Origin::Environment(name.clone());
                variables.0.insert(name, Setting::new(value, origin));
            }
        }
        Ok(variables)
    }

    fn of_file(path: &Path) -> Result<Self, ConfigError> {
        let text = super::file::read_text(path)?;
        let mut variables = Self::default();
        for pair in dotenvy::from_read_iter(text.as_bytes()) {
            let (name, value) = pair.map_err(|error| {
                ConfigError::new(None, path.display().to_string(), error.to_string()).mend("write NAME=value lines")
            })?;
            let origin = Origin::File(path.to_owned(), line_that_sets(&text, &name));
            variables.0.insert(name, Setting::new(value, origin));
        }
        Ok(variables)
    }

    /// A variable that is set to something.
    pub(crate) fn get(&self, name: &str) -> Option<&Setting> {
        self.0.get(name).filter(|setting| !setting.text.trim().is_empty())
    }

    /// The settings named by `ICLOCK_` and their path.
    pub(crate) fn settings(&self) -> Layer {
        let mut layer = Layer::default();
        for (name, setting) in &self.0 {
            if let Some(rest) = name.strip_prefix("ICLOCK_").filter(|_| !NO_SETTING.contains(&name.as_str())) {
                layer.set(path_of(&rest.to_ascii_lowercase()), setting.clone());
            }
        }
        layer
    }
}

/// `device_0_comm_key` is `device.0.comm_key`.
fn path_of(name: &str) -> String {
    for list in LISTS {
        let Some(rest) = name.strip_prefix(list).and_then(|rest| rest.strip_prefix('_')) else { continue };
        if let Some((index, key)) = rest.split_once('_').filter(|(index, _)| index.parse::<usize>().is_ok()) {
            return format!("{list}.{index}.{key}");
        }
    }
    for table in TABLES {
        if let Some(key) = name.strip_prefix(table).and_then(|rest| rest.strip_prefix('_')) {
            return format!("{table}.{key}");
        }
    }
    name.to_owned()
}

fn line_that_sets(text: &str, name: &str) -> usize {
    let sets = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    // The last one counts. An iterator of lines can be searched from its end only as a list.
    text.lines().collect::<Vec<_>>().iter().rposition(|line| sets(line)).map_or(1, |line| line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_names_the_path_of_its_key() {
        assert_eq!(path_of("interval"), "interval");
        assert_eq!(path_of("state_dir"), "state_dir");
        assert_eq!(path_of("device_0_comm_key"), "device.0.comm_key");
        assert_eq!(path_of("schedule_day_start"), "schedule.day_start");
        assert_eq!(path_of("devices"), "devices");
    }

    #[test]
    fn the_line_of_a_variable_is_found_in_its_file() {
        let text = "# DEVICE_IPS=no\nDEVICE_IPS_2=x\n export DEVICE_IPS = 192.0.2.1\n";
        assert_eq!(line_that_sets(text, "DEVICE_IPS"), 3);
    }
}
