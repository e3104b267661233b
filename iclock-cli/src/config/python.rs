//! The Python tool's own settings: `DEVICE_IPS` and its like, `FIREBASE_KEY`, `devices.json`.

use std::path::{Path, PathBuf};

use attendance_model::legacy::COLLECTION;
use serde::Deserialize;

use super::environment::Variables;
use super::layers::{ConfigError, Layer, Origin, Setting, line_of};
use super::text::read_text;

/// The file where the Python tool looked for its key.
pub(crate) const KEY_FILE: &str = "config/firebase-key.json";
/// The places where `devices.json` may be.
pub(crate) const DEVICE_FILES: [&str; 2] = ["devices.json", "config/devices.json"];

/// The part of `devices.json` that the Python tool read.
#[derive(Deserialize)]
struct DeviceFile {
    devices: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    ip: String,
}

/// Reads the terminals of a `devices.json`.
pub(crate) fn device_file(path: &Path) -> Result<Layer, ConfigError> {
    let text = read_text(path)?;
    let file: DeviceFile = serde_json::from_str(&text).map_err(|error| {
        ConfigError::new(Some(Origin::File(path.to_owned(), error.line().max(1))), "devices", error.to_string())
            .hint(r#"write {"devices": [{"name": "front-gate", "ip": "192.0.2.10"}]}"#)
    })?;
    let mut layer = Layer::default();
    for (n, entry) in file.devices.into_iter().enumerate() {
        let line = text.find(&format!("\"{}\"", entry.ip)).map_or(1, |byte| line_of(&text, byte));
        let origin = Origin::File(path.to_owned(), line);
        layer.set(format!("device.{n}.name"), Setting::new(entry.name, origin.clone()));
        layer.set(format!("device.{n}.host"), Setting::new(entry.ip, origin));
    }
    Ok(layer)
}

/// Reads the terminals of `DEVICE_IPS` and `DEVICE_NAMES`; empty if they are not set.
pub(crate) fn device_list(variables: &Variables) -> Result<Layer, ConfigError> {
    let mut layer = Layer::default();
    let Some(ips) = variables.get("DEVICE_IPS") else { return Ok(layer) };
    let items = |setting: &Setting| setting.text.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>();
    let hosts = items(ips);
    let names = variables.get("DEVICE_NAMES").map(|setting| (setting, items(setting)));
    if let Some((setting, names)) = &names
        && names.len() != hosts.len()
    {
        let problem = format!("has {} names for the {} addresses of DEVICE_IPS", names.len(), hosts.len());
        return Err(setting.wrong("DEVICE_NAMES", problem).hint("give each address its name, in the same order"));
    }
    for (n, host) in hosts.into_iter().enumerate() {
        if host.is_empty() {
            let problem = format!("entry {} is empty", n + 1);
            return Err(ips.wrong("DEVICE_IPS", problem).hint("remove the surplus comma"));
        }
        if let Some((setting, name)) = names.as_ref().and_then(|(setting, names)| Some((*setting, names.get(n)?))) {
            layer.set(format!("device.{n}.name"), Setting::new(name, setting.origin.clone()));
        }
        layer.set(format!("device.{n}.host"), Setting::new(host, ips.origin.clone()));
    }
    Ok(layer)
}

/// Applies `DEVICE_PORT` and `DEVICE_TIMEOUT` (seconds) to terminals without their own.
pub(crate) fn device_defaults(variables: &Variables, layer: &mut Layer) {
    for n in 0..layer.list_len("device") {
        for (key, variable, unit) in [("port", "DEVICE_PORT", ""), ("timeout", "DEVICE_TIMEOUT", "s")] {
            let path = format!("device.{n}.{key}");
            if let Some(setting) = variables.get(variable).filter(|_| layer.get(&path).is_none()) {
                let bare = setting.text.trim().parse::<f64>().is_ok();
                let text = format!("{}{}", setting.text.trim(), if bare { unit } else { "" });
                layer.set(path, Setting::new(text, setting.origin.clone()));
            }
        }
    }
}

/// Adds a Firestore sink for the Python tool's key if no sink is configured, and gives the key to Firestore sinks
/// without one.
pub(crate) fn firestore_sink(variables: &Variables, dir: &Path, layers: &mut Layer) -> Result<(), ConfigError> {
    let Some(key) = firebase_key(variables, dir)? else { return Ok(()) };
    if layers.list_len("sink") == 0 {
        let url = format!("firestore:///{}", COLLECTION);
        layers.set("sink.0.name", Setting::new("firestore", key.origin.clone()));
        layers.set("sink.0.url", Setting::new(url, key.origin.clone()));
    }
    let is_bare = |layers: &Layer, n: usize| {
        let of = |key: &str| layers.get(&format!("sink.{n}.{key}"));
        of("url").is_some_and(|url| url.text.starts_with("firestore:")) && of("credentials").is_none()
    };
    for n in (0..layers.list_len("sink")).filter(|n| is_bare(layers, *n)).collect::<Vec<_>>() {
        layers.set(format!("sink.{n}.credentials"), key.clone());
    }
    Ok(())
}

/// Returns the service-account key of `FIREBASE_KEY` or `FIREBASE_KEY_PATH`, else the tool's usual file if it exists.
fn firebase_key(variables: &Variables, dir: &Path) -> Result<Option<Setting>, ConfigError> {
    match (variables.get("FIREBASE_KEY"), variables.get("FIREBASE_KEY_PATH")) {
        (Some(one), Some(other)) if one.text != other.text => {
            let problem = format!("differs from FIREBASE_KEY ({})", one.origin);
            Err(other.wrong("FIREBASE_KEY_PATH", problem).hint("keep one of the two, or set both to the same path"))
        }
        (Some(key), _) | (None, Some(key)) => Ok(Some(key.clone())),
        (None, None) => {
            let path: PathBuf = dir.join(KEY_FILE);
            let origin = Origin::Default("the Python tool's key file");
            Ok(path.is_file().then(|| Setting::new(path.display().to_string(), origin)))
        }
    }
}
