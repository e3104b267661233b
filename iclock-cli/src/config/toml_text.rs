//! The configuration in force as TOML: to look at, or to go on with.

use super::layers::Layer;
use super::secret;

/// To look at: secrets masked, each line with its place.
pub(crate) fn shown(settings: &Layer) -> String {
    tables(settings, |path, text, origin| format!("{} # {origin}", quoted(&secret::masked(path, text))))
}

/// The Python tool's settings as a configuration file.
pub(crate) fn as_toml(settings: &Layer) -> String {
    let head = "# Made from the Python tool's files. Every setting is explained in the README.\n\
                # A terminal that demands a communication key gets `comm_key = \"ENV:NAME\"`; its time zone, such as\n\
                # `zone = \"Indian/Maldives\"`, lets other sinks than the Python tool's hold the true instant.\n";
    format!("{head}{}", tables(settings, |_, text, _| quoted(text)))
}

fn tables(settings: &Layer, value: impl Fn(&str, &str, &str) -> String) -> String {
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
        text.push_str(&format!("{key} = {}\n", value(path, &setting.text, &setting.origin.to_string())));
    }
    text
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
