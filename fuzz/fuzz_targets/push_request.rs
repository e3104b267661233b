//! Any request line: no panic, and a head that was read is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zk_push::Dialect;
use zk_push::request::{Head, Info};
use zk_push::terminal::{Manner, refuse};

fuzz_target!(|input: &str| {
    let (method, target) = input.split_once(' ').unwrap_or(("GET", input));
    let Ok(head) = Head::parse(method, target) else { return };
    let _ = (Dialect::evidence(&head), refuse(&head, Manner::KeepCalling));
    if let Some(text) = head.query.get("INFO") {
        let info = Info::parse(text);
        assert_eq!(Info::parse(&info.to_string().into()).users, info.users);
    }
    // An unknown path may have characters that a written one has not.
    if let Ok(again) = Head::parse(method, &head.target()) {
        assert_eq!((again.serial, again.query), (head.serial, head.query));
    }
});
