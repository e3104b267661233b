//! The driver's errors as the sink's: what sort of failure, and what to try next.

use std::time::Duration;

use attendance_model::{SinkError, SinkErrorKind};
use mongodb::error::{Error, ErrorKind};

const UNREACHABLE: &str = "check that the server runs, its host and port, and that no firewall blocks it";
const SILENT: &str =
    "check host and port, that a server of MongoDB runs there, and that no firewall swallows its answers";
const TOO_SLOW: &str = "set a longer `timeout`, or see what keeps the server busy";
const CERTIFICATE: &str =
    "renew the server's certificate, name the host that it was made for, or name certificates to trust with `tls_ca`";
const SIGN_IN: &str = "check the user in the URL, `password`, and authSource (the database that the user was made in)";
const GRANT: &str =
    "let an administrator grant this user find and insert on the collection, and createIndex to make its indexes";
const OLD: &str = "update the server: MongoDB 4.4 is the oldest that the driver talks to";
const NOT_PRIMARY: &str = "name every member of the replica set in the URL, or wait: it chooses a new primary within \
                           seconds, if a majority runs";
const NO_ROOM: &str = "make room on the server's disk; nothing is lost meanwhile";
const MAJORITY: &str = "see that a majority of the replica set runs and keeps up; the events are written again";
const FOREIGN: &str =
    "another program's unique index or validator refuses it: remove that, or set another `collection`";
const OUR_FAULT: &str = "this is a fault of this program: please report it";

/// The driver's word for a server that does not answer, and ours.
const TIMED_OUT: &str = "timed out";
const SILENCE: &str = "no answer";

/// A library's message, shortened.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(String);

/// A driver's error while `doing` something to `target`.
pub(crate) fn from_driver(doing: &str, target: &str, error: &Error) -> SinkError {
    let (kind, hint, said) = classify(error);
    SinkError::new(kind, format!("cannot {doing} {target}")).hint(hint).because(Said(said))
}

/// A server's code while `doing` something to `target`.
pub(crate) fn from_code(doing: &str, target: &str, code: i32, message: &str) -> SinkError {
    let (kind, hint) = of_code(code);
    SinkError::new(kind, format!("cannot {doing} {target}")).hint(hint).because(Said(format!("{message} ({code})")))
}

/// A majority did not confirm what was written.
pub(crate) fn unconfirmed(target: &str, code: i32, message: &str) -> SinkError {
    SinkError::new(SinkErrorKind::Busy, format!("no majority confirms what was written to {target}"))
        .hint(MAJORITY)
        .because(Said(format!("{message} ({code})")))
}

/// A unique index other than the one on `_id` refuses an event.
pub(crate) fn foreign_index(target: &str, message: &str) -> SinkError {
    SinkError::new(SinkErrorKind::Schema, format!("cannot write to {target}"))
        .hint(FOREIGN)
        .because(Said(message.to_owned()))
}

/// A call that did not end in time.
pub(crate) fn timed_out(doing: &str, target: &str, after: Duration) -> SinkError {
    let after = humantime::format_duration(after);
    SinkError::new(SinkErrorKind::TimedOut, format!("cannot {doing} {target}: no answer within {after}")).hint(TOO_SLOW)
}

/// Nothing listens at any server.
pub(crate) fn refused(doing: &str, target: &str, said: String) -> SinkError {
    SinkError::new(SinkErrorKind::Unreachable, format!("cannot {doing} {target}")).hint(UNREACHABLE).because(Said(said))
}

/// The rights of the user do not suffice.
pub(crate) fn no_right(right: &str, target: &str) -> SinkError {
    SinkError::new(SinkErrorKind::Rights, format!("this user has no right to {right} {target}")).hint(GRANT)
}

/// Returns true if the server refused because a right is missing.
pub(crate) fn is_unauthorized(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Command(command) if command.code == 13)
}

/// Returns true if the server does not know the command.
pub(crate) fn is_unknown_command(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Command(command) if command.code == 59)
}

/// Returns true if a document with this `_id` exists.
pub(crate) fn is_duplicate(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Write(mongodb::error::WriteFailure::WriteError(error)) if error.code == 11000)
}

fn classify(error: &Error) -> (SinkErrorKind, &'static str, String) {
    match &*error.kind {
        ErrorKind::Authentication { message, .. } => (SinkErrorKind::Credentials, SIGN_IN, message.clone()),
        ErrorKind::Command(command) => {
            let (kind, hint) = of_code(command.code);
            (kind, hint, format!("{} ({} {})", command.message, command.code, command.code_name))
        }
        ErrorKind::Write(mongodb::error::WriteFailure::WriteError(error)) => {
            let (kind, hint) = of_code(error.code);
            (kind, hint, format!("{} ({})", error.message, error.code))
        }
        ErrorKind::Io(cause) => {
            let said = cause.to_string();
            if speaks_of_certificate(&said) {
                (SinkErrorKind::Certificate, CERTIFICATE, said)
            } else {
                (SinkErrorKind::Unreachable, UNREACHABLE, said)
            }
        }
        ErrorKind::ServerSelection { message, .. } => of_selection(message),
        ErrorKind::IncompatibleServer { message, .. } => (SinkErrorKind::Schema, OLD, message.clone()),
        ErrorKind::InvalidTlsConfig { message, .. } => (SinkErrorKind::Certificate, CERTIFICATE, message.clone()),
        ErrorKind::DnsResolve { message, .. } => (SinkErrorKind::Unreachable, UNREACHABLE, message.clone()),
        ErrorKind::ConnectionPoolCleared { message, .. } => of_selection(message),
        // Half an answer, or none that a server of MongoDB gives.
        ErrorKind::InvalidResponse { .. } | ErrorKind::Bson(_) => {
            let hint = "check that host and port are those of the database server";
            (SinkErrorKind::Unreachable, hint, error.kind.to_string())
        }
        other => (SinkErrorKind::Invalid, OUR_FAULT, other.to_string()),
    }
}

/// No server could be chosen. Why is said in words alone, of each server that was asked.
fn of_selection(message: &str) -> (SinkErrorKind, &'static str, String) {
    let said = in_words(message);
    if message.contains("wire version") {
        (SinkErrorKind::Schema, OLD, said)
    } else if speaks_of_certificate(message) {
        (SinkErrorKind::Certificate, CERTIFICATE, said)
    } else if message.contains("Secondary") || message.contains("ReplicaSetNoPrimary") && !message.contains("Error:") {
        (SinkErrorKind::ReadOnly, NOT_PRIMARY, said)
    } else if fails_otherwise(message) {
        (SinkErrorKind::Unreachable, UNREACHABLE, said)
    } else {
        (SinkErrorKind::TimedOut, SILENT, said)
    }
}

/// Returns true if there is an error of a server that did answer, or of the way to it. Whether the driver has noted
/// that a silent server timed out depends on the moment.
fn fails_otherwise(message: &str) -> bool {
    let mut causes = message.split("Kind: ").skip(1).map(cause).peekable();
    match causes.peek() {
        Some(_) => causes.any(|cause| cause != TIMED_OUT),
        None => message.contains("rror"),
    }
}

/// The driver's report on its servers, each once and without the names of its own types: their address and their error.
fn in_words(message: &str) -> String {
    let Some((_, servers)) = message.split_once("Servers: [") else {
        return match message.split_once("Kind: ") {
            Some((before, error)) => format!("{before}{}", cause(error)),
            None => message.to_owned(),
        };
    };
    let mut said = Vec::new();
    for server in servers.split("Address: ").skip(1) {
        let address = server.split([',', ' ', '}']).next().unwrap_or_default();
        let what = match server.split_once("Error: ") {
            Some((_, error)) => match cause(error) {
                cause if cause == TIMED_OUT => SILENCE.to_owned(),
                cause => cause,
            },
            None => kind_in_words(server).to_owned(),
        };
        let words = format!("{address}: {what}");
        if !said.contains(&words) {
            said.push(words);
        }
    }
    let said = if said.is_empty() { "it knows no server".to_owned() } else { said.join("; ") };
    if message.starts_with("Server selection timeout") { format!("no server can be used: {said}") } else { said }
}

/// The cause in a driver's error: the text between its kind and its labels.
fn cause(error: &str) -> String {
    let error = error.strip_prefix("Kind: ").unwrap_or(error);
    let end = [", labels:", ", Labels:", " }"].iter().filter_map(|mark| error.find(mark)).min();
    let error = error.get(..end.unwrap_or(error.len())).unwrap_or(error);
    error.strip_prefix("I/O error: ").unwrap_or(error).trim().to_owned()
}

fn kind_in_words(server: &str) -> &'static str {
    let named =
        server.split_once("Type: ").map_or("", |(_, rest)| rest.split([',', ' ', '}']).next().unwrap_or_default());
    match named {
        "RSSecondary" | "Secondary" => "is a secondary",
        "RSArbiter" | "Arbiter" => "is an arbiter",
        "RSPrimary" | "Primary" => "is the primary",
        _ => SILENCE,
    }
}

/// The TLS library's word for a certificate that cannot be used.
fn speaks_of_certificate(text: &str) -> bool {
    text.contains("certificate") || text.contains("UnknownIssuer")
}

/// The server's codes: <https://www.mongodb.com/docs/manual/reference/error-codes/>.
fn of_code(code: i32) -> (SinkErrorKind, &'static str) {
    match code {
        11 | 18 => (SinkErrorKind::Credentials, SIGN_IN),
        13 | 8000 => (SinkErrorKind::Rights, GRANT),
        // Not the primary any more, or not yet; stepping down, shutting down, recovering.
        10107 | 13435 | 13436 | 10058 | 189 | 91 | 11600 | 11602 => (SinkErrorKind::ReadOnly, NOT_PRIMARY),
        14031 | 12501 => (SinkErrorKind::Full, NO_ROOM),
        50 | 89 | 262 => (SinkErrorKind::TimedOut, TOO_SLOW),
        64 | 100 => (SinkErrorKind::Busy, MAJORITY),
        6 | 7 | 9001 => (SinkErrorKind::Unreachable, UNREACHABLE),
        // A conflict with another operation, a lock, an overload.
        24 | 46 | 112 | 202 | 290 | 462 => (SinkErrorKind::Busy, TOO_SLOW),
        11000 | 121 | 85 | 86 => (SinkErrorKind::Schema, FOREIGN),
        _ => (SinkErrorKind::Invalid, OUR_FAULT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_whether_to_try_again_and_what_to_do() {
        for (code, kind) in [
            (18, SinkErrorKind::Credentials),
            (13, SinkErrorKind::Rights),
            (189, SinkErrorKind::ReadOnly),
            (10107, SinkErrorKind::ReadOnly),
            (14031, SinkErrorKind::Full),
            (50, SinkErrorKind::TimedOut),
            (112, SinkErrorKind::Busy),
            (121, SinkErrorKind::Schema),
            (2, SinkErrorKind::Invalid),
        ] {
            assert_eq!(of_code(code).0, kind, "{code}");
        }
    }

    #[test]
    fn what_is_said_of_the_servers_is_said_in_words() {
        for (message, words) in [
            (
                "Server selection timeout: No available servers. Topology: { Type: Unknown, Servers: [ \
                 { Address: h:1, Type: Unknown, Error: Kind: I/O error: Connection refused (os error 111), \
                 labels: {\"RetryableError\"} } ] }",
                "no server can be used: h:1: Connection refused (os error 111)",
            ),
            (
                "Topology: { Type: ReplicaSetNoPrimary, Servers: [ { Address: h:1, Type: Secondary }, \
                 { Address: h:2, Type: Unknown, Error: Kind: I/O error: timed out, labels: {} } ] }",
                "h:1: is a secondary; h:2: no answer",
            ),
            ("Servers: [ { Address: h:1, Type: Unknown } ]", "h:1: no answer"),
            ("Servers: [  ]", "it knows no server"),
            (
                "Connection pool for h:1 cleared because another operation failed with: \
                 Kind: I/O error: broken pipe, labels: {}",
                "Connection pool for h:1 cleared because another operation failed with: broken pipe",
            ),
        ] {
            assert_eq!(of_selection(message).2, words);
        }
    }

    #[test]
    fn why_no_server_could_be_chosen_is_read_from_what_is_said_of_each() {
        for (message, kind) in [
            ("Server selection timeout: Servers: [ { Address: h:1, Type: Unknown } ]", SinkErrorKind::TimedOut),
            (
                "Servers: [ { Address: h:1, Type: Unknown, Error: Kind: I/O error: timed out, labels: {} }, \
                 { Address: h:2, Type: Unknown } ]",
                SinkErrorKind::TimedOut,
            ),
            (
                "Servers: [ { Address: h:1, Type: Unknown, Error: Kind: I/O error: timed out, labels: {} }, \
                 { Address: h:2, Type: Unknown, Error: Kind: I/O error: refused, labels: {} } ]",
                SinkErrorKind::Unreachable,
            ),
            (
                "Servers: [ { Address: h:1, Type: Unknown, Error: Kind: I/O error: refused } ]",
                SinkErrorKind::Unreachable,
            ),
            ("Error: Kind: I/O error: invalid peer certificate: Expired", SinkErrorKind::Certificate),
            ("Topology: { Type: ReplicaSetNoPrimary, Servers: [ { Type: Secondary } ] }", SinkErrorKind::ReadOnly),
            ("Server at h:1 reports maximum wire version 6, but this version requires 9", SinkErrorKind::Schema),
        ] {
            assert_eq!(of_selection(message).0, kind, "{message}");
        }
    }
}
