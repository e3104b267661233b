//! For any values: what is written reads the same. For any bytes: no panic, and no line is lost.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use zk_push::chrono::NaiveDate;
use zk_push::command::{Command, CommandId, Numbered, UserUpdate};
use zk_push::line::lines;
use zk_push::options::{parse_parameters, write_parameters};
use zk_push::record::{AttendanceRecord, Columns, Jobs, KeyedRecord, OperationRecord, Photo};
use zk_push::request::{Endpoint, Info, Method, Query};
use zk_push::{
    CommandResult, Dialect, Field, Fields, Head, OptionBlock, PackedTime, Record, SerialNumber, Table, Text, Upload,
    WallTime, command,
};

prop_compose! {
    fn time()(year in 2000..2130i32, month in 1..=12u32, day in 1..=28u32, seconds in 0..86_400u32) -> WallTime {
        let date = NaiveDate::from_ymd_opt(year, month, day).unwrap();
        WallTime::new(date.and_hms_opt(seconds / 3600, seconds / 60 % 60, seconds % 60).unwrap())
    }
}

/// A value of a column: no tab, no line end, no NUL.
fn column() -> impl Strategy<Value = Text> {
    "[^\t\r\n\u{0}]{1,12}".prop_map(Text::from)
}

/// Any bytes that a value may have, which need not be text.
fn value() -> impl Strategy<Value = Text> {
    prop::collection::vec(any::<u8>().prop_filter("ends a value", |byte| !b"\t\r\n\0".contains(byte)), 0..20)
        .prop_map(|bytes| Text::from(Bytes::from(bytes)))
}

fn key() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9_]{0,10}"
}

fn fields() -> impl Strategy<Value = Fields> {
    prop::collection::vec((key(), value()), 1..8)
        .prop_map(|pairs| pairs.into_iter().map(|(key, value)| Field { key: key.into(), value: Some(value) }).collect())
}

fn columns() -> impl Strategy<Value = Columns> {
    prop_oneof![
        Just(Columns::None),
        (any::<i32>(), column(), column()).prop_map(|(mask, one, two)| Columns::Health {
            mask: Some(mask),
            temperature: Some(one),
            converted: Some(two)
        }),
        ("[0-9]{18}", 0..2i32)
            .prop_map(|(number, kind)| Columns::IdentityCard { number: number.into(), kind: Some(kind) }),
        (prop::array::uniform6(column()), prop::array::uniform3(column()))
            .prop_map(|(jobs, tips)| Columns::Jobs(Box::new(Jobs { jobs, tips }))),
    ]
}

prop_compose! {
    fn attendance()(user_id in "[0-9A-Za-z]{1,24}", time in time(), state in any::<i32>(), mode in any::<i32>(),
        code in prop::option::of(column()), columns in columns()) -> AttendanceRecord {
        AttendanceRecord { work_code: code, columns, ..AttendanceRecord::new(user_id, time, state, mode) }
    }
}

fn written(record: &Record) -> Bytes {
    let mut out = BytesMut::new();
    record.write(&mut out);
    out.freeze()
}

proptest! {
    #[test]
    fn an_attendance_record_reads_as_it_was_written(record in attendance()) {
        let line = written(&Record::Attendance(Box::new(record.clone())));
        prop_assert_eq!(AttendanceRecord::parse(&line), Ok(record));
    }

    #[test]
    fn an_operation_reads_as_it_was_written(code in any::<i32>(), operator in "[0-9]{1,9}", time in time(),
        values in prop::collection::vec("[0-9]{1,9}".prop_map(Text::from), 0..=4)) {
        let record = OperationRecord { code, operator: operator.into(), time, values };
        let line = written(&Record::Operation(record.clone()));
        let upload = Upload::new(Table::OperLog, None, line);
        prop_assert_eq!(upload.records().next().unwrap().record, Ok(Record::Operation(record)));
    }

    #[test]
    fn a_keyed_record_reads_as_it_was_written(tag in "[A-Z][A-Z0-9_]{0,9}", fields in fields()) {
        let record = KeyedRecord::new(&tag, fields);
        let line = written(&Record::Keyed(record.clone()));
        prop_assert_eq!(KeyedRecord::parse(&line, None), Ok(record));
    }

    #[test]
    fn a_photo_reads_as_it_was_written(name in "[0-9]{14}-[0-9]{1,9}\\.jpg",
        data in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = vec![0xFF, 0xD8];
        bytes.extend(data);
        let photo = Photo {
            name: name.into(), serial: Some("A1".into()), size: bytes.len() as u64, command: Some("realupload".into()),
            data: bytes.into(), size_differs: false,
        };
        let mut out = BytesMut::new();
        photo.write(&mut out);
        prop_assert_eq!(Photo::parse(&out.freeze()), Ok(photo));
    }

    #[test]
    fn parameters_read_as_they_were_written(pairs in prop::collection::vec((key(), "[^,\t\r\n\u{0}]{0,12}"), 1..8)) {
        let fields = pairs.iter().fold(Fields::default(), |fields, (key, value)| fields.with(key, value.as_str()));
        let mut out = BytesMut::new();
        write_parameters(&fields, &mut out);
        prop_assert_eq!(parse_parameters(&out.freeze()), Ok(fields));
    }

    #[test]
    fn a_block_reads_as_it_was_written(pairs in prop::collection::vec((key(), "[^\r\n\u{0}]{0,12}"), 1..8)) {
        let options = pairs.iter().fold(Fields::default(), |fields, (key, value)| fields.with(key, value.as_str()));
        let block = OptionBlock { serial: SerialNumber::new("A-1_b"), options };
        prop_assert_eq!(OptionBlock::parse(&block.write()), block);
    }

    #[test]
    fn a_result_reads_as_it_was_written(id in "[A-Za-z0-9]{1,16}", code in any::<i64>(), content in prop::option::of(
        prop::collection::vec(any::<u8>(), 0..100))) {
        let result = CommandResult {
            id: id.into(), code: Some(code), command: "DATA UPDATE".into(), content: content.map(Bytes::from),
            ..CommandResult::default()
        };
        let mut out = BytesMut::new();
        result.write(&mut out);
        let read = CommandResult::read(&out.freeze(), &Query::default());
        prop_assert_eq!((read.len(), read[0].record.clone()), (1, Ok(result)));
    }

    #[test]
    fn a_request_reads_as_it_was_written(pairs in prop::collection::vec((key(), value()), 0..8)) {
        let pairs = pairs.into_iter().filter(|(key, _)| !key.eq_ignore_ascii_case("SN"));
        let serial = SerialNumber::new("TST-1").unwrap();
        let head = Head::new(Method::Post, Endpoint::QueryData, serial);
        let head = pairs.fold(head, |head, (key, value)| head.with(&key, value));
        prop_assert_eq!(Head::parse("POST", &head.target()), Ok(head));
    }

    #[test]
    fn facts_read_as_they_were_written(values in prop::collection::vec("[0-9A-Za-z. -]{0,8}", 0..14)) {
        let info = Info::parse(&values.join(",").into());
        prop_assert_eq!(Info::parse(&info.to_string().into()), info);
    }

    #[test]
    fn a_packed_time_reads_as_it_was_written(time in time()) {
        let at = time.at.unwrap();
        prop_assert_eq!(PackedTime::new(at).unwrap().at(), Some(at));
    }

    #[test]
    fn any_packed_time_is_a_time_or_none(packed in any::<u32>()) {
        if let Some(at) = PackedTime(packed).at() {
            prop_assert_eq!(PackedTime::new(at), Some(PackedTime(packed)));
        }
    }

    #[test]
    fn no_name_begins_another_field_or_command(name in any::<String>()) {
        let user = UserUpdate { user_id: "1", name: Some(&name), ..UserUpdate::default() };
        for dialect in [Dialect::Attendance, Dialect::Access] {
            let Ok(command) = Command::update_user(dialect, &user) else { continue };
            let sent = command::write(&[Numbered { id: CommandId::new(1).unwrap(), command: command.clone() }], None);
            let read: Vec<_> = command::read(&sent.body).map(|read| read.command).collect();
            prop_assert_eq!(read, vec![Some(command.clone())]);
            prop_assert_eq!(command.as_str().matches('\t').count(), 1);
        }
    }

    #[test]
    fn any_body_of_any_table_gives_each_line_once(body in prop::collection::vec(prop_oneof![
        any::<u8>(), Just(b'\t'), Just(b'\n'), Just(b'\r'), Just(b'='), Just(b' '), Just(0u8), b'0'..=b'9',
    ], 0..300), table in 0..8usize) {
        let tables = ["ATTLOG", "OPERLOG", "USERINFO", "rtlog", "rtstate", "tabledata", "BIODATA", "NEW"];
        let body = Bytes::from(body);
        let upload = Upload::new(Table::parse(&tables[table].into()), Some("user".into()), body.clone());
        let raw: Vec<Bytes> = upload.records().map(|line| line.raw).collect();
        prop_assert_eq!(raw.len(), upload.count());
        // Records that were written without a line end between them are split; nothing else is.
        prop_assert_eq!(raw.concat(), lines(&body).collect::<Vec<_>>().concat());
        let _ = upload.looks_encrypted();
    }

    #[test]
    fn any_body_gives_results_or_bad_lines(body in prop::collection::vec(prop_oneof![
        any::<u8>(), Just(b'\n'), Just(b'='), Just(b'&'), Just(b'I'), Just(b'D'),
    ], 0..300)) {
        let _ = CommandResult::read(&Bytes::from(body), &Query::default());
    }
}
