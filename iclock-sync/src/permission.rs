//! What a terminal that pushes may be ordered to do besides the usual: nothing, unless the configuration says so.

use std::fmt;

/// A permission for commands that open doors, delete everything or replace software.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Permission {
    /// Doors are opened and alarms are ended.
    OpenDoor,
    /// Whole tables are deleted: the log, or all users.
    Clear,
    /// Commands of the terminal's operating system are run, and its files are read and written.
    Shell,
    /// Other firmware is loaded.
    Upgrade,
    /// Options are set that may cut the terminal off from its server.
    Network,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::OpenDoor, Self::Clear, Self::Shell, Self::Upgrade, Self::Network];

    /// The word in a configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenDoor => "open-door",
            Self::Clear => "clear",
            Self::Shell => "shell",
            Self::Upgrade => "upgrade",
            Self::Network => "network",
        }
    }

    /// The permission of a word; `None` for another word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == word)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
