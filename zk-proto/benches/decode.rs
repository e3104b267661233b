//! How long records take to decode, and how often memory is taken for it.

use bytes::Bytes;
use divan::{AllocProfiler, Bencher};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, FieldOrder};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const RECORDS: usize = 100_000;

fn main() {
    divan::main();
}

/// A batch as a proof hands it out: one buffer that all records share.
#[divan::bench(args = [AttendanceLayout::EightB, AttendanceLayout::Sixteen, AttendanceLayout::Wide(40)])]
fn one_hundred_thousand_records(bencher: Bencher<'_, '_>, layout: AttendanceLayout) {
    let mut record = vec![0; layout.width()];
    for (slot, byte) in record.iter_mut().skip(2).zip(b"100234") {
        *slot = *byte;
    }
    let bytes = Bytes::from(record.repeat(RECORDS));
    bencher.bench(|| {
        let mut rest = bytes.clone();
        let mut batch = Vec::with_capacity(RECORDS);
        while rest.len() >= layout.width() {
            batch.extend(AttendanceRecord::decode(layout, FieldOrder::StateFirst, rest.split_to(layout.width())));
        }
        batch
    });
}
