//! The place where progress is drawn: stderr, with the cursor behind the last word.

use std::io;
use std::sync::{Mutex, PoisonError};

use console::Term;
use indicatif::TermLike;

/// The terminal of stderr.
///
/// Each line of progress is filled with spaces, so that the next one begins below it. After the last one, the cursor
/// would be at the edge: the `^C` that a terminal shows at Ctrl-C would go to the next line, all lines would be one
/// lower than thought, and one would stay. So spaces are written only once something follows.
#[derive(Debug)]
pub(super) struct Canvas {
    term: Term,
    /// The spaces that were not written yet.
    spaces: Mutex<usize>,
}

impl Canvas {
    pub(super) fn stderr() -> Self {
        Self { term: Term::buffered_stderr(), spaces: Mutex::new(0) }
    }

    /// Replaces the number of spaces that were not written yet, and returns it.
    fn hold(&self, spaces: usize) -> usize {
        // Nothing that holds the lock can panic.
        std::mem::replace(&mut *self.spaces.lock().unwrap_or_else(PoisonError::into_inner), spaces)
    }
}

impl TermLike for Canvas {
    fn width(&self) -> u16 {
        self.term.size().1
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.term.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.term.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.term.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.term.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.term.write_str(&" ".repeat(self.hold(0)))?;
        self.term.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.term.write_str(&" ".repeat(self.hold(0)))?;
        if text.chars().all(|letter| letter == ' ') {
            self.hold(text.len());
            return Ok(());
        }
        self.term.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.term.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.hold(0);
        self.term.flush()
    }
}
