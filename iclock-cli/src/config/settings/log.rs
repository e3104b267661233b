//! The keys of `[log]`.

use super::super::LogConfig;
use super::super::key::Shape::{Path, Switch, Whole};
use super::super::key::Shown::{ByDefault, Example};
use super::super::key::{Entry, choice, key, parsed, put, whole};

pub(in crate::config) fn entries() -> Vec<Entry<LogConfig>> {
    vec![
        key(
            "dir",
            Path,
            Example("logs"),
            "Directory of the files sync_YYYYMMDD_HHMMSS.log. A start continues the last of them.",
            |log: &mut LogConfig, text| put(&mut log.dir, Ok(Some(text.into()))),
        ),
        choice(
            "format",
            "format",
            [("text", false), ("json", true)],
            ByDefault("text"),
            "text, or json for an object on each line.",
            |log: &mut LogConfig, json| put(&mut log.json, Ok(json)),
        ),
        key(
            "size",
            Whole(0, usize::MAX as u64),
            ByDefault("10485760"),
            "The bytes at which a new file begins.",
            |log: &mut LogConfig, text| put(&mut log.size, whole(text)),
        ),
        key(
            "keep",
            Whole(0, usize::MAX as u64),
            ByDefault("10"),
            "The files that are kept: at most keep times size bytes, however often the program starts.",
            |log: &mut LogConfig, text| put(&mut log.keep, whole(text)),
        ),
        key(
            "per_terminal",
            Switch,
            ByDefault("false"),
            "Each terminal also has a file of its own, terminal-NAME.log, which the next start continues.",
            |log: &mut LogConfig, text| put(&mut log.per_terminal, parsed(text, "true or false")),
        ),
    ]
}
