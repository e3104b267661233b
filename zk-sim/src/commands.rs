//! What a terminal answers to each command, once the session is open.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use zk_proto::record::{OperationCode, UserLayout};
use zk_proto::{Command, DeviceTime};

use crate::access;
use crate::capture;
use crate::enrolment;
use crate::faults::{FaultKind, Faults};
use crate::link::{Link, Then, UsersRead};
use crate::messages;
use crate::operations;
use crate::panel;
use crate::reply::Reply;
use crate::terminal::Terminal;
use crate::transfer::{self, Prepared, Table};
use crate::upload::Upload;

/// The part of a user that a face is asked for by.
const FACE: u8 = 50;

/// What a client asks.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) command: Command,
    pub(crate) data: &'a [u8],
}

/// Answers one request of an open session, and notes what was done.
pub(crate) fn answer(terminal: &mut Terminal, link: &mut Link, request: &Request<'_>) -> (Vec<Reply>, Then) {
    let (replies, then) = carry_out(terminal, link, request);
    let done = then == Then::Restart || replies.iter().any(|reply| reply.code == Command::ACK_OK);
    if let Some((operation, parameters)) = operations::noted(request.command, request.data).filter(|_| done) {
        terminal.note(operation, parameters);
    }
    if request.command == Command::POWEROFF {
        // Somebody switches it on again.
        terminal.note(OperationCode::POWER_ON, [0; 4]);
    }
    (replies, then)
}

fn carry_out(terminal: &mut Terminal, link: &mut Link, request: &Request<'_>) -> (Vec<Reply>, Then) {
    if request.command != Command::EXIT
        && let Some(code) = refused(&mut terminal.faults)
    {
        return (vec![Reply::code(code)], Then::Stay);
    }
    match request.command {
        Command::EXIT => {
            let silent = terminal.faults.strike(FaultKind::ExitUnanswered).is_some();
            if silent { (Vec::new(), Then::Stay) } else { (vec![Reply::ok()], Then::End) }
        }
        Command::RESTART | Command::POWEROFF => {
            terminal.panel.restart(request.command);
            let answered = terminal.profile.restart_answered || request.command == Command::POWEROFF;
            (if answered { vec![Reply::ok()] } else { Vec::new() }, Then::Restart)
        }
        Command::DATA_WRRQ => (buffered_read(terminal, link, request.data), Then::Stay),
        Command::DATA_RDY => (read_range(terminal, link, request.data), Then::Stay),
        Command::GET_USERTEMP
        | Command::USERFACE_RRQ
        | Command::USERPHOTO_RRQ
        | Command::CAPTUREFINGER
        | Command::CAPTUREIMAGE => (biometric(terminal, link, request), Then::Stay),
        Command::ATTLOG_RRQ | Command::DB_RRQ | Command::OPLOG_RRQ | Command::USERTEMP_RRQ => {
            (direct_read(terminal, link, request), Then::Stay)
        }
        Command::GET_FREE_SIZES => {
            let early = terminal.faults.strike(FaultKind::AckBeforeData).map(|_| Reply::ok());
            (early.into_iter().chain([one(terminal, link, request)]).collect(), Then::Stay)
        }
        _ => (vec![one(terminal, link, request)], Then::Stay),
    }
}

/// The code by which a terminal refuses whatever it is asked.
fn refused(faults: &mut Faults) -> Option<Command> {
    if faults.strike(FaultKind::Busy).is_some() {
        return Some(Command::ACK_RETRY);
    }
    faults.strike(FaultKind::RefuseAll).and_then(|code| u16::try_from(code).ok()).map(Command)
}

/// 1503: makes a table ready, or hands it over at once when it is small.
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

/// 1504: a range of what 1503 made ready.
fn read_range(terminal: &mut Terminal, link: &Link, mut data: &[u8]) -> Vec<Reply> {
    let range = data.try_get_u32_le().ok().zip(data.try_get_u32_le().ok());
    match (&link.prepared, range) {
        (Some(prepared), Some((offset, length))) => prepared.range(terminal, link.transport, offset, length),
        _ => vec![Reply::error()],
    }
}

/// A table, or one fingerprint, without the buffer.
fn direct_read(terminal: &mut Terminal, link: &Link, request: &Request<'_>) -> Vec<Reply> {
    if request.command == Command::USERTEMP_RRQ && request.data.len() >= 3 {
        let template = finger(request.data).and_then(|(uid, finger)| terminal.biometrics.finger(uid, finger));
        let Some(template) = template.map(|found| found.template.clone()) else { return vec![Reply::error()] };
        return Prepared::whole(template).streamed(terminal, link.transport);
    }
    let selector = request.data.first().copied().unwrap_or(0);
    let Some(table) = Table::asked(request.command, u32::from(selector)) else { return vec![Reply::error()] };
    let prepared = transfer::prepare(terminal, table);
    let garbled = table == Table::Log && terminal.faults.strike(FaultKind::GarbageDirect).is_some();
    let prepared = if garbled { prepared.garbled(terminal.seed) } else { prepared };
    prepared.streamed(terminal, link.transport)
}

/// The commands that one packet answers.
fn one(terminal: &mut Terminal, link: &mut Link, request: &Request<'_>) -> Reply {
    let mut data = request.data;
    match request.command {
        Command::AUTH | Command::STARTVERIFY | Command::CANCELCAPTURE | Command::REFRESHDATA => Reply::ok(),
        Command::CLEAR_OPLOG => {
            terminal.operations.clear();
            Reply::ok()
        }
        Command::USERGRP_RRQ
        | Command::USERGRP_WRQ
        | Command::USERTZ_RRQ
        | Command::USERTZ_WRQ
        | Command::GRPTZ_RRQ
        | Command::GRPTZ_WRQ
        | Command::TZ_RRQ
        | Command::TZ_WRQ
        | Command::ULG_RRQ
        | Command::ULG_WRQ
        | Command::VERIFY_RRQ
        | Command::VERIFY_WRQ => access::answer(terminal, request.command, data),
        Command::SMS_RRQ | Command::SMS_WRQ | Command::DELETE_SMS | Command::UDATA_WRQ | Command::DELETE_UDATA => {
            messages::answer(terminal, request.command, data)
        }
        Command::TEST_TEMP => match terminal.biometrics.whose(data) {
            Some(uid) => Reply::ok_with(uid.to_le_bytes().to_vec()),
            None => Reply::error(),
        },
        Command::STARTENROLL => match enrolment::enrol(terminal, data) {
            Some(told) => {
                told.iter().for_each(|event| link.answer_later(event));
                Reply::ok()
            }
            None => Reply::error(),
        },
        Command::GET_VERSION => Reply::ok_with(text(terminal.profile.firmware)),
        Command::GET_FREE_SIZES => Reply::ok_with(free_sizes(terminal)),
        Command::GET_TIME => Reply::ok_with(terminal.now().0.to_le_bytes().to_vec()),
        Command::SET_TIME => {
            let time = DeviceTime::parse(data).ok();
            acknowledge(time.map(|time| terminal.set_time(time)).is_some())
        }
        Command::GET_PINWIDTH if terminal.faults.strike(FaultKind::EmptyPinWidth).is_some() => Reply::ok(),
        Command::GET_PINWIDTH => Reply::ok_with(vec![pin_width(terminal)]),
        Command::GET_PHOTO_COUNT if terminal.profile.user_photos => {
            Reply::ok_with(terminal.attendance_photos.to_le_bytes().to_vec())
        }
        Command::ENABLE_CLOCK
        | Command::WRITE_LCD
        | Command::CLEAR_LCD
        | Command::UNLOCK
        | Command::TESTVOICE
        | Command::SLEEP
        | Command::RESUME
        | Command::STATE_RRQ
        | Command::DOORSTATE_RRQ => panel::answer(terminal, request.command, data),
        Command::REFRESHOPTION => {
            terminal.options.stale = false;
            Reply::ok()
        }
        Command::OPTIONS_RRQ => read_option(terminal, data),
        Command::OPTIONS_WRQ => acknowledge(write_option(terminal, data)),
        Command::ENABLEDEVICE => {
            terminal.lockout.enable();
            Reply::ok()
        }
        Command::DISABLEDEVICE => {
            terminal.lockout.disable(data);
            Reply::ok()
        }
        Command::REG_EVENT => {
            link.mask = data.try_get_u32_le().unwrap_or(0);
            Reply::ok()
        }
        Command::USER_WRQ => {
            let refused = terminal.faults.strike(FaultKind::RefuseUserWrites).is_some();
            let ignored = terminal.faults.strike(FaultKind::IgnoredWrites).is_some();
            acknowledge(!refused && (ignored || terminal.users.write(data)))
        }
        Command::DELETE_USER => acknowledge(data.try_get_u16_le().is_ok_and(|uid| delete_user(terminal, uid))),
        Command::USERTEMP_WRQ => write_template(terminal, data),
        Command::DELETE_USERTEMP => {
            acknowledge(finger(data).is_some_and(|(uid, finger)| terminal.biometrics.delete_finger(uid, finger)))
        }
        Command::DEL_FPTMP => acknowledge(delete_template_of(terminal, data)),
        Command::CLEAR_ADMIN => {
            terminal.users.clear_admins();
            Reply::ok()
        }
        Command::CLEAR_ATTLOG => {
            terminal.log.clear();
            Reply::ok()
        }
        Command::CLEAR_DATA => clear(terminal, data.first().copied()),
        Command::FREE_DATA => {
            if link.users_read == UsersRead::Buffered {
                link.users_read = UsersRead::Freed;
            }
            link.prepared = None;
            link.upload = None;
            Reply::ok()
        }
        Command::PREPARE_DATA => {
            link.upload = Upload::begin(data);
            acknowledge(link.upload.is_some())
        }
        Command::DATA => acknowledge(link.upload.as_mut().is_some_and(|upload| upload.add(data))),
        Command::CHECKSUM_BUFFER => match &link.upload {
            Some(upload) => Reply::ok_with(upload.sum().to_le_bytes().to_vec()),
            None => Reply::error(),
        },
        Command::TMP_WRITE => {
            acknowledge(link.upload.as_ref().is_some_and(|upload| upload.commit_template(terminal, data)))
        }
        // Sub-code 12 commits users; the others would flash firmware.
        Command::SAVE_USERTEMPS => {
            let commits = data.first() == Some(&12);
            acknowledge(commits && link.upload.as_ref().is_some_and(|upload| upload.commit_users(terminal)))
        }
        _ => Reply::code(Command::ACK_UNKNOWN),
    }
}

fn acknowledge(done: bool) -> Reply {
    if done { Reply::ok() } else { Reply::error() }
}

/// Text with the NUL that ends every text of the protocol.
fn text(value: &str) -> Bytes {
    let mut bytes = BytesMut::with_capacity(value.len() + 1);
    bytes.put_slice(value.as_bytes());
    bytes.put_u8(0);
    bytes.freeze()
}

pub(crate) fn until_nul(data: &[u8]) -> String {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    String::from_utf8_lossy(data.get(..end).unwrap_or_default()).into_owned()
}

fn read_option(terminal: &mut Terminal, data: &[u8]) -> Reply {
    if let Some(code) = terminal.faults.strike(FaultKind::OptionCode).and_then(|code| u16::try_from(code).ok()) {
        return Reply::code(Command(code));
    }
    if terminal.faults.strike(FaultKind::EmptyOptions).is_some() {
        return Reply::ok();
    }
    let name = until_nul(data);
    if matches!(name.as_str(), "~ExtendFmt" | "~UserExtFmt")
        && terminal.faults.strike(FaultKind::WrongFormats).is_some()
    {
        let opposite = if terminal.options.get(&name) == Some("1") { "0" } else { "1" };
        return Reply::ok_with(text(&format!("{name}={opposite}")));
    }
    match terminal.options.get(&name) {
        Some(value) => Reply::ok_with(text(&format!("{name}={value}"))),
        None => Reply::code(terminal.profile.absent_option),
    }
}

fn write_option(terminal: &mut Terminal, data: &[u8]) -> bool {
    let line = until_nul(data);
    let Some((name, value)) = line.split_once('=') else { return false };
    match name {
        // Takes effect with the next session.
        "ComKey" | "COMKey" => match value.parse() {
            Ok(key) => terminal.key = key,
            Err(_) => return false,
        },
        _ => terminal.options.set(name, value),
    }
    terminal.options.stale = true;
    true
}

fn pin_width(terminal: &Terminal) -> u8 {
    terminal.options.get("~PIN2Width").and_then(|width| width.parse().ok()).unwrap_or(0)
}

/// A uid and a finger, or another part of a user.
fn finger(mut data: &[u8]) -> Option<(u16, u8)> {
    data.try_get_u16_le().ok().zip(data.try_get_u8().ok())
}

/// One fingerprint, a face or a photo: at once when it is short, else in packets.
fn biometric(terminal: &mut Terminal, link: &Link, request: &Request<'_>) -> Vec<Reply> {
    let found = match request.command {
        Command::GET_USERTEMP => {
            finger(request.data).and_then(|(uid, finger)| terminal.biometrics.padded_finger(uid, finger))
        }
        Command::USERFACE_RRQ if terminal.profile.face_capacity > 0 => {
            let asked = finger(request.data).filter(|(_, part)| *part == FACE);
            asked.and_then(|(uid, _)| terminal.biometrics.encoded_face(uid))
        }
        Command::USERPHOTO_RRQ if terminal.profile.user_photos => {
            let name = until_nul(request.data);
            name.strip_suffix(".jpg").and_then(|user_id| terminal.biometrics.photo(user_id).cloned())
        }
        Command::CAPTUREFINGER => {
            let mut width = request.data;
            width.try_get_u32_le().ok().and_then(|width| capture::finger(width, terminal.seed))
        }
        Command::CAPTUREIMAGE => Some(capture::whole(terminal.seed)),
        _ => return vec![Reply::code(Command::ACK_UNKNOWN)],
    };
    let Some(prepared) = found.map(Prepared::whole) else { return vec![Reply::error()] };
    if prepared.fits_inline(terminal, link.transport) {
        return prepared.inline();
    }
    prepared.streamed(terminal, link.transport)
}

fn delete_user(terminal: &mut Terminal, uid: u16) -> bool {
    let Some(user_id) = terminal.users.get(uid).map(|user| user.user_id.0.clone()) else { return false };
    terminal.biometrics.forget(uid, &user_id);
    terminal.access.forget(uid);
    terminal.messages.forget(uid);
    terminal.users.delete(uid)
}

/// Writes a fingerprint without the upload buffer; only old firmware knows how.
fn write_template(terminal: &mut Terminal, mut data: &[u8]) -> Reply {
    if terminal.profile.users != UserLayout::TwentyEight {
        return Reply::code(Command::ACK_UNKNOWN);
    }
    let whole = data.try_get_u16_le().is_ok_and(|size| usize::from(size) == data.len() + 2);
    let head = finger(data).zip(data.get(3).copied());
    let (Some(((uid, finger), flag)), Some(template), true) = (head, data.get(4..), whole) else {
        return Reply::error();
    };
    let free = terminal.users.contains(uid) && terminal.biometrics.finger(uid, finger).is_none();
    let template = Bytes::copy_from_slice(template);
    acknowledge(free && terminal.biometrics.write_finger(uid, finger, flag, template))
}

/// Deletes a fingerprint by user id: 24 bytes of text, then the finger.
fn delete_template_of(terminal: &mut Terminal, data: &[u8]) -> bool {
    let (Some(user_id), Some(finger)) = (data.get(..24), data.get(24)) else { return false };
    let Some(uid) = terminal.users.uid(&until_nul(user_id)) else { return false };
    terminal.biometrics.delete_finger(uid, *finger)
}

/// Clears a table: 1 log, 2 fingerprints, 4 operation log, 5 users; everything without a type.
fn clear(terminal: &mut Terminal, table: Option<u8>) -> Reply {
    match table {
        None => {
            terminal.log.clear();
            terminal.operations.clear();
            clear_users(terminal);
        }
        Some(1) => terminal.log.clear(),
        Some(2) => terminal.biometrics.clear_fingers(),
        Some(3) => {}
        Some(4) => terminal.operations.clear(),
        Some(5) => clear_users(terminal),
        Some(_) => return Reply::error(),
    }
    Reply::ok()
}

fn clear_users(terminal: &mut Terminal) {
    terminal.users.clear();
    terminal.biometrics.clear();
    terminal.access.forget_all();
    terminal.messages.forget_all();
}

/// The longest answer to free sizes that a fault makes.
const MAX_SIZES: usize = 1024;

/// Counts and capacities, each a 32-bit number. Source of the places: `vectors/free_sizes.json`.
fn free_sizes(terminal: &mut Terminal) -> Bytes {
    let profile = &terminal.profile;
    let users = terminal.users.len() as i64;
    let fingers = terminal.biometrics.fingers().len() as i64;
    let records = reported_records(terminal.log.shown().len() as i64, &mut terminal.faults);
    let (user_room, log_room, finger_room) =
        (i64::from(profile.user_capacity), i64::from(profile.log_capacity), i64::from(profile.finger_capacity));
    let fields = [
        (4, users),
        (6, fingers),
        (8, records),
        (10, terminal.operations.entries().len() as i64),
        (12, terminal.users.admins() as i64),
        (13, terminal.users.passwords() as i64),
        (14, finger_room),
        (15, user_room),
        (16, log_room),
        (17, finger_room - fingers),
        (18, user_room - users),
        (19, log_room - records),
        (20, terminal.biometrics.faces() as i64),
        (22, i64::from(profile.face_capacity)),
    ];
    let length = terminal.faults.strike(FaultKind::SizesLength).and_then(|length| usize::try_from(length).ok());
    let length = length.map_or(profile.sizes_len, |length| length.min(MAX_SIZES));
    let negative = terminal.faults.strike(FaultKind::NegativeSizes).is_some();
    let mut words = vec![0i32; length.div_ceil(4)];
    for (place, value) in fields {
        let value = if negative && (17..=19).contains(&place) { -1 - value } else { value };
        if let Some(word) = words.get_mut(place) {
            *word = i32::try_from(value).unwrap_or(i32::MAX);
        }
    }
    words.into_iter().flat_map(i32::to_le_bytes).take(length).collect()
}

fn reported_records(records: i64, faults: &mut Faults) -> i64 {
    let mut reported = records;
    if let Some(more) = faults.strike(FaultKind::CountLarger) {
        reported += more;
    }
    if let Some(fewer) = faults.strike(FaultKind::CountSmaller) {
        reported = (reported - fewer).max(0);
    }
    if faults.strike(FaultKind::CountZero).is_some() {
        reported = 0;
    }
    reported
}
