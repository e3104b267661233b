//! Attendance photos: a head of text, a NUL, and the picture.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::line::LineError;
use crate::{Fields, Text};

/// A photo that a terminal took of a punch. One request has one photo.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    /// The file's name (the wire calls it PIN): `20260731103012-123.jpg`. It comes from outside: never use it
    /// as a path.
    pub name: Text,
    /// The serial number in the head.
    pub serial: Option<Text>,
    /// The size that the head claims, in bytes.
    pub size: u64,
    /// `uploadphoto`, or `realupload` for one that was just taken.
    pub command: Option<Text>,
    /// The picture: JPEG, or its base64 if the server asked for that (`ATTPHOTOBase64=1`).
    pub data: Bytes,
    /// Returns true if more bytes came than the head claims. The rest is left out.
    pub size_differs: bool,
}

/// The reason why a body is no photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhotoError {
    /// The head is incomplete: the body is kept like a bad line.
    #[error(transparent)]
    Head(#[from] LineError),
    /// The picture is shorter than its head says. Do not acknowledge it: the terminal sends it again.
    #[error("photo has {have} of {size} bytes")]
    Truncated {
        /// The bytes that came.
        have: u64,
        /// The bytes that the head claims.
        size: u64,
    },
}

impl Photo {
    /// The longest head, in bytes.
    const MAX_HEAD: usize = 4096;

    /// Reads a body. The head ends at the first NUL; what follows is never read as text.
    ///
    /// # Errors
    /// [`PhotoError`]: no head, or a picture that was cut.
    pub fn parse(body: &Bytes) -> Result<Self, PhotoError> {
        let end = body.iter().take(Self::MAX_HEAD).position(|byte| *byte == 0).ok_or(LineError::NoPhotoHead)?;
        let (head, mut data) = (body.slice(..end), body.slice(end + 1..));
        let fields = Fields::split(&head, |byte| matches!(byte, b'\n' | b'\r'))?;
        let name = fields.get("PIN").cloned().ok_or(LineError::NoPhotoHead)?;
        let size = fields.get("size").and_then(Text::number).and_then(|size| u64::try_from(size).ok());
        let size = size.ok_or(LineError::NoPhotoHead)?;
        let have = data.len() as u64;
        if have < size {
            return Err(PhotoError::Truncated { have, size });
        }
        // In base64 the head may give the size of the picture itself, which is less than what came.
        if !is_base64(&data) {
            data.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        }
        let (serial, command) = (fields.get("SN").cloned(), fields.get("CMD").cloned());
        Ok(Self { name, serial, size, command, data, size_differs: have != size })
    }

    /// Returns true if the picture came as base64.
    #[must_use]
    pub fn is_base64(&self) -> bool {
        is_base64(&self.data)
    }

    /// Writes the body.
    pub fn write(&self, out: &mut BytesMut) {
        let head = [("PIN", Some(&self.name)), ("SN", self.serial.as_ref())];
        for (key, value) in head.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            out.extend_from_slice(format!("{key}=").as_bytes());
            out.extend_from_slice(value.as_bytes());
            out.put_u8(b'\n');
        }
        out.extend_from_slice(format!("size={}\nCMD=", self.size).as_bytes());
        out.extend_from_slice(self.command.as_ref().map(Text::as_bytes).unwrap_or(b"uploadphoto"));
        out.put_u8(0);
        out.extend_from_slice(&self.data);
    }
}

/// JPEG begins with FF D8, which base64 does not contain.
fn is_base64(data: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\r' | b'\n');
    !data.is_empty() && data.iter().all(allowed)
}

/// Leaves the picture out.
impl fmt::Debug for Photo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Photo")
            .field("name", &self.name)
            .field("size", &self.size)
            .field("data_bytes", &self.data.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &'static [u8]) -> Result<Photo, PhotoError> {
        Photo::parse(&Bytes::from_static(body))
    }

    #[test]
    fn a_picture_may_contain_anything() {
        let photo = parse(b"PIN=1.jpg\r\nSN=A\r\nsize=7\r\nCMD=uploadphoto\0\xFF\xD8\0\nPIN").unwrap();
        assert_eq!((&photo.data[..], photo.size_differs), (&b"\xFF\xD8\0\nPIN"[..], false));
    }

    #[test]
    fn a_picture_that_was_cut_is_not_acknowledged() {
        let cut = parse(b"PIN=1.jpg\nSN=A\nsize=9\nCMD=uploadphoto\0\xFF\xD8");
        assert_eq!(cut, Err(PhotoError::Truncated { have: 2, size: 9 }));
    }

    #[test]
    fn bytes_after_the_picture_are_left_out_and_said() {
        let photo = parse(b"PIN=1.jpg\nsize=2\0\xFF\xD8\xFF\xD9").unwrap();
        assert_eq!((&photo.data[..], photo.size_differs), (&b"\xFF\xD8"[..], true));
        let base64 = parse(b"PIN=1.jpg\nsize=2\0/9g=").unwrap();
        assert!(base64.is_base64() && base64.data == "/9g=");
    }

    #[test]
    fn a_body_without_a_head_is_no_photo() {
        for bad in [&b""[..], b"size=2\n", b"size=2\0ab", b"PIN=1.jpg\0ab", b"PIN=1.jpg\nsize=-1\0ab"] {
            assert!(matches!(Photo::parse(&Bytes::copy_from_slice(bad)), Err(PhotoError::Head(_))), "{bad:?}");
        }
    }
}
