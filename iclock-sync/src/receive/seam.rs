//! Rows that two packets of one answer share. Controllers cut a long answer into packets by size, and some cut a row.
//!
//! The end of a packet that may be such a row goes to the quarantine, so that it is on the disk before the packet is
//! acknowledged. If the next packet shows what it is, it leaves the quarantine again. After a restart nobody joins:
//! both parts wait in the quarantine for a person.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use zk_push::line::Line;
use zk_push::terminal::Packet;
use zk_push::{Record, SerialNumber, Text, Upload};

/// The longest part that is remembered, in bytes. No row of the log is longer.
const MAX_PART: usize = 4 << 10;
/// The most terminals of which a part is remembered.
const MOST: usize = 4_096;

/// The parts of rows of the last packet of each terminal.
#[derive(Debug, Default)]
pub(super) struct Seams(HashMap<SerialNumber, Parts>);

/// What was left before the last packet, which comes again if its answer is lost, and what the last packet left.
#[derive(Debug)]
struct Parts {
    before: Option<Part>,
    after: Option<Part>,
}

/// The end of a packet, which may be the beginning of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    command: Option<Text>,
    table: Option<Text>,
    /// The place of the packet to come.
    next: u32,
    /// The beginning of the row before it, which other rows share.
    begin: Option<Bytes>,
    pub(super) bytes: Bytes,
}

/// What a packet and the one before it show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seam {
    /// The rows of the packet.
    pub(super) lines: Vec<Line<Record>>,
    /// The first line, if it is the end of a row whose beginning is not known.
    pub(super) torn: Option<Bytes>,
    /// Leaves the quarantine: it is a row, or the beginning of one, that is among the rows.
    pub(super) resolves: Option<Bytes>,
    /// The end of the packet, if it may be the beginning of a row. It is none of the rows.
    pub(super) part: Option<Part>,
}

impl Seams {
    /// Returns what the packet before has left, if this is the next one.
    pub(super) fn before(&self, serial: &SerialNumber, packet: &Packet, upload: &Upload) -> Option<Part> {
        let Parts { before, after } = self.0.get(serial)?;
        let is_next = |part: &&Part| {
            part.command == packet.command
                && part.table.as_ref() == upload.table_name()
                && Some(part.next) == packet.index
        };
        [after, before].into_iter().flatten().find(is_next).cloned()
    }

    /// Remembers what a packet has left, once it is stored, and what was left `before` it.
    pub(super) fn keep(&mut self, serial: &SerialNumber, before: Option<Part>, after: Option<Part>) {
        if before.is_none() && after.is_none() {
            self.0.remove(serial);
        } else if self.0.len() < MOST || self.0.contains_key(serial) {
            self.0.insert(serial.clone(), Parts { before, after });
        }
    }
}

impl Seam {
    /// Reads a packet after what the one before has left.
    pub(super) fn read(packet: &Packet, upload: &Upload, before: Option<Part>) -> Self {
        let mut lines: Vec<Line<Record>> = upload.records().collect();
        let part = last_part(packet, upload, &mut lines);
        let begin = lines.get(1).and_then(|line| begin_of(&line.raw));
        let begin = begin.or_else(|| before.as_ref().and_then(|before| before.begin.clone()));
        let is_row = |line: &Line<Record>| {
            line.record.is_ok() && begin.as_ref().is_none_or(|begin| begin_of(&line.raw).as_ref() == Some(begin))
        };
        let first = lines.first().filter(|first| !is_row(first)).map(|first| first.raw.clone());
        let row = before.as_ref().and_then(|before| match &first {
            Some(end) => Self::row(upload, joined(&before.bytes, end)),
            // The row was whole, although it ended the packet.
            None => Self::row(upload, before.bytes.clone()),
        });
        let row = row.filter(is_row);
        if first.is_some() {
            lines.remove(0);
        }
        let torn = first.filter(|_| row.is_none());
        let resolves = before.filter(|_| row.is_some()).map(|before| before.bytes);
        row.into_iter().for_each(|row| lines.insert(0, row));
        Self { lines, torn, resolves, part }
    }

    /// The bytes as one row of the upload.
    fn row(upload: &Upload, bytes: Bytes) -> Option<Line<Record>> {
        let mut rows = Upload::new(upload.table().clone(), upload.table_name().cloned(), bytes).records();
        let row = rows.next().filter(|row| row.record.is_ok())?;
        rows.next().is_none().then_some(row)
    }
}

/// The tag and the first key of a row: rows of one answer begin alike, and the rest of a row does not.
fn begin_of(row: &Bytes) -> Option<Bytes> {
    let end = row.iter().position(|byte| *byte == b'=')?;
    Some(row.slice(..end))
}

fn joined(begin: &[u8], end: &[u8]) -> Bytes {
    let mut joined = BytesMut::with_capacity(begin.len() + end.len());
    joined.extend_from_slice(begin);
    joined.extend_from_slice(end);
    joined.freeze()
}

/// Takes the end of a packet from its lines, if more packets follow, it has no line end, and it is no row or one with
/// fewer fields than the row before it.
fn last_part(packet: &Packet, upload: &Upload, lines: &mut Vec<Line<Record>>) -> Option<Part> {
    let next = packet.index?.checked_add(1).filter(|_| !packet.is_last())?;
    if upload.body().last().is_none_or(|last| matches!(last, b'\n' | b'\r')) {
        return None;
    }
    let fields = |line: &Line<Record>| line.raw.iter().filter(|byte| **byte == b'=').count();
    let (last, others) = lines.split_last()?;
    let is_short = others.last().is_some_and(|before| fields(last) < fields(before));
    if last.raw.len() > MAX_PART || (last.record.is_ok() && !is_short) {
        return None;
    }
    // Copies: a slice would keep the whole body in memory.
    let copy = |bytes: Bytes| Bytes::copy_from_slice(&bytes);
    let begin = others.last().and_then(|before| begin_of(&before.raw)).map(copy);
    let bytes = copy(lines.pop()?.raw);
    Some(Part { command: packet.command.clone(), table: upload.table_name().cloned(), next, begin, bytes })
}

#[cfg(test)]
mod tests {
    use zk_push::{Head, Table};

    use super::*;

    const ROW: &str = "transaction pin=7\teventtype=0\ttime_second=857920849\tindex=1355";

    fn packet(index: u32) -> Packet {
        let head = format!("/iclock/querydata?SN=A1&cmdid=5&packcnt=3&packidx={index}");
        Packet::read(&Head::parse("POST", &head).unwrap())
    }

    fn upload(body: &str) -> Upload {
        Upload::new(Table::TableData, Some("transaction".into()), body.to_owned().into())
    }

    /// Reads two packets, and returns the raw rows and the part that the second resolves.
    fn two(first: &str, second: &str) -> (Vec<String>, Option<String>) {
        let mut seams = Seams::default();
        let serial = SerialNumber::new("A1").unwrap();
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let mut rows = Vec::new();
        let mut resolves = None;
        for (index, body) in [(1, first), (2, second)] {
            let (packet, upload) = (packet(index), upload(body));
            let before = seams.before(&serial, &packet, &upload);
            let seam = Seam::read(&packet, &upload, before.clone());
            rows.extend(seam.lines.iter().filter(|line| line.record.is_ok()).map(|line| text(&line.raw)));
            resolves = seam.resolves.as_ref().map(text);
            seams.keep(&serial, before, seam.part);
        }
        (rows, resolves)
    }

    #[test]
    fn a_row_that_was_cut_anywhere_is_one_row() {
        for cut in 1..ROW.len() {
            let (begin, end) = ROW.split_at(cut);
            let (rows, resolves) = two(&format!("{ROW}0\n{begin}"), &format!("{end}\n{ROW}9\n"));
            // Inside the last value, nothing shows that it was cut: only digits of the index are lost.
            let is_last_value = begin.contains("index=");
            let expected = if is_last_value { begin } else { ROW };
            assert_eq!(rows, [&format!("{ROW}0"), expected, &format!("{ROW}9")], "{begin}|{end}");
            assert_eq!(resolves.as_deref(), (!is_last_value).then_some(begin), "{begin}|{end}");
        }
    }

    #[test]
    fn a_packet_that_comes_again_is_joined_again() {
        let (mut seams, serial) = (Seams::default(), SerialNumber::new("A1").unwrap());
        let (begin, end) = ROW.split_at(20);
        let mut read = |index, body: &str| {
            let (packet, upload) = (packet(index), upload(body));
            let before = seams.before(&serial, &packet, &upload);
            let seam = Seam::read(&packet, &upload, before.clone());
            seams.keep(&serial, before, seam.part.clone());
            seam
        };
        // Answers are lost: each packet comes twice.
        let firsts = [0, 1].map(|_| read(1, &format!("{ROW}0\n{begin}")));
        let seconds = [0, 1].map(|_| read(2, &format!("{end}\n{ROW}9\n")));
        assert_eq!((&firsts[0], &seconds[0]), (&firsts[1], &seconds[1]));
        assert_eq!((seconds[1].torn.as_ref(), seconds[1].lines.len()), (None, 2));
    }

    #[test]
    fn a_short_row_that_was_whole_comes_in_with_the_next_packet() {
        let short = "transaction pin=8\teventtype=0\ttime_second=857920849";
        assert_eq!(
            two(&format!("{ROW}\n{short}"), ROW),
            (vec![ROW.into(), short.into(), ROW.into()], Some(short.into()))
        );
    }

    #[test]
    fn what_does_not_fit_together_is_not_joined() {
        let (rows, resolves) = two(&format!("{ROW}\ntransaction pi"), "\u{1}garbage\n");
        assert_eq!((rows, resolves), (vec![ROW.into()], None));
        // Another packet came between.
        let mut seams = Seams::default();
        let serial = SerialNumber::new("A1").unwrap();
        let first = upload(&format!("{ROW}\ntransaction pi"));
        seams.keep(&serial, None, Seam::read(&packet(1), &first, None).part);
        assert!(seams.before(&serial, &packet(2), &first).is_some());
        assert_eq!(seams.before(&serial, &packet(3), &first), None);
        assert_eq!(seams.before(&SerialNumber::new("B2").unwrap(), &packet(2), &first), None);
    }

    #[test]
    fn the_last_packet_and_one_with_a_line_end_leave_nothing() {
        for (index, body) in [(3, "transaction pi"), (1, "transaction pi\n"), (1, ROW)] {
            assert_eq!(Seam::read(&packet(index), &upload(body), None).part, None, "{index} {body}");
        }
    }
}
