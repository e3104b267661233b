//! Parameters that terminals report, and blocks of options that a server gives them.

use bytes::{BufMut, Bytes, BytesMut};

use crate::fields::Field;
use crate::line::{LineError, MAX_LINE, lines};
use crate::{Fields, SerialNumber, Text};

/// Reads the parameters of a terminal: `~DeviceName=X,MAC=…,~MaxPvCount=,…` on one line, or one on each line.
///
/// Values may contain commas: a comma separates only if a key and a `=` follow. Names are found with or without `~`.
///
/// # Errors
/// [`LineError`]: no parameter, or more than any terminal has.
pub fn parse_parameters(body: &Bytes) -> Result<Fields, LineError> {
    if body.len() > MAX_LINE {
        return Err(LineError::TooLong);
    }
    let mut fields = Fields::default();
    for line in lines(body) {
        let mut rest = line;
        while !rest.is_empty() {
            let end = (0..rest.len()).find(|at| separates(&rest, *at)).unwrap_or(rest.len());
            let piece = rest.split_to(end);
            let _ = rest.split_to(usize::from(!rest.is_empty()));
            let blanks = piece.iter().take_while(|byte| **byte == b' ').count();
            if blanks < piece.len() {
                fields.add(Field::parse(&piece.slice(blanks..)))?;
            }
        }
    }
    fields.known()
}

/// Writes parameters on one line, as [`parse_parameters`] reads them.
pub fn write_parameters(parameters: &Fields, out: &mut BytesMut) {
    parameters.write(b',', out);
}

/// Returns true if there is a comma here, and after it a key and a `=`, or nothing.
fn separates(line: &[u8], at: usize) -> bool {
    let Some((b',', after)) = line.get(at..).and_then(<[u8]>::split_first) else { return false };
    let blanks = after.iter().take_while(|byte| **byte == b' ').count();
    let after = after.get(blanks..).unwrap_or_default();
    let after = after.strip_prefix(b"~").unwrap_or(after);
    let key = after.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    after.is_empty() || (key > 0 && after.get(key) == Some(&b'='))
}

/// The first line of the block for the attendance dialect.
const GREETING: &str = "GET OPTION FROM: ";

/// A block of options as a server answers a handshake: one `Key=Value` on each line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionBlock {
    /// The serial number of the first line, `GET OPTION FROM: …`. The access control dialect has no such line.
    pub serial: Option<SerialNumber>,
    /// The options.
    pub options: Fields,
}

impl OptionBlock {
    /// Reads a block. A terminal ignores lines without a `=` and keys that it does not know.
    #[must_use]
    pub fn parse(body: &Bytes) -> Self {
        let mut block = Self::default();
        for line in lines(body) {
            if let Some(serial) = line.strip_prefix(GREETING.as_bytes()) {
                block.serial = std::str::from_utf8(serial).ok().and_then(|serial| SerialNumber::new(serial.trim()));
            } else if line.contains(&b'=') && block.options.add(Field::parse(&line)).is_err() {
                break;
            }
        }
        block
    }

    /// The value of an option.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Text> {
        self.options.get(key)
    }

    /// Writes the block, each line with LF. CR and LF in a value would be another option, so they are left out.
    #[must_use]
    pub fn write(&self) -> Bytes {
        let mut out = BytesMut::new();
        if let Some(serial) = &self.serial {
            out.extend_from_slice(format!("{GREETING}{serial}\n").as_bytes());
        }
        for field in &self.options {
            let value = field.value.as_ref().map(Text::as_bytes).unwrap_or_default();
            out.extend_from_slice(field.key.as_bytes());
            out.put_u8(b'=');
            out.extend(value.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
            out.put_u8(b'\n');
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_in_a_value_does_not_end_it() {
        let body = Bytes::from_static(b"~DeviceName=F20,M,MAC=00:17,~MaxPvCount=, IPAddress=192.0.2.1,Ver=1,2 3,");
        let fields = parse_parameters(&body).unwrap();
        let get = |key| fields.get(key).unwrap().to_string();
        assert_eq!(
            [get("DeviceName"), get("MaxPvCount"), get("IPAddress"), get("ver")],
            ["F20,M", "", "192.0.2.1", "1,2 3"]
        );
        assert_eq!(parse_parameters(&Bytes::from_static(b"A=1\r\nB=2\r\n")).unwrap().len(), 2);
        assert_eq!(parse_parameters(&Bytes::from_static(b"nothing")), Err(LineError::NoFields));
    }

    #[test]
    fn a_block_is_read_as_it_was_written() {
        let options = Fields::default().with("TransFlag", "TransData AttLog\tOpLog").with("Realtime", "1");
        let block = OptionBlock { serial: SerialNumber::new("A1"), options };
        assert_eq!(&block.write()[..], b"GET OPTION FROM: A1\nTransFlag=TransData AttLog\tOpLog\nRealtime=1\n");
        assert_eq!(OptionBlock::parse(&block.write()), block);
    }
}
