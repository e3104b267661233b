//! Requests as bytes, with the odd ways of real terminals, and answers.

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use zk_push::request::Method;

use super::device::Outgoing;
use super::fault::PushFault;

/// The bytes of a chunk.
const CHUNK: usize = 48;

/// Writes a request.
pub(super) fn write(outgoing: &Outgoing, fault: Option<PushFault>) -> Bytes {
    let is = |other| fault == Some(other);
    let is_post = outgoing.head.method == Method::Post;
    let method = if is_post { "POST" } else { "GET" };
    let version = if is(PushFault::OldVersion) || is(PushFault::NoHost) { "1.0" } else { "1.1" };
    let mut out = BytesMut::from(format!("{method} {} HTTP/{version}\r\n", outgoing.head.target()).as_bytes());
    for (name, value) in headers(outgoing, is_post, is) {
        let name = match fault {
            Some(PushFault::LowerCase) => name.to_ascii_lowercase(),
            Some(PushFault::UpperCase) => name.to_ascii_uppercase(),
            _ => name.to_owned(),
        };
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    if is_post && is(PushFault::Chunked) {
        for chunk in outgoing.body.chunks(CHUNK) {
            out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"0\r\n\r\n");
    } else {
        out.extend_from_slice(&outgoing.body);
    }
    out.freeze()
}

fn headers(outgoing: &Outgoing, is_post: bool, is: impl Fn(PushFault) -> bool) -> Vec<(&'static str, String)> {
    let connection = if is(PushFault::Starting) { "starting" } else { "close" };
    let mut headers = vec![
        ("User-Agent", "iClock Proxy/1.09".to_owned()),
        ("Connection", connection.to_owned()),
        ("Accept", "*/*".to_owned()),
    ];
    if !is(PushFault::NoHost) {
        headers.insert(0, ("Host", "simulated".to_owned()));
    }
    if !is_post {
        return headers;
    }
    let form = is(PushFault::FormType);
    let kind = if form { "application/x-www-form-urlencoded" } else { "application/push;charset=UTF-8" };
    if !is(PushFault::NoType) {
        headers.push(("Content-Type", kind.to_owned()));
    }
    if is(PushFault::Chunked) {
        headers.push(("Transfer-Encoding", "chunked".to_owned()));
    } else if !(outgoing.body.is_empty() && is(PushFault::NoLength)) {
        headers.push(("Content-Length", outgoing.body.len().to_string()));
    }
    headers
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The header `Date`.
    pub date: Option<DateTime<Utc>>,
    /// The body.
    pub body: Bytes,
}

/// The longest answer that is read, in bytes.
pub(super) const MAX_ANSWER: usize = 8 << 20;

/// Reads an answer. `None` if it is not whole yet, or is none; `ended` says that no more bytes come.
pub(super) fn read(bytes: &[u8], ended: bool) -> Option<HttpAnswer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let body = bytes.get(end + 4..)?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let header = |name: &str| {
        let mut lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let length = header("Content-Length").and_then(|length| length.parse::<usize>().ok());
    let body = match length {
        Some(length) => body.get(..length)?,
        None if ended => body,
        None => return None,
    };
    let date = header("Date").and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
    Some(HttpAnswer { status, date, body: Bytes::copy_from_slice(body) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\ndate: Fri, 03 Jul 2026 06:53:01 GMT\r\n\r\nOK: 3";
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut], false), None, "{cut}");
        }
        let answer = read(whole, false).unwrap();
        assert_eq!((answer.status, &answer.body[..], answer.date.is_some()), (200, &b"OK: 3"[..], true));
        assert_eq!(read(b"HTTP/1.0 503 x\r\n\r\nno", true).unwrap().status, 503);
        assert_eq!(read(b"garbage\r\n\r\n", true), None);
    }
}
