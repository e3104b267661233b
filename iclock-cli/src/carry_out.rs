//! Does a job: one run of the engine, dry runs again and again, or a service.

use std::time::Duration;

use chrono::{Local, NaiveDateTime, Utc};
use iclock_sync::schedule::Rest;
use iclock_sync::{Engine, Schedule};

use crate::config::{Config, ConfigErrors};
use crate::context::{Context, Outcome};
use crate::diary::Diary;
use crate::exit_code::{Ended, ExitCode};
use crate::job::{Job, add_commands, log, print, write_exports};
use crate::output::progress;
use crate::resident::Resident;
use crate::signal::Signals;
use crate::{sinks, wiring};

/// Does the job: once, again and again, or live.
pub(crate) fn carry_out(context: &Context, config: &Config, job: &Job) -> Outcome {
    let sinks = if job.exports.is_empty() { sinks::open_all(&config.sinks)? } else { Vec::new() };
    let delivers = job.exports.is_empty();
    let missing = match job {
        Job { replay: true, .. } => Vec::new(),
        Job { receives: true, .. } => config.missing_to_serve(delivers),
        _ => config.missing(delivers),
    };
    if !missing.is_empty() {
        return Err(ConfigErrors::in_order(missing).into());
    }
    job.require_window(Utc::now())?;
    let names = |of: &mut dyn Iterator<Item = &String>| of.cloned().collect::<Vec<_>>();
    let devices = names(&mut config.devices.iter().map(|device| &device.name));
    let sink_names = names(&mut config.sinks.iter().map(|sink| &sink.name));
    let mut config = if job.receives { config.clone().serving() } else { config.clone() };
    context.records().attach(job.record.as_deref(), "sync", &mut config.devices)?;
    let config = &config;
    let observer = progress::observer(&devices, &sink_names, !job.quiet && !job.json && !job.repeat);
    let opened = sinks.clone();
    let engine = wiring::engine(config, sinks, Some(observer), &job.presumed)?;
    context.block_on(async |signals: Signals| {
        if job.repeat && job.dry_run {
            rehearse(config, job, &engine, &signals).await
        } else if job.repeat {
            Resident::new(config, job, opened, context.records())?.run(&engine, &signals).await
        } else {
            once(config, job, engine, &signals).await
        }
    })
}

async fn once(config: &Config, job: &Job, engine: Engine, signals: &Signals) -> Outcome {
    let now = Utc::now();
    let outcome = engine.run(&job.options(config.max_new, now), &signals.stop).await;
    // Releases the ledger.
    drop(engine);
    progress::clear();
    let report = outcome?;
    let code = ExitCode::of(&Ended::Run(&report));
    print(report, config, job);
    write_exports(config, job, now)?;
    Ok(if signals.asked().is_some() { ExitCode::Interrupted } else { code })
}

/// Dry runs, again and again, by the schedule of a loop. They are no service: each begins with a copy of the ledger and
/// polls all terminals.
async fn rehearse(config: &Config, job: &Job, engine: &Engine, signals: &Signals) -> Outcome {
    let mut rhythm = Rhythm::new(config.loop_schedule(), u64::from(std::process::id()));
    let names = config.devices.iter().map(|device| device.name.as_str());
    let mut diary = Diary::before(&config.state_dir, names, job.quiet)?;
    while !signals.stop.is_cancelled() {
        let mut report = engine.run(&job.options(config.max_new, Utc::now()), &signals.stop).await?;
        let wait = rhythm.wait_after(report.totals.new, Local::now().naive_local());
        if job.json {
            print(report, config, job);
        } else {
            add_commands(&mut report, &config.sinks, "\n");
            diary.rehearsed(&report, (!signals.stop.is_cancelled()).then(|| Utc::now() + wait));
            log(&report);
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = signals.stop.cancelled() => {}
        }
    }
    Ok(signals.ended())
}

/// The waits between dry runs.
struct Rhythm {
    schedule: Schedule,
    rest: Rest,
    /// The new events of the last run. Nothing is kept, so that the next one finds them again.
    seen: u64,
}

impl Rhythm {
    fn new(schedule: Schedule, seed: u64) -> Self {
        Self { schedule, rest: Rest::seeded(seed), seen: 0 }
    }

    /// Returns the wait after a run that found so many new events.
    fn wait_after(&mut self, new: u64, now: NaiveDateTime) -> Duration {
        let is_active = std::mem::replace(&mut self.seen, new) != new;
        self.schedule.next_wait(&mut self.rest, is_active, now)
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveTime;
    use iclock_sync::schedule::Quiet;

    use super::*;

    #[test]
    fn a_loop_of_dry_runs_rests_as_a_loop_does() {
        let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        let now = |hour| "2026-03-10".parse::<chrono::NaiveDate>().unwrap().and_time(at(hour));
        let mut schedule = Schedule::graduated(Duration::from_secs(60));
        schedule.jitter = 0.0;
        schedule.quiet = Some(Quiet { from: at(20), until: at(22) });
        let mut rhythm = Rhythm::new(schedule, 1);
        // The same events are found again and again, until somebody punches.
        let waits: Vec<u64> = [7, 7, 7, 7, 8].map(|new| rhythm.wait_after(new, now(12)).as_secs()).to_vec();
        assert_eq!((waits[0], waits[4]), (60, 60), "{waits:?}");
        assert!(waits[3] > 60, "{waits:?}");
        assert_eq!(rhythm.wait_after(9, now(20)).as_secs(), 7_200, "no poll is due in quiet hours");
    }
}
