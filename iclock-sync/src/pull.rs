//! What is new in a terminal's log, proven.

use std::collections::BTreeMap;

use zk_proto::proof::{Counts, Evidence, Proven, Remembered, prove};
use zk_proto::record::FieldOrder;
use zk_proto::{Client, ClientError, Dataset, FreeSizes, Prepared, Spool, SpoolError};

use crate::TerminalError;
use crate::ledger::TerminalState;
use crate::plan;
use crate::report::{DeviceReport, ReadMode};
use crate::source::{Failure, Found, Records, Seen, Source};

enum Trouble {
    Client(ClientError),
    Spool(SpoolError),
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl Source {
    pub(crate) async fn pull(
        &self,
        client: &mut Client,
        seen: &Seen,
        mut state: TerminalState,
        sizes: Option<&FreeSizes>,
        report: &mut DeviceReport,
    ) -> Result<Found, Failure> {
        let before = sizes.and_then(FreeSizes::records);
        let prepared = client.prepare(Dataset::Attendance).await?;
        let mut spool = Spool::in_directory(self.gates.spool_memory, self.spool_dir());
        let announced = match &prepared {
            Prepared::Buffered { size } => *size,
            Prepared::Inline(bytes) => bytes.len() as u64,
            _ => 0,
        };
        let read = client
            .read_all(&prepared, |offset, bytes| spool.write_at(offset, &bytes).map_err(Trouble::Spool))
            .await
            .map_err(|trouble| match trouble {
                Trouble::Client(error) => TerminalError::Client(error),
                Trouble::Spool(error) => TerminalError::Spool(error),
            })?;
        report.bytes_read += read;
        let after = client.free_sizes().await.ok().and_then(|sizes| sizes.records());
        let mut evidence = Evidence::new(announced, Counts { before, after }, plan::device_time(seen.wall_now));
        evidence.terminal_now = seen.clock;
        evidence.remembered =
            Remembered { layout: state.layout.as_deref().and_then(plan::layout_of), ..Remembered::default() };
        evidence.order = if self.device.sixteen_mode_first { FieldOrder::VerifyFirst } else { FieldOrder::StateFirst };
        match prove(spool, &evidence) {
            Ok(mut proven) => {
                state.records = proven.records_on_device();
                state.count = before.map(u64::from);
                state.verified_at = Some(seen.utc_now.timestamp());
                state.overlap = overlap(&mut proven, u64::from(self.engine.overlap))?;
                state.layout = proven.layout().map(plan::layout_word);
                report.mode = Some(ReadMode::Full);
                Ok(Found::Records(Box::new(Records { proven, users: BTreeMap::new(), state })))
            }
            Err(unproven) => Ok(Found::Unproven(Box::new(unproven))),
        }
    }

    fn spool_dir(&self) -> std::path::PathBuf {
        if self.dry_run { std::env::temp_dir() } else { self.ledger.dir().to_owned() }
    }
}

fn overlap(proven: &mut Proven, records: u64) -> Result<Vec<u8>, Failure> {
    Ok(proven.overlap(records).map_err(TerminalError::Spool)?)
}
