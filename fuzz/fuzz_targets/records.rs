//! The smaller records and their tables: no panic, what was read and can be written reads the same again, and a table
//! whose rows keep all their bytes is written as it came.
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

/// A table as a terminal sends it: rows after a word with their length.
fn table(rows: &[u8]) -> Vec<u8> {
    let word = u32::try_from(rows.len()).expect("an input is short");
    [&word.to_le_bytes(), rows].concat()
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
        let mut out = BytesMut::new();
        for entry in log {
            let begin = out.len();
            entry.encode(&mut out);
            let written = Bytes::copy_from_slice(&out[begin..]);
            assert_eq!(OperationRecord::parse(written).expect("it was written"), entry);
        }
        assert!(bytes.is_empty() || table(&out) == bytes);
    }
    if let Ok(links) = MessageLink::parse_table(bytes) {
        let mut out = BytesMut::new();
        links.iter().for_each(|link| link.encode(&mut out));
        assert!(bytes.is_empty() || table(&out) == bytes);
    }
    // Rows of deleted messages are left out, and so are bytes after the end of a text.
    if let Ok(messages) = ShortMessage::parse_table(bytes) {
        let mut out = BytesMut::new();
        for message in &messages {
            message.encode(&mut out).expect("a text that was read fits");
        }
        assert_eq!(ShortMessage::parse_table(&table(&out)).expect("it was written"), messages);
    }
    let faces = FaceSet::parse(Bytes::copy_from_slice(bytes));
    for face in faces.templates {
        let _ = face.encode(&mut BytesMut::new());
    }
    if let Ok(Some(bell)) = Bell::parse(&String::from_utf8_lossy(bytes)) {
        assert_eq!(Bell::parse(&Bell::value(Some(bell))), Ok(Some(bell)));
    }
});
