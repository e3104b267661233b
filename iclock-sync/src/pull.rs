//! What is new in a terminal's log: asked for with what is remembered, and remembered anew.

use zk_proto::Client;
use zk_proto::client::{Progress, Pull, PullError, PullRequest, Pulled, pull};
use zk_proto::proof::{Known, Remembered, UserTable};
use zk_proto::record::FieldOrder;

use crate::TerminalError;
use crate::ledger::TerminalState;
use crate::meet::Question;
use crate::observer::DeviceProgress;
use crate::plan::{self, LogSize};
use crate::report::{DeviceReport, ReadMode};
use crate::source::{Failure, Found, Records, Seen, Source};
use crate::tell;

impl Source {
    /// Pulls what is new, and the user table where the log names people by their place there.
    pub(crate) async fn pull(
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
        let mut progress = |Progress { bytes, of }| {
            tracing::debug!(terminal = %name, bytes, of, "a part of the log came");
            let progress = DeviceProgress::Reading { bytes, total: Some(of) };
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
            Pulled::Unproven { last, .. } => return Ok(Found::Unproven(Box::new(last))),
            Pulled::UsersUnproven(last) => return Ok(Found::UsersUnproven(Box::new(last))),
            other => return Err(TerminalError::unknown(&other).into()),
        };
        report.mode = Some(mode);
        tracing::debug!(terminal = %name, records = proven.records(), "the log is proven");
        if proven.trailing() > 0 {
            report.notes.push(format!("{} stray bytes stood behind the last record", proven.trailing()));
        }
        let table = pulled.users.iter().flat_map(UserTable::users);
        let users = table.map(|user| (user.slot(), user.user_id.0.clone())).collect();
        Ok(Found::Records(Box::new(Records { proven, users, state })))
    }

    fn request(&self, seen: &Seen, state: &TerminalState, size: LogSize) -> PullRequest {
        let layout = state.layout.as_deref().and_then(plan::layout_of);
        let now = seen.utc_now.timestamp();
        let mut request = PullRequest::new(plan::device_time(seen.wall_now));
        request.known = layout.filter(|_| state.records > 0).map(|layout| Known {
            records: state.records,
            overlap: state.overlap.clone(),
            layout,
        });
        request.force_full = self.full;
        request.count_before = size.count.and_then(|count| u32::try_from(count).ok());
        request.countless = state.learned.unanswered.contains_key(Question::Counts.name());
        request.remembered =
            Remembered { layout, count_off: state.count_unreliable, checksums_wrong: state.bad_checksums };
        request.offsets_refused =
            state.offsets_refused_at.is_some_and(|at| plan::is_recent(at, now, self.engine.verify_every));
        request.order = if self.device.sixteen_mode_first { FieldOrder::VerifyFirst } else { FieldOrder::StateFirst };
        request.terminal_now = seen.clock;
        request.spool_memory = self.gates.spool_memory;
        request.spool_directory = Some(self.gates.spools.clone());
        request.overlap = u64::from(self.engine.overlap);
        request
    }
}

/// What a proven pull teaches about the terminal. The count is kept only where it is that of the log: a punch during the pull
/// must not look known.
fn remember(state: &mut TerminalState, pulled: &Pull, knew_refusal: bool, now: i64) {
    let Some(records) = pulled.records_on_device else { return };
    // Records that are nobody's may be ones that lost their head: the next run looks again.
    let vague = matches!(&pulled.found, Pulled::Tail(proven) | Pulled::Full(proven) if proven.is_neutral());
    state.records = records;
    state.count = (!vague && pulled.counts.allow(records)).then_some(records);
    (state.layout, state.overlap) = match &pulled.known {
        Some(known) => (Some(plan::layout_word(known.layout)), known.overlap.clone()),
        None => (state.layout.take(), Vec::new()),
    };
    state.verified_at = Some(now);
    state.count_unreliable = pulled.remembered.count_off;
    state.bad_checksums = pulled.remembered.checksums_wrong;
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
            other => TerminalError::unknown(&other),
        })
    }
}
