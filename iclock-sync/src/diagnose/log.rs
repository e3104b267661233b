//! A terminal's log as a sync would read it, without keeping anything: its proof, its counts, and the rules' judgement.

use attendance_model::Reason;

use super::{Cause, Check, Finding};
use crate::report::{DeviceReport, DeviceStatus, ErrorKind, Hint};
use crate::unproven::verdict::Unfit;
use crate::words::{counted, grouped};

/// The findings in the report of a dry run.
pub(super) fn findings(report: &DeviceReport) -> Vec<Finding> {
    match report.status {
        DeviceStatus::Failed => vec![failed(report)],
        DeviceStatus::Unproven => {
            let mut found = of_hints(report);
            found.push(unproven(report));
            found
        }
        DeviceStatus::Ok => {
            let mut found = of_hints(report);
            found.extend(of_log(report));
            found.extend(of_records(report));
            found
        }
    }
}

fn failed(report: &DeviceReport) -> Finding {
    let is_lost = report.error.as_deref().is_some_and(|error| error.contains("demands its comm key again"));
    let cause = match report.error_kind {
        Some(ErrorKind::Broken) if is_lost => Cause::SessionLost,
        Some(ErrorKind::Unreachable) => Cause::NoAnswer,
        Some(ErrorKind::TimedOut) => Cause::Stalls,
        Some(ErrorKind::Busy) => Cause::SessionTaken,
        Some(ErrorKind::Broken) => Cause::LineBreaks,
        Some(ErrorKind::Credentials) => Cause::SessionLost,
        Some(ErrorKind::Refused) => Cause::LogRefused,
        Some(ErrorKind::Identity) => Cause::WrongTerminal,
        Some(ErrorKind::Unsupported) => Cause::SecureFirmware,
        _ => Cause::BadBytes,
    };
    Finding::of(cause, report.error.clone().unwrap_or_default())
}

fn unproven(report: &DeviceReport) -> Finding {
    let verdict = report.unproven.as_ref().map(|kept| kept.verdict.as_str()).unwrap_or_default();
    let cause = match Unfit::of(verdict) {
        Unfit::CutShort => Cause::LogCutShort,
        Unfit::DamagedLine => Cause::LineDamages,
        Unfit::Changes => Cause::LogChanges,
        Unfit::Unknown => Cause::LogUnknown,
        Unfit::Patch => Cause::LogDamaged,
        Unfit::Ambiguous => Cause::LogAmbiguous,
        Unfit::Misframed => Cause::LogMisframed,
        Unfit::Disagrees => Cause::LogDisagrees,
        Unfit::Other => Cause::LogUnproven,
    };
    Finding::of(cause, verdict)
}

fn of_hints(report: &DeviceReport) -> Vec<Finding> {
    let mut found = Vec::new();
    for hint in &report.hints {
        let cause = match hint {
            Hint::Zone { .. } => Cause::ZoneOff,
            Hint::Clock { .. } => Cause::ClockOff,
            Hint::NearlyFull { .. } => Cause::LogNearlyFull,
            Hint::Full { .. } => Cause::LogFull,
            // The records say it.
            Hint::Rule { .. } => continue,
        };
        let text = hint.to_string();
        let (evidence, _) = text.split_once("; ").unwrap_or((&text, ""));
        found.push(Finding::of(cause, evidence));
    }
    let of_clock = |finding: &Finding| finding.check == Check::Clock;
    if let Some(drift) = report.clock_drift_ms.filter(|_| !found.iter().any(of_clock)) {
        found.push(Finding::ok(Check::Clock, format!("right to {} s", drift.unsigned_abs().div_ceil(1000))));
    }
    found
}

fn of_log(report: &DeviceReport) -> Vec<Finding> {
    let (read, mut found) = (report.records_read, Vec::new());
    found.push(match read {
        0 => Finding::of(Cause::EmptyLog, "no record came, and that is what it counts"),
        _ => Finding::ok(Check::Log, format!("{}, proven", counted(read, "record", "records"))),
    });
    match report.records_on_device {
        Some(0) if read > 0 => {
            found.push(Finding::of(Cause::CountZero, format!("it counts 0 records; its log has {}", grouped(read))));
        }
        Some(count) if count != read => {
            let counts = counted(count, "record", "records");
            found.push(Finding::of(Cause::CountOff, format!("it counts {counts}; its log has {}", grouped(read))));
        }
        _ => {}
    }
    if report.rereads.count > 0 {
        found.push(Finding::of(Cause::ReadAgain, report.rereads.reasons.join("; ")));
    }
    found.extend(
        report
            .notes
            .iter()
            .filter(|note| note.contains("stray bytes"))
            .map(|note| Finding::of(Cause::StrayBytes, note.clone())),
    );
    found
}

fn of_records(report: &DeviceReport) -> Vec<Finding> {
    let judged = report.rejected.iter().map(|(reason, count)| (*reason, *count, "refused"));
    let flagged = report.flagged.iter().map(|(reason, count)| (*reason, *count, "flagged"));
    let all = report.records_read;
    let found = judged.chain(flagged).filter_map(|(reason, count, fate)| {
        let cause = match reason {
            Reason::EmptyUserId => Cause::EmptyUserIds,
            Reason::UnknownSlot => Cause::UnknownSlots,
            Reason::NonNumericUserId => Cause::LettersInIds,
            Reason::UndecodableUserId => Cause::GarbledIds,
            Reason::NonPositiveUserId => Cause::ZeroIds,
            Reason::NotOnAllowList => Cause::ForeignIds,
            Reason::ImpossibleTime => Cause::ImpossibleDates,
            Reason::ClockResetTime => Cause::ResetDates,
            Reason::FutureTime => Cause::FutureDates,
            Reason::UnknownState | Reason::UnknownVerifyMode => Cause::UnknownStates,
            Reason::Undecodable | Reason::UnprovenRecord => Cause::UnreadableRecords,
            // Twice a year, and nobody's fault.
            Reason::AmbiguousLocalTime | Reason::SkippedLocalTime | Reason::AcceptedByHand => return None,
            _ => Cause::UnreadableRecords,
        };
        let example = report.hints.iter().find_map(|hint| match hint {
            Hint::Rule { rule, example, .. } if *rule == reason && !example.is_empty() => Some(example),
            _ => None,
        });
        let example = example.map(|id| format!(", for example user id {id:?}")).unwrap_or_default();
        let of_all = format!("{} of {} records", grouped(count), grouped(all));
        Some(Finding::of(cause, format!("{of_all} are {fate} ({reason}){example}")))
    });
    let mut found: Vec<Finding> = found.collect();
    if found.is_empty() && all > 0 {
        found.push(Finding::ok(Check::Records, "the rules refuse none"));
    }
    found
}
