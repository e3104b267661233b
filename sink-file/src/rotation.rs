//! The end of a file that is full, and the names of full files.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use chrono::NaiveDate;

/// The moment at which a new file is begun.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// Never.
    #[default]
    Never,
    /// At the first write of each of the host's days.
    Daily,
    /// When the file would grow beyond so many bytes. A single batch that is longer still goes into one file.
    Size(u64),
}

/// Text that is no rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither day nor a size such as 100MB")]
pub struct UnknownRotation;

impl FromStr for Rotation {
    type Err = UnknownRotation;

    /// `never`, `day`, or a number of bytes with or without `kB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "never" => return Ok(Self::Never),
            "day" => return Ok(Self::Daily),
            _ => {}
        }
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            _ => return Err(UnknownRotation),
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        bytes.filter(|bytes| *bytes > 0).map(Self::Size).ok_or(UnknownRotation)
    }
}

impl Rotation {
    /// Returns true if a file of `length` bytes, last written on `day`, is full for `more` bytes on `today`.
    pub(crate) fn is_due(self, length: u64, day: NaiveDate, more: u64, today: NaiveDate) -> bool {
        match self {
            Self::Never => false,
            Self::Daily => day < today,
            Self::Size(most) => length + more > most,
        }
    }
}

/// The files that were rotated out of `live`, oldest first: `events.2026-11-28.jsonl`, `events.2026-11-28.2.jsonl` and
/// so on.
pub(crate) fn rotated(live: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(directory) = live.parent() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if let Some(place) = place_of(live, &entry.file_name()) {
            found.push((place, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// A name that no rotated file has yet, after those of the same day.
pub(crate) fn next_name(live: &Path, day: NaiveDate) -> io::Result<PathBuf> {
    let of_the_day = rotated(live)?;
    let numbers = of_the_day.iter().filter_map(|path| place_of(live, path.file_name()?));
    let last = numbers.filter(|(other, _)| *other == day).map(|(_, number)| number).max();
    let mut number = last.map_or(1, |last| last.saturating_add(1));
    loop {
        let path = live.with_file_name(name_of(live, day, number));
        // A foreign file may have the name.
        if !path.try_exists()? {
            return Ok(path);
        }
        number = number.saturating_add(1);
    }
}

fn name_of(live: &Path, day: NaiveDate, number: u32) -> String {
    let (stem, extension) = parts(live);
    let number = if number == 1 { String::new() } else { format!(".{number}") };
    format!("{stem}.{day}{number}{extension}")
}

/// Day and number in the name of a rotated file; `None` for any other.
fn place_of(live: &Path, name: &OsStr) -> Option<(NaiveDate, u32)> {
    let (stem, extension) = parts(live);
    let middle = name.to_str()?.strip_prefix(&stem)?.strip_prefix('.')?.strip_suffix(&extension)?;
    let (day, number) = middle.split_once('.').unwrap_or((middle, "1"));
    let place = (day.parse().ok()?, number.parse().ok()?);
    // Only the names that we give: no `2026-1-5`, no `.01`.
    (name.to_str()? == name_of(live, place.0, place.1)).then_some(place)
}

/// The name without what follows its last dot, and that with the dot.
fn parts(live: &Path) -> (String, String) {
    let text = |part: Option<&OsStr>| part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default();
    let extension = live.extension().map(|_| format!(".{}", text(live.extension()))).unwrap_or_default();
    (text(live.file_stem()), extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in [("4096", 4_096), ("100MB", 100_000_000), ("50 MiB", 50 << 20), ("1gib", 1 << 30)] {
            assert_eq!(text.parse(), Ok(Rotation::Size(bytes)), "{text}");
        }
        for text in ["", "0", "MB", "weekly", "1.5MB", "-1", "99999999999GB"] {
            assert_eq!(text.parse::<Rotation>(), Err(UnknownRotation), "{text}");
        }
        assert_eq!("day".parse(), Ok(Rotation::Daily));
    }

    #[test]
    fn rotated_files_are_found_in_order_and_others_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let live = directory.path().join("events.jsonl");
        let names = [
            "events.2026-11-28.10.jsonl",
            "events.2026-11-28.2.jsonl",
            "events.2026-11-28.jsonl",
            "events.2026-11-27.jsonl",
            "events.jsonl",
            "events.2026-11-28.jsonl.gz",
            "events.2026-13-01.jsonl",
            "events.2026-11-28.02.jsonl",
            "other.2026-11-28.jsonl",
        ];
        for name in names {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let found: Vec<_> = rotated(&live).unwrap().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        let order = [names[3], names[2], names[1], names[0]];
        assert_eq!(found, order);
        let next = next_name(&live, day("2026-11-28")).unwrap();
        assert_eq!(next.file_name().unwrap(), "events.2026-11-28.11.jsonl");
        assert_eq!(next_name(&live, day("2026-11-29")).unwrap().file_name().unwrap(), "events.2026-11-29.jsonl");
    }

    #[test]
    fn a_name_without_an_extension_serves_too() {
        let directory = tempfile::tempdir().unwrap();
        let live = directory.path().join("events");
        let next = next_name(&live, day("2026-11-28")).unwrap();
        assert_eq!(next.file_name().unwrap(), "events.2026-11-28");
        std::fs::write(&next, "").unwrap();
        assert_eq!(rotated(&live).unwrap(), [next]);
    }
}
