//! A key of the configuration: its name, the shape of its value, the value that is shown for it, and how it is read.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use chrono::NaiveTime;

use super::duration;

const SECOND: Duration = Duration::from_secs(1);

/// The facts about a key: for hints, the environment, the schema and the example.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) shown: Shown,
    /// Sentences for the example and for editors.
    pub(super) doc: &'static str,
    /// The backends that take the key, by the scheme of their URL; empty if it is not a sink's, or every sink takes it.
    pub(super) backends: &'static [&'static str],
}

/// The shape of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Text,
    /// A file or a directory; relative to the configuration file.
    Path,
    /// A secret, or a reference to one: `ENV:NAME`, `FILE:PATH`.
    Secret,
    /// A whole number of at least and at most these.
    Whole(u64, u64),
    /// A number of at least and at most these.
    Number(f64, f64),
    /// A span of time; a bare number counts seconds.
    Span,
    /// One of these words.
    OneOf(Vec<&'static str>),
    /// True or false.
    Switch,
    /// A list of texts. As one text, it has commas between them.
    List,
}

/// The value that the example and the schema show, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// In force if the key is not set.
    ByDefault(&'static str),
    /// One of many; without the key there is none.
    Example(&'static str),
    /// As [`Shown::Example`]; most configurations have one, so the example sets it.
    Usual(&'static str),
    /// As [`Shown::Usual`]; without the key, the entry is an error.
    Required(&'static str),
    /// The only value that there is. Not in the example.
    Fixed(&'static str),
}

/// A key and how its text changes a draft of the configuration.
pub(super) struct Entry<T> {
    pub(super) key: Key,
    read: Box<Read<T>>,
}

type Read<T> = dyn Fn(&mut T, &str) -> Result<(), Wrong>;

/// A value that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) problem: String,
    pub(super) hint: String,
}

impl Key {
    pub(super) fn new(name: &'static str, shape: Shape, shown: Shown, doc: &'static str) -> Self {
        Self { name, shape, shown, doc, backends: &[] }
    }

    /// Limits a sink's key to some backends.
    pub(super) fn of(mut self, backends: &'static [&'static str]) -> Self {
        self.backends = backends;
        self
    }
}

impl Shown {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::ByDefault(text)
            | Self::Example(text)
            | Self::Usual(text)
            | Self::Required(text)
            | Self::Fixed(text) => text,
        }
    }
}

impl<T> Entry<T> {
    /// Changes the draft by the text of a setting.
    pub(super) fn read(&self, draft: &mut T, text: &str) -> Result<(), Wrong> {
        (self.read)(draft, text)
    }
}

impl Wrong {
    pub(super) fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: hint.into() }
    }
}

/// An entry of a table.
pub(super) fn key<T>(
    name: &'static str,
    shape: Shape,
    shown: Shown,
    doc: &'static str,
    read: impl Fn(&mut T, &str) -> Result<(), Wrong> + 'static,
) -> Entry<T> {
    Entry { key: Key::new(name, shape, shown, doc), read: Box::new(read) }
}

/// An entry of a table whose value is one of some words; `what` names the kind of word.
pub(super) fn choice<T, V: Clone + 'static>(
    name: &'static str,
    what: &'static str,
    words: impl IntoIterator<Item = (&'static str, V)>,
    shown: Shown,
    doc: &'static str,
    set: impl Fn(&mut T, V) -> Result<(), Wrong> + 'static,
) -> Entry<T> {
    let words: Vec<(&'static str, V)> = words.into_iter().collect();
    let known: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
    let hint = format!("write {}", alternatives(&known));
    key(name, Shape::OneOf(known), shown, doc, move |draft, text| match words.iter().find(|(word, _)| *word == text) {
        Some((_, value)) => set(draft, value.clone()),
        None => Err(Wrong::new(format!("{text:?} is no {what}"), &hint)),
    })
}

/// `a, b or c`.
fn alternatives(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [words @ .., last] => format!("{} or {last}", words.join(", ")),
    }
}

/// Puts a value in its place, unless it is wrong.
pub(super) fn put<V>(place: &mut V, value: Result<V, Wrong>) -> Result<(), Wrong> {
    *place = value?;
    Ok(())
}

/// A value that parses; `expected` says what would be right.
pub(super) fn parsed<V: FromStr>(text: &str, expected: impl Display) -> Result<V, Wrong> {
    let wrong = |_| Wrong::new(format!("{text:?} is not {expected}"), format!("write {expected}"));
    text.trim().parse().map_err(wrong)
}

/// A whole number that fits its place.
pub(super) fn whole<V: FromStr>(text: &str) -> Result<V, Wrong> {
    parsed(text, "a whole number")
}

/// A time of the day.
pub(super) fn time(text: &str) -> Result<NaiveTime, Wrong> {
    let wrong = |_| Wrong::new(format!("{text:?} is no time"), "write it like 06:00");
    NaiveTime::parse_from_str(text, "%H:%M").map_err(wrong)
}

/// A span above 0; a bare number counts seconds.
pub(super) fn span(text: &str) -> Result<Duration, Wrong> {
    duration::parse(text, SECOND).filter(|span| !span.is_zero()).ok_or_else(|| {
        let hint = "write it like 30s, 5m or 1h 30m; a bare number counts seconds";
        Wrong::new(format!("{text:?} is not a valid span of time above 0"), hint)
    })
}
