//! User records and tables: no panic, and a record that can be written reads the same again.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use zk_proto::proof::{Counts, Evidence, prove_users};
use zk_proto::record::{User, UserLayout};
use zk_proto::{DeviceTime, Spool};

fuzz_target!(|input: (u32, &[u8])| {
    let (count, bytes) = input;
    for layout in UserLayout::ALL {
        let Ok(user) = User::parse(layout, Bytes::copy_from_slice(bytes)) else { continue };
        let mut encoded = BytesMut::new();
        if user.encode(layout, &mut encoded).is_ok() {
            let again = User::parse(layout, encoded.freeze()).expect("it has the width");
            assert_eq!(User { raw: Bytes::new(), ..again }, User { raw: Bytes::new(), ..user });
        }
    }
    let mut spool = Spool::in_memory(1 << 20);
    spool.write_at(0, bytes).expect("inputs are short");
    let evidence = Evidence::new(bytes.len() as u64, Counts::steady(count), DeviceTime(800_000_000));
    if let Ok(table) = prove_users(spool, &evidence) {
        assert!(table.users().iter().all(|user| !user.is_vacant()));
    }
});
