//! Answers to the handshake and to uploads.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{Batch, Content, Packet, Step, Terminal};
use crate::command::CommandResult;
use crate::line::LineError;
use crate::options::parse_parameters;
use crate::record::{Photo, PhotoError};
use crate::request::{Endpoint, Head};
use crate::table::Table;
use crate::upload::Upload;
use crate::{Dialect, MAX_RECORDS, Reply, Text};

impl Terminal {
    /// The handshake, and some small questions.
    pub(super) fn cdata_get(&self, now: DateTime<Utc>, head: &Head) -> Reply {
        if head.query.get("type").is_some_and(|kind| kind.is("time")) {
            let zone = self.settings.zone.unwrap_or_default();
            return Reply::text(format!("Time={}{zone}", self.local(now).format("%Y-%m-%dT%H:%M:%S")));
        }
        // Data of a user of another terminal, or a user's last punch: there is none to give.
        if head.query.get("table").is_some() || head.query.get("type").is_some() {
            return Reply::ok();
        }
        let registers_at_once = self.is_registered || self.settings.registers_at_once;
        match (self.dialect, &self.registration) {
            (Some(Dialect::Access), Some(registration)) if registers_at_once => {
                Reply::text(self.settings.registered_block(registration).write())
            }
            // The terminal registers next.
            (Some(Dialect::Access), _) => Reply::ok(),
            _ => {
                let stamp = |table: &str| self.stamps.get(table).cloned();
                Reply::text(self.settings.attendance_block(&self.serial, stamp).write())
            }
        }
    }

    pub(super) fn upload(&self, now: DateTime<Utc>, head: &Head, body: Bytes) -> Step {
        if head.query.get("AuthType").is_some() {
            return self.authorization(now, head, body);
        }
        let body = match unpacked(head, body) {
            Ok(body) => body,
            Err(body) => return self.accept(now, head, Content::Archive(body), Reply::ok()),
        };
        let is_photo = head.endpoint == Endpoint::Fdata || Self::is_table(head, &Table::AttPhoto);
        match head.table() {
            _ if is_photo => self.photo(now, head, body),
            Some(Table::Options) => match parse_parameters(&body) {
                Ok(parameters) => self.accept(now, head, Content::Parameters(parameters), Reply::ok()),
                Err(reason) => self.accept(now, head, Content::Unreadable(body, reason), Reply::ok()),
            },
            // A log in a file, which only its rows name.
            None if head.endpoint == Endpoint::File => {
                let table = Table::parse(&"transaction".into());
                self.lines(now, head, Upload::new(table, None, body), |_, _| Reply::ok(), None)
            }
            Some(table) => {
                let upload = Upload::new(table, head.query.get("tablename").cloned(), body);
                let reply = |upload: &Upload, count| match upload.table_name() {
                    Some(name) if *upload.table() == Table::TableData => Reply::table_count(name, count),
                    _ if upload.table().is_answered_bare() => Reply::ok(),
                    _ => Reply::count(count),
                };
                self.lines(now, head, upload, reply, None)
            }
            None if body.is_empty() => Step::Reply(Reply::ok()),
            None => self.accept(now, head, Content::Unknown(body), Reply::ok()),
        }
    }

    fn lines(
        &self,
        now: DateTime<Utc>,
        head: &Head,
        upload: Upload,
        reply: impl Fn(&Upload, usize) -> Reply,
        packet: Option<Packet>,
    ) -> Step {
        let count = upload.count();
        if count == 0 {
            // One terminal sends an empty body every second: nothing is stored.
            return Step::Reply(reply(&upload, 0));
        }
        if count > MAX_RECORDS {
            return Step::Reply(Reply::refusal(413));
        }
        if upload.looks_encrypted() {
            return Step::Reply(Reply::refusal(500));
        }
        let reply = reply(&upload, count);
        let content = match packet {
            Some(packet) => Content::Answer(packet, upload),
            None => Content::Records(upload),
        };
        self.accept(now, head, content, reply)
    }

    fn photo(&self, now: DateTime<Utc>, head: &Head, body: Bytes) -> Step {
        match Photo::parse(&body) {
            _ if body.is_empty() => Step::Reply(Reply::ok()),
            Ok(photo) => self.accept(now, head, Content::Photo(photo), Reply::ok()),
            // The terminal sends a photo that was cut again.
            Err(PhotoError::Truncated { .. }) => Step::Reply(Reply::refusal(400)),
            Err(PhotoError::Head(reason)) => self.accept(now, head, Content::Unreadable(body, reason), Reply::ok()),
        }
    }

    /// The terminal asks if it may open, and a person waits at the door. This server decides about no door: it denies.
    fn authorization(&self, now: DateTime<Utc>, head: &Head, body: Bytes) -> Step {
        let end = body.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        let mut reply = b"AUTH=FAILED\r\n".to_vec();
        reply.extend_from_slice(body.get(..end).unwrap_or_default());
        reply.extend_from_slice(b"\r\n");
        self.accept(now, head, Content::Authorization(body), Reply::text(reply))
    }

    pub(super) fn query_data(&self, now: DateTime<Utc>, head: &Head, body: Bytes) -> Step {
        let packet = Packet::read(head);
        let name = head.query.get("tablename").cloned().unwrap_or_default();
        let is = |kind| head.query.get("type").is_some_and(|given| given.is(kind));
        let body = match unpacked(head, body) {
            Ok(body) => body,
            Err(body) => {
                let count = head.query.get("count").and_then(Text::number);
                let count = count.and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
                return self.accept(now, head, Content::Archive(body), Reply::table_count(&name, count));
            }
        };
        if is("count") || is("options") {
            let content = match parse_parameters(&body) {
                Ok(values) => Content::Values(packet, values),
                Err(reason) => Content::Unreadable(body, reason),
            };
            return self.accept(now, head, content, Reply::ok());
        }
        let is_bare = self.settings.bare_query_answers;
        let name = if is("vmtable") { Text::from("APList") } else { name };
        let reply = |_: &Upload, count| if is_bare { Reply::ok() } else { Reply::table_count(&name, count) };
        let upload = Upload::new(Table::TableData, Some(name.clone()), body);
        self.lines(now, head, upload, reply, Some(packet))
    }

    pub(super) fn results(&self, now: DateTime<Utc>, head: &Head, body: Bytes) -> Step {
        if crate::line::lines(&body).nth(MAX_RECORDS).is_some() {
            return Step::Reply(Reply::refusal(413));
        }
        let results = CommandResult::read(&body, &head.query);
        if results.is_empty() {
            return Step::Reply(Reply::ok());
        }
        self.accept(now, head, Content::Results(results), Reply::ok())
    }
}

/// Returns the lines of a body. The error is a packed file that is not read.
fn unpacked(head: &Head, body: Bytes) -> Result<Bytes, Bytes> {
    if !is_archive(head) {
        return Ok(body);
    }
    #[cfg(feature = "archive")]
    if let Ok(lines) = crate::archive::unpack(&body) {
        return Ok(lines);
    }
    Err(body)
}

/// Returns true if the body is a packed file instead of lines.
pub(super) fn is_archive(head: &Head) -> bool {
    let is_packed = head.query.get("ContentType").is_some_and(|kind| kind.is("tgz"));
    is_packed || head.query.get("datafmt").is_some_and(|format| format.as_bytes() == b"3")
}

impl Batch {
    /// The lines of this batch that are no records, and why.
    pub fn bad_lines(&self) -> impl Iterator<Item = (Bytes, LineError)> {
        let records = self.content.upload().map(Upload::records).into_iter().flatten();
        let bad = records.filter_map(|line| line.record.err().map(|reason| (line.raw, reason)));
        let whole = match &self.content {
            Content::Unreadable(body, reason) => Some((body.clone(), *reason)),
            _ => None,
        };
        let results = match &self.content {
            Content::Results(results) => results.as_slice(),
            _ => &[],
        };
        let results =
            results.iter().filter_map(|line| line.record.as_ref().err().map(|reason| (line.raw.clone(), *reason)));
        bad.chain(whole).chain(results.collect::<Vec<_>>())
    }
}
