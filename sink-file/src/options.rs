//! The URL and the settings of a file sink.

use std::path::{Path, PathBuf};

use attendance_model::{IdScheme, OptionsError, Settings, SinkUrl};

use crate::Rotation;

/// The form of a line.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// A JSON object on each line.
    JsonLines,
    /// Comma-separated values below one line of names; text in UTF-8, lines end with a line feed.
    Csv,
}

impl Format {
    /// The URL's scheme.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }
}

/// The options of a file sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOptions {
    pub(crate) name: String,
    pub(crate) format: Format,
    /// Absolute.
    pub(crate) path: PathBuf,
    pub(crate) ids: IdScheme,
    pub(crate) rotation: Rotation,
    pub(crate) names: bool,
}

const SETTINGS: [&str; 3] = ["ids", "names", "rotate"];

impl FileOptions {
    /// A file, with ids of the scheme `full`. A relative path starts at the current directory.
    ///
    /// # Errors
    /// [`OptionsError`] for an empty path, or when the current directory is gone.
    pub fn new(name: impl Into<String>, format: Format, path: &Path) -> Result<Self, OptionsError> {
        let path = std::path::absolute(path).map_err(|error| {
            OptionsError::new("url", format!("{}: no path of a file: {error}", path.display()))
                .hint(format!("write {}:PATH", format.as_str()))
        })?;
        Ok(Self { name: name.into(), format, path, ids: IdScheme::Full, rotation: Rotation::Never, names: false })
    }

    /// Sets the ids of the rows.
    #[must_use]
    pub fn ids(mut self, ids: IdScheme) -> Self {
        self.ids = ids;
        self
    }

    /// Sets when a new file is begun. Default: never. Full files get the day in their name
    /// (`events.2026-11-28.jsonl`) and stay in the directory.
    #[must_use]
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.rotation = rotation;
        self
    }

    /// Keeps people's names in a file of their own, next to the events: `attendance.people.csv`. Default: off.
    #[must_use]
    pub fn names(mut self, wanted: bool) -> Self {
        self.names = wanted;
        self
    }

    /// From `jsonl:PATH` or `csv:PATH`. Settings, all optional: `ids`, `full` (the default) or `iclock-sync-v1`;
    /// `names`, `true` for a file of people next to the events; `rotate`, `day` or a size such as
    /// `100MB`. They may also follow the path, as in `csv:events.csv?rotate=day`.
    ///
    /// # Errors
    /// [`OptionsError`] that names what cannot be used. Nothing is opened.
    pub fn parse(name: &str, url: &str, settings: Settings) -> Result<Self, OptionsError> {
        let url = SinkUrl::split(url);
        let mut settings = settings.and_query(url.query)?;
        let mut options = Self::new(name, format_of(&url)?, Path::new(url.path))?;
        options.ids = settings.take_ids()?.unwrap_or(options.ids);
        options.names = settings.take_names()?;
        let rotation = settings.take_parsed("rotate", "day or a size", "write day, or a size like 100MB")?;
        options.rotation = rotation.unwrap_or(options.rotation);
        settings.finish(&SETTINGS)?;
        Ok(options)
    }
}

fn format_of(url: &SinkUrl<'_>) -> Result<Format, OptionsError> {
    let refused = |problem: &str| {
        OptionsError::new("url", format!("{:?} {problem}", url.address)).hint("write jsonl:PATH or csv:PATH")
    };
    let format = match url.scheme {
        "jsonl" => Format::JsonLines,
        "csv" => Format::Csv,
        _ => return Err(refused("names no file sink")),
    };
    // `jsonl://out.jsonl` would be a file in the root directory, which nobody means.
    if url.path.starts_with("//") && !url.path.starts_with("///") {
        return Err(refused("has slashes between the colon and the path"));
    }
    Ok(format)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<FileOptions, OptionsError> {
        FileOptions::parse("file", url, Settings::default())
    }

    #[test]
    fn the_scheme_chooses_the_format() {
        assert_eq!(parse("jsonl:a").unwrap().format, Format::JsonLines);
        assert_eq!(parse("csv:a").unwrap().format, Format::Csv);
    }

    #[test]
    fn a_relative_path_counts_from_the_current_directory() {
        let options = parse("jsonl:out/a.jsonl").unwrap();
        assert_eq!(options.path, std::env::current_dir().unwrap().join("out").join("a.jsonl"));
    }

    #[test]
    fn what_is_no_path_is_refused_with_the_shape_that_is_right() {
        for url in ["jsonl:", "csv:", "jsonl", "json:a", "csv://a.csv", ""] {
            let error = parse(url).unwrap_err();
            assert_eq!(error.key, "url", "{url:?}");
            assert!(error.hint.unwrap().contains(":PATH"), "{url:?}");
        }
    }

    #[test]
    fn settings_are_read_next_to_the_path_or_after_it_and_others_are_unknown() {
        let settings = |key: &str, value: &str| Settings::new([(key.to_owned(), value.to_owned())]);
        let v1 = FileOptions::parse("file", "csv:a", settings("ids", "iclock-sync-v1")).unwrap();
        assert_eq!(v1.ids, IdScheme::IclockSyncV1);
        assert_eq!(parse("csv:a?ids=iclock-sync-v1").unwrap(), v1);
        assert_eq!(parse("csv:a?rotate=50MB").unwrap().rotation, Rotation::Size(50_000_000));
        assert_eq!(parse("csv:a?rotate=1d").unwrap_err().key, "rotate");
        assert_eq!(parse("csv:a?keep=7").unwrap_err().key, "keep");
        assert_eq!(FileOptions::parse("file", "csv:a", settings("ids", "v1")).unwrap_err().key, "ids");
        assert_eq!(FileOptions::parse("file", "csv:a", settings("rotate", "1d")).unwrap_err().key, "rotate");
    }
}
