//! Empties a terminal's log, once all of it is kept elsewhere.
//!
//! The terminal is disabled, so that nobody punches meanwhile. Its log is read whole and proven, each record is looked
//! up in the ledger, the bytes go to a file, which is read back, and the count has to be the same as at the beginning.
//! Only then the log is cleared. Whatever goes wrong before leaves it as it was, and the terminal enabled.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use attendance_model::Source;
use sha2::{Digest as _, Sha256};
use zk_proto::client::SessionRest;
use zk_proto::op::ClearAttendanceLog;
use zk_proto::{Client, ClientError};

use super::meet::{Met, Unanswered};
use super::{Failure, Found, Records, Visit};
use crate::error::{blocking, chain};
use crate::intake::{ProvenPunches, Punches as _};
use crate::ledger::{KeptRecords, Poll, TerminalState, save_terminal};
use crate::mask::Mask;
use crate::report::DeviceReport;
use crate::{Ledger, LedgerError, SyncError, TerminalError, private, wall};

/// If this program dies, the terminal enables itself after this time, where its firmware can.
const DISABLED_AT_MOST: Duration = Duration::from_secs(15 * 60);
/// Records that are decoded and looked up at once.
const AT_ONCE: usize = 1_000;
/// The directory of the backups, in the state directory.
const BACKUPS: &str = "cleared";

/// A log that was cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleared {
    /// The terminal's serial number, or `name:NAME`.
    pub serial: String,
    /// The records that it held.
    pub records: u64,
    /// The file with the log as the terminal sent it: a length word, then the records.
    pub backup: PathBuf,
    /// The SHA-256 of that file, in hex. It is also in a file of its own next to it.
    pub sha256: String,
}

/// The reason why a log was not cleared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClearError {
    /// It is not safe. The log is as it was.
    #[error("not cleared, and nothing was changed: {}", reasons.join("; "))]
    Refused {
        /// All reasons that were found.
        reasons: Vec<String>,
    },
    /// The terminal failed before it was asked to clear the log, or refused to. The log is as it was.
    #[error("not cleared, and nothing was changed")]
    Terminal(#[source] TerminalError),
    /// The terminal was asked to clear the log and did not confirm it. The log may be empty or as it was; nothing is
    /// lost either way.
    #[error(
        "the terminal did not confirm that its log is cleared; the next run shows it; backup: {}",
        backup.display()
    )]
    Unconfirmed {
        /// The file with the log.
        backup: PathBuf,
        /// The cause.
        #[source]
        source: Option<TerminalError>,
    },
    /// The engine failed. The log is as it was.
    #[error(transparent)]
    Sync(#[from] SyncError),
}

impl ClearError {
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reasons: vec![reason.into()] }
    }

    fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Sync(LedgerError::Io { path, source }.into())
    }
}

/// How far the work has come.
#[derive(Debug, Default)]
struct Progress {
    /// The backup, once the request to clear may have been sent.
    asked: Option<PathBuf>,
    cleared: Option<(Cleared, TerminalState)>,
}

impl Visit {
    /// Clears the terminal's log, if it has this serial number and everything of it is kept. `sinks` are the targets
    /// and names of those that have to have all its events.
    pub(crate) async fn clear(&self, serial: &str, sinks: &[(String, String)]) -> Result<Cleared, ClearError> {
        let options = self.connect_options().await?;
        // The run before has just ended its session.
        self.habits.change_rest(SessionRest::ended);
        let (limit, rest) = (self.engine.device_deadline, self.habits.rest().left());
        let connect = async {
            tokio::time::sleep(rest).await;
            Ok(Client::connect(&options).await?)
        };
        let mut client = self.within(limit, connect).await?;
        client.limit_silence(self.for_an_attempt());
        let mut progress = Progress::default();
        let outcome = {
            let work = client.while_disabled(Some(DISABLED_AT_MOST), async |client| {
                Box::pin(self.clear_disabled(client, serial, sinks, &mut progress)).await
            });
            self.within(limit, async { Ok(work.await) }).await
        };
        // Also enables the terminal, if that failed before or the work was dropped.
        client.exit().await;
        self.habits.change_rest(SessionRest::ended);
        let Progress { asked, cleared } = progress;
        if let Some((cleared, state)) = cleared {
            let ledger = Arc::clone(&self.ledger);
            let save = move || Ok(ledger.write("remember a terminal", |change| save_terminal(change, &state))?);
            if let Err(error) = blocking("ledger", save).await {
                // The next run sees an empty log, and learns the same.
                tracing::warn!("the ledger does not know yet that the log is empty: {}", error.explain());
            }
            tracing::warn!(terminal = %self.device.name, records = cleared.records, "its log was cleared");
            return Ok(cleared);
        }
        let error = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(failure) => Some(failure.into()),
        };
        Err(match (asked, error) {
            (Some(backup), Some(ClearError::Terminal(source))) => {
                ClearError::Unconfirmed { backup, source: Some(source) }
            }
            (Some(backup), _) => ClearError::Unconfirmed { backup, source: None },
            (None, Some(error)) => error,
            (None, None) => ClearError::refused("nothing was to be done"),
        })
    }

    async fn clear_disabled(
        &self,
        client: &mut Client,
        serial: &str,
        sinks: &[(String, String)],
        progress: &mut Progress,
    ) -> Result<(), ClearError> {
        let mut report = DeviceReport::new(&self.device.name, self.device.address());
        let Met { seen, size, state, .. } =
            Box::pin(self.meet(client, &mut Unanswered::default(), &mut report)).await?;
        let given = report.serial.clone().unwrap_or_default();
        if given != serial {
            return Err(ClearError::refused(format!("its serial number is {given}, not {serial}")));
        }
        let Some(count) = size.count else {
            return Err(ClearError::refused("it does not say how many records it holds"));
        };
        if count == 0 {
            return Err(ClearError::refused("its log is empty"));
        }
        let identity = state.serial.clone();
        let (drift_ms, read_at) = (seen.drift_ms, seen.utc_now.timestamp());
        let clock_offset = Some(wall::clock_offset(seen.clock, seen.wall_now, seen.utc_now));
        let records = match Box::pin(self.pull(client, &seen, state, size, &mut report)).await? {
            Found::Records(records) => *records,
            Found::Unproven(aside) => return Err(ClearError::refused(format!("its log is not proven: {}", aside.why))),
            Found::Nothing(_) => return Err(ClearError::refused("it did not send its log")),
        };
        let Records { proven, users, state } = records;
        let total = proven.records();
        if proven.first_index() != 0 || total != count || proven.records_on_device() != count {
            return Err(ClearError::refused(format!("it counts {count} records, but its log has {total}")));
        }
        let reasons = self.lacking(&identity, sinks).await?;
        if !reasons.is_empty() {
            return Err(ClearError::Refused { reasons });
        }
        let poll = Poll {
            serial: identity.clone(),
            device_name: self.device.name.clone(),
            zone: self.device.zone,
            drift_ms,
            clock_offset,
            layout: proven.layout().map(|layout| layout.to_string()),
            source: Source::Pull,
            read_at,
        };
        let backup = Backup {
            ledger: Arc::clone(&self.ledger),
            serial: identity.clone(),
            mask: Mask::of_layout(poll.layout.as_deref()),
            width: proven.layout().map_or(0, |layout| layout.width() as u64),
            records: total,
            path: self.backup_path(&given, seen.utc_now),
        };
        let punches = ProvenPunches::new(proven, users, poll);
        let (path, sha256) = blocking("backup", move || Ok(backup.make(punches))).await??;
        let session = client.sessions();
        let again = self.count(client).await?;
        if client.sessions() != session {
            // Between two sessions a terminal may enable itself.
            return Err(ClearError::refused("its session was lost just before; try again"));
        }
        if again != Some(count) {
            let again = again.map_or_else(|| "no number".to_owned(), |count| count.to_string());
            let reason = format!("it counted {count} records before its log was read, and {again} after");
            return Err(ClearError::refused(reason));
        }
        progress.asked = Some(path.clone());
        // On this session alone: on a new one, somebody could have punched before.
        match client.call_once(&ClearAttendanceLog).await {
            Ok(()) => {}
            Err(error @ ClientError::Refused { .. }) => {
                progress.asked = None;
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        }
        if self.count(client).await? != Some(0) {
            // Not confirmed.
            return Ok(());
        }
        let cleared = Cleared { serial: given, records: count, backup: path, sha256 };
        let (records, count, overlap) = (0, Some(0), Vec::new());
        let state = TerminalState { epoch: state.epoch + 1, records, count, overlap, ..state };
        progress.cleared = Some((cleared, state));
        Ok(())
    }

    async fn count(&self, client: &mut Client) -> Result<Option<u64>, ClearError> {
        Ok(client.free_sizes().await?.records().map(u64::from))
    }

    /// The sinks that lack events of the terminal, with their number.
    pub(super) async fn lacking(&self, serial: &str, sinks: &[(String, String)]) -> Result<Vec<String>, ClearError> {
        if sinks.is_empty() {
            return Ok(vec!["no sink is configured".to_owned()]);
        }
        let (ledger, serial, sinks) = (Arc::clone(&self.ledger), serial.to_owned(), sinks.to_vec());
        let ask = move || {
            let mut reasons = Vec::new();
            for (target, name) in sinks {
                let lacking = ledger.lacking(&serial, &target)?;
                if lacking > 0 {
                    reasons.push(format!("{name} does not have {lacking} of its events"));
                }
            }
            Ok(reasons)
        };
        Ok(blocking("ledger", ask).await?)
    }

    fn backup_path(&self, serial: &str, now: chrono::DateTime<chrono::Utc>) -> PathBuf {
        let word: String = serial.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect();
        self.ledger.dir().join(BACKUPS).join(format!("{word}-{}.bin", now.format("%Y%m%dT%H%M%S%3fZ")))
    }
}

/// The backup of a log, of which each record has to be in the ledger.
struct Backup {
    ledger: Arc<Ledger>,
    serial: String,
    mask: Mask,
    /// The width of a record.
    width: u64,
    records: u64,
    path: PathBuf,
}

impl Backup {
    /// Looks up each record, and writes all of them to the file. Returns it and its checksum.
    fn make(&self, mut punches: ProvenPunches) -> Result<(PathBuf, String), ClearError> {
        let path = &self.path;
        if let Some(dir) = path.parent() {
            private::create_dir_all(dir).map_err(ClearError::io(dir))?;
        }
        let mut file = BufWriter::new(private::create(path).map_err(ClearError::io(path))?);
        let written = self.write(&mut punches, &mut file).and_then(|sum| {
            file.flush().and_then(|()| file.get_ref().sync_all()).map_err(ClearError::io(path))?;
            Ok(sum)
        });
        let sum = match written.and_then(|sum| self.check(&sum).map(|()| sum)) {
            Ok(sum) => sum,
            Err(error) => {
                // Only a whole backup is one. It is of no harm if it stays.
                let _ = std::fs::remove_file(path);
                return Err(error);
            }
        };
        let beside = path.with_extension("bin.sha256");
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        private::create(&beside)
            .and_then(|mut file| writeln!(file, "{sum}  {name}").and_then(|()| file.sync_all()))
            .map_err(ClearError::io(&beside))?;
        Ok((path.clone(), sum))
    }

    fn write(&self, punches: &mut ProvenPunches, file: &mut impl std::io::Write) -> Result<String, ClearError> {
        let path = &self.path;
        let mut sum = Sha256::new();
        let mut put = |bytes: &[u8]| {
            sum.update(bytes);
            file.write_all(bytes).map_err(ClearError::io(path))
        };
        let bytes = u32::try_from(self.records * self.width).map_err(|_| ClearError::refused("its log is too long"))?;
        put(&bytes.to_le_bytes())?;
        let (mut missing, mut seen) = (0_u64, 0_u64);
        let mut outcome = Ok(());
        self.ledger
            .try_write("look records up", |transaction| {
                let Some(mut kept) = KeptRecords::of(transaction, &self.serial, self.mask)? else {
                    return Ok(Err(()));
                };
                loop {
                    let batch = match punches.next(AT_ONCE) {
                        Ok(batch) if batch.is_empty() => break,
                        Ok(batch) => batch,
                        Err(error) => {
                            outcome = Err(ClearError::Terminal(TerminalError::Spool(error)));
                            break;
                        }
                    };
                    for read in batch {
                        seen += 1;
                        missing += u64::from(!kept.has(transaction, &read.punch)?);
                        if let Err(error) = put(&read.punch.raw) {
                            outcome = Err(error);
                        }
                    }
                }
                // Nothing was changed: it is only read in one piece.
                Ok(Ok(()))
            })
            .map_err(SyncError::from)?
            .map_err(|()| ClearError::refused("the ledger does not know it; run a sync first"))?;
        outcome?;
        if missing > 0 || seen != self.records {
            let reason = format!("{missing} of its {seen} records are neither in the ledger nor in the quarantine");
            return Err(ClearError::refused(reason));
        }
        Ok(hex(&sum.finalize()))
    }

    /// Reads the file back.
    fn check(&self, expected: &str) -> Result<(), ClearError> {
        let path = &self.path;
        let mut file = BufReader::new(File::open(path).map_err(ClearError::io(path))?);
        let (mut sum, mut block) = (Sha256::new(), vec![0; 64 << 10]);
        loop {
            let read = file.read(&mut block).map_err(ClearError::io(path))?;
            if read == 0 {
                break;
            }
            sum.update(block.get(..read).unwrap_or_default());
        }
        match hex(&sum.finalize()) == *expected {
            true => Ok(()),
            false => Err(ClearError::refused("the backup cannot be read back as it was written")),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<Failure> for ClearError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Terminal(error @ TerminalError::Identity { .. }) => Self::refused(chain(&error)),
            Failure::Terminal(error) => Self::Terminal(error),
            Failure::Engine(error) => Self::Sync(error),
        }
    }
}

impl From<ClientError> for ClearError {
    fn from(error: ClientError) -> Self {
        Self::Terminal(TerminalError::Client(error))
    }
}
