//! The example file, `docs/iclock.example.toml`: every setting with its documentation and its default. A test compares
//! the file with the tables, and writes it when `UPDATE_EXAMPLE` is set.

use super::catalogue::{Catalogue, Section};
use super::key::{Key, Shown};
use super::toml_text;

/// The widest line.
const WIDTH: usize = 118;
/// The column of the word "example".
const ASIDE: usize = 38;
const HEAD: &str = "\
# Configuration of iclock-cli. Copy it to iclock.toml in the program's working directory, or name it with --config.
# Check it with `iclock-cli config check`, which contacts nothing.
#
# Relative paths are relative to this file, wherever the program is run: state, databases, key files, logs, output.
# On Windows, write a path in single quotes, as in 'C:\\ProgramData\\iclock\\state'. In double quotes, \\ begins an
# escape.
#
# A setting that is commented out shows its default, unless it says \"example\". A span of time is written 30s, 5m, 36h
# or 1h 30m. Every setting can also be an environment variable: ICLOCK_ and its path, as in ICLOCK_INTERVAL,
# ICLOCK_LOG_DIR or ICLOCK_DEVICE_0_COMM_KEY (terminals and sinks count from 0). The strongest comes first: flag,
# environment, .env, this file.
";
/// The sinks that are shown after the first: the scheme and the URL of each.
const SINKS: [(&str, &str); 8] = [
    ("firestore", "firestore://my-project/staffAttendanceLogs"),
    ("postgres", "postgres://iclock@db.example/attendance"),
    ("mysql", "mysql://iclock@db.example/attendance"),
    ("mongodb", "mongodb://iclock@db.example/attendance"),
    ("https", "https://school.example/hooks/attendance"),
    ("frappe", "frappe:https://erp.example"),
    ("odoo", "odoo:https://odoo.example"),
    ("csv", "csv:attendance.csv"),
];

/// The example for these tables.
pub(crate) fn example(catalogue: &Catalogue) -> String {
    let mut text = HEAD.to_owned();
    for section in catalogue.sections() {
        if !section.doc.is_empty() {
            text.push('\n');
            comment(&mut text, section.doc);
        }
        if !section.name.is_empty() {
            text.push_str(&format!("\n{}\n", section.head()));
        }
        let first = first_backend(section);
        let is_shown = |key: &&Key| key.backends.is_empty() || key.backends.contains(&first);
        let shown = section.keys.iter().filter(|key| !matches!(key.shown, Shown::Fixed(_))).filter(is_shown);
        for key in shown.clone() {
            if section.name.is_empty() {
                text.push('\n');
            }
            setting(&mut text, key);
        }
        if !first.is_empty() {
            let mut above: Vec<&str> = shown.map(|key| key.name).collect();
            SINKS.iter().for_each(|(scheme, url)| backend(&mut text, section, scheme, url, &mut above));
        }
    }
    text
}

/// The backend of the first entry of a list of sinks; empty for other tables.
fn first_backend(section: &Section) -> &'static str {
    let url = section.keys.iter().find(|key| key.name == "url").map(|key| key.shown.text());
    url.and_then(|url| url.split(':').next()).unwrap_or_default()
}

/// A sink with the keys that no sink above has.
fn backend(text: &mut String, section: &Section, scheme: &str, url: &str, above: &mut Vec<&'static str>) {
    text.push_str(&format!("\n{:<ASIDE$}# example\n# url = \"{url}\"\n", format!("# {}", section.head())));
    let theirs = section.keys.iter().filter(|key| key.backends.contains(&scheme));
    let (known, new): (Vec<&Key>, Vec<&Key>) = theirs.partition(|key| above.contains(&key.name));
    for key in new {
        comment(text, key.doc);
        text.push_str(&format!("# {} = {}\n", key.name, toml_text::value(&key.shape, key.shown.text())));
        above.push(key.name);
    }
    if !known.is_empty() {
        comment(text, &format!("As above: {}.", known.iter().map(|key| key.name).collect::<Vec<_>>().join(", ")));
    }
}

fn setting(text: &mut String, key: &Key) {
    comment(text, key.doc);
    let line = format!("{} = {}", key.name, toml_text::value(&key.shape, key.shown.text()));
    let line = match key.shown {
        Shown::ByDefault(_) | Shown::Fixed(_) => format!("# {line}"),
        Shown::Example(_) => format!("{:<1$} # example", format!("# {line}"), ASIDE - 1),
        Shown::Usual(_) | Shown::Required(_) => line,
    };
    text.push_str(&line);
    text.push('\n');
}

/// A paragraph of comment, in lines that are not too wide.
fn comment(text: &mut String, paragraph: &str) {
    let mut line = String::new();
    for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&format!("#{line}\n"));
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    if !line.is_empty() {
        text.push_str(&format!("#{line}\n"));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::key::Shape;
    use crate::config::layers::{Layer, Origin, Setting};
    use crate::config::settings::CATALOGUE;
    use crate::config::{Builder, Config, Variables, file};

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/iclock.example.toml");

    #[test]
    fn the_example_file_says_what_the_tables_say() {
        let example = example(&CATALOGUE);
        if std::env::var_os("UPDATE_EXAMPLE").is_some() {
            std::fs::write(FILE, &example).unwrap();
        }
        let written = std::fs::read_to_string(FILE).unwrap().replace("\r\n", "\n");
        assert!(written == example, "run this test with UPDATE_EXAMPLE=1, and commit docs/iclock.example.toml");
    }

    #[test]
    fn the_example_can_be_used_and_has_every_key() {
        let all = example(&CATALOGUE);
        for section in CATALOGUE.sections() {
            for key in section.keys.iter().filter(|key| !matches!(key.shown, Shown::Fixed(_))) {
                let is_there = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{} = ", key.name));
                assert!(all.lines().any(is_there), "{} {}", section.head(), key.name);
            }
        }
        let layer = file::read(Path::new(FILE)).unwrap();
        let (config, errors) = built(layer);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!((config.devices.len(), config.sinks.len()), (1, 1));
    }

    #[test]
    fn a_default_that_is_shown_is_the_one_in_force() {
        let mut layer = Layer::default();
        layer.set("device.0.host", Setting::new("192.0.2.1", Origin::Flag("test")));
        let (mut unset, _) = built(layer.clone());
        for section in CATALOGUE.sections().iter().filter(|section| section.name != "sink") {
            for key in &section.keys {
                let (Shown::ByDefault(text) | Shown::Fixed(text)) = key.shown else { continue };
                let path = match (section.name, section.is_list) {
                    ("", _) => key.name.to_owned(),
                    (table, true) => format!("{table}.0.{}", key.name),
                    (table, false) => format!("{table}.{}", key.name),
                };
                layer.set(path, Setting::new(text, Origin::Flag("test")));
            }
        }
        let (mut set, errors) = built(layer);
        assert!(errors.is_empty(), "{errors:?}");
        (unset.settings, set.settings) = (Layer::default(), Layer::default());
        assert_eq!(format!("{unset:?}"), format!("{set:?}"));
    }

    #[test]
    fn a_value_that_is_shown_is_one_that_is_taken() {
        for section in CATALOGUE.sections().iter().filter(|section| section.name != "sink") {
            for key in section.keys.iter().filter(|key| key.shape != Shape::Secret) {
                let mut layer = Layer::default();
                let prefix = match (section.name, section.is_list) {
                    ("", _) => String::new(),
                    (table, true) => format!("{table}.0."),
                    (table, false) => format!("{table}."),
                };
                if section.name == "device" {
                    layer.set(format!("{prefix}host"), Setting::new("192.0.2.1", Origin::Flag("test")));
                }
                if key.name == "clear_when" || section.name == "pushing" {
                    layer.set(format!("{prefix}serial"), Setting::new("OID1", Origin::Flag("test")));
                }
                let tls = ["listen_tls", "certificate", "certificate_key"];
                if ["push", "server"].contains(&section.name) && tls.contains(&key.name) {
                    for other in section.keys.iter().filter(|other| tls.contains(&other.name)) {
                        let set = Setting::new(other.shown.text(), Origin::Flag("test"));
                        layer.set(format!("{prefix}{}", other.name), set);
                    }
                }
                layer.set(format!("{prefix}{}", key.name), Setting::new(key.shown.text(), Origin::Flag("test")));
                let (_, errors) = built(layer);
                assert!(errors.is_empty(), "{errors:?}");
            }
        }
    }

    fn built(layer: Layer) -> (Config, Vec<crate::config::ConfigError>) {
        let variables = Variables::default();
        Builder::new(layer, &variables, Vec::new()).build()
    }
}
