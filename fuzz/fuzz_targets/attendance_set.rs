//! Any bytes and any evidence: no panic, and what is proven is encoded back to the bytes that came.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use zk_proto::proof::{Counts, Evidence, Known, Proven, Remembered, prove, prove_tail};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, FieldOrder};
use zk_proto::{DeviceTime, Spool};

fn spool(bytes: &[u8]) -> Spool {
    let mut spool = Spool::in_memory(1 << 20);
    spool.write_at(0, bytes).expect("inputs are short");
    spool
}

fn is_in(bytes: &[u8], mut proven: Proven, order: FieldOrder) {
    let mut encoded = BytesMut::new();
    let Some(layout) = proven.layout() else { return assert_eq!(proven.records(), 0) };
    let records = proven.records();
    let mut seen = 0;
    loop {
        let batch = proven.next_batch(7).expect("it is in memory");
        if batch.is_empty() {
            break;
        }
        seen += batch.len() as u64;
        for record in batch {
            // What is left of a text after its end is part of the record; a text that is not UTF-8 has lost something.
            let mut again = BytesMut::new();
            record.encode(layout, order, &mut again);
            let read = AttendanceRecord::decode(layout, order, again.freeze()).expect("it has the width");
            let same = AttendanceRecord { raw: Bytes::new(), ..read };
            assert_eq!(same, AttendanceRecord { raw: Bytes::new(), ..record.clone() });
            encoded.extend_from_slice(&record.raw);
        }
    }
    assert_eq!(seen, records);
    assert!(bytes.windows(encoded.len().max(1)).any(|window| window == &encoded[..]) || encoded.is_empty());
}

fuzz_target!(|input: (u32, Option<u32>, Option<u32>, u32, Option<u32>, u16, u8, &[u8])| {
    let (announced, before, after, host_now, terminal_now, width, flags, bytes) = input;
    let order = if flags & 1 == 0 { FieldOrder::StateFirst } else { FieldOrder::VerifyFirst };
    let layout = match width {
        0 => AttendanceLayout::EightA,
        1 => AttendanceLayout::EightB,
        2 => AttendanceLayout::Sixteen,
        width => AttendanceLayout::Wide(width),
    };
    let evidence = Evidence::new(
            if flags & 32 == 0 { bytes.len() as u64 } else { announced.into() },
            Counts { before, after },
            DeviceTime(host_now),
        ).terminal_now(terminal_now.map(DeviceTime)).remembered(Remembered {
            layout: (flags & 2 != 0).then_some(layout),
            count_off: flags & 4 != 0,
            checksums_wrong: flags & 8 != 0,
            ..Remembered::default()
        }).order(order).damaged_packets(u64::from(flags & 16));
    match prove(spool(bytes), &evidence) {
        Ok(proven) => is_in(bytes, proven, order),
        Err(unproven) => assert!(!unproven.to_string().is_empty()),
    }
    let overlap = bytes.get(..layout.width()).unwrap_or_default().to_vec();
    let known = Known { records: announced.into(), overlap, layout };
    if let Ok(proven) = prove_tail(spool(bytes), host_now, &known, &evidence) {
        is_in(bytes, proven, order);
    }
});
