//! Answers to reading an option and free sizes: no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zk_proto::op::{Operation, ReadOption};
use zk_proto::reply::Reply;
use zk_proto::{Command, FreeSizes};

fuzz_target!(|input: (u16, &[u8])| {
    let (code, data) = input;
    let reply = Reply { command: Command::OPTIONS_RRQ, code: Command(code), field: 0, data };
    let _ = ReadOption("~SerialNumber").decode(&reply);
    if let Ok(sizes) = FreeSizes::parse(data) {
        let _ = (sizes.records(), sizes.users(), sizes.record_capacity());
    }
});
