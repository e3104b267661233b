//! The configuration in force as TOML, to read or to use.

use super::key::Shape;
use super::layers::{Layer, Setting};
use super::secret;
use super::settings::CATALOGUE;

/// The configuration to read: secrets are masked, and each line has its origin.
pub(crate) fn shown(settings: &Layer) -> String {
    tables(settings, |path, text, origin| format!("{} # {origin}", of_path(path, &secret::masked(path, text))))
}

/// Each setting with its text and its origin; secrets are masked.
pub(crate) fn listed(settings: &Layer) -> Vec<(String, String, String)> {
    let entry = |(path, setting): (&str, &Setting)| {
        (path.to_owned(), secret::masked(path, &setting.text), setting.origin.to_string())
    };
    settings.iter().map(entry).collect()
}

/// The Python tool's settings as a configuration file.
pub(crate) fn as_toml(settings: &Layer) -> String {
    let head = "# Made from the Python tool's files. docs/iclock.example.toml explains every setting.\n\
                # A terminal that demands a communication key gets `comm_key = \"ENV:NAME\"`; its time zone, such as\n\
                # `zone = \"Indian/Maldives\"`, lets other sinks than the Python tool's hold the true instant.\n";
    format!("{head}{}", tables(settings, |path, text, _| of_path(path, text)))
}

/// A new configuration file: each setting with its documentation, and the settings of most use as comments.
pub(crate) fn commented(settings: &Layer) -> String {
    let mut text = "# Configuration of iclock-cli. Check it with: iclock-cli config check\n\
                    # docs/iclock.example.toml lists every setting with its default.\n\n"
        .to_owned();
    for name in ["state_dir", "interval"] {
        let Some(key) = CATALOGUE.find(name) else { continue };
        let value = value(&key.shape, key.shown.text());
        text.push_str(&format!("# {}\n# {name} = {value}\n", key.doc));
    }
    let mut table = String::new();
    for (path, setting) in settings.iter() {
        let Some((prefix, name)) = path.rsplit_once('.') else { continue };
        if prefix != table {
            prefix.clone_into(&mut table);
            let head = prefix.split_once('.').map_or_else(|| format!("[{prefix}]"), |(list, _)| format!("[[{list}]]"));
            text.push_str(&format!("\n{head}\n"));
        }
        if let Some(key) = CATALOGUE.find(path).filter(|key| !key.doc.is_empty()) {
            text.push_str(&format!("# {}\n", key.doc));
        }
        text.push_str(&format!("{name} = {}\n", of_path(path, &setting.text)));
    }
    text
}

fn tables(settings: &Layer, written: impl Fn(&str, &str, &str) -> String) -> String {
    let (mut text, mut table) = (String::new(), String::new());
    // TOML requires settings outside any table to come first.
    let (top, rest): (Vec<_>, Vec<_>) = settings.iter().partition(|(path, _)| !path.contains('.'));
    for (path, setting) in top.into_iter().chain(rest) {
        let (prefix, key) = path.rsplit_once('.').unwrap_or(("", path));
        if prefix != table {
            prefix.clone_into(&mut table);
            let list = prefix.split_once('.').map(|(list, _)| format!("[[{list}]]"));
            text.push_str(&format!("\n{}\n", list.unwrap_or_else(|| format!("[{prefix}]"))));
        }
        text.push_str(&format!("{key} = {}\n", written(path, &setting.text, &setting.origin.to_string())));
    }
    text
}

fn of_path(path: &str, text: &str) -> String {
    // A sink's crate reads its settings as text.
    let key = CATALOGUE.find(path).filter(|_| !path.starts_with("sink."));
    value(key.map_or(&Shape::Text, |key| &key.shape), text)
}

/// A value in TOML. Settings are kept as text, so the shape says what needs quotes.
pub(super) fn value(shape: &Shape, text: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    match shape {
        Shape::List => format!("[{}]", items(text).map(quoted).collect::<Vec<_>>().join(", ")),
        Shape::Whole(..) | Shape::Number(..) | Shape::Switch => {
            let text = text.trim();
            let number = || text.parse().map(toml::Value::Integer).ok();
            let fraction = || text.parse().map(toml::Value::Float).ok();
            let truth = || text.parse().map(toml::Value::Boolean).ok();
            let value = number().or_else(fraction).or_else(truth);
            value.map_or_else(|| quoted(text), |value| value.to_string())
        }
        Shape::Text | Shape::Path | Shape::Secret | Shape::Span | Shape::OneOf(_) => quoted(text),
    }
}

/// A value in JSON.
pub(super) fn as_json(shape: &Shape, text: &str) -> serde_json::Value {
    match shape {
        Shape::List => items(text).collect(),
        // JSON writes numbers and booleans as TOML does.
        Shape::Whole(..) | Shape::Number(..) | Shape::Switch => text.parse().unwrap_or_else(|_| text.into()),
        Shape::Text | Shape::Path | Shape::Secret | Shape::Span | Shape::OneOf(_) => text.into(),
    }
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim)
}
