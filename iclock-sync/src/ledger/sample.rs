//! Events for tests.

use super::{Transaction, events};
use crate::Ledger;

/// Enters so many events of five people, a second apart from each other; returns the number of the last.
pub(crate) fn enter(ledger: &Ledger, events: i64) -> i64 {
    ledger
        .write("enter", |transaction: &Transaction<'_>| {
            transaction.execute_batch(
                "INSERT OR IGNORE INTO terminals (id, serial, name) VALUES (1, 'S', 'gate');
                 INSERT OR IGNORE INTO readings (id, terminal, device_name, source, read_at, clock_offset)
                     VALUES (1, 1, 'gate', 'pull', 2000000000, 0);",
            )?;
            let last = events::last_seq(transaction)?;
            for seq in last + 1..=last + events {
                transaction
                    .prepare_cached(
                        "INSERT INTO events (terminal, reading, time, key, user_id, verify_mode, punch_state, raw)
                         VALUES (1, 1, ?1, ?2, ?3, 1, 0, x'')",
                    )?
                    .execute((seq, seq.to_be_bytes().repeat(2), (seq % 5).to_string()))?;
            }
            Ok(last + events)
        })
        .unwrap()
}
