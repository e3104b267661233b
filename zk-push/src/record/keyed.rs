//! Records of keyed fields: users, templates, photos, identity cards, errors, events and states.

use std::borrow::Cow;
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::line::LineError;
use crate::{Fields, Text};

/// A line `TAG key=value␉key=value`. Some tables leave the tag out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRecord {
    /// What the record is about: the tag in lower case, or the table's kind.
    pub kind: Kind,
    /// The tag as it came, if it came.
    pub tag: Option<Text>,
    /// The fields as they came.
    pub fields: Fields,
}

/// What a keyed record is about: a tag in lower case. The set is open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kind(Cow<'static, str>);

impl Kind {
    /// A user.
    pub const USER: Self = Self::known("user");
    /// A fingerprint template of the attendance dialect.
    pub const FINGERPRINT: Self = Self::known("fp");
    /// A fingerprint template of the access control dialect.
    pub const TEMPLATE: Self = Self::known("templatev10");
    /// A face template.
    pub const FACE: Self = Self::known("face");
    /// A finger vein template.
    pub const FINGER_VEIN: Self = Self::known("fvein");
    /// A template of any kind, in the form of newer firmware.
    pub const BIODATA: Self = Self::known("biodata");
    /// A photo of a face for comparison.
    pub const BIOPHOTO: Self = Self::known("biophoto");
    /// A user's photo.
    pub const USER_PICTURE: Self = Self::known("userpic");
    /// The content of an identity card.
    pub const IDENTITY_CARD: Self = Self::known("idcard");
    /// An error of the terminal.
    pub const ERROR: Self = Self::known("errorlog");
    /// An event at a door, as it happens.
    pub const EVENT: Self = Self::known("rtlog");
    /// An event at a door, from the terminal's log.
    pub const TRANSACTION: Self = Self::known("transaction");
    /// The state of the doors.
    pub const STATE: Self = Self::known("rtstate");

    /// The longest tag, in bytes.
    pub const MAX: usize = 32;

    /// A kind by its name in lower case.
    #[must_use]
    pub const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Reads a tag: up to 32 letters, digits and `_`.
    #[must_use]
    pub fn parse(tag: &[u8]) -> Option<Self> {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let is_tag = (1..=Self::MAX).contains(&tag.len()) && tag.iter().all(allowed);
        is_tag.then(|| Self(String::from_utf8_lossy(tag).to_ascii_lowercase().into()))
    }

    /// The name, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyedRecord {
    /// Reads a line. `kind` is that of a line without a tag; without it, the tag is required.
    ///
    /// # Errors
    /// [`LineError`] says what is missing.
    pub fn parse(line: &Bytes, kind: Option<Kind>) -> Result<Self, LineError> {
        let (tag, rest) = split_tag(line);
        let tagged = tag.as_ref().and_then(|tag| Kind::parse(tag.as_bytes()));
        // A first word that can be no tag belongs to the first key.
        let (tag, rest) = if tagged.is_some() { (tag, rest) } else { (None, line.clone()) };
        Ok(Self { fields: Fields::parse(&rest)?, kind: tagged.or(kind).ok_or(LineError::NoTag)?, tag })
    }

    /// A record with its tag in the case of the documents.
    #[must_use]
    pub fn new(tag: &str, fields: Fields) -> Self {
        let kind = Kind(tag.to_ascii_lowercase().into());
        Self { kind, tag: Some(tag.into()), fields }
    }

    /// Writes the line, without its end.
    pub fn write(&self, out: &mut BytesMut) {
        if let Some(tag) = &self.tag {
            out.extend_from_slice(tag.as_bytes());
            out.put_u8(b' ');
        }
        self.fields.write(b'\t', out);
    }
}

/// Splits the first word off, if it comes before the first `=` and tab.
pub(crate) fn split_tag(line: &Bytes) -> (Option<Text>, Bytes) {
    match line.iter().position(|byte| matches!(byte, b' ' | b'=' | b'\t')) {
        Some(at) if line.get(at) == Some(&b' ') => (Some(line.slice(..at).into()), line.slice(at + 1..)),
        _ => (None, line.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &'static str, kind: Option<Kind>) -> Result<KeyedRecord, LineError> {
        KeyedRecord::parse(&Bytes::from_static(line.as_bytes()), kind)
    }

    #[test]
    fn the_tag_may_be_there_or_not_and_in_any_case() {
        for line in ["user uid=1\tpin=7", "User uid=1\tpin=7", "uid=1\tpin=7"] {
            let record = parse(line, Some(Kind::USER)).unwrap();
            assert_eq!((record.kind, record.fields.get("PIN")), (Kind::USER, Some(&"7".into())), "{line}");
        }
        assert_eq!(parse("USER PIN=1", None).unwrap().kind, Kind::USER);
        assert_eq!(parse("PIN=1", None), Err(LineError::NoTag));
        assert_eq!(parse("user nothing", Some(Kind::USER)), Err(LineError::NoFields));
    }

    #[test]
    fn a_space_in_a_value_is_no_tag() {
        let record = parse("time=2026-01-10 11:49:32\tpin=3", Some(Kind::EVENT)).unwrap();
        assert_eq!((record.tag, record.fields.get("time")), (None, Some(&"2026-01-10 11:49:32".into())));
    }
}
