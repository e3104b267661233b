//! Bodies of uploads against the vectors, in both directions.

mod push;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use zk_push::command::CommandResult;
use zk_push::options::{parse_parameters, write_parameters};
use zk_push::record::{AttendanceRecord, Columns, DoorState, Photo};
use zk_push::{Fields, PackedTime, Record, Request, Text, Upload};

use push::{cases, text};

/// The upload of a request. `None` if its body has no lines.
fn upload(request: &Request) -> Option<Upload> {
    let query = &request.head.query;
    let name = query.get("tablename").cloned();
    let answers = query.get("type").is_some_and(|kind| kind.is("tabledata"));
    let table = if answers { zk_push::Table::TableData } else { request.head.table()? };
    let has_lines = !matches!(table, zk_push::Table::Options | zk_push::Table::AttPhoto);
    has_lines.then(|| Upload::new(table, name, request.body.clone()))
}

fn requests() -> Vec<(Value, Request)> {
    let sets = ["handshake", "att_uploads", "acc_uploads", "commands"];
    let cases = sets.iter().flat_map(|set| cases(set)).filter(|case| case["request"].is_object());
    cases.map(|case| (case.clone(), push::request(&case["request"]))).collect()
}

fn optional(value: Option<&Text>) -> Value {
    value.map_or(Value::Null, |value| value.to_string().into())
}

/// The fields of an attendance record by the names of the vectors.
fn attendance(record: &AttendanceRecord) -> Value {
    let texts = |texts: &[Text]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let flags: Vec<_> = record.flags().into_iter().map(|flag| flag.as_str()).collect();
    let mut fields = json!({
        "kind": "attlog", "pin": record.user_id.to_string(), "time": record.time.to_string(), "status": record.state,
        "verify": record.verify_mode, "workcode": optional(record.work_code.as_ref()), "extra": texts(&record.extra),
        "flags": flags,
    });
    match &record.columns {
        Columns::Health { mask, temperature, converted } => {
            fields["mask"] = json!(mask);
            fields["temperature"] = optional(temperature.as_ref());
            fields["conv_temperature"] = optional(converted.as_ref());
        }
        Columns::IdentityCard { number, kind } => {
            fields["id_num"] = json!(number.to_string());
            fields["id_type"] = json!(kind);
        }
        Columns::Jobs(entered) => {
            fields["job_codes"] = json!(texts(&entered.jobs));
            fields["tip_codes"] = json!(texts(&entered.tips));
        }
        _ => {}
    }
    fields
}

fn compare(id: &Value, record: &Record, expected: &Value) {
    let found = match record {
        Record::Attendance(record) => attendance(record),
        Record::Operation(record) => json!({
            "kind": "oplog", "code": record.code, "operator": record.operator.to_string(),
            "time": record.time.to_string(),
            "v": record.values.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        Record::Keyed(record) => {
            let packed =
                record.fields.get("time_second").and_then(Text::number).and_then(|time| u32::try_from(time).ok());
            json!({ "kind": record.kind.as_str(), "fields": as_sent(&record.fields),
                "time": packed.and_then(|time| PackedTime(time).at()).map(|time| time.to_string()) })
        }
        other => panic!("{other:?}"),
    };
    subset(id, &found, expected);
}

/// The fields with their keys as they were sent.
fn as_sent(fields: &Fields) -> Value {
    let pairs =
        fields.iter().filter_map(|field| Some((field.key.to_string(), Value::from(field.value.as_ref()?.to_string()))));
    Value::Object(pairs.collect())
}

/// Every field of `expected` is the same in `found`.
fn subset(id: &Value, found: &Value, expected: &Value) {
    match expected {
        Value::Object(fields) => {
            for (key, value) in fields {
                subset(id, &found[key], value);
            }
        }
        _ => assert_eq!(found, expected, "{id}"),
    }
}

#[test]
fn records_are_what_the_vectors_say_and_bad_lines_take_none_with_them() {
    let mut compared = 0;
    for (case, request) in requests() {
        let (Some(expected), Some(upload)) = (case["expect"]["parse"]["records"].as_array(), upload(&request)) else {
            continue;
        };
        let good: Vec<Record> = upload.records().filter_map(|line| line.record.ok()).collect();
        assert_eq!(good.len(), expected.len(), "{}", case["id"]);
        for (record, expected) in good.iter().zip(expected) {
            compare(&case["id"], record, expected);
            compared += 1;
        }
        if let Some(bad) = case["expect"]["effects"]["quarantined"].as_u64() {
            let found = upload.records().filter(|line| line.record.is_err()).count();
            assert_eq!(found as u64, bad, "{}", case["id"]);
        }
    }
    assert!(compared > 25, "{compared}");
}

#[test]
fn a_record_is_written_as_it_came() {
    let mut written = 0;
    for (case, request) in requests() {
        for line in upload(&request).iter().flat_map(Upload::records) {
            let Ok(record) = line.record else { continue };
            let mut out = BytesMut::new();
            record.write(&mut out);
            assert_eq!(out, line.raw, "{}", case["id"]);
            written += 1;
        }
    }
    assert!(written > 25, "{written}");
}

#[test]
fn parameters_are_read_and_written_as_they_came() {
    let mut compared = 0;
    for (case, request) in requests() {
        let Some(expected) = case["expect"]["parse"]["options"].as_object() else { continue };
        let fields = parse_parameters(&request.body).unwrap();
        for (key, value) in expected {
            assert_eq!(fields.get(key).map(ToString::to_string).as_deref(), value.as_str(), "{} {key}", case["id"]);
        }
        let mut out = BytesMut::new();
        write_parameters(&fields, &mut out);
        assert_eq!(out, request.body, "{}", case["id"]);
        let shown = format!("{fields:?}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        compared += 1;
    }
    assert_eq!(compared, 2);
}

#[test]
fn a_photo_is_read_and_written_as_it_came() {
    let mut compared = 0;
    for (case, request) in requests() {
        let expected = &case["expect"]["parse"]["records"][0];
        if expected["kind"] != "photo" {
            continue;
        }
        let photo = Photo::parse(&request.body).unwrap();
        assert_eq!(photo.name.to_string(), text(&expected["name"]), "{}", case["id"]);
        let sizes = (expected["size"].as_u64(), expected["data_len"].as_u64());
        assert_eq!((Some(photo.size), Some(photo.data.len() as u64)), sizes, "{}", case["id"]);
        let mut out = BytesMut::new();
        photo.write(&mut out);
        assert_eq!(out, request.body, "{}", case["id"]);
        compared += 1;
    }
    assert_eq!(compared, 2);
}

#[test]
fn results_are_what_the_vectors_say_and_are_written_as_they_came() {
    let mut compared = 0;
    for (case, request) in requests() {
        let expected = case["expect"]["parse"]["records"].as_array().cloned().unwrap_or_default();
        let expected: Vec<_> = expected.into_iter().filter(|record| record["kind"] == "result").collect();
        if expected.is_empty() {
            continue;
        }
        let lines = CommandResult::read(&request.body, &request.head.query);
        assert_eq!(lines.len(), expected.len(), "{}", case["id"]);
        for (line, expected) in lines.into_iter().zip(&expected) {
            let result = line.record.unwrap();
            let details: Vec<_> = result.details.iter().collect();
            let details = details.into_iter().filter_map(|field| {
                let name = String::from_utf8_lossy(field.name()).into_owned();
                Some((name, Value::from(field.value.as_ref()?.to_string())))
            });
            let found = json!({
                "kind": "result", "id": result.id.to_string(), "return": result.code, "cmd": result.command.to_string(),
                "details": Value::Object(details.collect()),
                "content": result.content.as_ref().map(|content| String::from_utf8_lossy(content).into_owned()),
            });
            subset(&case["id"], &found, expected);
            let mut out = BytesMut::new();
            result.write(&mut out);
            let again = CommandResult::read(&out.freeze(), &request.head.query);
            assert_eq!(again[0].record, Ok(result), "{}", case["id"]);
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared}");
}

#[test]
fn doors_are_what_the_vectors_say() {
    let mut compared = 0;
    for (case, request) in requests() {
        let Some(doors) = case["expect"]["parse"]["doors"].as_object() else { continue };
        let line = upload(&request).unwrap().records().next().unwrap();
        let found = DoorState::read(&line.record.unwrap().keyed().unwrap().fields);
        for (number, expected) in doors {
            let door = &found[number.parse::<usize>().unwrap() - 1];
            let alarms: Vec<_> = door.alarms.iter().map(|alarm| alarm.as_str()).collect();
            assert_eq!(
                (json!(door.sensor.as_str()), json!(alarms)),
                (expected["sensor"].clone(), expected["alarms"].clone())
            );
            compared += 1;
        }
    }
    assert!(compared > 0);
}

#[test]
fn odd_attendance_lines_are_read_and_flagged() {
    let read = |line: &'static str| AttendanceRecord::parse(&Bytes::from_static(line.as_bytes()));
    for (line, flags) in [
        ("9\t7\t2026-07-07 01:29:01\t0\t1", &["shifted"][..]),
        ("PIN=7\tDateTime=2026-07-07 01:29:01\tStatus=0\tVerify=1", &["keyvalue"]),
        ("Time=2026-07-07 01:29:01\tPIN=7\tStatus=0\tVerify=1", &["keyvalue"]),
        ("7 2026-07-07 01:29:01 0 1", &["spaces"]),
        ("7\t1783387741\t0\t1", &["epoch"]),
        ("7\t2026-02-30 01:29:01\t0\t1", &["bad_time"]),
        ("7\t2026-07-07T01:29:01\t0\t1\t", &["trailing_tab"]),
    ] {
        let record = read(line).unwrap();
        let found: Vec<_> = record.flags().into_iter().map(|flag| flag.as_str()).collect();
        let what = (record.user_id.to_string(), record.state, record.verify_mode);
        assert_eq!((what, &found[..]), (("7".into(), Some(0), Some(1)), flags), "{line}");
    }
    // A state that nobody chose, and a column that nobody knows.
    assert_eq!(read("7\t2026-07-07 01:29:01\t255\t1\t\t0\t0").unwrap().state, Some(255));
    assert_eq!(read("7\t2026-07-07 01:29:01\t\t\t").unwrap().state, None);
    let odd = read("7\t2026-07-07 01:29:01\t0\t1\t0\t0\t0\tx\ty").unwrap();
    assert_eq!((odd.columns, odd.extra.len()), (Columns::None, 2));
    for bad in [
        "7",
        "7\t2026-07-07 01:29:01",
        "\t2026-07-07 01:29:01\t0\t1",
        "7\tnever\t0\t1",
        "7\t2026-07-07 01:29:01\tx\t1",
        "7,2026-07-07 01:29:01,0,1",
        "garbage line",
        "PIN=\tTime=2026-07-07 01:29:01",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
