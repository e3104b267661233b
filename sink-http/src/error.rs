//! A failed request or a refusal as a `SinkError`: what sort of failure, and what to try next.

use std::error::Error as _;
use std::time::Duration;

use attendance_model::{SinkError, SinkErrorKind};
use reqwest::StatusCode;

use crate::client::Answer;
use crate::mapping::shown;

const UNREACHABLE: &str = "check that the receiver runs, its host and port, and that no firewall blocks it";
const TOO_SLOW: &str = "set a longer `timeout` or a smaller `batch`, or see what keeps the receiver busy";
const CERTIFICATE: &str = "renew the receiver's certificate, name the host that it was made for, or name certificates \
                           to trust with `tls_ca`";
const ELSEWHERE: &str = "write the address that it names, if you trust it: nothing is sent on by itself";
pub(crate) const REFUSED: &str = "see in the receiver's log why it refuses";
const TOO_LARGE: &str = "set a smaller `batch`";
pub(crate) const LATER: &str = "nothing is lost: it is tried again";

/// The hints that are not the same for every kind of receiver.
#[derive(Debug)]
pub(crate) struct Words {
    /// It does not know who calls.
    pub(crate) sign_in: &'static str,
    /// It has nothing at this address.
    pub(crate) not_there: &'static str,
    /// Its answer does not fit.
    pub(crate) no_answer: &'static str,
}

/// The receiver of one sink, as errors name it.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// The address, without a secret.
    pub(crate) target: String,
    pub(crate) timeout: Duration,
    pub(crate) words: &'static Words,
    /// The proxy for addresses that begin with https, without a secret.
    pub(crate) proxy: Option<String>,
}

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Probe,
    Write,
    Lookup,
    /// A message.
    Tell,
}

impl Doing {
    fn what(self, target: &str) -> String {
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

impl Receiver {
    /// An error with the receiver's words as its cause.
    pub(crate) fn error(&self, doing: Doing, kind: SinkErrorKind, hint: &str, said: String) -> SinkError {
        SinkError::new(kind, doing.what(&self.target)).hint(hint).because(Said(said))
    }

    /// A request that got no answer.
    pub(crate) fn no_answer(&self, doing: Doing, failed: reqwest::Error) -> SinkError {
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
            let said = format!("no answer within {}", humantime::format_duration(self.timeout));
            return self.error(doing, SinkErrorKind::TimedOut, TOO_SLOW, said);
        }
        let is_certificate = said.contains("certificate") || causes.iter().any(|cause| cause.contains("certificate"));
        let (kind, hint) = match is_certificate {
            true => (SinkErrorKind::Certificate, CERTIFICATE),
            false => (SinkErrorKind::Unreachable, UNREACHABLE),
        };
        let error = self.error(doing, kind, hint, said);
        // What is called by http:// is called directly.
        match self.proxy.as_ref().filter(|_| self.target.contains("https://")) {
            Some(proxy) => error.hint(format!("{hint}; {proxy} is the proxy, unless `no_proxy` names the host")),
            None => error,
        }
    }

    /// An answer that is no success.
    pub(crate) fn refusal(&self, doing: Doing, answer: &Answer) -> SinkError {
        let (kind, hint) = self.of_status(answer.status);
        let said = match &answer.location {
            Some(location) if answer.status.is_redirection() => format!("it redirects to {}", shown(location)),
            _ => words_of(answer),
        };
        let error = self.error(doing, kind, hint, said);
        match answer.wait.filter(|_| kind.is_transient()) {
            Some(wait) => error.retry_after(wait),
            None => error,
        }
    }

    /// A success whose body is no answer to what was asked.
    pub(crate) fn not_understood(&self, doing: Doing, answer: &Answer) -> SinkError {
        let said = format!("its answer does not fit the question: {}", words_of(answer));
        self.error(doing, SinkErrorKind::Schema, self.words.no_answer, said)
    }

    /// A body that cannot be written, which no event causes.
    pub(crate) fn not_written(&self, doing: Doing, failed: &serde_json::Error) -> SinkError {
        let hint = "this is a fault of this program: please report it";
        self.error(doing, SinkErrorKind::Invalid, hint, failed.to_string())
    }

    fn of_status(&self, status: StatusCode) -> (SinkErrorKind, &'static str) {
        match status.as_u16() {
            401 | 407 => (SinkErrorKind::Credentials, self.words.sign_in),
            403 => (SinkErrorKind::Rights, self.words.sign_in),
            300..=399 => (SinkErrorKind::Missing, ELSEWHERE),
            404 | 405 | 410 => (SinkErrorKind::Missing, self.words.not_there),
            408 | 423 | 425 | 429 | 500..=506 | 508.. => (SinkErrorKind::Busy, LATER),
            507 => (SinkErrorKind::Full, "make room at the receiver; nothing is lost meanwhile"),
            413 => (SinkErrorKind::Invalid, TOO_LARGE),
            // What is wrong may be single events: the engine finds out which.
            _ => (SinkErrorKind::Invalid, REFUSED),
        }
    }
}

/// The status and the beginning of the body.
pub(crate) fn words_of(answer: &Answer) -> String {
    let body = shown(&String::from_utf8_lossy(&answer.body));
    if body.is_empty() { answer.status.to_string() } else { format!("{}: {body}", answer.status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, wait: Option<u64>, body: &str) -> SinkError {
        static WORDS: Words = Words { sign_in: "sign in", not_there: "look elsewhere", no_answer: "answer" };
        let receiver = Receiver {
            target: "https://a.example/in".to_owned(),
            timeout: Duration::from_secs(1),
            words: &WORDS,
            proxy: None,
        };
        let status = StatusCode::from_u16(status).unwrap();
        let location = status.is_redirection().then(|| "https://b.example/".to_owned());
        let answer = Answer { status, wait: wait.map(Duration::from_secs), location, body: body.into() };
        receiver.refusal(Doing::Write, &answer)
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
