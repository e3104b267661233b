//! Results of commands: the body of `devicecmd`.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::fields::Field;
use crate::line::{Line, LineError, MAX_LINE, lines};
use crate::options::parse_parameters;
use crate::request::Query;
use crate::{Fields, Text};

/// The result of one command.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CommandResult {
    /// The command's number, as it came: other servers use letters too.
    pub id: Text,
    /// The code. `None` if there is none that is a number: then the command has no result yet.
    pub code: Option<i64>,
    /// The command's first words, as the terminal repeats them.
    pub command: Text,
    /// The serial number in the result: that of a sub-controller, if it carried the command out.
    pub serial: Option<Text>,
    /// What else came: the parameters after `INFO`, sums, names of files.
    pub details: Fields,
    /// The output of a command or the content of a file: the rest of the body, to the byte.
    pub content: Option<Bytes>,
}

/// The most details, so that a line with ID, SN, Return and CMD takes them too.
const MAX_DETAILS: usize = Fields::MAX - 4;

impl CommandResult {
    /// Reads a body. It has one of two forms:
    ///
    /// - `ID=1&Return=0&CMD=DATA`, one result on each line. Lines that do not begin with `ID=` belong to the result
    ///   before them. Some firmware separates with tabs, or writes `return`.
    /// - `ID=1`, `Return=0`, `CMD=Shell` on lines of their own, and then `Content=` with the rest of the body. An
    ///   `ID=` in the content is no result.
    ///
    /// A body without anything may have its fields in the query.
    #[must_use]
    pub fn read(body: &Bytes, query: &Query) -> Vec<Line<Self>> {
        let Some(first) = lines(body).next() else {
            return Self::from_query(query).into_iter().collect();
        };
        let is_block = starts_result(&first) && !first.iter().copied().any(separates);
        if is_block { vec![block(body)] } else { by_line(body) }
    }

    fn from_query(query: &Query) -> Option<Line<Self>> {
        query.get("ID")?;
        let known = ["ID", "Return", "CMD"].iter().filter_map(|key| Some((*key, query.get(key)?)));
        let fields = known.fold(Fields::default(), |fields, (key, value)| fields.with(key, value.clone()));
        let mut raw = BytesMut::new();
        fields.write(b'&', &mut raw);
        Some(Line { raw: raw.freeze(), record: Self::from_fields(fields) })
    }

    fn from_fields(fields: Fields) -> Result<Self, LineError> {
        let mut result = Self {
            id: fields.get("ID").map(unpadded).filter(|id| !id.is_empty()).ok_or(LineError::NoCommandId)?,
            code: fields.get("Return").and_then(Text::number),
            command: fields.get("CMD").cloned().unwrap_or_default(),
            serial: fields.get("SN").cloned(),
            ..Self::default()
        };
        let known = |field: &&Field| ["ID", "Return", "CMD", "SN"].iter().any(|key| field.is(key));
        result.details = fields.iter().filter(|field| !known(field)).cloned().collect();
        Ok(result)
    }

    /// Writes the result: on one line, or as a block if it has content or a value with `&`.
    pub fn write(&self, out: &mut BytesMut) {
        let details = self.details.iter().filter_map(|field| field.value.as_ref());
        let mut values = [Some(&self.command), self.serial.as_ref()].into_iter().flatten().chain(details);
        let is_block = self.content.is_some() || values.any(|value| value.as_bytes().contains(&b'&'));
        let separator = if is_block { b'\n' } else { b'&' };
        let mut head = Fields::default().with("ID", self.id.clone());
        if let Some(serial) = &self.serial {
            head = head.with("SN", serial.clone());
        }
        if let Some(code) = self.code {
            head = head.with("Return", code.to_string());
        }
        if !self.command.is_empty() {
            head = head.with("CMD", self.command.clone());
        }
        head.write(separator, out);
        let has_lines = is_block || self.command.is("INFO");
        if !self.details.is_empty() {
            out.put_u8(if has_lines { b'\n' } else { separator });
            self.details.write(if has_lines { b'\n' } else { separator }, out);
        }
        if let Some(content) = &self.content {
            out.extend_from_slice(b"\nContent=");
            out.extend_from_slice(content);
        }
    }
}

/// Separates the fields of one line.
fn separates(byte: u8) -> bool {
    matches!(byte, b'&' | b'\t')
}

/// A value without the NULs with which some firmware fills it up.
fn unpadded(value: &Text) -> Text {
    let bytes = value.clone().into_bytes();
    let len = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.slice(..len).into()
}

fn starts_result(line: &[u8]) -> bool {
    line.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"ID="))
}

fn by_line(body: &Bytes) -> Vec<Line<CommandResult>> {
    let mut results: Vec<Line<CommandResult>> = Vec::new();
    for raw in lines(body) {
        if starts_result(&raw) {
            let fields = Fields::split(&raw, separates);
            results.push(Line { raw, record: fields.and_then(CommandResult::from_fields) });
            continue;
        }
        match results.last_mut().map(|line| &mut line.record) {
            Some(Ok(result)) => {
                let more = parse_parameters(&raw).unwrap_or_default();
                // Parameters past the cap of a line are nothing that a terminal has.
                let room = MAX_DETAILS.saturating_sub(result.details.len());
                let fields = result.details.iter().chain(more.iter().take(room));
                result.details = fields.cloned().collect();
            }
            _ => results.push(Line { raw, record: Err(LineError::NoCommandId) }),
        }
    }
    results
}

/// Reads the form with one field on each line.
fn block(body: &Bytes) -> Line<CommandResult> {
    let read = || {
        let (mut fields, mut lines) = (Fields::default(), lines(body));
        loop {
            let rest = lines.rest();
            if rest.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"Content=")) {
                let result = CommandResult::from_fields(fields)?;
                return Ok(CommandResult { content: Some(rest.slice(8..)), ..result });
            }
            let Some(line) = lines.next() else { return CommandResult::from_fields(fields) };
            if line.len() > MAX_LINE {
                return Err(LineError::TooLong);
            }
            fields.add(Field::parse(&line))?;
        }
    };
    Line { raw: body.clone(), record: read() }
}

/// Leaves the content out.
impl fmt::Debug for CommandResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandResult")
            .field("id", &self.id)
            .field("code", &self.code)
            .field("command", &self.command)
            .field("details", &self.details)
            .field("content_bytes", &self.content.as_ref().map(Bytes::len))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &'static [u8]) -> Vec<Line<CommandResult>> {
        CommandResult::read(&Bytes::from_static(body), &Query::default())
    }

    fn codes(body: &'static [u8]) -> Vec<(String, Option<i64>)> {
        read(body)
            .into_iter()
            .map(|line| line.record.map(|result| (result.id.to_string(), result.code)).unwrap())
            .collect()
    }

    #[test]
    fn several_results_come_in_one_body() {
        let expected = [("1".into(), Some(0)), ("fp7".into(), Some(-1002)), ("3".into(), None)];
        assert_eq!(codes(b"ID=1&Return=0&CMD=DATA\nID=fp7\treturn=-1002\tCMD=DATA\r\nID=3&CMD=CHECK"), expected);
    }

    #[test]
    fn a_bad_line_takes_no_result_with_it() {
        let results = read(b"\x01garbage\nID=&Return=0\nID=2&Return=0&CMD=DATA\n");
        let errors: Vec<_> = results.iter().map(|line| line.record.is_err()).collect();
        assert_eq!(errors, [true, true, false]);
    }

    #[test]
    fn a_file_is_kept_to_the_byte() {
        let line = &read(b"ID=4\nSN=A\nFILENAME=x\nCMD=GetFile\nReturn=6\nContent=a\0\r\nID")[0];
        let result = line.record.as_ref().unwrap();
        assert_eq!((result.content.as_deref(), result.code), (Some(&b"a\0\r\nID"[..]), Some(6)));
        let put = read(b"ID=5\nReturn=9\nCMD=PutFile\n");
        assert_eq!(put[0].record.as_ref().unwrap().command, "PutFile".into());
    }

    #[test]
    fn a_result_may_be_in_the_query() {
        let results = CommandResult::read(&Bytes::new(), &Query::parse("SN=1&ID=9&Return=0&CMD=CHECK"));
        assert_eq!(results[0].record.as_ref().unwrap().code, Some(0));
        assert_eq!(CommandResult::read(&Bytes::new(), &Query::parse("SN=1")), []);
    }

    #[test]
    fn a_value_with_an_ampersand_is_no_other_field() {
        let result =
            CommandResult { id: "1".into(), code: Some(0), serial: Some("A&Return=7".into()), ..Default::default() };
        let mut out = BytesMut::new();
        result.write(&mut out);
        assert_eq!(CommandResult::read(&out.freeze(), &Query::default())[0].record, Ok(result));
    }

    #[test]
    fn a_number_is_not_padded_and_padding_alone_is_none() {
        // Found by fuzzing: a block is read without the NULs at the end of a line, and the number was lost.
        assert_eq!(codes(b"ID=7\0\0&Return=0"), [("7".into(), Some(0))]);
        assert!(read(b"ID=\0&Return=0")[0].record.is_err());
    }

    #[test]
    fn a_block_has_the_same_line_ends_as_any_body() {
        // Found by fuzzing: the block took a lone CR for a part of the value, and did not skip a byte order mark.
        for body in [&b"\xEF\xBB\xBFID=4\nReturn=6"[..], b"ID=4\rReturn=6\r\n\r\nContent=&\rx", b"ID=4\0\r\nReturn=6\0"]
        {
            assert_eq!(codes(body), [("4".into(), Some(6))], "{body:?}");
        }
        let results = read(b"ID=4\r\nReturn=6\r\n\r\nContent=\r\nx\0");
        let content = &results[0].record.as_ref().unwrap().content;
        assert_eq!(content.as_deref(), Some(&b"\r\nx\0"[..]));
    }

    #[test]
    fn a_result_with_very_many_details_can_be_written_and_read_again() {
        let one_line = format!("ID=1&Return=0{}", "&a".repeat(Fields::MAX - 2));
        let more_lines = format!("ID=1&Return=0&CMD=CHECK\n{}", "a=1\n".repeat(Fields::MAX));
        for body in [one_line, more_lines] {
            let result = CommandResult::read(&body.into(), &Query::default()).remove(0).record.unwrap();
            let mut out = BytesMut::new();
            result.write(&mut out);
            let again = CommandResult::read(&out.freeze(), &Query::default()).remove(0).record.unwrap();
            assert_eq!(again, result);
        }
    }

    #[test]
    fn the_sum_of_a_period_is_a_detail() {
        let line = &read(b"ID=5&Return=0&CMD=VERIFY SUM&StartTime=1&EndTime=2&AttlogSum=9")[0];
        assert_eq!(line.record.as_ref().unwrap().details.get("AttlogSum"), Some(&"9".into()));
    }
}
