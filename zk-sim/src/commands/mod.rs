//! The answers of a terminal whose session is open: one file for each noun, next to its state outside.

mod access;
mod biometric;
mod clear;
mod clock;
mod message;
mod option;
mod panel;
mod session;
mod sizes;
mod table;
mod upload;
mod user;

use zk_proto::Command;
use zk_proto::record::OperationCode;

use crate::faults::{FaultKind, Faults};
use crate::link::{Link, Then};
use crate::operations;
use crate::reply::Reply;
use crate::terminal::Terminal;

/// A request of a client.
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

/// The answer to a request, and what becomes of the link; `None` when the command is not one of the noun.
type Answer = Option<(Vec<Reply>, Then)>;

/// Each answers the commands of its noun.
const NOUNS: [fn(&mut Terminal, &mut Link, &Request<'_>) -> Answer; 11] = [
    session::answer,
    clock::answer,
    option::answer,
    table::answer,
    user::answer,
    biometric::answer,
    upload::answer,
    clear::answer,
    access::answer,
    message::answer,
    panel::answer,
];

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
    let answer = NOUNS.iter().find_map(|answer| answer(terminal, link, request));
    answer.unwrap_or_else(|| (vec![Reply::code(Command::ACK_UNKNOWN)], Then::Stay))
}

/// The code by which a terminal refuses whatever it is asked.
fn refused(faults: &mut Faults) -> Option<Command> {
    if faults.strike(FaultKind::Busy).is_some() {
        return Some(Command::ACK_RETRY);
    }
    faults.strike(FaultKind::RefuseAll).and_then(|code| u16::try_from(code).ok()).map(Command)
}

fn one(reply: Reply) -> Answer {
    Some((vec![reply], Then::Stay))
}

fn acknowledge(done: bool) -> Reply {
    if done { Reply::ok() } else { Reply::error() }
}
