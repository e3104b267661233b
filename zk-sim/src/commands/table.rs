//! Tables, through the transfer buffer or directly, and their counts.

use std::time::Duration;

use bytes::Buf;
use zk_proto::{Command, DeviceTime};

use super::biometric::finger;
use super::sizes::free_sizes;
use super::{Answer, Request};
use crate::faults::FaultKind;
use crate::link::{Link, Then, UsersRead};
use crate::reply::Reply;
use crate::terminal::Terminal;
use crate::transfer::{self, Prepared, Table};

pub(super) fn answer(terminal: &mut Terminal, link: &mut Link, request: &Request<'_>) -> Answer {
    let replies = match request.command {
        Command::DATA_WRRQ => buffered_read(terminal, link, request.data),
        Command::DATA_RDY => read_range(terminal, link, request.data),
        Command::ATTLOG_RRQ | Command::DB_RRQ | Command::OPLOG_RRQ | Command::USERTEMP_RRQ => {
            direct_read(terminal, link, request)
        }
        Command::FREE_DATA => {
            free(link);
            vec![Reply::ok()]
        }
        Command::REFRESHDATA => vec![Reply::ok()],
        Command::GET_FREE_SIZES => {
            let early = terminal.faults.strike(FaultKind::AckBeforeData).map(|_| Reply::ok());
            early.into_iter().chain([Reply::ok_with(free_sizes(terminal))]).collect()
        }
        _ => return None,
    };
    Some((replies, Then::Stay))
}

fn free(link: &mut Link) {
    if link.users_read == UsersRead::Buffered {
        link.users_read = UsersRead::Freed;
    }
    link.prepared = None;
    link.upload = None;
}

/// 1503: prepares a table, or sends it inline if it is small.
fn buffered_read(terminal: &mut Terminal, link: &mut Link, mut data: &[u8]) -> Vec<Reply> {
    if terminal.faults.strike(FaultKind::RefuseBuffered).is_some() {
        return vec![Reply::code(Command::ACK_UNKNOWN)];
    }
    let mut fields = || {
        data.try_get_u8().ok()?;
        let command = Command(data.try_get_u16_le().ok()?);
        Some((command, data.try_get_u32_le().ok()?, data.try_get_u32_le().unwrap_or(0)))
    };
    let table = match fields() {
        Some((Command::ATTLOG_TIME_RRQ, from, to)) if terminal.profile.log_ranges => {
            Some(Table::LogBetween(DeviceTime(from), DeviceTime(to)))
        }
        Some((Command::ATTLOG_TIME_RRQ, ..)) => return vec![Reply::code(Command::ACK_UNKNOWN)],
        Some((command, selector, _)) => Table::asked(command, selector),
        None => None,
    };
    let Some(table) = table else { return vec![Reply::error()] };
    if table == Table::Log
        && let Some(code) = terminal.faults.strike(FaultKind::NoData).and_then(|code| u16::try_from(code).ok())
    {
        return vec![Reply::code(Command(code))];
    }
    if table == Table::Log
        && let Some(refusal) = refused_log(terminal)
    {
        return refusal;
    }
    if table == Table::Log && terminal.faults.strike(FaultKind::IgnoreBuffered).is_some() {
        return Vec::new();
    }
    if table == Table::Log
        && link.users_read == UsersRead::Freed
        && terminal.faults.strike(FaultKind::LogAfterUsers).is_some()
    {
        return vec![Reply::error()];
    }
    if table == Table::Users {
        link.users_read = UsersRead::Buffered;
    }
    if let Some(delay) = terminal.faults.strike(FaultKind::SlowReads).and_then(|delay| u64::try_from(delay).ok()) {
        link.line.delay(Duration::from_millis(delay));
    }
    link.prepared = None;
    let prepared = transfer::prepare(terminal, table);
    if prepared.fits_inline(terminal, link.transport) {
        return prepared.inline();
    }
    if terminal.faults.strike(FaultKind::PrepareTo1503).is_some() {
        return prepared.streamed(terminal, link.transport);
    }
    let mut replies = Vec::new();
    if terminal.faults.strike(FaultKind::AckBeforeData).is_some() {
        replies.push(Reply::ok());
    }
    replies.push(prepared.announcement());
    link.prepared = Some(prepared);
    replies
}

/// 1504: sends a range of the prepared table.
fn read_range(terminal: &mut Terminal, link: &mut Link, mut data: &[u8]) -> Vec<Reply> {
    let range = data.try_get_u32_le().ok().zip(data.try_get_u32_le().ok());
    let ignored = terminal.faults.standing(FaultKind::IgnoreOffsets);
    if range.zip(ignored).is_some_and(|((offset, _), from)| i64::from(offset) >= from) {
        return Vec::new();
    }
    let goes_on = link.prepared.as_ref().is_some_and(Prepared::is_log) && range.is_some_and(|(offset, _)| offset > 0);
    if goes_on && terminal.faults.strike(FaultKind::Rewritten).is_some() {
        terminal.store_over_the_oldest();
        link.prepared = Some(transfer::prepare(terminal, Table::Log));
    }
    let first = terminal.faults.strike(FaultKind::FirstChunk).is_some();
    let range = range.map(|(offset, length)| (if first { 0 } else { offset }, length));
    match (&link.prepared, range) {
        (Some(prepared), Some((offset, length))) => prepared.range(terminal, link.transport, offset, length),
        _ => vec![Reply::error()],
    }
}

/// Sends a table, or one fingerprint, without the buffer.
fn direct_read(terminal: &mut Terminal, link: &Link, request: &Request<'_>) -> Vec<Reply> {
    if request.command == Command::USERTEMP_RRQ && request.data.len() >= 3 {
        let template = finger(request.data).and_then(|(uid, finger)| terminal.biometrics.finger(uid, finger));
        let Some(template) = template.map(|found| found.template.clone()) else { return vec![Reply::error()] };
        return Prepared::whole(template).streamed(terminal, link.transport);
    }
    let selector = request.data.first().copied().unwrap_or(0);
    let Some(table) = Table::asked(request.command, u32::from(selector)) else { return vec![Reply::error()] };
    if table == Table::Log
        && let Some(refusal) = refused_log(terminal)
    {
        return refusal;
    }
    if table == Table::Log
        && link.users_read == UsersRead::Freed
        && terminal.faults.strike(FaultKind::LogAfterUsers).is_some()
    {
        return vec![Reply::error()];
    }
    let prepared = transfer::prepare(terminal, table);
    let garbled = table == Table::Log && terminal.faults.strike(FaultKind::GarbageDirect).is_some();
    let prepared = if garbled { prepared.garbled(terminal.seed) } else { prepared };
    prepared.streamed(terminal, link.transport)
}

/// The refusal of a log that cannot be read in any way.
fn refused_log(terminal: &mut Terminal) -> Option<Vec<Reply>> {
    let code = terminal.faults.strike(FaultKind::RefuseLog).and_then(|code| u16::try_from(code).ok())?;
    Some(vec![Reply::code(Command(code))])
}
