//! Output: stdout is data, stderr is for people.

pub(crate) mod drift;
pub(crate) mod human;
pub(crate) mod printed;
pub(crate) mod progress;
pub(crate) mod punch;
pub(crate) mod screen;
pub(crate) mod sheet;

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use iclock_sync::words::{counted, grouped};

/// Set once data could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// Writes a line of data. A reader that went away (`| head`) is not a failure. A full disk is reported, and the command
/// fails at its end ([`is_lost`]).
pub(crate) fn line(text: impl Display) {
    self::text(format_args!("{text}\n"));
}

/// Writes data as it is, like [`line()`]. Returns false if nobody reads the rest.
pub(crate) fn text(text: impl Display) -> bool {
    let mut stdout = std::io::stdout().lock();
    let Err(error) = write!(stdout, "{text}").and_then(|()| stdout.flush()) else { return true };
    lose(&error);
    false
}

/// Says that data could not be written. A reader that went away is not a failure.
pub(crate) fn lose(error: &std::io::Error) {
    if error.kind() != ErrorKind::BrokenPipe && !LOST.swap(true, Ordering::Relaxed) {
        let error = iclock_sync::chain(error);
        eprintln!("error: cannot write to stdout: {error}\n  try: make room where the output goes");
    }
}

/// Writes a line of JSON.
pub(crate) fn json(value: impl serde::Serialize) {
    match serde_json::to_string(&value) {
        Ok(json) => line(json),
        Err(error) => {
            LOST.store(true, Ordering::Relaxed);
            eprintln!("error: cannot write JSON: {error}\n  try: leave out --json, and report this");
        }
    }
}

/// A text of a terminal as it can be shown. Control characters could change the screen.
pub(crate) fn printable(text: &str) -> String {
    if text.contains(char::is_control) { text.escape_debug().to_string() } else { text.to_owned() }
}

/// Returns true if some data could not be written.
pub(crate) fn is_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Seconds or minutes, as a person says them.
pub(crate) fn spoken(milliseconds: u64) -> String {
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..60_000 => format!("{:.1} s", milliseconds as f64 / 1000.0),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds / 1000 % 60),
    }
}
