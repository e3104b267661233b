//! Any body of ATTLOG: no panic, no line lost, and a record that was read is written and read again as the same.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use zk_push::record::{AttendanceRecord, Form};
use zk_push::{Table, Upload, line::lines};

fuzz_target!(|body: &[u8]| {
    let body = Bytes::copy_from_slice(body);
    let upload = Upload::new(Table::AttLog, None, body.clone());
    assert_eq!(upload.records().count(), lines(&body).count());
    for line in upload.records() {
        let Ok(record) = line.record else { continue };
        let record = record.attendance().expect("the table has no other records");
        let _ = record.flags();
        // Keys and spaces are written as tabs.
        if record.form == Form::Tabs {
            let mut out = BytesMut::new();
            record.write(&mut out);
            let again = AttendanceRecord::parse(&out.freeze()).expect("it was written");
            assert_eq!((&again.user_id, &again.time, again.state), (&record.user_id, &record.time, record.state));
        }
    }
});
