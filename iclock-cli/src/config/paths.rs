//! Relative paths in a configuration file are relative to that file, not to the working directory.

use std::path::{Component, Path, PathBuf};

use super::key::Shape;
use super::layers::{Layer, Origin};
use super::settings::CATALOGUE;

/// The directory of a file, absolute; empty for the current directory.
pub(super) fn directory_of(file: &Path) -> PathBuf {
    let parent = match file.parent() {
        None => return PathBuf::new(),
        Some(parent) if parent.as_os_str().is_empty() => return PathBuf::new(),
        Some(parent) => parent,
    };
    // A sink is known by its absolute path, so one directory must always have the same name.
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (directory, current) = (whole(parent), whole(Path::new(".")));
    if directory == current { PathBuf::new() } else { plain(directory) }
}

/// Rewrites the path of the Python tool's key, which is relative to the tool's directory, for a configuration file in
/// the directory `config_dir`.
pub(super) fn move_key(settings: &mut Layer, tool: &Path, config_dir: &Path) {
    let key = "sink.0.credentials";
    let Some(mut setting) = settings.take(key) else { return };
    let path = match &setting.origin {
        Origin::File(..) => tool.join(&setting.text),
        // A variable's path is relative to the working directory; the default was found in the tool's directory.
        _ => PathBuf::from(&setting.text),
    };
    let path = if directory_of(&config_dir.join("x")).as_os_str().is_empty() {
        path.components().filter(|part| *part != Component::CurDir).collect()
    } else {
        std::path::absolute(&path).unwrap_or(path)
    };
    setting.text = path.display().to_string();
    settings.set(key, setting);
}

/// Removes the `\\?\` of canonical paths on Windows, which not every library takes.
fn plain(path: PathBuf) -> PathBuf {
    let text = path.to_str().and_then(|text| text.strip_prefix(r"\\?\"));
    match text.filter(|text| text.get(1..2) == Some(":")) {
        Some(text) => PathBuf::from(text),
        None => path,
    }
}

/// Makes the relative paths of a file's settings relative to `directory`, the file's own.
pub(super) fn rebase(settings: &mut Layer, directory: &Path) {
    if !directory.as_os_str().is_empty() {
        settings.change(|path, text| {
            if let Some(rebased) = rebased(path, text, directory) {
                *text = rebased;
            }
        });
    }
}

fn rebased(path: &str, text: &str, directory: &Path) -> Option<String> {
    let join = |text: &str| directory.join(text).display().to_string();
    if let Some(file) = text.strip_prefix("FILE:") {
        return Some(format!("FILE:{}", join(file)));
    }
    if text.is_empty() || text.starts_with("ENV:") {
        return None;
    }
    let key = CATALOGUE.find(path)?;
    match key.shape {
        // The text of a key file may be there instead of its path.
        Shape::Path => (!text.trim_start().starts_with('{')).then(|| join(text)),
        _ if key.name == "url" => url(text, join),
        _ => None,
    }
}

/// Returns a sink's URL with its file, or its file of certificates, in the directory.
fn url(text: &str, join: impl Fn(&str) -> String) -> Option<String> {
    let (address, query) = text.split_once('?').map_or((text, None), |(address, query)| (address, Some(query)));
    let (scheme, file) = address.split_once(':')?;
    // Other programs write sqlite://FILE.
    let file = if scheme == "sqlite" { file.strip_prefix("//").unwrap_or(file) } else { file };
    let is_file = ["sqlite", "jsonl", "csv"].contains(&scheme);
    let is_named = !file.is_empty() && file != ":memory:" && !file.starts_with("//");
    let address = if is_file && is_named { format!("{scheme}:{}", join(file)) } else { address.to_owned() };
    let Some(query) = query else { return Some(address) };
    let pair = |pair: &str| match pair.strip_prefix("tls_ca=") {
        Some(file) if !file.is_empty() => format!("tls_ca={}", join(file)),
        _ => pair.to_owned(),
    };
    Some(format!("{address}?{}", query.split('&').map(pair).collect::<Vec<_>>().join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn each_path_moves_and_nothing_else() {
        let to = |path: &str, text: &str| rebased(path, text, Path::new("/etc/x")).unwrap_or_else(|| text.to_owned());
        for (path, text, expected) in [
            ("state_dir", "state", "/etc/x/state"),
            ("state_dir", "/var/state", "/var/state"),
            ("output", "out", "/etc/x/out"),
            ("log.dir", "logs", "/etc/x/logs"),
            ("device.0.comm_key", "FILE:key", "FILE:/etc/x/key"),
            ("device.0.comm_key", "ENV:KEY", "ENV:KEY"),
            ("device.0.name", "gate", "gate"),
            ("sink.0.credentials", "key.json", "/etc/x/key.json"),
            ("sink.0.credentials", "{\"a\": 1}", "{\"a\": 1}"),
            ("sink.0.tls_ca", "ca.pem", "/etc/x/ca.pem"),
            ("sink.0.table", "punches", "punches"),
            ("sink.0.url", "sqlite:a.db", "sqlite:/etc/x/a.db"),
            ("sink.0.url", "sqlite://a.db?table=t", "sqlite:/etc/x/a.db?table=t"),
            ("sink.0.url", "sqlite:///srv/a.db", "sqlite:/srv/a.db"),
            ("sink.0.url", "sqlite::memory:", "sqlite::memory:"),
            ("sink.0.url", "csv:a.csv?rotate=day", "csv:/etc/x/a.csv?rotate=day"),
            ("sink.0.url", "jsonl:/srv/a", "jsonl:/srv/a"),
            ("sink.0.url", "csv://a.csv", "csv://a.csv"),
            ("sink.0.url", "mysql://u@h/d?tls_ca=ca.pem&pool=2", "mysql://u@h/d?tls_ca=/etc/x/ca.pem&pool=2"),
            ("sink.0.url", "postgres://u@h/d", "postgres://u@h/d"),
        ] {
            assert_eq!(to(path, text), expected, "{path}");
        }
    }
}
