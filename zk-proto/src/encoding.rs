//! The code page of names. Terminals do not report theirs, so it is a setting.

use alloc::string::String;
use alloc::vec::Vec;

/// The code page of a terminal's texts: UTF-8 by default; with the feature `encoding` also named code pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextEncoding(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Utf8,
    #[cfg(feature = "encoding")]
    Named(&'static encoding_rs::Encoding),
}

impl Default for TextEncoding {
    fn default() -> Self {
        Self::UTF_8
    }
}

impl TextEncoding {
    /// UTF-8, which many TFT terminals use.
    pub const UTF_8: Self = Self(Kind::Utf8);

    /// A code page by its label: `gbk`, `windows-1256`, `big5` and all others of the WHATWG standard, and `cp1256` for
    /// `windows-1256` and the like. `None` if the label is unknown, or names UTF-16 or a replacement, which no terminal
    /// uses.
    #[cfg(feature = "encoding")]
    #[must_use]
    pub fn named(label: &str) -> Option<Self> {
        let windows = label.to_ascii_lowercase();
        let windows = windows.strip_prefix("cp").map(|page| alloc::format!("windows-{page}"));
        let encoding = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())
            .or_else(|| encoding_rs::Encoding::for_label_no_replacement(windows?.as_bytes()))?;
        if encoding == encoding_rs::UTF_8 {
            return Some(Self::UTF_8);
        }
        // UTF-16 is the only one that is not encoded to itself.
        (encoding.output_encoding() == encoding).then_some(Self(Kind::Named(encoding)))
    }

    /// The label of the code page, as [`TextEncoding::named`] accepts it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self.0 {
            Kind::Utf8 => "UTF-8",
            #[cfg(feature = "encoding")]
            Kind::Named(encoding) => encoding.name(),
        }
    }

    /// Decodes bytes; invalid ones become U+FFFD.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        match self.0 {
            Kind::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            #[cfg(feature = "encoding")]
            Kind::Named(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        }
    }

    /// Encodes a text into at most `max` bytes, cut between characters. `None` if a character is missing from the code
    /// page.
    #[must_use]
    pub fn encode(self, text: &str, max: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for char in text.chars() {
            let char = self.encode_char(char)?;
            if bytes.len() + char.len() > max {
                break;
            }
            bytes.extend_from_slice(&char);
        }
        Some(bytes)
    }

    fn encode_char(self, char: char) -> Option<Vec<u8>> {
        let mut buffer = [0; 4];
        let text = char.encode_utf8(&mut buffer);
        match self.0 {
            Kind::Utf8 => Some(text.as_bytes().to_vec()),
            #[cfg(feature = "encoding")]
            Kind::Named(encoding) => {
                let (bytes, _, unmappable) = encoding.encode(text);
                (!unmappable).then(|| bytes.into_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(TextEncoding::UTF_8.encode("Müller", 2).unwrap(), b"M");
    }

    #[cfg(feature = "encoding")]
    #[test]
    fn code_pages_have_their_common_labels() {
        for label in ["gbk", "GB2312", "cp1256", "windows-1256", "big5", "utf-8"] {
            assert!(TextEncoding::named(label).is_some(), "{label}");
        }
        assert_eq!(TextEncoding::named("utf-16"), None);
        assert_eq!(TextEncoding::named("klingon"), None);
    }

    #[cfg(feature = "encoding")]
    #[test]
    fn a_character_that_the_code_page_lacks_is_refused() {
        assert_eq!(TextEncoding::named("cp1256").unwrap().encode("张", 8), None);
    }
}
