//! Options by name, and the two facts of the firmware that are not options.

use bytes::{BufMut, Bytes, BytesMut};
use zk_proto::Command;
use zk_proto::ids::up_to_nul;

use super::{Answer, Request, acknowledge, one};
use crate::faults::FaultKind;
use crate::link::Link;
use crate::reply::Reply;
use crate::terminal::Terminal;

pub(super) fn answer(terminal: &mut Terminal, _link: &mut Link, request: &Request<'_>) -> Answer {
    one(match request.command {
        Command::OPTIONS_RRQ => read(terminal, request.data),
        Command::OPTIONS_WRQ => acknowledge(write(terminal, request.data)),
        Command::REFRESHOPTION => {
            terminal.options.stale = false;
            Reply::ok()
        }
        Command::GET_VERSION => Reply::ok_with(text(terminal.profile.firmware)),
        Command::GET_PINWIDTH if terminal.faults.strike(FaultKind::EmptyPinWidth).is_some() => Reply::ok(),
        Command::GET_PINWIDTH => Reply::ok_with(vec![pin_width(terminal)]),
        _ => return None,
    })
}

fn read(terminal: &mut Terminal, data: &[u8]) -> Reply {
    if let Some(code) = terminal.faults.strike(FaultKind::OptionCode).and_then(|code| u16::try_from(code).ok()) {
        return Reply::code(Command(code));
    }
    if terminal.faults.strike(FaultKind::EmptyOptions).is_some() {
        return Reply::ok();
    }
    let name = String::from_utf8_lossy(up_to_nul(data));
    if matches!(&*name, "~ExtendFmt" | "~UserExtFmt") && terminal.faults.strike(FaultKind::WrongFormats).is_some() {
        let opposite = if terminal.options.get(&name) == Some("1") { "0" } else { "1" };
        return Reply::ok_with(text(&format!("{name}={opposite}")));
    }
    match terminal.options.get(&name) {
        Some(value) => Reply::ok_with(text(&format!("{name}={value}"))),
        None => Reply::code(terminal.profile.absent_option),
    }
}

fn write(terminal: &mut Terminal, data: &[u8]) -> bool {
    let line = String::from_utf8_lossy(up_to_nul(data));
    let Some((name, value)) = line.split_once('=') else { return false };
    match name {
        // It takes effect in the next session.
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

/// Text with the NUL that ends every text of the protocol.
fn text(value: &str) -> Bytes {
    let mut bytes = BytesMut::with_capacity(value.len() + 1);
    bytes.put_slice(value.as_bytes());
    bytes.put_u8(0);
    bytes.freeze()
}
