//! Answers to terminals that are not admitted.

use crate::Reply;
use crate::request::{Endpoint, Head, Method};

/// How a terminal that is not admitted is answered when it only asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// `OK` without options or commands, so that it keeps calling until somebody approves it.
    #[default]
    KeepCalling,
    /// 403.
    Deny,
}

/// Returns the answer to a terminal that is unknown, not yet approved, or has a wrong secret. All three look the same
/// from outside.
///
/// It keeps its records, because nothing that it uploads is acknowledged. Its body need not be read.
#[must_use]
pub fn refuse(head: &Head, manner: Manner) -> Reply {
    match (&head.endpoint, head.method) {
        (Endpoint::Registry | Endpoint::Push, _) => Reply::refusal(406),
        (Endpoint::Cdata | Endpoint::GetRequest | Endpoint::Ping | Endpoint::ServiceControl, Method::Get)
            if manner == Manner::KeepCalling =>
        {
            Reply::ok()
        }
        _ => Reply::refusal(403),
    }
}
