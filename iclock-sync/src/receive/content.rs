//! The content of a request, as far as attendance needs it.

use attendance_model::{RawPunch, Reason};
use bytes::Bytes;
use zk_push::line::Line;
use zk_push::record::Kind;
use zk_push::table::Table;
use zk_push::terminal::{Batch, Content};
use zk_push::{Fields, Record, Upload};

use super::other;
use super::punch::{self, Meaning};
use super::seam::{Part, Seam};
use crate::BadLine;

/// The tables whose stamps are kept: those that a handshake gives back. A terminal cannot fill the ledger with others.
const STAMPED: [&str; 6] = ["ATTLOG", "OPERLOG", "ATTPHOTO", "BIODATA", "IDCARD", "ERRORLOG"];

/// The longest stamp that is kept, in bytes. Terminals send a number, a time or a word.
const MAX_STAMP: usize = 64;

/// What is kept of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) punches: Vec<RawPunch>,
    pub(super) bad_lines: Vec<BadLine>,
    /// A table and its stamp.
    pub(super) stamp: Option<(String, Vec<u8>)>,
    /// What leaves the quarantine, because the punches have it.
    pub(super) resolves: Option<Vec<u8>>,
    /// The end of a packet, to be joined with the next one.
    pub(super) part: Option<Part>,
    /// The terminal has registered.
    pub(super) registers: bool,
    /// The form in which a controller needs its commands, if it says so.
    pub(super) wraps_commands: Option<bool>,
    /// What came and is not kept, for the log: sizes and names, never content.
    pub(super) remark: Option<String>,
}

/// A request that holds what cannot be read, so that it must not be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a packed file that is damaged, or has more than any upload")]
pub(super) struct Unread;

/// Reads a request. Users, templates, photos and passwords are left out, whatever their lines look like.
/// `before` is what the packet before has left.
pub(super) fn read(batch: &Batch, before: Option<Part>) -> Result<Kept, Unread> {
    let mut kept = Kept { stamp: stamp(batch), ..Kept::default() };
    match &batch.content {
        Content::Records(upload) if has_punches(upload) => upload.records().for_each(|line| kept.add(&line)),
        Content::Answer(packet, upload) if has_punches(upload) => {
            let Seam { lines, torn, resolves, part } = Seam::read(packet, upload, before);
            lines.iter().for_each(|line| kept.add(line));
            // The part is on the disk, until the next packet shows what it is.
            for raw in torn.iter().chain(part.iter().map(|part| &part.bytes)) {
                let (reason, user_id) = (Reason::Undecodable, String::new());
                kept.bad_lines.push(BadLine { reason, user_id, raw: punch::kept(raw) });
            }
            (kept.resolves, kept.part) = (resolves.map(Into::into), part);
        }
        Content::Records(upload) | Content::Answer(_, upload) if is_unknown(upload) => {
            kept.add_unknown(upload.body(), format!("{upload:?}: the table is not known"));
        }
        Content::Registration(parameters) => {
            // A registration without the key has the plain form.
            (kept.registers, kept.wraps_commands) = (true, Some(wraps_commands(parameters).unwrap_or(false)));
        }
        Content::Parameters(parameters) => kept.wraps_commands = wraps_commands(parameters),
        // It may hold punches that only it has.
        Content::Archive(_) => return Err(Unread),
        Content::Authorization(_) => {
            kept.remark = Some("somebody waits at a door for this server, and is denied".into())
        }
        Content::Unknown(body) => kept.add_unknown(body, format!("{:?}", batch.content)),
        Content::Unreadable(..) => kept.remark = Some(format!("{:?}", batch.content)),
        _ => {}
    }
    Ok(kept)
}

impl Kept {
    /// Keeps the lines of what nobody knows for a person to look at.
    fn add_unknown(&mut self, body: &Bytes, what: String) {
        let (lines, left_out) = other::read(body);
        let kept = lines.len();
        self.bad_lines.extend(lines);
        self.remark = Some(format!("{what}; {kept} lines wait in the quarantine, {left_out} are not kept"));
    }

    fn add(&mut self, line: &Line<Record>) {
        match punch::read(line) {
            Meaning::Punch(punch) => self.punches.push(*punch),
            Meaning::Bad(reason, user_id) => {
                self.bad_lines.push(BadLine { reason, user_id, raw: punch::kept(&line.raw) });
            }
            Meaning::NoPunch => {}
        }
    }
}

/// The table of an upload and its lines, to be counted; `None` for what is no upload. Unknown tables share a name: a
/// terminal cannot make up more and more of them.
pub(super) fn counted(batch: &Batch) -> Option<(String, u64)> {
    let name = match &batch.content {
        Content::Photo(_) => Table::AttPhoto.to_string(),
        Content::Parameters(_) => Table::Options.to_string(),
        content => match content.upload()?.table() {
            Table::Other(_) => "other".to_owned(),
            table => table.to_string(),
        },
    };
    let lines = batch.content.upload().map_or(1, |upload| upload.count() as u64);
    Some((name, lines))
}

/// Returns true if rows of the table can be punches.
pub(super) fn has_punches(upload: &Upload) -> bool {
    let is_transaction = |name: &str| name.eq_ignore_ascii_case(Kind::TRANSACTION.as_str());
    match upload.table() {
        Table::AttLog | Table::RtLog => true,
        Table::Keyed(_, kind) => is_transaction(kind),
        Table::TableData => upload.table_name().and_then(|name| name.to_str()).is_some_and(is_transaction),
        _ => false,
    }
}

/// Returns true if nobody knows what the lines of the table are.
fn is_unknown(upload: &Upload) -> bool {
    matches!(upload.table(), Table::Other(_)) || (*upload.table() == Table::TableData && upload.table_name().is_none())
}

/// Returns true for a controller that needs its commands wrapped; `None` for parameters that do not say.
fn wraps_commands(parameters: &Fields) -> Option<bool> {
    parameters.get("CmdFormat").map(|format| format.number() == Some(1))
}

fn stamp(batch: &Batch) -> Option<(String, Vec<u8>)> {
    let (table, stamp) = batch.stamp.as_ref()?;
    let is_known = STAMPED.contains(&table.as_str()) && stamp.as_bytes().len() <= MAX_STAMP;
    is_known.then(|| (table.clone(), stamp.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use zk_push::terminal::{Step, Terminal};
    use zk_push::{Dialect, Head, request};

    use super::*;

    /// What is kept of a request, as the terminal of the wire hands it on.
    fn kept(dialect: Dialect, target: &str, body: &'static [u8]) -> Result<Kept, Unread> {
        let head = Head::parse("POST", &format!("/iclock/{target}")).unwrap();
        let mut terminal = Terminal::new(head.serial.clone()).pinned(dialect);
        let request = request::Request { head, body: Bytes::from_static(body) };
        match terminal.handle_request(DateTime::UNIX_EPOCH, request) {
            Step::Accept(accept) => read(accept.batch(), None),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn good_and_bad_lines_are_told_apart_and_the_stamp_is_kept_as_it_came() {
        let body = b"7\t2026-03-01 08:00:00\t0\t1\ngarbage\n8\t2026-03-01 08:00:01\t0\t1\n";
        let kept = kept(Dialect::Attendance, "cdata?SN=A1&table=ATTLOG&Stamp=9999", body).unwrap();
        let ids: Vec<&str> = kept.punches.iter().map(|punch| punch.user_id.as_str()).collect();
        let bad: Vec<&[u8]> = kept.bad_lines.iter().map(|line| line.raw.as_slice()).collect();
        assert_eq!((ids, bad), (vec!["7", "8"], vec![&b"garbage"[..]]));
        assert_eq!(kept.stamp, Some(("ATTLOG".to_owned(), b"9999".to_vec())));
    }

    #[test]
    fn rows_of_the_log_at_doors_are_punches_by_whatever_way_they_come() {
        let row = b"transaction pin=7\teventtype=3\tinoutstate=0\tverified=1\ttime_second=857920849\tindex=5\n";
        for target in [
            "cdata?SN=A1&table=tabledata&tablename=transaction&count=1",
            "querydata?SN=A1&type=tabledata&cmdid=1&tablename=transaction&count=1&packcnt=1&packidx=1",
            "cdata?SN=A1&table=transaction",
        ] {
            assert_eq!(kept(Dialect::Access, target, row).unwrap().punches.len(), 1, "{target}");
        }
    }

    #[test]
    fn neither_people_nor_their_secrets_are_kept_even_when_their_lines_are_damaged() {
        let body = b"USER PIN=7\tName=Somebody\tPasswd=1234\nFP PIN=7\tTMP=AAAA\nTMP=AAAA\n";
        for (dialect, target) in [
            (Dialect::Attendance, "cdata?SN=A1&table=OPERLOG&Stamp=3"),
            (Dialect::Attendance, "cdata?SN=A1&table=BIODATA&Stamp=3"),
            (Dialect::Attendance, "cdata?SN=A1&table=UNKNOWN"),
            (Dialect::Attendance, "cdata?SN=A1"),
            (Dialect::Access, "cdata?SN=A1&table=tabledata&tablename=user&count=3"),
        ] {
            let kept = kept(dialect, target, body).unwrap();
            assert_eq!((kept.punches.len(), kept.bad_lines.len()), (0, 0), "{target}");
            assert!(!format!("{kept:?}").contains("1234") && !format!("{kept:?}").contains("AAAA"), "{target}");
        }
    }

    #[test]
    fn a_line_of_a_table_that_nobody_knows_waits_for_a_person() {
        let punch = b"7\t2026-03-01 08:00:00\t0\t1\n";
        let row = b"transaction pin=7\teventtype=3\ttime_second=857920849\n";
        for (dialect, target, body) in [
            (Dialect::Attendance, "cdata?SN=A1&table=NEWTABLE&Stamp=1", &punch[..]),
            (Dialect::Attendance, "cdata?SN=A1", punch),
            (Dialect::Access, "cdata?SN=A1&table=tabledata", row),
        ] {
            let kept = kept(dialect, target, body).unwrap();
            let lines: Vec<_> =
                kept.bad_lines.iter().map(|line| (line.user_id.as_str(), line.raw.as_slice())).collect();
            assert_eq!(lines, [("7", &body[..body.len() - 1])], "{target}");
        }
    }

    #[test]
    fn a_controller_says_in_which_form_it_needs_its_commands() {
        for (target, body, expected) in [
            ("registry?SN=A1", &b"DeviceType=acc,CmdFormat=1,~DeviceName=X"[..], Some(true)),
            ("registry?SN=A1", b"DeviceType=acc,CmdFormat=0", Some(false)),
            ("registry?SN=A1", b"DeviceType=acc", Some(false)),
            ("cdata?SN=A1&table=options", b"~DeviceName=X,CmdFormat=1", Some(true)),
            ("cdata?SN=A1&table=options", b"~DeviceName=X", None),
        ] {
            let head = Head::parse("POST", &format!("/iclock/{target}")).unwrap();
            let registration = zk_push::settings::Registration::new("code", "session").unwrap();
            let terminal = Terminal::new(head.serial.clone()).pinned(Dialect::Access);
            let mut terminal = terminal.with_registration(registration, false);
            let request = request::Request { head, body: Bytes::from_static(body) };
            let Step::Accept(accept) = terminal.handle_request(DateTime::UNIX_EPOCH, request) else { panic!() };
            assert_eq!(read(accept.batch(), None).unwrap().wraps_commands, expected, "{target}");
        }
    }

    #[test]
    fn a_packed_file_is_not_acknowledged() {
        let target = "querydata?SN=A1&type=tabledata&cmdid=1&tablename=transaction&count=2&datafmt=3";
        assert_eq!(kept(Dialect::Access, target, b"name=transaction.tgz\nsize=4\0AAAA"), Err(Unread));
    }

    #[test]
    fn stamps_of_other_tables_and_long_ones_are_not_kept() {
        let long = "9".repeat(MAX_STAMP + 1);
        for target in ["cdata?SN=A1&table=MINE&Stamp=1".to_owned(), format!("cdata?SN=A1&table=ATTLOG&Stamp={long}")] {
            assert_eq!(kept(Dialect::Attendance, &target, b"x\n").unwrap().stamp, None, "{target}");
        }
    }
}
