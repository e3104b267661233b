//! What the server of terminals asks and tells.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use sha2::{Digest, Sha256};
use zk_push::command::{CommandId, Numbered};
use zk_push::exchange::Exchange;
use zk_push::server::{Admission, NotStored, Receiver, Refusal, Visitor};
use zk_push::settings::{Registration, Settings};
use zk_push::terminal::{Batch, Manner, Terminal};
use zk_push::{Dialect, SerialNumber, Text};

use super::PushReceiver;
use super::keep::Problem;
use crate::SyncError;
use crate::receive::callers::{Call, Caller, Verdict};
use crate::receive::{content, told};

impl Receiver for PushReceiver {
    fn forwarded(&self, visitor: &Visitor<'_>) -> Option<IpAddr> {
        self.callers().forwarded(visitor.peer, visitor.forwarded_for)
    }

    async fn admit(&self, visitor: &Visitor<'_>) -> Admission {
        let (serial, path) = (&visitor.head.serial, visitor.head.prefix.as_str());
        let key = ["pushcommkey", "ComKey"].into_iter().find_map(|name| visitor.head.query.get(name));
        let (address, verdict, presented, line) = {
            let mut callers = self.callers();
            let address = callers.address(visitor.peer, visitor.forwarded_for);
            let call = Call { serial: serial.as_str(), address, path, key: key.map(Text::as_bytes) };
            let verdict = callers.verdict(call);
            let (mut presented, mut line) = (None, None);
            if let Verdict::Admitted(caller) = &verdict {
                presented = callers.presents_key(call);
                // How a terminal speaks to a proxy is not known here.
                if visitor.peer.is_none_or(|peer| !callers.is_proxy(peer.ip())) {
                    line = callers.calls_over(caller, visitor.over_tls);
                }
            }
            (address, verdict, presented, line)
        };
        match verdict {
            Verdict::Admitted(caller) => {
                if let Ok(shared) = self.shared() {
                    shared.board.calls(serial.as_str(), false);
                    self.note_call(&shared, visitor.head, address, &caller);
                    self.note_told(&shared, serial, told::of_head(visitor.head));
                    if let Some(key) = presented {
                        self.note_key(&shared, key);
                    }
                    if let Some(line) = line {
                        self.note_line(&shared, &caller, line);
                    }
                }
                return Admission::Admitted(Box::new(self.terminal(serial, &caller)));
            }
            Verdict::Waits => self.note(serial.as_str(), address),
            Verdict::Refused => {}
        }
        Admission::Refused(Manner::KeepCalling)
    }

    fn watches(&self, _: &SerialNumber) -> bool {
        self.captures.is_on()
    }

    fn exchanged(&self, exchange: &Exchange<'_>) {
        if let Ok(shared) = self.shared() {
            self.captures.keep(exchange, shared.clock.utc_now());
        }
    }

    fn refused(&self, why: Refusal) {
        if let Ok(shared) = self.shared() {
            shared.board.refuses(why.as_str());
        }
    }

    async fn commands(&self, terminal: &Terminal) -> Result<Vec<Numbered>, NotStored> {
        self.ask_for_gap(terminal).await.map_err(|error| not_now(&error))?;
        self.due(terminal.serial()).await.map_err(|error| not_now(&error))
    }

    async fn sent(&self, serial: &SerialNumber, ids: &[CommandId]) -> Result<(), NotStored> {
        if let Ok(shared) = self.shared() {
            self.presence().told(serial.as_str(), shared.clock.utc_now());
        }
        self.note_sent(serial, ids).await.map_err(|error| not_now(&error))
    }

    async fn store(&self, terminal: &Terminal, batch: &Batch) -> Result<(), NotStored> {
        let kept = self.keep(terminal, batch).await;
        // One line when the ledger begins to fail, and one when it works again: terminals call every few seconds.
        match kept {
            Ok(()) => {
                if let Ok(shared) = self.shared() {
                    if let Some((table, lines)) = content::counted(batch) {
                        shared.board.uploads(&table, lines);
                    }
                    shared.ledger.crashes().before_answer();
                }
                if self.fails.swap(false, Ordering::Relaxed) {
                    tracing::warn!("what terminals push is stored again");
                }
                return Ok(());
            }
            // The terminal calls again; so does the next service.
            Err(Problem::Ledger(SyncError::Stopped)) => {}
            Err(Problem::Ledger(error)) => {
                if !self.fails.swap(true, Ordering::Relaxed) {
                    let why = error.explain();
                    tracing::warn!("what terminals push is not stored, and they send it again later: {why}");
                }
            }
            Err(problem) => {
                tracing::warn!(serial = %batch.serial, "not acknowledged, the terminal keeps it: {problem}");
            }
        }
        Err(NotStored)
    }
}

impl PushReceiver {
    /// The terminal as the server knows it.
    fn terminal(&self, serial: &SerialNumber, caller: &Caller) -> Terminal {
        let mut settings = Settings::default();
        // Nothing else is kept; users would bring passwords.
        settings.transfers = vec!["AttLog"];
        settings.tables = vec!["Transaction"];
        settings.wraps_commands = caller.memory.wraps_commands;
        let mut terminal = Terminal::new(serial.clone()).with_settings(settings);
        match caller.memory.dialect.as_deref() {
            Some("acc") => terminal = terminal.with_dialect(Dialect::Access),
            Some(_) => terminal = terminal.with_dialect(Dialect::Attendance),
            None => {}
        }
        for (table, stamp) in &caller.memory.stamps {
            terminal = terminal.with_stamp(table, bytes::Bytes::copy_from_slice(stamp));
        }
        match Registration::new(&self.secret_of("code", serial), &self.secret_of("session", serial)) {
            Some(registration) => terminal.with_registration(registration, caller.memory.is_registered),
            None => terminal,
        }
    }

    /// A text that nobody guesses, the same for a terminal each time: no request needs an earlier one.
    fn secret_of(&self, what: &str, serial: &SerialNumber) -> String {
        let digest = Sha256::digest(format!("{}|{what}|{serial}", self.key));
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn not_now(error: &SyncError) -> NotStored {
    tracing::warn!("commands cannot be sent now: {}", error.explain());
    NotStored
}
