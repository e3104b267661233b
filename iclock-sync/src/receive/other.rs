//! Lines of tables that nobody knows. Each waits in the quarantine, so that no punch in them is lost, unless it may
//! hold what nobody has asked for: a secret, a name, a template, a photo.

use attendance_model::Reason;
use bytes::Bytes;
use zk_push::Text;
use zk_push::fields::Field;
use zk_push::line::lines;
use zk_push::record::AttendanceRecord;

use super::punch::visible;
use crate::BadLine;

/// The longest line that is kept, in bytes. Templates and photos are longer.
const LONGEST: usize = 512;
/// The most lines of a request, as of any upload.
const MOST: usize = 20_000;
/// Keys of names, besides those of secrets.
const NAMES: [&str; 3] = ["name", "fname", "lname"];

/// Reads a body. Returns the lines that are kept, and the number of the others.
pub(super) fn read(body: &Bytes) -> (Vec<BadLine>, usize) {
    let (mut kept, mut left_out) = (Vec::new(), 0);
    for line in lines(body) {
        if kept.len() == MOST || is_private(&line) {
            left_out += 1;
        } else {
            kept.push(BadLine { reason: Reason::Undecodable, user_id: user_id(&line), raw: line.to_vec() });
        }
    }
    (kept, left_out)
}

fn is_private(line: &[u8]) -> bool {
    let is_text = !line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    let is_secret = |key: Text| Field { key, value: None }.is_secret();
    line.len() > LONGEST
        || !is_text
        || fields(line).any(|(key, _)| {
            let key = Text::from(Bytes::copy_from_slice(key));
            NAMES.iter().any(|name| key.is(name)) || is_secret(key)
        })
}

/// The keys of a line, without the word before the first one, and their values.
fn fields(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    line.split(|byte| matches!(byte, b'\t' | b'&' | b',' | b' ')).filter_map(|piece| {
        let end = piece.iter().position(|byte| *byte == b'=')?;
        Some((&piece[..end], &piece[end + 1..]))
    })
}

/// Whose line it is, if that can be read: it is removed with the person.
fn user_id(line: &Bytes) -> String {
    if let Ok(record) = AttendanceRecord::parse(line) {
        return visible(record.user_id.as_bytes());
    }
    let pin = fields(line).find(|(key, _)| key.eq_ignore_ascii_case(b"pin"));
    pin.map(|(_, value)| visible(value)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(body: &'static [u8]) -> (Vec<(String, String)>, usize) {
        let (kept, left_out) = read(&Bytes::from_static(body));
        let text = |line: BadLine| (line.user_id, String::from_utf8(line.raw).unwrap());
        (kept.into_iter().map(text).collect(), left_out)
    }

    #[test]
    fn a_line_that_nobody_knows_is_kept_as_it_came_with_whose_it_is() {
        let (lines, left_out) = kept(b"NEWTABLE A=1\tB=2\nVISIT Pin=8\tTime=9\n7\t2026-03-01 08:00:00\t0\t1\n\n");
        let expected = [("", "NEWTABLE A=1\tB=2"), ("8", "VISIT Pin=8\tTime=9"), ("7", "7\t2026-03-01 08:00:00\t0\t1")];
        assert_eq!(lines, expected.map(|(id, line)| (id.to_owned(), line.to_owned())));
        assert_eq!(left_out, 0);
    }

    #[test]
    fn nothing_private_is_kept_whatever_the_line_looks_like() {
        let body = b"USER PIN=7\tPasswd=1\nX TMP=AAAA\nA=1&PASSWORD=2\nNEW Name=somebody\nA=1,Content=2\n\x01\x02\n";
        assert_eq!(kept(body), (vec![], 6));
        let long = format!("NEWTABLE A={}\nNEWTABLE B=1", "x".repeat(LONGEST));
        let (lines, left_out) = read(&Bytes::from(long));
        assert_eq!((lines.len(), left_out), (1, 1));
    }
}
