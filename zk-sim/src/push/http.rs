//! Requests as bytes, with the odd ways of real terminals, and answers.

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use zk_push::request::Method;

use super::device::Outgoing;

/// What is wrong with a request on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpFault {
    /// The connection ends in the middle of the body.
    CutBody,
    /// The request is sent, and the connection ends before the answer is read.
    LoseAnswer,
    /// The request is sent twice, on two connections.
    Twice,
    /// Names of headers in lower case.
    LowerCase,
    /// `HTTP/1.0`.
    OldVersion,
    /// The body in chunks, without a length.
    Chunked,
    /// `Content-Type` of a form.
    FormType,
    /// `Connection: starting`, which is no such thing.
    Starting,
    /// NULs after the last record.
    TrailingNuls,
    /// Lines that end with CR LF.
    CarriageReturns,
}

impl HttpFault {
    /// All faults.
    pub const ALL: [Self; 10] = [
        Self::CutBody,
        Self::LoseAnswer,
        Self::Twice,
        Self::LowerCase,
        Self::OldVersion,
        Self::Chunked,
        Self::FormType,
        Self::Starting,
        Self::TrailingNuls,
        Self::CarriageReturns,
    ];
}

/// Writes a request.
pub(super) fn write(outgoing: &Outgoing, fault: Option<HttpFault>) -> Bytes {
    let is = |other| fault == Some(other);
    let (method, version) = (
        if outgoing.head.method == Method::Post { "POST" } else { "GET" },
        if is(HttpFault::OldVersion) { "1.0" } else { "1.1" },
    );
    let body = body(&outgoing.body, fault);
    let kind =
        if is(HttpFault::FormType) { "application/x-www-form-urlencoded" } else { "application/push;charset=UTF-8" };
    let connection = if is(HttpFault::Starting) { "starting" } else { "close" };
    let mut headers = vec![
        ("Host", "simulated".to_owned()),
        ("User-Agent", "iClock Proxy/1.09".to_owned()),
        ("Connection", connection.to_owned()),
        ("Accept", "*/*".to_owned()),
    ];
    if method == "POST" {
        headers.push(("Content-Type", kind.to_owned()));
        headers.push(match is(HttpFault::Chunked) {
            true => ("Transfer-Encoding", "chunked".to_owned()),
            false => ("Content-Length", body.len().to_string()),
        });
    }
    let mut out = BytesMut::from(format!("{method} {} HTTP/{version}\r\n", outgoing.head.target()).as_bytes());
    for (name, value) in headers {
        let name = if is(HttpFault::LowerCase) { name.to_ascii_lowercase() } else { name.to_owned() };
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    match fault {
        Some(HttpFault::Chunked) if method == "POST" => {
            for chunk in body.chunks(48) {
                out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                out.extend_from_slice(chunk);
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b"0\r\n\r\n");
        }
        Some(HttpFault::CutBody) => out.extend_from_slice(body.get(..body.len() / 2).unwrap_or_default()),
        _ => out.extend_from_slice(&body),
    }
    out.freeze()
}

fn body(body: &Bytes, fault: Option<HttpFault>) -> Vec<u8> {
    let mut bytes = body.to_vec();
    match fault {
        Some(HttpFault::TrailingNuls) if !bytes.is_empty() => bytes.extend_from_slice(&[0; 3]),
        Some(HttpFault::CarriageReturns) => {
            bytes = bytes
                .split_inclusive(|byte| *byte == b'\n')
                .flat_map(|line| match line.strip_suffix(b"\n") {
                    Some(line) => [line, b"\r\n"].concat(),
                    None => line.to_vec(),
                })
                .collect();
        }
        _ => {}
    }
    bytes
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
