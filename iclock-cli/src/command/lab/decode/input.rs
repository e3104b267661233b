//! The bytes to decode: as they are, or in hex.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::grouped;

/// The most bytes that are read. The log of a terminal with a million records has 40 MB, in hex twice as much.
const MOST: u64 = 256 << 20;

/// Reads a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let cannot = |error: &std::io::Error| {
        CliError::because(ExitCode::Usage, format!("cannot read {}", path.display()), error)
            .hint("name a file with the bytes of a log, or - for standard input")
    };
    let mut input: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(File::open(path).map_err(|error| cannot(&error))?),
    };
    let mut bytes = Vec::new();
    input.by_ref().take(MOST + 1).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    if bytes.len() as u64 > MOST {
        let what = format!("{} has more than {} bytes", path.display(), grouped(MOST));
        return Err(CliError::new(ExitCode::Usage, what).hint("no terminal has so long a log: name another file"));
    }
    Ok(of_hex(&bytes).unwrap_or(bytes))
}

/// Returns true for a text. A log has zeros between its texts.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let is_odd = |letter: char| letter.is_control() && !letter.is_whitespace();
    !bytes.is_empty() && std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(is_odd))
}

/// The bytes that a text of hex digits and white space stands for. `None` if it is something else.
fn of_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    let digits: Option<Vec<u8>> = digits.map(|byte| u8::try_from(char::from(*byte).to_digit(16)?).ok()).collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len().is_multiple_of(2))?;
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_no_text() {
        assert!(is_text("# Läuft\n\tx\r\n".as_bytes()));
        assert!(!is_text(b"") && !is_text(b"42\0\0") && !is_text(&[0x28, 0xff]));
    }

    #[test]
    fn hex_is_read_as_hex_and_anything_else_as_it_is() {
        assert_eq!(of_hex(b"28 00\n00 00 fF"), Some(vec![0x28, 0, 0, 0, 0xff]));
        assert_eq!(of_hex(b"28000"), None);
        assert_eq!(of_hex(&[0x28, 0, 0, 0]), None);
        assert_eq!(of_hex(b""), None);
    }
}
