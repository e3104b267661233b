//! Text as terminals send it: bytes in an unknown code page, kept as they came.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

/// A value of the wire. Terminals send UTF-8, but Chinese ones GBK, and some firmware sends neither.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Bytes);

/// The code page that is tried when a value is not UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fallback {
    /// Each byte is one character. This never fails.
    #[default]
    Latin1,
    /// GB 18030, which includes GBK and GB 2312: terminals whose language is 83 (`language=83`).
    Gbk,
}

/// How a value was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePage {
    /// UTF-8.
    Utf8,
    /// GB 18030.
    Gbk,
    /// Latin-1, as the last resort: the characters may be wrong.
    Latin1,
}

impl Fallback {
    /// Returns the fallback for a terminal's `language` parameter: the code of a letter, 83 for simplified Chinese.
    #[must_use]
    pub fn of_language(language: Option<&Text>) -> Self {
        if language.is_some_and(|language| language.as_bytes() == b"83") { Self::Gbk } else { Self::Latin1 }
    }
}

impl Text {
    /// The bytes as they came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns true if there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, if it is UTF-8.
    #[must_use]
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Decodes the value for storage: as UTF-8, else in the fallback, else as Latin-1. NUL becomes U+FFFD, because many
    /// databases refuse it.
    #[must_use]
    pub fn decode(&self, fallback: Fallback) -> (String, CodePage) {
        let (text, page) = match (std::str::from_utf8(&self.0), fallback) {
            (Ok(text), _) => (Cow::Borrowed(text), CodePage::Utf8),
            (Err(_), Fallback::Latin1) => (latin1(&self.0), CodePage::Latin1),
            (Err(_), Fallback::Gbk) => match encoding_rs::GB18030.decode_without_bom_handling(&self.0) {
                (text, false) => (text, CodePage::Gbk),
                (_, true) => (latin1(&self.0), CodePage::Latin1),
            },
        };
        (text.replace('\0', "\u{FFFD}"), page)
    }

    /// Reads a decimal number with an optional sign. `None` for anything else, an empty value included.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        let text = self.to_str()?.trim_matches(' ');
        // A number of more digits is no number that the protocol has.
        if text.len() > 20 { None } else { text.parse().ok() }
    }

    /// Returns true if the bytes equal a name, ignoring the case of ASCII letters.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The shared bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

fn latin1(bytes: &[u8]) -> Cow<'static, str> {
    Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Shows bytes that are not UTF-8 as U+FFFD.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl From<Bytes> for Text {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &'static [u8]) -> Text {
        Text(Bytes::from_static(bytes))
    }

    #[test]
    fn a_name_in_gbk_is_read_when_the_language_says_so() {
        // 张三
        let name = text(b"\xD5\xC5\xC8\xFD");
        assert_eq!(name.decode(Fallback::of_language(Some(&"83".into()))), ("张三".into(), CodePage::Gbk));
        assert_eq!(name.decode(Fallback::of_language(Some(&"69".into()))).1, CodePage::Latin1);
        assert_eq!(text("张三".as_bytes()).decode(Fallback::Gbk).1, CodePage::Utf8);
    }

    #[test]
    fn any_bytes_decode_and_nul_does_not_reach_the_storage() {
        assert_eq!(text(b"A\0B").decode(Fallback::Latin1).0, "A\u{FFFD}B");
        assert_eq!(text(b"\xFF\xFF").decode(Fallback::Gbk), ("\u{FF}\u{FF}".into(), CodePage::Latin1));
    }

    #[test]
    fn a_number_is_read_whole_or_not_at_all() {
        assert_eq!(text(b"-1").number(), Some(-1));
        assert_eq!(text(b"12 ").number(), Some(12));
        assert_eq!(text(b"-9223372036854775808").number(), Some(i64::MIN));
        for bad in [&b""[..], b"1x", b"0x10", b"9223372036854775808", b"1.5", b"\xB2"] {
            assert_eq!(Text(Bytes::copy_from_slice(bad)).number(), None, "{bad:?}");
        }
    }
}
