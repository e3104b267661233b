//! People's names at one sink, after its events.
//!
//! They hold up no event: each call is given up for the next commit, a failure is only a note, and the next attempt
//! after it waits.

use std::sync::Arc;
use std::time::Duration;

use attendance_model::NamedPerson;
use tokio::sync::watch;

use super::send::NoAnswer;
use super::{Delivery, explain};
use crate::error::{blocking, chain};
use crate::ledger::{DueName, News};
use crate::report::SinkReport;

/// People in one call.
const AT_ONCE: usize = 500;
/// The wait after a failure.
const REST: Duration = Duration::from_secs(600);

impl Delivery {
    /// Sends the names that the sink does not have yet, if it keeps any.
    pub(super) async fn send_names(&mut self, sink: i64, report: &mut SinkReport) {
        let capabilities = self.sender.target.sink.capabilities();
        let now = self.sender.clock.monotonic();
        if !capabilities.names || report.over_limit || self.sender.target.names_rest(now) {
            return;
        }
        let size = capabilities.batch.clamp(1, AT_ONCE);
        let mut commits = self.commits.take();
        while !self.is_halted() {
            let failed = match self.send_some(sink, size, &mut commits).await {
                Ok(true) => continue,
                Ok(false) => return,
                Err(why) => why,
            };
            self.sender.target.rest_names(self.sender.clock.monotonic().saturating_add(REST));
            report.notes.push(format!("people's names could not be written: {failed}"));
            return;
        }
    }

    /// Sends one batch. Returns true if there may be more, and false if this is all for now.
    async fn send_some(
        &self,
        sink: i64,
        size: usize,
        commits: &mut Option<watch::Receiver<News>>,
    ) -> Result<bool, String> {
        let ledger = Arc::clone(&self.ledger);
        let due = blocking("ledger", move || Ok(ledger.names_due(sink, size)?)).await.map_err(|error| chain(&error))?;
        if due.is_empty() {
            return Ok(false);
        }
        let people: Vec<NamedPerson> = due.iter().map(|due| due.person.clone()).collect();
        let written = tokio::select! {
            biased;
            // Events go first, also those that entered since this delivery began.
            () = next_commit(commits) => return Ok(false),
            () = self.sender.stop.cancelled() => return Ok(false),
            written = self.sender.write_names(&people) => written,
        };
        let count = match written {
            Ok(count) => count.min(due.len()),
            Err(NoAnswer::Failed(error) | NoAnswer::Broken(error)) => return Err(explain(&error)),
            Err(NoAnswer::Stopped) => return Ok(false),
        };
        tracing::debug!(sink = %self.sender.target.sink.name(), people = count, "names written");
        let (is_all, ledger) = (count == due.len(), Arc::clone(&self.ledger));
        let sent: Vec<DueName> = due.into_iter().take(count).collect();
        let keep = move || Ok(ledger.keep_names_sent(sink, &sent)?);
        blocking("ledger", keep).await.map_err(|error| chain(&error))?;
        Ok(is_all)
    }
}

/// Waits until something enters the ledger; forever if nobody says so.
async fn next_commit(commits: &mut Option<watch::Receiver<News>>) {
    if let Some(commits) = commits
        && commits.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
