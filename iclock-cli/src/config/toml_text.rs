//! The configuration in force as TOML: to look at, or to go on with.

use super::layers::Layer;
use super::secret;

/// To look at: secrets masked, each line with its place.
pub(crate) fn shown(settings: &Layer) -> String {
    tables(settings, |path, text, origin| format!("{} # {origin}", value(path, &secret::masked(path, text))))
}

/// The Python tool's settings as a configuration file.
pub(crate) fn as_toml(settings: &Layer) -> String {
    let head = "# Made from the Python tool's files. docs/iclock.example.toml explains every setting.\n\
                # A terminal that demands a communication key gets `comm_key = \"ENV:NAME\"`; its time zone, such as\n\
                # `zone = \"Indian/Maldives\"`, lets other sinks than the Python tool's hold the true instant.\n";
    format!("{head}{}", tables(settings, |path, text, _| value(path, text)))
}

fn tables(settings: &Layer, written: impl Fn(&str, &str, &str) -> String) -> String {
    let (mut text, mut table) = (String::new(), String::new());
    // Settings outside any table come first, as TOML wants it.
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

/// Keys whose values are numbers or truth values, by the end of their path.
const BARE: [&str; 13] = [
    "max_new",
    "overlap",
    "concurrency",
    "attempts",
    "port",
    "sixteen_mode_first",
    "factor",
    "rest_from",
    "nap_from",
    "sleep_from",
    "dream_from",
    "size",
    "keep",
];

/// A value as a person would write it: settings are kept as text, whichever layer they came from.
fn value(path: &str, text: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let key = path.rsplit('.').next().unwrap_or(path);
    // A sink's settings are its crate's, and texts.
    let bare = BARE.contains(&key) && !path.starts_with("sink.");
    if path == "rules.allow_list" {
        let items: Vec<String> = text.split(',').map(|item| quoted(item.trim())).collect();
        return format!("[{}]", items.join(", "));
    }
    let bare = bare.then(|| text.trim()).and_then(|text| {
        let number = || text.parse().map(toml::Value::Integer).ok();
        let fraction = || text.parse().map(toml::Value::Float).ok();
        let truth = || text.parse().map(toml::Value::Boolean).ok();
        number().or_else(fraction).or_else(truth)
    });
    bare.map_or_else(|| quoted(text), |value| value.to_string())
}
