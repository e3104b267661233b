//! A sink, by its own probe: reachable, credentials, rights, table, index.

use std::time::Duration;

use attendance_model::{Sink, SinkErrorKind};

use super::{Cause, Check, Finding};
use crate::chain;

/// Looks for what is wrong with a sink. As before a sync, it prepares what is missing, such as its table. A sink that
/// does not answer within `timeout` is one that is too slow.
pub async fn sink(sink: &dyn Sink, timeout: Duration) -> Vec<Finding> {
    let error = match tokio::time::timeout(timeout, sink.probe()).await {
        Ok(Ok(notices)) => {
            let mut found = vec![Finding::ok(Check::Sink, format!("{} can be written to", sink.target()))];
            found.extend(notices.into_iter().map(|notice| {
                let finding = Finding::of(Cause::SinkNotice, notice.message);
                match notice.hint {
                    Some(hint) => finding.with_fix(hint),
                    None => finding,
                }
            }));
            return found;
        }
        Ok(Err(error)) => error,
        Err(_) => {
            let evidence = format!("no answer from {} within {} s", sink.target(), timeout.as_secs());
            return vec![Finding::of(Cause::SinkSlow, evidence)];
        }
    };
    let cause = match error.kind {
        SinkErrorKind::Unreachable => Cause::SinkUnreachable,
        SinkErrorKind::TimedOut => Cause::SinkSlow,
        SinkErrorKind::Busy => Cause::SinkBusy,
        SinkErrorKind::Full => Cause::SinkFull,
        SinkErrorKind::ReadOnly => Cause::SinkReadOnly,
        SinkErrorKind::Certificate => Cause::SinkCertificate,
        SinkErrorKind::Credentials => Cause::SinkCredentials,
        SinkErrorKind::Rights => Cause::SinkRights,
        SinkErrorKind::Missing => Cause::SinkMissing,
        SinkErrorKind::Schema => Cause::SinkSchema,
        _ => Cause::SinkRefuses,
    };
    let finding = Finding::of(cause, chain(&error));
    vec![match error.hint {
        Some(hint) => finding.with_fix(hint),
        None => finding,
    }]
}
