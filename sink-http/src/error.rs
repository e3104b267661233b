//! A failed request or a refusal as a `SinkError`: what sort of failure, and what to try next.

use std::error::Error as _;

use attendance_model::{SinkError, SinkErrorKind};
use reqwest::StatusCode;

use crate::HttpOptions;
use crate::client::Answer;
use crate::mapping::shown;

const UNREACHABLE: &str = "check that the receiver runs, its host and port, and that no firewall blocks it";
const TOO_SLOW: &str = "set a longer `timeout` or a smaller `batch`, or see what keeps the receiver busy";
const CERTIFICATE: &str = "renew the receiver's certificate, name the host that it was made for, or name certificates \
                           to trust with `tls_ca`";
const SIGN_IN: &str = "check `token` and `secret`: the receiver must have the same";
const NOT_THERE: &str = "check the path of the address";
const ELSEWHERE: &str = "write the address that it names, if you trust it: nothing is sent on by itself";
const REFUSED: &str = "see in the receiver's log why it refuses";
const TOO_LARGE: &str = "set a smaller `batch`";
const LATER: &str = "nothing is lost: it is tried again";
const NO_ANSWER: &str =
    "let the receiver answer as the manual of sink-http has it, or leave the body of its answer empty";

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Probe,
    Write,
    Lookup,
    /// A message, whose address is a secret.
    Tell,
}

impl Doing {
    fn what(self, options: &HttpOptions) -> String {
        let target = if self == Self::Tell { options.origin() } else { options.target() };
        match self {
            Self::Probe => format!("cannot reach {target}"),
            Self::Write => format!("cannot send events to {target}"),
            Self::Lookup => format!("cannot ask {target} which events it has"),
            Self::Tell => format!("cannot send a message to {target}"),
        }
    }
}

/// A library's or a receiver's words.
#[derive(Debug)]
struct Said(String);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Said {}

fn error(doing: Doing, options: &HttpOptions, kind: SinkErrorKind, hint: &str, said: String) -> SinkError {
    SinkError::new(kind, doing.what(options)).hint(hint).because(Said(said))
}

/// A request that got no answer.
pub(crate) fn from_client(doing: Doing, options: &HttpOptions, failed: reqwest::Error) -> SinkError {
    // The address is left out: its query may hold a key.
    let failed = failed.without_url();
    let mut causes = Vec::new();
    let mut cause = failed.source();
    while let Some(inner) = cause {
        causes.push(inner.to_string());
        cause = inner.source();
    }
    let said = causes.pop().unwrap_or_else(|| failed.to_string());
    if failed.is_timeout() {
        let said = format!("no answer within {}", humantime::format_duration(options.timeout));
        return error(doing, options, SinkErrorKind::TimedOut, TOO_SLOW, said);
    }
    let is_certificate = said.contains("certificate") || causes.iter().any(|cause| cause.contains("certificate"));
    let (kind, hint) = match is_certificate {
        true => (SinkErrorKind::Certificate, CERTIFICATE),
        false => (SinkErrorKind::Unreachable, UNREACHABLE),
    };
    error(doing, options, kind, hint, said)
}

/// An answer that is no success.
pub(crate) fn from_answer(doing: Doing, options: &HttpOptions, answer: &Answer) -> SinkError {
    let (kind, hint) = of_status(answer.status);
    let said = match &answer.location {
        Some(location) if answer.status.is_redirection() => format!("it redirects to {}", shown(location)),
        _ => words_of(answer),
    };
    let error = error(doing, options, kind, hint, said);
    match answer.wait.filter(|_| kind.is_transient()) {
        Some(wait) => error.retry_after(wait),
        None => error,
    }
}

/// A success whose body is no answer to what was asked.
pub(crate) fn not_understood(doing: Doing, options: &HttpOptions, answer: &Answer) -> SinkError {
    let said = format!("its answer does not fit the question: {}", words_of(answer));
    error(doing, options, SinkErrorKind::Schema, NO_ANSWER, said)
}

/// A body that cannot be written, which no event causes.
pub(crate) fn not_written(doing: Doing, options: &HttpOptions, failed: &serde_json::Error) -> SinkError {
    error(
        doing,
        options,
        SinkErrorKind::Invalid,
        "this is a fault of this program: please report it",
        failed.to_string(),
    )
}

/// The status and the beginning of the body.
pub(crate) fn words_of(answer: &Answer) -> String {
    let body = shown(&String::from_utf8_lossy(&answer.body));
    if body.is_empty() { answer.status.to_string() } else { format!("{}: {body}", answer.status) }
}

fn of_status(status: StatusCode) -> (SinkErrorKind, &'static str) {
    match status.as_u16() {
        401 | 407 => (SinkErrorKind::Credentials, SIGN_IN),
        403 => (SinkErrorKind::Rights, SIGN_IN),
        300..=399 => (SinkErrorKind::Missing, ELSEWHERE),
        404 | 405 | 410 => (SinkErrorKind::Missing, NOT_THERE),
        408 | 423 | 425 | 429 | 500..=506 | 508.. => (SinkErrorKind::Busy, LATER),
        507 => (SinkErrorKind::Full, "make room at the receiver; nothing is lost meanwhile"),
        413 => (SinkErrorKind::Invalid, TOO_LARGE),
        // What is wrong may be single events: the engine finds out which.
        _ => (SinkErrorKind::Invalid, REFUSED),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use attendance_model::Settings;

    use super::*;

    fn of(status: u16, wait: Option<u64>, body: &str) -> SinkError {
        let options = HttpOptions::parse("hook", "https://a.example/in?key=hunter2", Settings::default()).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        let location = status.is_redirection().then(|| "https://b.example/".to_owned());
        let answer = Answer { status, wait: wait.map(Duration::from_secs), location, body: body.into() };
        from_answer(Doing::Write, &options, &answer)
    }

    #[test]
    fn a_status_says_whether_to_try_again_and_what_to_do() {
        use SinkErrorKind::{Busy, Credentials, Full, Invalid, Missing, Rights};
        for (status, kind) in [
            (301, Missing),
            (308, Missing),
            (400, Invalid),
            (401, Credentials),
            (403, Rights),
            (404, Missing),
            (405, Missing),
            (408, Busy),
            (413, Invalid),
            (415, Invalid),
            (422, Invalid),
            (429, Busy),
            (500, Busy),
            (503, Busy),
            (507, Full),
            (599, Busy),
        ] {
            let error = of(status, None, "");
            assert_eq!(error.kind, kind, "{status}");
            assert!(error.hint.is_some() && error.to_string() == "cannot send events to https://a.example/in");
        }
        assert!(of(302, None, "").source().unwrap().to_string().contains("https://b.example/"));
    }

    #[test]
    fn a_wait_counts_for_what_is_tried_again() {
        assert_eq!(of(503, Some(7), "").retry_after, Some(Duration::from_secs(7)));
        assert_eq!(of(401, Some(7), "").retry_after, None);
    }

    #[test]
    fn the_receivers_words_are_the_cause() {
        let error = of(500, None, "<h1>Out of\nmemory</h1>");
        assert_eq!(error.source().unwrap().to_string(), "500 Internal Server Error: <h1>Out of memory</h1>");
    }
}
