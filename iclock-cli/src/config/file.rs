//! The TOML file.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::layers::{ConfigError, Layer, Origin, Setting, line_of};
use super::text::read_text;
use super::{paths, secret};

const IN_QUOTES: &str = "a backslash in double quotes begins an escape: write the path in single quotes, as in \
                         'C:\\iclock\\state', or with /, as in \"C:/iclock/state\"";

/// Reads a TOML file into a layer. Relative paths become relative to the file. Unknown keys are found later, when all
/// layers are known.
pub(crate) fn read(path: &Path) -> Result<Layer, ConfigError> {
    let mut layer = parse(path, &read_text(path)?)?;
    paths::rebase(&mut layer, &paths::directory_of(path));
    Ok(layer)
}

fn parse(path: &Path, text: &str) -> Result<Layer, ConfigError> {
    let table =
        DeTable::parse(text).map_err(|error| {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            let has_backslash =
                text.lines().nth(line - 1).is_some_and(|line| line.contains('"') && line.contains('\\'));
            let shape = "correct the line; `[[device]]` and `[[sink]]` begin an entry, `key = \"value\"` is a setting";
            ConfigError::new(Some(Origin::File(path.to_owned(), line)), "TOML", error.message())
                .hint(if has_backslash { IN_QUOTES } else { shape })
        })?;
    let mut reader = Reader { path, text, layer: Layer::default() };
    reader.table("", table.get_ref())?;
    Ok(reader.layer)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    layer: Layer,
}

impl Reader<'_> {
    fn origin(&self, byte: usize) -> Origin {
        Origin::File(self.path.to_owned(), line_of(self.text, byte))
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>) -> Result<(), ConfigError> {
        for (key, value) in table {
            self.value(&format!("{prefix}{}", key.get_ref()), key.span().start, value)?;
        }
        Ok(())
    }

    fn value(&mut self, path: &str, at: usize, value: &Spanned<DeValue<'_>>) -> Result<(), ConfigError> {
        let origin = self.origin(at);
        match value.get_ref() {
            DeValue::Table(table) => return self.table(&format!("{path}."), table),
            DeValue::Array(items) if items.iter().all(|item| matches!(item.get_ref(), DeValue::Table(_))) => {
                for (n, item) in items.iter().enumerate() {
                    self.value(&format!("{path}.{n}"), item.span().start, item)?;
                }
            }
            DeValue::Array(items) => {
                let texts: Option<Vec<String>> = items.iter().map(|item| scalar(item.get_ref())).collect();
                let texts = texts.ok_or_else(|| {
                    ConfigError::new(Some(origin.clone()), path, "is a list of lists").hint("write a list of values")
                })?;
                self.layer.set(path, Setting::new(texts.join(","), origin));
            }
            other => {
                // The arms above took tables and arrays.
                let text = scalar(other).unwrap_or_default();
                let written = self.text.get(value.span()).unwrap_or_default();
                // "C:\temp" is C:, a tab, and emp.
                if text.contains(char::is_control) && written.starts_with('"') && !secret::is_secret(path) {
                    let error = ConfigError::new(Some(origin), path, "contains a control character");
                    return Err(error.hint(IN_QUOTES));
                }
                self.layer.set(path, Setting::new(text, origin));
            }
        }
        Ok(())
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Datetime(time) => Some(time.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_keeps_its_line() {
        let text = "interval = \"5m\"\n\n[[device]]\nname = \"a\"\nport = 4370\n[[device]]\nname = \"b\"\n";
        let layer = parse(Path::new("x.toml"), text).unwrap();
        let at = |line| Origin::File("x.toml".into(), line);
        assert_eq!(layer.get("interval"), Some(&Setting::new("5m", at(1))));
        assert_eq!(layer.get("device.0.port"), Some(&Setting::new("4370", at(5))));
        assert_eq!(layer.get("device.1.name"), Some(&Setting::new("b", at(7))));
    }

    #[test]
    fn a_backslash_in_double_quotes_is_explained() {
        for line in [r#"state_dir = "C:\data""#, r#"state_dir = "C:\temp""#, r#"state_dir = "C:\Users\new""#] {
            let error = parse(Path::new("x.toml"), &format!("interval = \"5m\"\n{line}\n")).unwrap_err();
            assert_eq!(error.origin, Some(Origin::File("x.toml".into(), 2)), "{line}");
            assert!(error.hint.unwrap().contains("single quotes"), "{line}");
        }
        let layer = parse(Path::new("x.toml"), r"state_dir = 'C:\temp'").unwrap();
        assert_eq!(layer.get("state_dir").map(|setting| setting.text.as_str()), Some(r"C:\temp"));
    }

    #[test]
    fn a_syntax_error_is_named_by_file_and_line() {
        let error = parse(Path::new("x.toml"), "interval = \"5m\"\nhost 192.0.2.1\n").unwrap_err();
        assert_eq!(error.origin, Some(Origin::File("x.toml".into(), 2)));
    }
}
