//! Housekeeping: the files of the state directory stay small, and a disk that fills up is noticed before it is full.
//!
//! The work is done in small steps, and after each of them the ledger rests for longer than the step took. So a punch
//! waits for one step at most.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::error::blocking;
use crate::ledger::Shrinking;
use crate::tasks::Shared;
use crate::tasks::status::Disk;
use crate::{Ledger, LedgerError, SyncError};

/// The time between two rounds.
const EVERY: Duration = Duration::from_secs(60);
/// The longest that one kind of work goes on in a round.
const IN_A_ROUND: Duration = Duration::from_secs(20);
/// The time between two searches for old events.
const SEARCH_EVERY: Duration = Duration::from_secs(3_600);
/// A step that takes longer is followed by a smaller one, so that no punch waits for 100 ms.
const STEP: Duration = Duration::from_millis(25);
/// The ledger rests for so many times as long as a step took.
const REST: u32 = 3;
/// The rows or pages of a step: to begin with, at least, and at most.
const SIZES: (u32, u32, u32) = (200, 10, 2_000);
/// A write-ahead log that is longer is emptied, in bytes.
const LONGEST_LOG: u64 = 32 << 20;
/// The file is compacted if so many pages are free, and so many of all.
const FREE_PAGES: (u64, u64) = (1_024, 8);

/// The housekeeping of one service.
#[derive(Debug)]
pub(super) struct Housekeeping {
    shared: Arc<Shared>,
    stop: CancellationToken,
    /// The next search for old events, by the monotonic clock.
    search_at: Duration,
    /// The last trouble that was told.
    told: Option<String>,
}

/// The place of a piece of work that goes on in steps.
#[derive(Clone, Copy, Debug)]
struct Place {
    after: i64,
    size: u32,
}

impl Housekeeping {
    pub(super) fn new(shared: Arc<Shared>, stop: CancellationToken) -> Self {
        Self { shared, stop, search_at: Duration::ZERO, told: None }
    }

    /// Keeps house until the service stops.
    pub(super) async fn run(mut self) {
        let clock = Arc::clone(&self.shared.clock);
        loop {
            let trouble = self.round().await.err().map(|error| error.explain());
            if let Some(trouble) = &trouble
                && self.told.as_ref() != Some(trouble)
            {
                tracing::warn!("the state directory cannot be tidied up, which is tried again: {trouble}");
            }
            self.told = trouble;
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = clock.sleep(EVERY) => {}
            }
        }
    }

    async fn round(&mut self) -> Result<(), SyncError> {
        self.watch_the_disk().await?;
        // The ballast is made again, if there is room. If there is none, the polls say so.
        let _ = self.with_ledger(Ledger::check_room).await;
        self.with_ledger(|ledger| ledger.checkpoint(LONGEST_LOG)).await?;
        if self.shared.clock.monotonic() >= self.search_at && self.shrink().await? {
            self.search_at = self.shared.clock.monotonic() + SEARCH_EVERY;
        }
        self.compact().await
    }

    /// Shows the room on the disk, and says so once when it becomes low.
    async fn watch_the_disk(&self) -> Result<(), SyncError> {
        let dir = self.shared.ledger.dir().to_owned();
        let disk =
            blocking("disk", move || Disk::of(&dir).map_err(|source| LedgerError::Io { path: dir, source }.into()))
                .await?;
        let was_low = self.shared.board.set_disk(disk);
        match (was_low, disk.low) {
            (false, true) => tracing::warn!(
                "only {} MiB are free on the disk of the state directory; once it is full, nothing new is read",
                disk.free >> 20
            ),
            (true, false) => tracing::info!("there is room again on the disk of the state directory"),
            _ => {}
        }
        Ok(())
    }

    /// Shrinks old events and records. Returns true if nothing is left to do for now.
    async fn shrink(&self) -> Result<bool, SyncError> {
        let settings = self.shared.settings();
        let (retention, now) = (settings.engine.retention, self.shared.clock.utc_now());
        let before = |age: Option<Duration>| {
            let age = TimeDelta::from_std(age?).ok()?;
            now.checked_sub_signed(age).map(|moment| moment.timestamp())
        };
        let mut done = true;
        if let Some(read_before) = before(retention.events) {
            // An audit that is begun later could not list them.
            if !self.shared.complete_audit().await? {
                return Ok(false);
            }
            let targets = settings.targets.into_iter().map(|(target, _)| target).collect();
            let which = Shrinking { read_before, targets };
            done &= self
                .in_steps(move |ledger, Place { after, size }| {
                    ledger.shrink_events(&which, after, size).map(|step| step.next)
                })
                .await?;
        }
        if let Some(left_before) = before(retention.quarantine) {
            done &= self
                .in_steps(move |ledger, Place { after, size }| {
                    ledger.shrink_quarantine(left_before, after, size).map(|step| step.next)
                })
                .await?;
        }
        Ok(done)
    }

    /// Gives unused room in the ledger's file back to the disk.
    async fn compact(&self) -> Result<(), SyncError> {
        let (free, all) = self.with_ledger(Ledger::pages).await?;
        if free < FREE_PAGES.0 || free < all / FREE_PAGES.1 {
            return Ok(());
        }
        self.in_steps(|ledger, Place { size, .. }| Ok(ledger.free_pages(size)?.then_some(0))).await?;
        self.with_ledger(|ledger| ledger.checkpoint(LONGEST_LOG)).await
    }

    /// Works in steps, each of which says where the next one begins. Returns true if there is no next one.
    async fn in_steps(
        &self,
        step: impl Fn(&Ledger, Place) -> Result<Option<i64>, LedgerError> + Clone + Send + 'static,
    ) -> Result<bool, SyncError> {
        let clock = &self.shared.clock;
        let until = clock.monotonic().saturating_add(IN_A_ROUND);
        let (mut place, (_, least, most)) = (Place { after: 0, size: SIZES.0 }, SIZES);
        while clock.monotonic() < until && !self.stop.is_cancelled() {
            let (work, of) = (step.clone(), place);
            let (next, took) = self
                .with_ledger(move |ledger| {
                    let began = Instant::now();
                    Ok((work(ledger, of)?, began.elapsed()))
                })
                .await?;
            let Some(next) = next else { return Ok(true) };
            let size = if took > STEP { place.size / 2 } else { place.size + place.size / 4 };
            place = Place { after: next, size: size.clamp(least, most) };
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = clock.sleep(took * REST) => {}
            }
        }
        Ok(false)
    }

    async fn with_ledger<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, SyncError> {
        let ledger = Arc::clone(&self.shared.ledger);
        blocking("housekeeping", move || Ok(work(&ledger)?)).await
    }
}
