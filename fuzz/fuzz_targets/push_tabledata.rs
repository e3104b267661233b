//! Any body of tables with keyed lines: no panic in the records and in what is read from them.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zk_push::options::parse_parameters;
use zk_push::record::{AccessEvent, DoorState, EventTypes, Photo, VerifyStyle};
use zk_push::text::Fallback;
use zk_push::{Card, OptionBlock, Table, Upload};

fuzz_target!(|input: (u8, &[u8])| {
    let (table, body) = (input.0, Bytes::copy_from_slice(input.1));
    let names = ["user", "transaction", "rtlog", "templatev10", ""];
    let name = names[usize::from(table) % names.len()];
    let tables = [Table::TableData, Table::RtLog, Table::RtState, Table::ErrorLog];
    let table = tables[usize::from(table / 8) % tables.len()].clone();
    for line in Upload::new(table, Some(name.into()), body.clone()).records() {
        let Ok(record) = line.record else { continue };
        let record = record.keyed().expect("these tables have no other records");
        let _ = (AccessEvent::read(record), DoorState::read(&record.fields));
        for value in record.fields.iter().filter_map(|field| field.value.as_ref()) {
            let _ = (Card::parse(value), EventTypes::parse(value), VerifyStyle::parse(value));
            let _ = value.decode(Fallback::Gbk);
        }
    }
    let _ = (parse_parameters(&body), Photo::parse(&body), OptionBlock::parse(&body));
});
