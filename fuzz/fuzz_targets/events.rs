//! Payloads of live events: no panic, and none is lost.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zk_proto::record::{EventCode, LiveEvent};

fuzz_target!(|input: (u16, &[u8])| {
    let (code, payload) = input;
    assert!(!LiveEvent::parse(EventCode(code), Bytes::copy_from_slice(payload)).is_empty());
});
