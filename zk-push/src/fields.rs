//! Fields `key=value`, separated by tabs.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::Text;
use crate::line::{LineError, MAX_LINE};

/// The fields of a line, in the order of the line. Their set and order vary with the firmware, so look them up by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<Field>);

/// One field.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// The key as it came, in the case that the terminal uses. Some keys begin with `~`: read-only for the server.
    pub key: Text,
    /// The value: everything after the first `=`. `None` if there is no `=`.
    pub value: Option<Text>,
}

/// Keys whose values are never printed: passwords, keys, templates and photos.
const SECRETS: [&str; 21] = [
    "authkey",
    "comkey",
    "compwd",
    "content",
    "fptemplate1",
    "fptemplate2",
    "passwd",
    "password",
    "photo",
    "pushcommkey",
    "pushcomkey",
    "qrcodedecryptkey",
    "template",
    "tmp",
    "vmspasswd",
    "vmsusername",
    "idnum",
    "id_num",
    "idcardnum",
    "factors",
    "publickey",
];

impl Fields {
    /// The largest number of fields in a line.
    pub const MAX: usize = 512;

    /// Reads fields that tabs separate.
    ///
    /// # Errors
    /// [`LineError::NoFields`] if no field has a key and a `=`; [`LineError::TooLong`] and
    /// [`LineError::TooManyFields`].
    pub fn parse(line: &Bytes) -> Result<Self, LineError> {
        Self::split(line, |byte| byte == b'\t')
    }

    /// Reads fields that one of several bytes separates.
    pub(crate) fn split(line: &Bytes, separates: impl Fn(u8) -> bool) -> Result<Self, LineError> {
        if line.len() > MAX_LINE {
            return Err(LineError::TooLong);
        }
        let mut fields = Self::default();
        for piece in line.split(|byte| separates(*byte)).filter(|piece| !piece.is_empty()) {
            fields.add(Field::parse(&line.slice_ref(piece)))?;
        }
        fields.known()
    }

    /// Adds a field of the wire.
    pub(crate) fn add(&mut self, field: Field) -> Result<(), LineError> {
        if self.0.len() == Self::MAX {
            return Err(LineError::TooManyFields { max: Self::MAX });
        }
        self.0.push(field);
        Ok(())
    }

    /// Refuses fields none of which has a key and a `=`.
    pub(crate) fn known(self) -> Result<Self, LineError> {
        let known = self.0.iter().any(|field| !field.key.is_empty() && field.value.is_some());
        if known { Ok(self) } else { Err(LineError::NoFields) }
    }

    /// Adds a field. A tab, CR or LF in it would be another field or line, so writing leaves it out.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Text>) -> Self {
        self.0.push(Field { key: key.into(), value: Some(value.into()) });
        self
    }

    /// The value of the first field with this key, whatever its case. A leading `~` of the field's key is ignored.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Text> {
        self.0.iter().find(|field| field.is(key))?.value.as_ref()
    }

    /// The value of the first key that is there; documents and firmware differ in the spelling of some.
    #[must_use]
    pub fn any(&self, keys: &[&str]) -> Option<&Text> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// The fields, in the order of the line.
    pub fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.0.iter()
    }

    /// The number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the fields with a separator between them.
    pub fn write(&self, separator: u8, out: &mut BytesMut) {
        for (at, field) in self.0.iter().enumerate() {
            if at > 0 {
                out.put_u8(separator);
            }
            field.write(out);
        }
    }
}

impl FromIterator<Field> for Fields {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = &'a Field;
    type IntoIter = std::slice::Iter<'a, Field>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Field {
    /// Splits at the first `=`: values may contain more of them, as base64 does.
    pub(crate) fn parse(piece: &Bytes) -> Self {
        match piece.iter().position(|byte| *byte == b'=') {
            Some(at) => {
                let (key, value) = (piece.slice(..at), piece.slice(at + 1..));
                Self { key: key.into(), value: Some(value.into()) }
            }
            None => Self { key: piece.clone().into(), value: None },
        }
    }

    /// Returns true if the key is this name, whatever its case and with or without a leading `~`.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }

    /// The key without a leading `~`.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        let key = self.key.as_bytes();
        key.strip_prefix(b"~").unwrap_or(key)
    }

    /// Returns true if the value is a password, a key, a template, a photo or the number of an identity card.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        SECRETS.iter().any(|secret| self.is(secret))
    }

    fn write(&self, out: &mut BytesMut) {
        let mut put = |text: &Text| {
            out.extend(text.as_bytes().iter().filter(|byte| !matches!(byte, b'\t' | b'\r' | b'\n')));
        };
        put(&self.key);
        if let Some(value) = &self.value {
            put(&"=".into());
            put(value);
        }
    }
}

/// Shows `key=value`, and `key=(n bytes)` for secrets.
impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) if self.is_secret() => write!(f, "{}=({} bytes)", self.key, value.as_bytes().len()),
            Some(value) => write!(f, "{}={value:?}", self.key),
            None => write!(f, "{}", self.key),
        }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_everything_after_the_first_equals_sign() {
        let fields = Fields::parse(&Bytes::from_static(b"PIN=9\tName=A=B & C, D\t~Empty=\tbare\t")).unwrap();
        assert_eq!(fields.get("name"), Some(&"A=B & C, D".into()));
        assert_eq!(fields.get("Empty"), Some(&"".into()));
        assert_eq!((fields.get("bare"), fields.len()), (None, 4));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let fields = Fields::default().with("Passwd", "hunter2").with("TMP", "AAECAw==").with("Name", "Ann");
        let shown = format!("{fields:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("AAEC"), "{shown}");
        assert!(shown.contains("Passwd=(7 bytes)") && shown.contains("Ann"), "{shown}");
    }

    #[test]
    fn a_line_without_a_field_is_none() {
        for bad in ["garbage", "=1", "a\tb"] {
            assert_eq!(Fields::parse(&Bytes::from(bad)), Err(LineError::NoFields), "{bad}");
        }
        let many = "a=1\t".repeat(Fields::MAX + 1);
        assert_eq!(Fields::parse(&Bytes::from(many)), Err(LineError::TooManyFields { max: Fields::MAX }));
    }
}
