//! The result of a visit is kept: records enter the ledger, a log that was not proven goes to a file.

use std::sync::Arc;

use attendance_model::Source;
use zk_proto::proof::{Begin, Doubt};

use super::{Failure, Found, Records, Seen, Visit, Visited};
use crate::error::{blocking, chain};
use crate::intake::{Batch, NotEntered, ProvenPunches, Provenance};
use crate::ledger::{Poll, UnprovenEvidence, UnprovenKind, save_terminal};
use crate::observer::DeviceProgress;
use crate::report::{DeviceReport, DeviceStatus, ErrorKind, KeptLog};
use crate::unproven::{self, SetAside};
use crate::{LedgerError, SyncError, TerminalError, wall};

impl Visit {
    /// Keeps what a visit found.
    pub(super) async fn keep(&self, visited: Visited, report: &mut DeviceReport) -> Result<(), Failure> {
        let Visited { seen, found, place: _place } = visited;
        match found {
            Found::Nothing(None) => Ok(()),
            Found::Nothing(Some(state)) => {
                let ledger = Arc::clone(&self.ledger);
                let save = move || Ok(ledger.write("remember a terminal", |change| save_terminal(change, &state))?);
                Ok(blocking("ledger", save).await?)
            }
            Found::Records(records) => self.enter(seen, *records, report).await,
            Found::Unproven(aside) => self.set_aside(&seen, *aside, report).await,
        }
    }

    /// Enters proven records. The report counts those of each commit, so that it is right if a later one fails.
    async fn enter(&self, seen: Seen, records: Records, report: &mut DeviceReport) -> Result<(), Failure> {
        let Records { proven, users, state } = records;
        let poll = Poll {
            serial: seen.serial,
            device_name: self.device.name.clone(),
            zone: self.device.zone,
            drift_ms: seen.drift_ms,
            clock_offset: Some(wall::clock_offset(seen.clock, seen.wall_now, seen.utc_now)),
            layout: proven.layout().map(|layout| layout.to_string()),
            source: Source::Pull,
            read_at: seen.utc_now.timestamp(),
        };
        let batch = Batch {
            provenance: Provenance {
                host_now: seen.wall_now,
                by_hand: false,
                new_owners: self.new_owners,
                epoch: state.epoch,
                start: proven.first_index(),
                poll: poll.clone(),
            },
            punches: ProvenPunches::new(proven, users, poll),
            cursor: Some(state),
            accepts: None,
            stamp: None,
            resolves: Vec::new(),
            whole: false,
        };
        let name = &self.device.name;
        let entered = self.intake.enter(batch, &self.stop, |entered| {
            tracing::debug!(terminal = %name, records = entered.records, new = entered.new, "batch committed");
            entered.add_to(report);
            let (records, new) = (report.records_read, report.new);
            self.observer.device(name, DeviceProgress::Recording { records, new });
        });
        entered.await.map_err(|error| match error {
            NotEntered::Ledger(error) => Failure::Engine(error),
            NotEntered::Unreadable(error) => TerminalError::Spool(error).into(),
            NotEntered::Stopped => TerminalError::Stopped.into(),
        })
    }

    /// Keeps a transfer that was not proven, whole.
    async fn set_aside(&self, seen: &Seen, aside: SetAside, report: &mut DeviceReport) -> Result<(), Failure> {
        report.status = DeviceStatus::Unproven;
        report.error_kind = Some(ErrorKind::Unproven);
        if aside.kind == UnprovenKind::Users {
            // The table itself is not kept, because it contains people's passwords.
            report.error = Some(format!(
                "{}; nothing was used, and the table, which may hold passwords, was not kept; the next run reads again",
                aside.why
            ));
            report.unproven = Some(KeptLog { id: None, verdict: aside.verdict });
            return Ok(());
        }
        let (verdict, why) = (aside.verdict.clone(), aside.why.clone());
        if self.dry_run {
            report.error = Some(why);
            report.unproven = Some(KeptLog { id: None, verdict });
            return Ok(());
        }
        let (ledger, serial, name) = (Arc::clone(&self.ledger), seen.serial.clone(), self.device.name.clone());
        let (evidence, seen_at) = (self.evidence(seen, &aside), seen.utc_now);
        let kept =
            blocking("ledger", move || Ok(unproven::keep(&ledger, &serial, &name, aside, evidence, seen_at))).await?;
        let kept = match kept {
            Ok(kept) => kept,
            // Its file is this terminal's trouble alone.
            Err(error @ LedgerError::Io { .. }) => {
                let error = chain(&error);
                report.error = Some(format!("{why}; nothing of it was used, and it could not be kept: {error}"));
                report.unproven = Some(KeptLog { id: None, verdict });
                return Ok(());
            }
            Err(error) => return Err(SyncError::from(error).into()),
        };
        report.error = Some(format!("{why}; nothing of it was used, and it is kept in {}", kept.file.display()));
        report.unproven = Some(KeptLog { id: Some(kept.id), verdict });
        Ok(())
    }

    /// Everything that is needed next to the bytes to look at them again.
    fn evidence(&self, seen: &Seen, aside: &SetAside) -> UnprovenEvidence {
        let counts = aside.transfer.counts();
        let (offset, word) = match aside.transfer.begin() {
            Begin::Word => (0, None),
            Begin::Record { at, word } => (at, Some(word)),
        };
        let words = |doubts: &Vec<Doubt>| doubts.iter().map(ToString::to_string).collect();
        UnprovenEvidence {
            announced: aside.transfer.announced_bytes(),
            offset,
            word,
            count_before: counts.before,
            count_after: counts.after,
            host_now: wall::device_time(seen.wall_now).0,
            terminal_now: seen.clock.map(|time| time.0),
            zone: self.device.zone.map(|zone| zone.name().to_owned()),
            drift_ms: seen.drift_ms,
            mode_first: self.device.sixteen_mode_first,
            layout: aside.layout.clone(),
            epoch: aside.epoch,
            records: aside.records,
            readings: aside.readings.iter().map(words).collect(),
            users: aside.users.clone(),
        }
    }
}
