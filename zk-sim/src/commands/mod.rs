//! What a terminal answers to each command, once the session is open.

mod biometric;
mod option;
mod read;
mod sizes;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use zk_proto::record::OperationCode;
use zk_proto::{Command, DeviceTime};

use crate::access;
use crate::enrolment;
use crate::faults::{FaultKind, Faults};
use crate::link::{Link, Then, UsersRead};
use crate::messages;
use crate::operations;
use crate::panel;
use crate::reply::Reply;
use crate::terminal::Terminal;
use crate::upload::Upload;
use biometric::{biometric, delete_template_of, finger, write_template};
use option::{pin_width, read_option, write_option};
use read::{buffered_read, direct_read, read_range};
use sizes::free_sizes;

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
    if terminal.faults.strike_command(FaultKind::RefuseCommand, request.command) {
        return (vec![Reply::code(Command::ACK_UNKNOWN)], Then::Stay);
    }
    if terminal.faults.strike_command(FaultKind::EmptyCommand, request.command) {
        return (vec![Reply::ok()], Then::Stay);
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

fn delete_user(terminal: &mut Terminal, uid: u16) -> bool {
    let Some(user_id) = terminal.users.get(uid).map(|user| user.user_id.0.clone()) else { return false };
    terminal.biometrics.forget(uid, &user_id);
    terminal.access.forget(uid);
    terminal.messages.forget(uid);
    terminal.users.delete(uid)
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
