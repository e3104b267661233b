//! Tables of fingerprints: no panic, no byte lost, and what was read is encoded back to the bytes that came.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use zk_proto::record::TemplateSet;

fuzz_target!(|bytes: &[u8]| {
    let Ok(set) = TemplateSet::parse(Bytes::copy_from_slice(bytes)) else { return assert!(bytes.len() < 4) };
    let mut encoded = BytesMut::new();
    for template in &set.templates {
        template.encode(&mut encoded).expect("it was read from a 16-bit size");
    }
    assert!(bytes[4..].starts_with(&encoded));
    assert!(encoded.len() + set.trailing <= bytes.len() - 4);
});
