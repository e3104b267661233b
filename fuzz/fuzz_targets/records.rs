//! The smaller records: no panic, and what was read and can be written reads the same again.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use zk_proto::record::{
    AccessGroup, Bell, FaceSet, MessageLink, OperationRecord, ShortMessage, UnlockCombination, UserZones, WeeklyZone,
};

/// Reads what was written of a record, where it can be written.
macro_rules! comes_back {
    ($record:ident, $bytes:expr) => {
        if let Ok(read) = $record::parse($bytes) {
            let mut out = BytesMut::new();
            if read.encode(&mut out).is_ok() {
                assert_eq!($record::parse(&out).expect("it was written"), read);
            }
        }
    };
}

fuzz_target!(|input: (Option<u32>, &[u8])| {
    let (count, bytes) = input;
    comes_back!(AccessGroup, bytes);
    comes_back!(ShortMessage, bytes);
    // These two are written in another form than they are read.
    if let Ok(read) = UserZones::parse(bytes) {
        read.encode(&mut BytesMut::new());
    }
    if let Ok(read) = WeeklyZone::parse(bytes) {
        let _ = read.encode(&mut BytesMut::new());
    }
    if let Ok(read) = UnlockCombination::parse(bytes) {
        let mut out = BytesMut::new();
        read.encode(&mut out);
        assert_eq!(UnlockCombination::parse(&out).expect("it was written"), read);
    }
    if let Ok(read) = MessageLink::parse(bytes) {
        let mut out = BytesMut::new();
        read.encode(&mut out);
        assert_eq!(MessageLink::parse(&out).expect("it was written"), read);
    }
    if let Ok(log) = OperationRecord::parse_log(Bytes::copy_from_slice(bytes), count) {
        for entry in log {
            let mut out = BytesMut::new();
            entry.encode(&mut out);
            assert_eq!(OperationRecord::parse(out.freeze()).expect("it was written"), entry);
        }
    }
    let _ = (ShortMessage::parse_table(bytes), MessageLink::parse_table(bytes));
    let faces = FaceSet::parse(Bytes::copy_from_slice(bytes));
    for face in faces.templates {
        let _ = face.encode(&mut BytesMut::new());
    }
    if let Ok(Some(bell)) = Bell::parse(&String::from_utf8_lossy(bytes)) {
        assert_eq!(Bell::parse(&Bell::value(Some(bell))), Ok(Some(bell)));
    }
});
