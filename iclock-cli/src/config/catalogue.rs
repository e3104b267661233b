//! The keys of all tables: known ones, the nearest to a mistyped one, and the names of their variables.

use super::key::{Entry, Key};
use crate::words::most_alike;

/// A table of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    /// Empty for the settings outside any table.
    pub(super) name: &'static str,
    /// The table repeats: a terminal or a sink is an entry of a list.
    pub(super) is_list: bool,
    pub(super) doc: &'static str,
    pub(super) keys: Vec<Key>,
}

/// All tables.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue(Vec<Section>);

impl Section {
    pub(super) fn top<T>(entries: &[Entry<T>]) -> Self {
        Self::table("", "", entries)
    }

    pub(super) fn table<T>(name: &'static str, doc: &'static str, entries: &[Entry<T>]) -> Self {
        Self { is_list: false, ..Self::list(name, doc, entries) }
    }

    pub(super) fn list<T>(name: &'static str, doc: &'static str, entries: &[Entry<T>]) -> Self {
        Self::of_keys(name, doc, entries.iter().map(|entry| entry.key.clone()).collect())
    }

    /// A list whose keys are read elsewhere.
    pub(super) fn of_keys(name: &'static str, doc: &'static str, keys: Vec<Key>) -> Self {
        Self { name, is_list: true, doc, keys }
    }

    /// The head of the table in a file, as in `[log]`; empty for the settings outside any table.
    pub(super) fn head(&self) -> String {
        match (self.name, self.is_list) {
            ("", _) => String::new(),
            (name, true) => format!("[[{name}]]"),
            (name, false) => format!("[{name}]"),
        }
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name)
    }
}

impl Catalogue {
    pub(super) fn new(sections: impl IntoIterator<Item = Section>) -> Self {
        Self(sections.into_iter().collect())
    }

    pub(super) fn sections(&self) -> &[Section] {
        &self.0
    }

    /// The key at a path, such as `interval`, `schedule.factor` or `device.0.host`.
    pub(crate) fn find(&self, path: &str) -> Option<&Key> {
        let (table, name) = path.rsplit_once('.').unwrap_or(("", path));
        let (table, index) = match table.split_once('.') {
            Some((table, index)) => (table, Some(index)),
            None => (table, None),
        };
        let section = self.0.iter().find(|section| section.name == table)?;
        let is_entry = index.is_some_and(|index| index.parse::<usize>().is_ok());
        let fits = if section.is_list { is_entry } else { index.is_none() };
        section.keys.iter().find(|key| fits && key.name == name)
    }

    /// The table that a path is in, also if it has no such key: that of terminals for `device.0.hots`.
    fn around(&self, path: &str) -> Option<&Section> {
        let table = path.split_once('.').map_or("", |(table, _)| table);
        let named = |name: &str| self.0.iter().find(|section| section.name == name);
        named(table).or_else(|| named(""))
    }

    /// The known keys of the table that a path is in, for a message.
    pub(super) fn listed(&self, path: &str) -> String {
        let keys = self.around(path).into_iter().flat_map(Section::names).map(str::to_owned);
        let heads = self.0.iter().map(Section::head).filter(|head| !path.contains('.') && !head.is_empty());
        keys.chain(heads).collect::<Vec<_>>().join(", ")
    }

    /// The known key of the same table whose spelling is the nearest.
    pub(super) fn nearest(&self, path: &str) -> Option<&'static str> {
        let name = path.rsplit('.').next().unwrap_or(path);
        most_alike(name, self.around(path)?.names(), |known| known)
    }

    /// The path that a variable names, without `ICLOCK_`: `device_0_comm_key` is `device.0.comm_key`.
    pub(super) fn path_of_variable(&self, name: &str) -> String {
        for section in self.0.iter().filter(|section| !section.name.is_empty()) {
            let Some(rest) = name.strip_prefix(section.name).and_then(|rest| rest.strip_prefix('_')) else { continue };
            if !section.is_list {
                return format!("{}.{rest}", section.name);
            }
            if let Some((index, key)) = rest.split_once('_').filter(|(index, _)| index.parse::<usize>().is_ok()) {
                return format!("{}.{index}.{key}", section.name);
            }
        }
        name.to_owned()
    }

    /// The variable of a setting whose spelling is the nearest to `name`, which begins with `ICLOCK_`.
    pub(super) fn nearest_variable(&self, name: &str) -> String {
        let index = name.split('_').find(|part| part.parse::<usize>().is_ok()).unwrap_or("0");
        let mut all = vec!["config".to_owned()];
        for section in &self.0 {
            let prefix = match (section.name, section.is_list) {
                ("", _) => String::new(),
                (table, true) => format!("{table}_{index}_"),
                (table, false) => format!("{table}_"),
            };
            all.extend(section.names().map(|key| format!("{prefix}{key}")));
        }
        let rest = name.strip_prefix("ICLOCK_").unwrap_or(name).to_ascii_lowercase();
        let nearest = most_alike(&rest, all, |known| known).unwrap_or_default();
        format!("ICLOCK_{}", nearest.to_ascii_uppercase())
    }
}
