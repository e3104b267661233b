//! Text files, as editors on all systems write them.

use std::path::Path;
use std::{fs, io};

use super::layers::ConfigError;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The reason why a file could not be read as text.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) problem: String,
    pub(super) hint: &'static str,
}

/// Reads a file of UTF-8, without the byte order mark that editors on Windows add.
pub(super) fn read(path: &Path) -> Result<String, Unreadable> {
    fs::read(path).map_err(Unreadable::from).and_then(decode)
}

/// Reads a file of the configuration.
pub(super) fn read_text(path: &Path) -> Result<String, ConfigError> {
    read(path).map_err(|error| {
        ConfigError::new(None, path.display().to_string(), format!("cannot be read: {}", error.problem))
            .hint(error.hint)
    })
}

fn decode(mut bytes: Vec<u8>) -> Result<String, Unreadable> {
    let wrong = |problem: String| Unreadable { problem, hint: "save it as UTF-8" };
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    // UTF-8 text has no zero bytes; in UTF-16 each Latin letter has one.
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.contains(&0) {
        return Err(wrong("it is UTF-16, not UTF-8".to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        wrong(format!("it is not UTF-8 (line {line})"))
    })
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self {
            problem: error.to_string(),
            hint: "check the path, and that the user that runs this program may read it",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(decode(b"\xef\xbb\xbfa = 1".to_vec()).unwrap(), "a = 1");
        assert_eq!(decode(b"a = 1".to_vec()).unwrap(), "a = 1");
    }

    #[test]
    fn utf_16_is_named_with_a_mark_and_without() {
        for bytes in [&b"\xff\xfea\0"[..], b"\xfe\xff\0a", b"a\0=\0"] {
            let error = decode(bytes.to_vec()).unwrap_err();
            assert!(error.problem.contains("UTF-16") && error.hint.contains("save it as UTF-8"), "{error:?}");
        }
    }

    #[test]
    fn another_encoding_is_named_by_its_line() {
        assert!(decode(b"a\nb\n\xe9".to_vec()).unwrap_err().problem.contains("line 3"));
    }
}
