//! A punch as one line, in columns that line up.

use unicode_width::UnicodeWidthStr as _;

use super::printable;

/// The columns of an id and of a name. Longer ones move the rest of their line.
const ID: usize = 8;
const NAME: usize = 20;

/// The columns of the terminals' names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns(usize);

/// A punch, in the words of its line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) time: &'a str,
    pub(crate) terminal: &'a str,
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) direction: &'a str,
    /// How the person proved who they are.
    pub(crate) verified_by: &'a str,
}

impl Columns {
    /// The columns that all of these terminals need.
    pub(crate) fn of<'a>(terminals: impl Iterator<Item = &'a str>) -> Self {
        Self(terminals.map(|name| printable(name).width()).max().unwrap_or_default())
    }

    /// A terminal's name, as wide as the longest one.
    pub(crate) fn terminal(self, name: &str) -> String {
        padded(&printable(name), self.0)
    }

    /// The line of a punch.
    pub(crate) fn punch(self, line: Line<'_>) -> String {
        let text = [
            padded(line.time, 19),
            self.terminal(line.terminal),
            padded(&printable(line.id), ID),
            padded(&printable(line.name), NAME),
            padded(line.direction, 3),
            line.verified_by.to_owned(),
        ]
        .join("  ");
        text.trim_end().to_owned()
    }
}

/// The text, followed by spaces up to so many columns.
fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_line_up() {
        assert_eq!(padded("李明", 6), "李明  ");
        assert_eq!(padded("Mariyam", 6), "Mariyam");
    }

    #[test]
    fn a_terminal_with_a_short_name_is_padded_and_a_control_character_is_shown() {
        let columns = Columns::of(["front-gate", "b"].into_iter());
        assert_eq!(columns.terminal("b"), "b         ");
        let line = Line { time: "t", terminal: "b", id: "7", name: "a\u{1b}b", direction: "in", verified_by: "card" };
        assert!(columns.punch(line).contains("a\\u{1b}b"));
    }
}
