//! Errors of the system, as a transcript keeps them, and back.

use std::io;
use std::string::String;

use crate::transcript::Cause;

pub(super) fn cause_of(error: &io::Error) -> Cause {
    let kind = std::format!("{:?}", error.kind());
    match (error.raw_os_error(), error.get_ref()) {
        (Some(code), _) => Cause::Os { code, kind },
        (None, Some(inner)) => Cause::Text { kind, text: std::format!("{inner}") },
        (None, None) => Cause::Kind(kind),
    }
}

/// The error that a recorded cause was. `None`: it took too long.
pub(super) fn error_of(cause: &Cause) -> Option<io::Error> {
    Some(match cause {
        Cause::TimedOut => return None,
        Cause::Os { code, kind } => {
            // Numbers differ between systems. If this one means something else by it, the kind counts.
            let here = io::Error::from_raw_os_error(*code);
            let same = std::format!("{:?}", here.kind()) == *kind;
            if same { here } else { kind_of(kind).into() }
        }
        Cause::Kind(kind) => kind_of(kind).into(),
        Cause::Text { kind, text } => io::Error::new(kind_of(kind), String::clone(text)),
    })
}

fn kind_of(name: &str) -> io::ErrorKind {
    use io::ErrorKind as Kind;
    [
        Kind::NotFound,
        Kind::PermissionDenied,
        Kind::ConnectionRefused,
        Kind::ConnectionReset,
        Kind::ConnectionAborted,
        Kind::HostUnreachable,
        Kind::NetworkUnreachable,
        Kind::NetworkDown,
        Kind::NotConnected,
        Kind::AddrInUse,
        Kind::AddrNotAvailable,
        Kind::BrokenPipe,
        Kind::WouldBlock,
        Kind::InvalidInput,
        Kind::InvalidData,
        Kind::TimedOut,
        Kind::WriteZero,
        Kind::Interrupted,
        Kind::Unsupported,
        Kind::UnexpectedEof,
        Kind::OutOfMemory,
    ]
    .into_iter()
    .find(|kind| std::format!("{kind:?}") == name)
    .unwrap_or(Kind::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_back_as_they_were() {
        let errors = [
            io::Error::from_raw_os_error(104),
            io::Error::from(io::ErrorKind::UnexpectedEof),
            io::Error::new(io::ErrorKind::NotFound, "no such host"),
        ];
        for error in errors {
            let back = error_of(&cause_of(&error)).unwrap();
            assert_eq!((back.to_string(), back.kind()), (error.to_string(), error.kind()));
        }
        assert!(error_of(&Cause::TimedOut).is_none());
    }

    #[test]
    fn a_number_of_another_system_gives_way_to_the_kind() {
        let foreign = Cause::Os { code: 10_054, kind: "ConnectionReset".into() };
        assert_eq!(error_of(&foreign).unwrap().kind(), io::ErrorKind::ConnectionReset);
    }
}
