//! Commands that a server gives a terminal at its poll, and their results.

mod access;
mod attendance;
mod code;
mod control;
mod line;
mod result;
mod user;
mod verb;

use std::fmt;

pub use access::{door_mask, time_slot, time_slot_text};
pub use code::{Outcome, ReturnCode};
pub use control::Control;
pub use line::{Batch as CommandBatch, Received, read, write};
pub use result::CommandResult;
pub use user::UserUpdate;
pub use verb::{Risk, Verb};

/// A command without its number. It has no character that could begin another field or another command.
#[derive(Clone, PartialEq, Eq)]
pub struct Command(String);

/// The number of a command: 1 to 2³¹-1, unique for the terminal. A result names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(u32);

/// A command with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The number.
    pub id: CommandId,
    /// The command.
    pub command: Command,
}

/// The reason why a command cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// A value has a control character: a terminal would read what follows as another field or another command.
    #[error("{what} has a control character (tab, CR, LF, NUL or the like); remove it")]
    ControlCharacter {
        /// The value.
        what: &'static str,
    },
    /// A value is missing.
    #[error("{what} is empty")]
    Empty {
        /// The value.
        what: &'static str,
    },
    /// A value is out of its range.
    #[error("{what} must be {range}")]
    OutOfRange {
        /// The value.
        what: &'static str,
        /// The range.
        range: &'static str,
    },
    /// The command is longer than any terminal takes.
    #[error("command is longer than {max} bytes")]
    TooLong {
        /// The longest command, in bytes.
        max: usize,
    },
    /// The command deletes more than it names: one terminal deletes all users and answers 0.
    #[error("DATA DELETE user takes Pin=…; any other key deletes all users on some terminals")]
    DeletesAll,
}

impl CommandId {
    /// A number. `None` for 0 and beyond 2³¹-1.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        (1..=i32::MAX.unsigned_abs()).contains(&number).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Command {
    /// The longest command, in bytes. Access control terminals refuse more.
    pub const MAX: usize = 4 << 20;

    /// A command by its text, without `C:id:`. Tabs separate its fields.
    ///
    /// # Errors
    /// [`CommandError`]: an empty or too long text, a control character, or a deletion that would delete everything.
    pub fn new(text: impl Into<String>) -> Result<Self, CommandError> {
        let text = text.into();
        if text.trim().is_empty() {
            return Err(CommandError::Empty { what: "command" });
        }
        if text.len() > Self::MAX {
            return Err(CommandError::TooLong { max: Self::MAX });
        }
        if text.chars().any(|character| character.is_control() && character != '\t') {
            return Err(CommandError::ControlCharacter { what: "command" });
        }
        let command = Self(text);
        if command.verb() == Verb::Delete && command.table().is_some_and(|table| table.eq_ignore_ascii_case("user")) {
            let by_user_id = |field: &str| {
                field
                    .split_once('=')
                    .is_some_and(|(key, value)| key.eq_ignore_ascii_case("pin") && !matches!(value.trim(), "" | "*"))
            };
            if !command.arguments().split('\t').next().is_some_and(by_user_id) {
                return Err(CommandError::DeletesAll);
            }
        }
        Ok(command)
    }

    /// The text, without `C:id:`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first words, which say what to do.
    #[must_use]
    pub fn verb(&self) -> Verb {
        Verb::of(&self.0)
    }

    /// How much harm the command can do.
    #[must_use]
    pub fn risk(&self) -> Risk {
        Risk::of(self)
    }

    /// The table of a `DATA` command.
    #[must_use]
    pub fn table(&self) -> Option<&str> {
        let rest = self.verb().rest(&self.0).trim_start();
        let word = rest.split([' ', ',', '\t']).next()?;
        let name = word.strip_prefix("tablename=").unwrap_or(word);
        self.verb().has_table().then_some(name).filter(|name| !name.is_empty() && !name.contains('='))
    }

    /// The text after the verb and the table.
    #[must_use]
    pub fn arguments(&self) -> &str {
        let rest = self.verb().rest(&self.0).trim_start();
        match self.table() {
            Some(table) if rest.starts_with(table) => rest.get(table.len()..).unwrap_or_default().trim_start(),
            _ => rest,
        }
    }
}

/// Shows the verb and the table: fields may contain passwords and templates.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({:?} {} of {} bytes)", self.verb(), self.table().unwrap_or_default(), self.0.len())
    }
}

/// Writes `C:id:command`. A terminal ignores a line without this beginning.
impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C:{}:{}", self.id, self.command.0)
    }
}

/// Builds the fields of a command.
#[derive(Debug, Default)]
struct Builder(String);

impl Builder {
    fn new(start: &str) -> Self {
        Self(start.into())
    }

    /// Adds a field after a space (the first) or a tab.
    fn field(mut self, key: &'static str, value: &str) -> Result<Self, CommandError> {
        if value.chars().any(char::is_control) {
            return Err(CommandError::ControlCharacter { what: key });
        }
        let separator = if self.0.contains('=') { '\t' } else { ' ' };
        self.0.push(separator);
        self.0.push_str(&format!("{key}={value}"));
        Ok(self)
    }

    fn optional(self, key: &'static str, value: Option<&str>) -> Result<Self, CommandError> {
        match value {
            Some(value) => self.field(key, value),
            None => Ok(self),
        }
    }

    fn build(self) -> Result<Command, CommandError> {
        Command::new(self.0)
    }
}

/// Checks a user id of a command: 1 to 24 characters without blanks, `*` and separators.
fn checked_user_id(user_id: &str) -> Result<&str, CommandError> {
    if user_id.is_empty() {
        return Err(CommandError::Empty { what: "user id" });
    }
    if user_id.chars().any(char::is_control) {
        return Err(CommandError::ControlCharacter { what: "user id" });
    }
    if user_id.chars().count() > 24 || user_id.contains([' ', '*', '=', ',', '&']) {
        return Err(CommandError::OutOfRange {
            what: "user id",
            range: "1 to 24 characters without blanks and * = , &",
        });
    }
    Ok(user_id)
}
