//! Any body of OPERLOG: no panic, no byte of a line lost, and keyed records are written and read again as the same.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use zk_push::record::KeyedRecord;
use zk_push::{Record, Table, Upload, line::lines};

fuzz_target!(|body: &[u8]| {
    let body = Bytes::copy_from_slice(body);
    let upload = Upload::new(Table::OperLog, None, body.clone());
    let raw: Vec<Bytes> = upload.records().map(|line| line.raw).collect();
    assert_eq!(raw.concat(), lines(&body).collect::<Vec<_>>().concat());
    assert_eq!(raw.len(), upload.count());
    let _ = upload.looks_encrypted();
    for line in upload.records() {
        if let Ok(Record::Keyed(record)) = line.record {
            let mut out = BytesMut::new();
            record.write(&mut out);
            let again = KeyedRecord::parse(&out.freeze(), Some(record.kind.clone())).expect("it was written");
            assert_eq!(again.fields, record.fields);
        }
    }
});
