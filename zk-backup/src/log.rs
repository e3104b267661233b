//! The attendance log as streams: the records as they are, and as lines of text.

use std::collections::HashMap;
use std::io::{self, Read, Write as _};

use zk_proto::proof::Proven;
use zk_proto::record::{AttendanceRecord, User, Who};
use zk_proto::{SpoolError, Uid, UserId};

/// Records that are read at once.
const AT_ONCE: usize = 4096;
/// The first line of the decoded log.
const HEADER: &str = "number,user_id,slot,time,punch_state,verify_mode,work_code\n";

/// A form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The bytes of the records.
    Raw,
    /// One line for each.
    Csv,
}

/// A proven log from its first record on, read as bytes.
pub(crate) struct LogReader<'a> {
    proven: &'a mut Proven,
    /// The user ids by slot, for records that name people by it.
    people: HashMap<Uid, &'a UserId>,
    form: Form,
    number: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl<'a> LogReader<'a> {
    pub(crate) fn new(proven: &'a mut Proven, users: &'a [User], form: Form) -> Self {
        proven.rewind();
        let people = users.iter().map(|user| (user.uid, &user.user_id)).collect();
        let buffer = if form == Form::Csv { HEADER.into() } else { Vec::new() };
        Self { proven, people, form, number: 0, buffer, at: 0 }
    }

    /// The number of bytes.
    pub(crate) fn size(mut self) -> Result<u64, SpoolError> {
        let mut size = self.buffer.len() as u64;
        while self.fill()? {
            size += self.buffer.len() as u64;
        }
        Ok(size)
    }

    /// Replaces the buffer with the next records. `false` at the end.
    fn fill(&mut self) -> Result<bool, SpoolError> {
        self.buffer.clear();
        self.at = 0;
        let records = self.proven.next_batch(AT_ONCE)?;
        for record in &records {
            self.number += 1;
            match self.form {
                Form::Raw => self.buffer.extend_from_slice(&record.raw),
                Form::Csv => self.line(record),
            }
        }
        Ok(!records.is_empty())
    }

    fn line(&mut self, record: &AttendanceRecord) {
        let (user_id, slot) = match &record.who {
            Who::UserId(user_id) => (Some(user_id), None),
            Who::Uid(uid) => (self.people.get(uid).copied(), Some(uid.0.to_string())),
        };
        let fields = [
            self.number.to_string(),
            user_id.map(|user_id| user_id.as_str().to_owned()).unwrap_or_default(),
            slot.unwrap_or_default(),
            record.time.to_string(),
            record.punch_state.0.to_string(),
            record.verify_mode.0.to_string(),
            record.work_code.map(|code| code.to_string()).unwrap_or_default(),
        ];
        for (place, field) in fields.iter().enumerate() {
            if place > 0 {
                self.buffer.push(b',');
            }
            if field.contains([',', '"', '\n', '\r']) {
                // Writing to memory cannot fail.
                let _ = write!(self.buffer, "\"{}\"", field.replace('"', "\"\""));
            } else {
                self.buffer.extend_from_slice(field.as_bytes());
            }
        }
        self.buffer.push(b'\n');
    }
}

impl Read for LogReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.buffer.len() && !self.fill().map_err(io::Error::other)? {
            return Ok(0);
        }
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let most = rest.len().min(out.len());
        out.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
        self.at += most;
        Ok(most)
    }
}
