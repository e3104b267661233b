//! User ids with bytes that are no text.
//!
//! zk-proto writes such a byte as U+FFFD and two hexadecimal digits, so that it stays visible: `35 D2` is `5\u{FFFD}D2`
//! and never user `5`.

use crate::person::is_python_space;

const MARK: char = char::REPLACEMENT_CHARACTER;

/// Returns true if the id has bytes that are no text, or control characters that are no white space to Python.
pub(crate) fn is_undecodable(user_id: &str) -> bool {
    user_id.chars().any(|c| c == MARK || (c.is_control() && !is_python_space(c)))
}

/// The id as the Python tool read it: the bytes that are no text are left out.
pub(crate) fn without_undecodable(user_id: &str) -> String {
    let mut bytes = Vec::with_capacity(user_id.len());
    let mut pieces = user_id.split(MARK);
    bytes.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let marked = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (marked, piece.get(2..)) {
            (Some(byte), Some(rest)) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            // Not a mark of zk-proto: somebody else already lost the text.
            _ => bytes.extend_from_slice(piece.as_bytes()),
        }
    }
    // Marked bytes that are text together are the character U+FFFD itself.
    bytes.utf8_chunks().map(|chunk| chunk.valid()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_control_characters_are_no_text() {
        for id in ["5\u{FFFD}D2", "\u{FFFD}D25", "\u{FFFD}D2", "5\u{3}", "5\u{7f}"] {
            assert!(is_undecodable(id), "{id:?}");
        }
        for id in ["5", "", "\t42\n", "\u{664}\u{662}", "NB2401004"] {
            assert!(!is_undecodable(id), "{id:?}");
        }
    }

    #[test]
    fn the_python_tool_left_the_bytes_out() {
        for (id, read) in
            [("5\u{FFFD}D2", "5"), ("\u{FFFD}D25", "5"), ("\u{FFFD}D2", ""), ("5\u{3}", "5\u{3}"), ("5\u{FFFD}", "5")]
        {
            assert_eq!(without_undecodable(id), read, "{id:?}");
        }
        // Python decodes these three bytes, and keeps what they stand for.
        assert_eq!(without_undecodable("5\u{FFFD}EF\u{FFFD}BF\u{FFFD}BD"), "5\u{FFFD}");
    }
}
