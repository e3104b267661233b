//! An incremental read of a terminal's log, with proof, over as many sessions as it takes.

mod error;
mod outcome;
mod request;
mod transfer;
mod users;

use std::boxed::Box;
use std::string::String;
use std::time::Duration;
use std::vec::Vec;

pub use error::PullError;
pub use outcome::{Pull, Pulled};
pub use request::{DEFAULT_OVERLAP, PullRequest};
pub use users::pull_users;

use super::progress::Progress;
use super::silence::patience;
use super::{Client, ClientError};
use crate::Prepared;
use crate::proof::{
    Counts, Doubt, Evidence, Fingerprint, Known, People, Preview, Proven, Remembered, Unproven, UserTable, prove,
    prove_names, prove_previewed, prove_tail,
};
use crate::session::ChecksumPolicy;
use crate::spool::SpoolError;
use transfer::Transferred;

/// The most sessions that one pull may use.
const MAX_SESSIONS: u32 = 12;
/// Readings of one log before it is given up as unproven.
const MAX_READINGS: usize = 3;
/// The number of attempts to open a new session, and the first pause between them. A terminal with one session needs a
/// moment to notice that it is free.
const RECONNECTS: u32 = 4;
const RECONNECT_AFTER: Duration = Duration::from_millis(200);

/// Reads what is new in the attendance log and proves it.
///
/// If the end of the log is known, only the records after it are read, provided that the records before it are still
/// the stored ones; otherwise everything is read. The user table is read and proven too if records name people by their
/// slot, or if it may clear a doubt about the records. A reading without proof is repeated on a new session. A lost
/// connection is resumed on a new session where it broke, if the log is still the same. The terminal's buffer is freed
/// at the end.
///
/// # Errors
/// When the terminal cannot be reached, refuses, or the transfer cannot be kept. A log that cannot be proven is no
/// error but [`Pulled::Unproven`] or [`Pulled::UsersUnproven`]. After [`PullError::Overdue`] the client is left as
/// after a call whose future was dropped: [`Client::abort`] makes it usable, [`Client::exit`] ends its session.
pub async fn pull(
    client: &mut Client,
    request: &PullRequest,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Pull, PullError> {
    // A replay needs the same request. No directory, because its name may contain a person's.
    client.note(|| {
        let PullRequest { known, force_full, count_before, remembered, offsets_refused, order, host_now, .. } = request;
        let PullRequest { terminal_now, spool_memory, overlap, layout, .. } = request;
        std::format!(
            "pull {:?}",
            (
                host_now,
                terminal_now,
                known,
                force_full,
                count_before,
                remembered,
                offsets_refused,
                layout,
                order,
                spool_memory,
                overlap
            )
        )
    });
    let mut puller = Puller {
        client,
        request,
        progress,
        bytes_read: 0,
        sessions: 1,
        readings: Vec::new(),
        interruptions: Vec::new(),
        counts: Counts::default(),
        remembered: request.remembered,
        offsets_refused: request.offsets_refused,
        buffered: None,
        reached: None,
        preview: None,
        damaged: false,
        log_refused: false,
        countless: request.countless,
        people: None,
        people_sought: false,
        table: None,
    };
    // If checksums were wrong at the connection, the terminal always computes them that way.
    puller.remembered.checksums_wrong |= puller.client.options.checksums == ChecksumPolicy::Tolerate;
    if request.remembered.checksums_wrong {
        puller.client.set_checksum_policy(ChecksumPolicy::Tolerate);
    }
    let limited = puller.client.driver.silence.limit.is_some();
    if !limited {
        puller.client.limit_silence(patience(puller.client.options.timeout));
    }
    let route = puller.client.options.route.clone();
    let pull = match route.until(request.deadline, puller.run()).await {
        Some(pull) => pull,
        None => {
            puller.client.driver.overdue();
            puller.client.in_call = true;
            let allowed = request.deadline.unwrap_or_default();
            Err(PullError::Overdue { allowed, progress: puller.reached })
        }
    };
    // A terminal that stopped answering frees its buffer with the session.
    if !puller.client.driver.silence.lasts && !puller.client.in_call {
        let _ = puller.client.free_data().await;
    }
    if !limited {
        puller.client.driver.silence.limit = None;
    }
    pull
}

/// The size of a set as the terminal announced it.
fn announced(prepared: &Prepared) -> u64 {
    match prepared {
        Prepared::Inline(bytes) => bytes.len() as u64,
        Prepared::Buffered { size } | Prepared::Streamed { size } => *size,
        Prepared::Empty { .. } => 0,
    }
}

async fn reconnect(client: &mut Client) -> Result<(), PullError> {
    let mut wait = RECONNECT_AFTER;
    for _ in 1..RECONNECTS {
        match client.reconnect().await {
            Ok(()) => return Ok(()),
            Err(error) if !error.is_transient() || client.driver.silence.is_over() => return Err(error.into()),
            Err(error) => {
                client.driver.pause(wait).await;
                if error.is_silence() {
                    client.driver.silence.add(wait);
                }
            }
        }
        wait *= 2;
    }
    Ok(client.reconnect().await?)
}

/// A pull in progress.
struct Puller<'a> {
    client: &'a mut Client,
    request: &'a PullRequest,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    bytes_read: u64,
    sessions: u32,
    /// Why each repeated reading was not proven.
    readings: Vec<Vec<Doubt>>,
    /// Why the transfer continued in another session.
    interruptions: Vec<String>,
    counts: Counts,
    remembered: Remembered,
    offsets_refused: bool,
    /// The size of the log in the terminal's buffer, once it is prepared in this session.
    buffered: Option<u64>,
    /// The progress of the current reading, over all its sessions.
    reached: Option<Progress>,
    /// The records of the whole log, judged as they arrived.
    preview: Option<Preview>,
    /// Some bytes were damaged in every session.
    damaged: bool,
    /// The terminal does not report its count of records.
    countless: bool,
    /// The terminal refused the log once already.
    log_refused: bool,
    /// The people of the user table, once it was read as evidence for the records.
    people: Option<People>,
    people_sought: bool,
    /// The user table, for records that name people by slot.
    table: Option<UserTable>,
}

impl Puller<'_> {
    async fn run(&mut self) -> Result<Pull, PullError> {
        let mut tail =
            self.request.known.clone().filter(|known| !self.request.force_full && known.overlap_records() > 0);
        let mut whole: Vec<Vec<Doubt>> = Vec::new();
        let mut earlier = None;
        loop {
            let unproven = match self.reading(tail.as_ref(), earlier).await? {
                Ok(pull) => return Ok(pull),
                Err(unproven) => unproven,
            };
            let reasons = unproven.doubts().to_vec();
            let asked = unproven.needs_second_reading();
            if tail.is_some() {
                if !matches!(reasons[..], [Doubt::OverlapDiffers | Doubt::ShorterThanKnown]) {
                    self.readings.push(reasons);
                }
                if asked.is_some() && earlier.is_none() && self.sessions < MAX_SESSIONS {
                    // Some new records are doubtful and have to be read a second time.
                    earlier = asked;
                    self.fresh().await?;
                    continue;
                }
                (tail, earlier) = (None, None);
                if self.buffered.is_none() {
                    self.fresh().await?;
                }
                // The known end does not match, but the prepared buffer has the whole log.
                continue;
            }
            whole.push(reasons.clone());
            let enough = whole.len() >= 2 && asked.is_none();
            if enough || whole.len() >= MAX_READINGS || self.sessions >= MAX_SESSIONS {
                return Ok(self.report(Pulled::Unproven { last: *unproven, readings: whole }, None, None));
            }
            self.readings.push(reasons);
            earlier = asked;
            self.fresh().await?;
        }
    }

    /// Reads once and proves once.
    async fn reading(
        &mut self,
        tail: Option<&Known>,
        earlier: Option<Fingerprint>,
    ) -> Result<Result<Pull, Box<Unproven>>, PullError> {
        let mut spool = self.request.spool();
        self.reached = None;
        let came = self.transfer(&mut spool, tail).await?;
        // If the connection is lost now, everything has arrived, and the first count is enough.
        self.counts.after = match self.count().await {
            Err(PullError::Client(ClientError::SessionLost)) if self.fresh().await.is_ok() => {
                self.count().await.unwrap_or(None)
            }
            count => count.unwrap_or(None),
        };
        let announced = match came {
            Transferred::Whole { announced } | Transferred::Tail { announced, .. } => announced,
        };
        let evidence = Evidence { earlier, ..self.evidence(announced) };
        let proven = match (came, tail, self.preview.take()) {
            (Transferred::Tail { word, .. }, Some(known), _) => prove_tail(spool, word, known, &evidence),
            (_, _, Some(preview)) => prove_previewed(spool, &evidence, &preview),
            _ => prove(spool, &evidence),
        };
        let mut proven = match self.with_people(proven, evidence).await {
            Ok(proven) => proven,
            Err(unproven) => return Ok(Err(Box::new(unproven))),
        };
        let users = match self.users(&proven).await? {
            Some(Ok(table)) => Some(table),
            Some(Err(unproven)) => return Ok(Ok(self.report(Pulled::UsersUnproven(unproven), None, None))),
            None => None,
        };
        if let Some(users) = &users {
            proven = match prove_names(proven, users, &self.evidence(announced)) {
                Ok(proven) => proven,
                Err(unproven) => return Ok(Err(Box::new(unproven))),
            };
        }
        if let Some(layout) = proven.layout() {
            self.remembered.layout = Some(layout);
            self.remembered.count_off = !proven.witnesses().count;
        }
        self.remembered.states.extend(proven.learned_states().iter());
        self.remembered.modes.extend(proven.learned_modes().iter());
        self.remembered.confirmed = proven.confirmed().or(self.remembered.confirmed);
        let known = self.known(&mut proven)?;
        let found = match came {
            Transferred::Tail { .. } if proven.records() == 0 => Pulled::Unchanged,
            Transferred::Tail { .. } => Pulled::Tail(proven),
            Transferred::Whole { .. } => Pulled::Full(proven),
        };
        Ok(Ok(self.report(found, Some(known), users)))
    }

    /// Proves the same bytes again with the user table, if that may clear a doubt or there are few records.
    async fn with_people(&mut self, proof: Result<Proven, Unproven>, evidence: Evidence) -> Result<Proven, Unproven> {
        if !proof.as_ref().map_or_else(Unproven::people_would_help, Proven::people_would_help) {
            return proof;
        }
        self.meet_people().await;
        let Some(people) = self.people.clone() else { return proof };
        let spool = proof.map_or_else(Unproven::into_spool, Proven::into_spool);
        prove(spool, &Evidence { people: Some(people), ..evidence })
    }

    /// The evidence besides the bytes.
    fn evidence(&self, announced: u64) -> Evidence {
        Evidence {
            counts: self.counts,
            terminal_now: self.request.terminal_now,
            remembered: self.remembered,
            order: self.request.order,
            damaged_packets: self.damaged.into(),
            pinned: self.request.layout,
            people: self.people.clone(),
            ..Evidence::new(announced, self.counts, self.request.host_now)
        }
    }

    fn known(&self, proven: &mut Proven) -> Result<(u64, Option<Known>), SpoolError> {
        let records = proven.records_on_device();
        let Some(layout) = proven.layout() else { return Ok((records, None)) };
        let overlap = proven.overlap(self.request.overlap)?;
        Ok((records, Some(Known { records, overlap, layout })))
    }

    fn report(&self, found: Pulled, known: Option<(u64, Option<Known>)>, users: Option<UserTable>) -> Pull {
        let (records_on_device, known) = known.map_or((None, None), |(records, known)| (Some(records), known));
        Pull {
            found,
            users,
            bytes_read: self.bytes_read,
            sessions: self.sessions,
            readings: self.readings.clone(),
            interruptions: self.interruptions.clone(),
            records_on_device,
            counts: self.counts,
            remembered: self.remembered,
            offsets_refused: self.offsets_refused,
            known,
        }
    }
}
