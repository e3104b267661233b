//! Terminals that were silent, or have forgotten how far they had sent their log: they are asked for what may be
//! missing.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use zk_push::command::Command;
use zk_push::request::{Endpoint, Method};
use zk_push::settings::Settings;
use zk_push::table::Table;
use zk_push::terminal::Terminal;
use zk_push::{Dialect, Head, Text};

use super::callers::Caller;
use super::presence::{Unsaved, steps_back};
use super::receiver::PushReceiver;
use crate::error::blocking;
use crate::ledger::NewGap;
use crate::report::GapCause;
use crate::tasks::Shared;
use crate::{SyncError, chain, wall};

/// The shortest silence that is a gap. Some firmware takes a break between two polls.
const SHORTEST: TimeDelta = TimeDelta::seconds(90);
/// Of a longer gap, so much is asked for.
const LONGEST: TimeDelta = TimeDelta::days(31);
/// The time after which a gap is not asked for any more.
const EXPIRES_AFTER: TimeDelta = TimeDelta::days(1);
/// The terminal's clock may be off by so much, and without a zone by a whole day.
const MARGIN: TimeDelta = TimeDelta::hours(1);
const MARGIN_WITHOUT_ZONE: TimeDelta = TimeDelta::days(1);

/// The silence after which a terminal counts as offline: three polls, at least 90 seconds.
fn silence() -> TimeDelta {
    TimeDelta::seconds(3 * i64::from(Settings::default().delay)).max(SHORTEST)
}

impl PushReceiver {
    /// Notes that an admitted terminal calls, and what follows from it.
    pub(super) fn note_call(&self, shared: &Arc<Shared>, head: &Head, from: Option<IpAddr>, caller: &Caller) {
        let (serial, now) = (head.serial.as_str(), shared.clock.utc_now());
        let unsaved = {
            let mut presence = self.presence();
            presence.calls(serial, from, now, silence());
            if has_forgotten(head, caller) {
                presence.forgot(serial, now);
            }
            presence.due(now)
        };
        if !unsaved.is_empty() {
            let (ledger, unsaved) = (Arc::clone(&shared.ledger), self.to_save(unsaved));
            tokio::spawn(async move {
                // The next minute has the next calls: a failure costs a longer gap at most.
                if let Err(error) = blocking("ledger", move || Ok(ledger.save_push_calls(&unsaved)?)).await {
                    tracing::debug!("the last calls were not kept: {}", chain(&error));
                }
            });
        }
    }

    /// Returns calls as the ledger keeps them. Terminals that call from another address than before are named.
    fn to_save(&self, unsaved: Vec<Unsaved>) -> Vec<(String, DateTime<Utc>, Option<String>)> {
        let to_save = |Unsaved { serial, called_at, address, moved_from }| {
            if let Some((from, to)) = moved_from.zip(address) {
                let caller = self.callers().caller(&serial);
                let name = caller.map_or_else(|| serial.clone(), |caller| caller.name);
                tracing::warn!("terminal {name} calls from {to} now, and called from {from} before");
            }
            (serial, called_at, address.map(|address| address.to_string()))
        };
        unsaved.into_iter().map(to_save).collect()
    }

    /// Keeps the last calls: the receiver ends.
    pub(super) async fn save_calls(&self) {
        let Ok(shared) = self.shared() else { return };
        let unsaved = self.presence().unsaved();
        let (ledger, unsaved) = (Arc::clone(&shared.ledger), self.to_save(unsaved));
        if let Err(error) = blocking("ledger", move || Ok(ledger.save_push_calls(&unsaved)?)).await {
            tracing::warn!("the last calls of terminals were not kept: {}", error.explain());
        }
    }

    /// Queues the command that asks a terminal for a gap, if there is one.
    pub(super) async fn ask_for_gap(&self, terminal: &Terminal) -> Result<(), SyncError> {
        let serial = terminal.serial().as_str();
        let Some(gap) = self.presence().gap(serial) else { return Ok(()) };
        let Some(caller) = self.callers().caller(serial) else { return Ok(()) };
        let shared = self.shared()?;
        let (ledger, now) = (Arc::clone(&shared.ledger), shared.clock.utc_now());
        let new = NewGap {
            serial: serial.to_owned(),
            cause: gap.cause,
            begins_at: gap.begins_at,
            ends_at: gap.ends_at,
            not_before: gap.ends_at - LONGEST,
            expires_at: now + EXPIRES_AFTER,
        };
        let dialect = terminal.dialect().unwrap_or(Dialect::Attendance);
        let clock = TerminalClock { zone: caller.zone, ahead: shared.clock.local_now() - now.naive_utc() };
        let asks = move |begins_at| Some(clock.query(dialect, begins_at, now)?.as_str().to_owned());
        if !blocking("ledger", move || Ok(ledger.ask_for_push_gap(&new, asks, now)?)).await? {
            tracing::warn!("terminal {} cannot be asked for a gap: too many commands have no answer", caller.name);
            return Ok(());
        }
        self.presence().asked(serial, gap);
        self.busy().insert(serial.to_owned());
        let time = |moment: DateTime<Utc>| moment.format("%Y-%m-%d %H:%M UTC");
        let (name, begin, end) = (&caller.name, time(gap.begins_at), time(gap.ends_at));
        match gap.cause {
            GapCause::Silent => {
                tracing::warn!("terminal {name} was silent from {begin} to {end}: it is asked for its punches");
            }
            GapCause::Forgot => {
                tracing::warn!("terminal {name} has forgotten what it had sent: it is asked for its last punches");
            }
        }
        self.show_gaps(Some(serial)).await
    }

    /// Shows the last gap of a terminal in the status and in reports, or, at the start, of all.
    pub(super) async fn show_gaps(&self, serial: Option<&str>) -> Result<(), SyncError> {
        let shared = self.shared()?;
        let (ledger, at_start) = (Arc::clone(&shared.ledger), serial.is_none());
        let serial = serial.map(ToOwned::to_owned);
        let gaps = blocking("ledger", move || Ok(ledger.push_gaps(serial.as_deref())?)).await?;
        for gap in &gaps {
            let caller = self.callers().caller(&gap.serial);
            let name = caller.map_or_else(|| gap.serial.clone(), |caller| caller.name);
            shared.board.asks_for(&name, gap, at_start);
        }
        Ok(())
    }
}

/// Returns true if a request shows that its terminal has forgotten how far it had sent its log: its stamp has stepped
/// back, or it registers although it knows that it has registered.
fn has_forgotten(head: &Head, caller: &Caller) -> bool {
    let kept = caller.memory.stamps.get("ATTLOG");
    let steps_back = |given: &Text| kept.is_some_and(|kept| steps_back(kept, given.as_bytes()));
    match (&head.endpoint, head.method) {
        (Endpoint::Registry, _) => caller.memory.is_registered,
        (Endpoint::Cdata, Method::Get) if head.query.get("table").is_none() => {
            head.query.get("ATTLOGStamp").or_else(|| head.query.get("Stamp")).is_some_and(steps_back)
        }
        (Endpoint::Cdata, _) if head.table() == Some(Table::AttLog) => head.stamp().is_some_and(steps_back),
        _ => false,
    }
}

/// The clock of a terminal, as far as it is known.
#[derive(Clone, Copy, Debug)]
struct TerminalClock {
    zone: Option<Tz>,
    /// The host's local time less UTC.
    ahead: TimeDelta,
}

impl TerminalClock {
    /// The command that asks for the punches of a time, with room for a clock that is off.
    fn query(self, dialect: Dialect, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Command> {
        let margin = if self.zone.is_some() { MARGIN } else { MARGIN_WITHOUT_ZONE };
        Command::query_attendance(dialect, self.shows(from) - margin, self.shows(to) + margin).ok()
    }

    fn shows(self, moment: DateTime<Utc>) -> NaiveDateTime {
        wall::wall_now(self.zone, moment, moment.naive_utc() + self.ahead)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;
    use crate::ledger::PushMemory;

    #[test]
    fn the_time_is_that_of_the_terminal_with_room_for_a_clock_that_is_off() {
        let at = |hour| Utc.with_ymd_and_hms(2026, 3, 1, hour, 0, 0).unwrap();
        let query = |zone| {
            let clock = TerminalClock { zone, ahead: TimeDelta::hours(2) };
            clock.query(Dialect::Attendance, at(8), at(10)).unwrap().as_str().to_owned()
        };
        assert_eq!(
            query(Some(Tz::Indian__Maldives)),
            "DATA QUERY ATTLOG StartTime=2026-03-01 12:00:00\tEndTime=2026-03-01 16:00:00"
        );
        assert_eq!(query(None), "DATA QUERY ATTLOG StartTime=2026-02-28 10:00:00\tEndTime=2026-03-02 12:00:00");
    }

    #[test]
    fn a_terminal_has_forgotten_when_its_stamp_steps_back_or_it_registers_again() {
        let known = Caller {
            memory: PushMemory {
                is_registered: true,
                stamps: [("ATTLOG".to_owned(), b"700".to_vec())].into(),
                ..PushMemory::default()
            },
            ..Caller::default()
        };
        let head = |line: &str| {
            let (method, target) = line.split_once(' ').unwrap();
            Head::parse(method, &format!("/iclock/{target}")).unwrap()
        };
        for line in
            ["GET cdata?SN=A1&options=all&Stamp=0", "POST cdata?SN=A1&table=ATTLOG&Stamp=5", "POST registry?SN=A1"]
        {
            assert!(has_forgotten(&head(line), &known), "{line}");
            assert!(!has_forgotten(&head(line), &Caller::default()), "{line}: nothing is known of it");
        }
        for line in [
            "GET cdata?SN=A1&options=all",
            "GET cdata?SN=A1&options=all&Stamp=700",
            "POST cdata?SN=A1&table=ATTLOG&Stamp=9999",
            "POST cdata?SN=A1&table=OPERLOG&OpStamp=5",
            "GET getrequest?SN=A1",
        ] {
            assert!(!has_forgotten(&head(line), &known), "{line}");
        }
    }
}
