//! What is sent: the changes of one moment, or those of quiet hours together.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::condition::{Kind, Subject};

/// A change: something is bad, or is good again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Line {
    /// What it is about.
    pub subject: Subject,
    /// True if it is good again.
    pub is_over: bool,
    /// What is or was bad.
    pub text: String,
    /// The time since which it is, or was, bad.
    pub since: DateTime<Utc>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// The time.
    pub at: DateTime<Utc>,
    /// The changes, in their order.
    pub lines: Vec<Line>,
    /// How much is bad after them.
    pub open: usize,
    /// They are those of quiet hours.
    pub is_digest: bool,
}

impl Line {
    /// The change as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Subject { kind, name } = &self.subject;
        let whose = match kind {
            Kind::Sink => format!("sink {name}"),
            Kind::Disk => "the disk of the state directory".to_owned(),
            _ => format!("terminal {name}"),
        };
        let since = self.since.format("%Y-%m-%d %H:%M UTC");
        match self.is_over {
            false => format!("{whose}: {} (since {since})", self.text),
            true => format!("{whose} is well again; since {since} it was: {}", self.text),
        }
    }
}

impl Message {
    /// A message that says that messages arrive.
    #[must_use]
    pub fn test(at: DateTime<Utc>) -> Self {
        Self { at, lines: Vec::new(), open: 0, is_digest: false }
    }

    /// The title, in one line.
    #[must_use]
    pub fn title(&self) -> String {
        let begun = self.lines.iter().filter(|line| !line.is_over).count();
        match (begun, self.lines.len() - begun, self.open) {
            (0, 0, _) => "iclock: a test, nothing is wrong".to_owned(),
            (0, _, 0) => "iclock: all clear".to_owned(),
            (0, over, open) => format!("iclock: {over} well again, {open} still wrong"),
            (begun, 0, _) => format!("iclock: {begun} new problem{}", if begun == 1 { "" } else { "s" }),
            (begun, over, _) => {
                format!("iclock: {begun} new problem{}, {over} well again", if begun == 1 { "" } else { "s" })
            }
        }
    }

    /// The text: a line for each change.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.is_digest {
            text.push_str("In the quiet hours:\n");
        }
        for line in &self.lines {
            // A name or an error of a terminal makes no line of its own.
            let _ = writeln!(text, "{}", line.sentence().replace(char::is_control, " "));
        }
        if self.lines.is_empty() {
            text.push_str("Alerts of this program arrive here.\n");
        }
        text
    }
}
