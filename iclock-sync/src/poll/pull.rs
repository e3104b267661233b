//! Pulls the new part of a terminal's log, by what is remembered of the terminal, and remembers what it learns.

use std::collections::BTreeMap;

use zk_proto::Client;
use zk_proto::client::{Progress, Pull, PullError, PullRequest, Pulled, pull, pull_users};
use zk_proto::proof::{
    Begin, Counts, Doubt, Evidence, Fingerprint, Known, Proven, Remembered, Unproven, UserTable, WORD_LEN, possible,
    prove_names, prove_tail,
};
use zk_proto::record::{AttendanceLayout, FieldOrder};
use zk_proto::{Spool, SpoolError};

use super::meet::Question;
use super::plan::{self, LogSize};
use super::{Failure, Found, Records, Seen, Visit};
use crate::TerminalError;
use crate::error::blocking;
use crate::ledger::{ConfirmedRecords, TerminalState, UnprovenKind};
use crate::observer::DeviceProgress;
use crate::report::{DeviceReport, ReadMode};
use crate::unproven::{SetAside, verdict};
use crate::{tell, wall};

/// Bytes that are copied at once.
const BLOCK: u64 = 64 << 10;
/// The note of a log of 8-byte records if the terminal has no users.
const NOBODY: &str = "its records name people only by their slots in its user table, which is empty: nothing says \
                      whose punches they are";

impl Visit {
    /// Pulls what is new, and the user table if the log names people by their place there.
    pub(super) async fn pull(
        &self,
        client: &mut Client,
        seen: &Seen,
        mut state: TerminalState,
        size: LogSize,
        report: &mut DeviceReport,
    ) -> Result<Found, Failure> {
        let request = self.request(seen, &state, size);
        let name = &self.device.name;
        tracing::debug!(terminal = %name, known = state.records, "asks for the log");
        let known = request.known.as_ref().filter(|_| !request.force_full).map_or(0, |known| known.records);
        let records = size.count.map(|count| count.saturating_sub(known));
        let mut progress = |Progress { bytes, of }| {
            tracing::debug!(terminal = %name, bytes, of, "a part of the log came");
            let progress = DeviceProgress::Reading { bytes, total: Some(of), records };
            self.observer.device(&self.device.name, progress);
        };
        let pulled = pull(client, &request, &mut progress).await?;
        report.bytes_read += pulled.bytes_read;
        let unproven = pulled
            .readings
            .iter()
            .map(|reasons| reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        for why in pulled.interruptions.iter().cloned().chain(unproven) {
            tell::read_again(&self.device.name, &why);
            report.rereads.add(why);
        }
        report.records_on_device = report.records_on_device.or(pulled.records_on_device);
        remember(&mut state, &pulled, request.offsets_refused, seen.utc_now.timestamp());
        let (mode, proven) = match pulled.found {
            Pulled::Unchanged => {
                report.mode = Some(ReadMode::Unchanged);
                return Ok(Found::Nothing(Some(Box::new(state))));
            }
            Pulled::Tail(proven) => (ReadMode::Tail, proven),
            Pulled::Full(proven) => {
                state.epoch += 1;
                (ReadMode::Full, proven)
            }
            Pulled::Unproven { last, readings } => {
                let log = Refused { log: last, readings, users: pulled.users };
                return self.refused(client, seen, state, &request, log, report).await;
            }
            Pulled::UsersUnproven(table) => return Ok(Found::Unproven(Box::new(users_aside(table, &state)))),
            other => return Err(TerminalError::unknown(&other).into()),
        };
        report.mode = Some(mode);
        tracing::debug!(terminal = %name, records = proven.records(), "the log is proven");
        report.notes.extend(count_note(pulled.counts, proven.records_on_device()));
        if let Some(confirmed) = proven.confirmed().filter(|_| !pulled.readings.is_empty()) {
            let (first, records) = (confirmed.first, confirmed.records);
            report.notes.push(format!(
                "many records in a row are damaged in the log itself: records {first} to {} came twice the same",
                first + records
            ));
        }
        if proven.trailing() > 0 {
            report.notes.push(format!("{} stray bytes after the last record", proven.trailing()));
        }
        let table = pulled.users.iter().flat_map(UserTable::users);
        let users: BTreeMap<_, _> = table.map(|user| (user.uid, user.user_id.0.clone())).collect();
        if users.is_empty() && proven.layout().is_some_and(AttendanceLayout::needs_users) {
            report.notes.push(NOBODY.to_owned());
        }
        Ok(Found::Records(Box::new(Records { proven, users, state })))
    }

    /// Handles a log that is not proven. If a person accepted it up to its known end, the rest is proven by itself.
    async fn refused(
        &self,
        client: &mut Client,
        seen: &Seen,
        mut state: TerminalState,
        request: &PullRequest,
        refused: Refused,
        report: &mut DeviceReport,
    ) -> Result<Found, Failure> {
        let Refused { mut log, readings, mut users } = refused;
        let counts = log.counts();
        let rest = match known_if_accepted(&state, request) {
            Some(known) => prove_rest(&mut log, &known, request, self.spool())?,
            None => None,
        };
        let Some(mut proven) = rest else {
            let aside = self.aside(client, request, &state, Refused { log, readings, users }).await?;
            return Ok(Found::Unproven(Box::new(aside)));
        };
        if proven.records() > 0 && proven.layout().is_some_and(AttendanceLayout::needs_users) {
            let table = match users.take() {
                Some(table) => table,
                None => match pull_users(client, request).await? {
                    Ok(table) => table,
                    Err(table) => return Ok(Found::Unproven(Box::new(users_aside(table, &state)))),
                },
            };
            let announced = proven.records_on_device();
            let evidence = Evidence::new(announced, counts, request.host_now).terminal_now(request.terminal_now);
            proven = match prove_names(proven, &table, &evidence) {
                Ok(proven) => proven,
                Err(log) => {
                    let refused = Refused { readings: vec![log.doubts().to_vec()], log, users: Some(table) };
                    let aside = self.aside(client, request, &state, refused).await?;
                    return Ok(Found::Unproven(Box::new(aside)));
                }
            };
            users = Some(table);
        }
        let records = proven.records_on_device();
        report.records_on_device = report.records_on_device.or(Some(records));
        let note = format!("the first {} records were accepted by hand before, and not judged again", state.records);
        report.notes.push(note);
        (state.records, state.count) = (records, counts.allow(records).then_some(records));
        state.overlap = proven.overlap(request.overlap).map_err(TerminalError::Spool)?;
        state.verified_at = Some(seen.utc_now.timestamp());
        if proven.records() == 0 {
            report.mode = Some(ReadMode::Unchanged);
            return Ok(Found::Nothing(Some(Box::new(state))));
        }
        report.mode = Some(ReadMode::Tail);
        let users = users.iter().flat_map(UserTable::users).map(|user| (user.uid, user.user_id.0.clone())).collect();
        Ok(Found::Records(Box::new(Records { proven, users, state })))
    }

    /// Collects what is kept of a log that is not proven. If its records seem to name people by their place in the user
    /// table, that table is read too: without it nobody could accept the log.
    async fn aside(
        &self,
        client: &mut Client,
        request: &PullRequest,
        state: &TerminalState,
        refused: Refused,
    ) -> Result<SetAside, Failure> {
        let Refused { mut log, readings, users } = refused;
        let evidence = evidence(&log, request);
        let why = log.to_string();
        let (log, sentence, needs_users) = blocking("proof", move || {
            let begin = log.begin();
            // Bytes that cannot be read back are described by the reasons alone.
            let best = possible(log.spool(), begin, &evidence).unwrap_or_default().into_iter().next();
            let needs_users = best.as_ref().is_some_and(|best| best.layout().needs_users());
            let sentence = verdict(log.doubts(), best.as_ref());
            Ok((log, sentence, needs_users))
        })
        .await?;
        let mut names = users.as_ref().map(names_by_slot);
        if names.is_none() && needs_users {
            // A table that cannot be had now is read when the log comes again.
            names = pull_users(client, request).await.ok().and_then(Result::ok).as_ref().map(names_by_slot);
        }
        Ok(SetAside {
            kind: UnprovenKind::Attendance,
            transfer: log,
            readings,
            users: names,
            layout: request.remembered.layout.map(|layout| layout.to_string()),
            epoch: state.epoch,
            records: state.records,
            verdict: format!("its log could not be verified: {sentence}"),
            why,
        })
    }

    fn spool(&self) -> Spool {
        Spool::in_directory(self.gates.spool_memory(), self.gates.spools.clone())
    }

    fn request(&self, seen: &Seen, state: &TerminalState, size: LogSize) -> PullRequest {
        let remembered = state.layout.as_deref().and_then(|word| word.parse().ok());
        let layout = self.device.layout.or(remembered);
        let now = seen.utc_now.timestamp();
        let mut request = PullRequest::new(wall::device_time(seen.wall_now));
        // Records that were read in another layout than the configured one are not known.
        request.known = layout.filter(|_| state.records > 0 && layout == remembered).map(|layout| Known {
            records: state.records,
            overlap: state.overlap.clone(),
            layout,
        });
        request.layout = self.device.layout;
        request.force_full = self.full;
        request.count_before = size.count.and_then(|count| u32::try_from(count).ok());
        request.countless = state.learned.unanswered.contains_key(Question::Counts.name());
        let confirmed = state.learned.confirmed.as_ref();
        request.remembered = Remembered {
            layout,
            count_off: state.count_unreliable,
            checksums_wrong: state.bad_checksums,
            states: state.learned.states.iter().copied().collect(),
            modes: state.learned.modes.iter().copied().collect(),
            confirmed: confirmed.and_then(|ConfirmedRecords { layout, first, records, digest }| {
                Some(Fingerprint::new(layout.parse().ok()?, *first, *records, *digest))
            }),
        };
        request.offsets_refused =
            state.offsets_refused_at.is_some_and(|at| plan::is_recent(at, now, self.engine.verify_every));
        request.order = if self.device.sixteen_mode_first { FieldOrder::VerifyFirst } else { FieldOrder::StateFirst };
        request.terminal_now = seen.clock;
        request.spool_memory = self.gates.spool_memory();
        request.spool_directory = Some(self.gates.spools.clone());
        request.overlap = u64::from(self.engine.overlap);
        request
    }
}

/// A log that is not proven, as the pull gives it.
struct Refused {
    log: Unproven,
    readings: Vec<Vec<Doubt>>,
    users: Option<UserTable>,
}

fn names_by_slot(table: &UserTable) -> BTreeMap<u16, String> {
    table.users().iter().map(|user| (user.uid.0, user.user_id.0.clone())).collect()
}

fn users_aside(table: Unproven, state: &TerminalState) -> SetAside {
    let why = format!("its records name people by their place in its user table, whose {table}");
    SetAside {
        kind: UnprovenKind::Users,
        readings: vec![table.doubts().to_vec()],
        transfer: table,
        users: None,
        layout: state.layout.clone(),
        epoch: state.epoch,
        records: state.records,
        verdict: "its user table, which says whose its records are, could not be verified".to_owned(),
        why,
    }
}

/// The evidence in addition to a log's bytes.
fn evidence(log: &Unproven, request: &PullRequest) -> Evidence {
    let announced = log.announced_bytes().unwrap_or_default();
    Evidence::new(announced, log.counts(), request.host_now)
        .terminal_now(request.terminal_now)
        .remembered(request.remembered)
        .order(request.order)
}

/// The known end of a log of which a person accepted a part.
fn known_if_accepted(state: &TerminalState, request: &PullRequest) -> Option<Known> {
    let accepted = state.learned.accepted.filter(|accepted| accepted.epoch == state.epoch)?;
    request.known.clone().filter(|known| accepted.records <= known.records && known.overlap_records() > 0)
}

/// Proves what follows the known end of a log that was read whole, as a tail. The part before needs no second proof,
/// but its last records have to be the known ones.
fn prove_rest(
    log: &mut Unproven,
    known: &Known,
    request: &PullRequest,
    mut tail: Spool,
) -> Result<Option<Proven>, Failure> {
    let damaged = log.doubts().iter().any(|reason| matches!(reason, Doubt::Damaged { .. } | Doubt::Incomplete { .. }));
    if damaged || log.begin() != Begin::Word {
        return Ok(None);
    }
    let evidence = evidence(log, request);
    let copied = copy(log.spool(), known.overlap_at(), &mut tail).and_then(|()| log.spool().read(0..WORD_LEN));
    let word = copied.map_err(TerminalError::Spool)?.first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
    Ok(prove_tail(tail, word, known, &evidence).ok())
}

/// Copies the bytes after an offset to the beginning of another spool.
fn copy(from: &mut Spool, mut at: u64, to: &mut Spool) -> Result<(), SpoolError> {
    let start = at;
    loop {
        let block = from.read(at..at + BLOCK)?;
        if block.is_empty() {
            return Ok(());
        }
        to.write_at(at - start, block)?;
        at += block.len() as u64;
    }
}

/// The note about a count that is not that of the log.
fn count_note(counts: Counts, records: u64) -> Option<String> {
    let told = match (counts.before, counts.after) {
        _ if counts.allow(records) => return None,
        (Some(before), Some(after)) if before != after => format!("{before} to {after}"),
        (Some(count), _) | (_, Some(count)) => count.to_string(),
        (None, None) => return Some(format!("the terminal does not count its records; its log has {records}")),
    };
    Some(format!("the terminal counts {told} records, but its log has {records}"))
}

/// Remembers what a proven pull shows about the terminal. The count is kept only if it is that of the log: a punch
/// during the pull must not look known.
fn remember(state: &mut TerminalState, pulled: &Pull, knew_refusal: bool, now: i64) {
    let Some(records) = pulled.records_on_device else { return };
    // Records that are nobody's may be ones that lost their head: the next run looks again.
    let vague = matches!(&pulled.found, Pulled::Tail(proven) | Pulled::Full(proven) if proven.is_neutral());
    state.records = records;
    state.count = (!vague && pulled.counts.allow(records)).then_some(records);
    (state.layout, state.overlap) = match &pulled.known {
        Some(known) => (Some(known.layout.to_string()), known.overlap.clone()),
        None => (state.layout.take(), Vec::new()),
    };
    state.verified_at = Some(now);
    state.count_unreliable = pulled.remembered.count_off;
    state.bad_checksums = pulled.remembered.checksums_wrong;
    state.learned.states = pulled.remembered.states.iter().collect();
    state.learned.modes = pulled.remembered.modes.iter().collect();
    state.learned.confirmed = pulled.remembered.confirmed.map(|reading| ConfirmedRecords {
        layout: reading.layout.to_string(),
        first: reading.first,
        records: reading.records,
        digest: reading.digest,
    });
    state.offsets_refused_at = match (pulled.offsets_refused, knew_refusal) {
        (false, _) => None,
        (true, true) => state.offsets_refused_at,
        (true, false) => Some(now),
    };
}

impl From<PullError> for Failure {
    fn from(error: PullError) -> Self {
        Self::Terminal(match error {
            PullError::Client(error) => TerminalError::Client(error),
            PullError::Spool(error) => TerminalError::Spool(error),
            error @ PullError::Refused { .. } => TerminalError::LogRefused(error),
            PullError::Changed => TerminalError::LogChanged,
            other => TerminalError::unknown(&other),
        })
    }
}
