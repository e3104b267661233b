//! Answers to terminals, and how a terminal reads them.

use bytes::Bytes;

use crate::Text;

/// An answer: plain text, to the byte. A terminal takes HTML, JSON, a redirect or a compressed body for a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// `OK`.
    #[must_use]
    pub fn ok() -> Self {
        Self::text("OK")
    }

    /// `OK: n`. A bare `OK` makes some terminals send the same records forever.
    #[must_use]
    pub fn count(records: usize) -> Self {
        Self::text(format!("OK: {records}"))
    }

    /// `table=n`, which the access control dialect needs: after a bare `OK` the terminal sends the same record every
    /// five seconds.
    #[must_use]
    pub fn table_count(table: &Text, records: usize) -> Self {
        let mut body = table.as_bytes().to_vec();
        body.extend_from_slice(format!("={records}").as_bytes());
        Self::text(body)
    }

    /// An answer with status 200.
    #[must_use]
    pub fn text(body: impl Into<Bytes>) -> Self {
        Self { status: 200, body: body.into() }
    }

    /// A refusal. Its text never begins with `OK`.
    #[must_use]
    pub fn refusal(status: u16) -> Self {
        let body = match status {
            400 => "bad request",
            404 => "not found",
            406 => "registration refused",
            408 => "request took too long",
            413 => "body too large",
            414 => "request line too long",
            415 => "unsupported encoding",
            500 | 503 => "not stored, send again",
            _ => "refused",
        };
        Self { status, body: Bytes::from_static(body.as_bytes()) }
    }
}

/// What a terminal reads in the answer to an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    /// `OK`.
    Ok,
    /// `OK: n`.
    Count(u64),
    /// `table=n`.
    Table(Text, u64),
    /// Anything else.
    None,
}

impl Acknowledgement {
    /// Reads the answer's status and body.
    #[must_use]
    pub fn parse(status: u16, body: &Bytes) -> Self {
        let text = std::str::from_utf8(body).unwrap_or_default().trim();
        let number = |text: &str| text.trim().parse().ok();
        if status != 200 {
            return Self::None;
        }
        if let Some(rest) = text.strip_prefix("OK") {
            return match rest.trim_start().strip_prefix(':') {
                Some(count) => number(count).map_or(Self::None, Self::Count),
                None if rest.is_empty() => Self::Ok,
                None => Self::None,
            };
        }
        match text.split_once('=').map(|(table, count)| (table, number(count))) {
            Some((table, Some(count))) => Self::Table(table.into(), count),
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let read = |reply: Reply| Acknowledgement::parse(reply.status, &reply.body);
        assert_eq!(read(Reply::ok()), Acknowledgement::Ok);
        assert_eq!(read(Reply::count(128)), Acknowledgement::Count(128));
        assert_eq!(read(Reply::table_count(&"user".into(), 2)), Acknowledgement::Table("user".into(), 2));
        assert_eq!(Acknowledgement::parse(200, &"OK:3\r\n".into()), Acknowledgement::Count(3));
        for status in [400, 403, 404, 406, 413, 500, 503] {
            assert_eq!(read(Reply::refusal(status)), Acknowledgement::None);
        }
        for other in ["OKAY", "", "<html>", "OK: x", "user=", "OK 3"] {
            assert_eq!(Acknowledgement::parse(200, &other.into()), Acknowledgement::None, "{other}");
        }
    }
}
