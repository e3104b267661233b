//! Any body of results and any answer to a poll: no panic, and a result that was read is written and read again.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use zk_push::command::{self, CommandResult};
use zk_push::request::Query;

fuzz_target!(|body: &[u8]| {
    let body = Bytes::copy_from_slice(body);
    for received in command::read(&body) {
        let Some(command) = received.command else { continue };
        let _ = (command.verb(), command.risk(), command.table(), command.arguments());
    }
    for line in CommandResult::read(&body, &Query::default()) {
        // Without a code, a later field of that name would be it.
        let Some(result) = line.record.ok().filter(|result| result.code.is_some()) else { continue };
        let mut out = BytesMut::new();
        result.write(&mut out);
        let again = CommandResult::read(&out.freeze(), &Query::default());
        assert_eq!(
            again.first().and_then(|line| line.record.as_ref().ok()).map(|result| result.code),
            Some(result.code)
        );
    }
});
