//! The screen that a person looks at: its width, and if it has colours.

use std::io::IsTerminal as _;

use console::{Style, Term};

/// The columns of a screen that says nothing about itself, and of a pipe.
pub(crate) const USUAL: u16 = 80;
/// Narrower, no table fits; wider, a line of text is hard to read.
const BOUNDS: (u16, u16) = (40, 160);

/// The columns of stdout.
pub(crate) fn width() -> u16 {
    // Tests expect the usual width, also on a screen.
    if cfg!(test) || !std::io::stdout().is_terminal() {
        return USUAL;
    }
    let (_, columns) = Term::stdout().size_checked().unwrap_or((0, USUAL));
    columns.clamp(BOUNDS.0, BOUNDS.1)
}

/// Returns true if text has to be folded to the width: on a screen. A program that reads a pipe wants whole lines.
pub(crate) fn folds() -> bool {
    // As on a screen, in tests.
    cfg!(test) || std::io::stdout().is_terminal()
}

/// What a word says about a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    /// Somebody should look at it.
    Odd,
    Heading,
}

/// A text in the colour of its tone; as it is in a pipe, with `NO_COLOR`, and on a screen without colours.
pub(crate) fn toned(text: &str, tone: Tone) -> String {
    let style = match tone {
        Tone::Good => Style::new().green(),
        Tone::Bad => Style::new().red().bold(),
        Tone::Odd => Style::new().yellow(),
        Tone::Heading => Style::new().bold(),
    };
    // Tests expect plain text, also on a screen.
    if cfg!(test) { text.to_owned() } else { style.apply_to(text).to_string() }
}
