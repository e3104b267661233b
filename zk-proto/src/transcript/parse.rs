//! Reading a transcript.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use super::line::{Cause, Failure, Line, Stage, What};

/// A parsed transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    settings: Vec<(String, String)>,
    notes: Vec<String>,
    lines: Vec<Line>,
}

/// Why a text is not a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptError {
    /// The line, from 1.
    pub line: usize,
    /// The expected content.
    pub expected: &'static str,
}

impl fmt::Display for TranscriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the transcript is not {}", self.line, self.expected)
    }
}

impl core::error::Error for TranscriptError {}

impl Transcript {
    /// Parses a transcript. A last line without its line break may be half a line, such as a power cut leaves: it is
    /// left out if it cannot be read.
    ///
    /// # Errors
    /// [`TranscriptError`] names the line.
    pub fn parse(text: &str) -> Result<Self, TranscriptError> {
        let mut transcript = Self::default();
        let mut lines = (1..).zip(text.split_inclusive('\n'));
        if lines.next().is_none_or(|(_, first)| first.trim_end() != super::HEADER) {
            return Err(TranscriptError { line: 1, expected: "the heading \"zk-transcript 1\"" });
        }
        for (line, text) in lines {
            match transcript.add(text.trim_end_matches(['\r', '\n'])) {
                Err(expected) if text.ends_with('\n') => return Err(TranscriptError { line, expected }),
                _ => {}
            }
        }
        Ok(transcript)
    }

    /// Adds a line, or returns what was expected in its place.
    fn add(&mut self, line: &str) -> Result<(), &'static str> {
        match line.split_once(' ') {
            Some(("set", setting)) => {
                let (name, value) = setting.split_once(' ').unwrap_or((setting, ""));
                self.settings.push((name.into(), value.into()));
            }
            Some(("#", note)) => self.notes.push(note.into()),
            Some((at, what)) => {
                let at = at.parse().map_err(|_| "a time, a setting or a note")?;
                let what = parse_what(what.trim_end()).ok_or("something that happened")?;
                self.lines.push(Line { at: Duration::from_micros(at), what });
            }
            None if line.is_empty() || line == "#" => {}
            None => return Err("a time, a setting or a note"),
        }
        Ok(())
    }

    /// Returns the value of a setting.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns the notes in order.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the entries in order.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

fn parse_what(text: &str) -> Option<What> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some(match (word, rest) {
        ("open", "tcp") => What::Open { datagrams: false },
        ("open", "udp") => What::Open { datagrams: true },
        ("opened", "") => What::Opened,
        ("call", "") => What::Call,
        (">", hex) => What::Sent(bytes(hex)?),
        ("<", hex) => What::Received(bytes(hex)?),
        ("idle", "") => What::Idle,
        ("cut", "") => What::Cut,
        ("overdue", "") => What::Overdue,
        ("closed", "") => What::Closed,
        ("failed", rest) => {
            let (stage, cause) = rest.split_once(' ')?;
            let stage = Stage::ALL.into_iter().find(|known| known.name() == stage)?;
            What::Failed(Failure { stage, cause: parse_cause(cause)? })
        }
        _ => return None,
    })
}

fn parse_cause(text: &str) -> Option<Cause> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some(match word {
        "timeout" => Cause::TimedOut,
        "os" => {
            let (code, kind) = rest.split_once(' ')?;
            Cause::Os { code: code.parse().ok()?, kind: kind.into() }
        }
        "kind" => Cause::Kind(rest.into()),
        "text" => {
            let (kind, text) = rest.split_once(' ').unwrap_or((rest, ""));
            Cause::Text { kind: kind.into(), text: text.into() }
        }
        _ => return None,
    })
}

fn bytes(hex: &str) -> Option<Bytes> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    hex.as_bytes().chunks(2).map(pair).collect::<Option<Vec<u8>>>().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn every_line_reads_back_as_it_was_written() {
        let cause = |cause| What::Failed(Failure { stage: Stage::Receive, cause });
        let all = [
            What::Open { datagrams: true },
            What::Open { datagrams: false },
            What::Opened,
            What::Call,
            What::Sent(Bytes::from_static(&[0x50, 0xFF])),
            What::Received(Bytes::from_static(&[0])),
            What::Received(Bytes::new()),
            What::Idle,
            What::Cut,
            What::Overdue,
            What::Closed,
            cause(Cause::TimedOut),
            cause(Cause::Os { code: 104, kind: "ConnectionReset".into() }),
            cause(Cause::Kind("UnexpectedEof".into())),
            cause(Cause::Text { kind: "Other".into(), text: "no such name".into() }),
        ];
        let mut text = alloc::format!("{}\nset port 4370\n# a note\n", crate::transcript::HEADER);
        for what in all.clone() {
            text += &Line { at: Duration::from_micros(17), what }.to_string();
            text.push('\n');
        }
        let read = Transcript::parse(&text).unwrap();
        assert_eq!((read.setting("port"), read.notes()), (Some("4370"), &["a note".into()][..]));
        let whats: Vec<_> = read.lines().iter().map(|line| line.what.clone()).collect();
        assert_eq!(whats, all);
        assert!(read.lines().iter().all(|line| line.at == Duration::from_micros(17)));
    }

    #[test]
    fn what_is_no_transcript_says_where() {
        let at = |text| Transcript::parse(text).unwrap_err().line;
        assert_eq!((at(""), at("GET / HTTP/1.1"), at("zk-transcript 2\n")), (1, 1, 1));
        assert_eq!(at("zk-transcript 1\n1 < 5\n"), 2);
        assert_eq!(at("zk-transcript 1\n\n1 flew\n"), 3);
        assert_eq!(at("zk-transcript 1\nx idle\n"), 2);
    }

    #[test]
    fn half_a_line_at_the_end_is_left_out() {
        let whole = "zk-transcript 1\n1 opened\n";
        let next = "20 failed receive os 104 ConnectionReset";
        let texts = (0..next.len()).map(|cut| alloc::format!("{whole}{}", &next[..cut]));
        assert!(texts.map(|text| Transcript::parse(&text).unwrap().lines().len()).all(|lines| lines <= 2));
        for half in ["2", "2 ", "2 > 5", "2 > 505", "20 fail"] {
            assert_eq!(Transcript::parse(&alloc::format!("{whole}{half}")).unwrap().lines().len(), 1, "{half}");
        }
    }
}
