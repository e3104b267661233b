//! What a request brought is stored before it is acknowledged.

use std::sync::Arc;

use attendance_model::Source;
use zk_push::terminal::{Batch, Content, Terminal};

use super::PushReceiver;
use crate::error::blocking;
use crate::ledger::PushMemory;
use crate::receive::callers::Caller;
use crate::receive::commands::{audit, push_line};
use crate::receive::content::{self, Kept};
use crate::receive::told;
use crate::{Ingest, Ingested, SyncError};

/// The reason why a request is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("the terminal is not admitted any more")]
    Denied,
    #[error(transparent)]
    Unread(#[from] content::Unread),
    #[error(transparent)]
    Ledger(#[from] SyncError),
}

impl PushReceiver {
    /// Keeps what a request brought. It is durable when this returns.
    pub(super) async fn keep(&self, terminal: &Terminal, batch: &Batch) -> Result<(), Problem> {
        let serial = batch.serial.as_str();
        // Somebody may have denied it since it was admitted.
        let caller = self.callers().caller(serial).ok_or(Problem::Denied)?;
        let before = match &batch.content {
            Content::Answer(packet, upload) => self.seams().before(&batch.serial, packet, upload),
            _ => None,
        };
        let kept = content::read(batch, before.clone())?;
        self.shared()?.ledger.crashes().parsed();
        let Kept { punches, bad_lines, stamp, resolves, part, registers, wraps_commands, remark } = kept;
        if let Some(remark) = remark {
            tracing::warn!(%serial, "acknowledged: {remark}");
        }
        let is_new = |(table, value): &(String, Vec<u8>)| caller.memory.stamps.get(table) != Some(value);
        let stamp = stamp.filter(is_new);
        if !punches.is_empty() || !bad_lines.is_empty() || stamp.is_some() {
            let ingest = Ingest::new(&*caller.serial, &*caller.name, Source::Push, punches).zone(caller.zone).whole();
            let ingest = ingest.bad_lines(bad_lines).resolves(resolves);
            let ingest = match &stamp {
                Some((table, value)) => ingest.stamp(&**table, value.clone()),
                None => ingest,
            };
            let Ingested { new, known, quarantined, counted_only, .. } = self.door.ingest(ingest).await?;
            if counted_only > 0 {
                tracing::warn!(%serial, counted_only, "the quarantine is full: deal with what is in it");
            }
            tracing::debug!(%serial, new, known, quarantined, "stored what was pushed");
        }
        if let Some((table, value)) = stamp {
            self.callers().remember(&caller, |memory| drop(memory.stamps.insert(table, value)));
        }
        if let Content::Answer(..) = &batch.content {
            self.seams().keep(&batch.serial, before, part);
        }
        if let Content::Parameters(fields) | Content::Registration(fields) = &batch.content {
            self.note_told(&self.shared()?, &batch.serial, told::of_parameters(fields));
        }
        self.answered(terminal, &batch.content).await?;
        let before = &caller.memory;
        let memory = PushMemory {
            dialect: terminal.dialect().map(|dialect| dialect.to_string()),
            is_registered: before.is_registered || registers,
            wraps_commands: wraps_commands.unwrap_or(before.wraps_commands),
            line: before.line,
            stamps: before.stamps.clone(),
        };
        if memory == *before {
            return Ok(());
        }
        let (was, is) = (before.dialect.clone(), memory.dialect.clone());
        self.remember(&caller, memory).await?;
        if let Some((was, is)) = was.zip(is).filter(|(was, is)| was != is) {
            tracing::warn!("terminal {} spoke the dialect {was} before, and speaks {is} now", caller.name);
            let line = push_line(&batch.serial, "dialect", None, Some(format!("{was} {is}")), None);
            audit(&*self.shared()?, vec![line]).await;
        }
        Ok(())
    }

    /// Remembers what a terminal has shown of itself. Its stamps and its line are no part of that.
    async fn remember(&self, caller: &Caller, memory: PushMemory) -> Result<(), Problem> {
        let (ledger, serial, shown) = (Arc::clone(&self.shared()?.ledger), caller.serial.clone(), memory.clone());
        blocking("ledger", move || Ok(ledger.remember_push(&serial, &shown)?)).await?;
        self.callers().remember(caller, |known| {
            let (stamps, line) = (std::mem::take(&mut known.stamps), known.line);
            *known = PushMemory { stamps, line, ..memory };
        });
        Ok(())
    }
}
