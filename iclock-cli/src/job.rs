//! The work that `sync`, `demo`, `iclock` and `replay` share: runs of the engine, their reports and their exports.

use std::path::PathBuf;

use attendance_model::EventId;
use attendance_model::legacy::Export;
use chrono::{DateTime, Local, TimeDelta, Utc};
use iclock_sync::{Bound, Engine, Ledger, Report, RunOptions, Window};

use crate::config::duration::When;
use crate::config::{Config, ConfigErrors, Flags, SinkConfig};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::{Ended, ExitCode};
use crate::output::{self, grouped, human, printed, progress};
use crate::resident::Resident;
use crate::signal::Signals;
use crate::{export, sinks, wiring};

/// The work to do with a configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Job {
    pub(crate) dry_run: bool,
    pub(crate) full: bool,
    pub(crate) force: bool,
    /// Fill the sinks again.
    pub(crate) replay: bool,
    pub(crate) since: Option<When>,
    pub(crate) until: Option<When>,
    /// Run again and again, by the configured schedule.
    pub(crate) repeat: bool,
    /// Listen to the terminals between the runs.
    pub(crate) live: bool,
    /// The files to write instead of sending.
    pub(crate) exports: Vec<Export>,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    /// The ids that a dry run treats as delivered.
    pub(crate) presumed: Vec<EventId>,
    /// The flags of the configuration, with which a service reads it again.
    pub(crate) flags: Flags,
}

/// Does the job: once, again and again, or live.
pub(crate) fn carry_out(context: &Context, config: &Config, job: &Job) -> Outcome {
    let sinks = if job.exports.is_empty() { sinks::open_all(&config.sinks)? } else { Vec::new() };
    let missing = if job.replay { Vec::new() } else { config.missing(job.exports.is_empty()) };
    if !missing.is_empty() {
        return Err(ConfigErrors::in_order(missing).into());
    }
    job.require_window(Utc::now())?;
    let names = |of: &mut dyn Iterator<Item = &String>| of.cloned().collect::<Vec<_>>();
    let devices = names(&mut config.devices.iter().map(|device| &device.name));
    let sink_names = names(&mut config.sinks.iter().map(|sink| &sink.name));
    let observer = progress::observer(&devices, &sink_names, !job.quiet && !job.json && !job.repeat);
    let opened = sinks.clone();
    let engine = wiring::engine(config, sinks, Some(observer), &job.presumed)?;
    context.block_on(async |signals: Signals| {
        if job.repeat && job.dry_run {
            rehearse(config, job, &engine, &signals).await
        } else if job.repeat {
            Resident::new(config, job, opened)?.run(&engine, &signals).await
        } else {
            once(config, job, engine, &signals).await
        }
    })
}

async fn once(config: &Config, job: &Job, engine: Engine, signals: &Signals) -> Outcome {
    let now = Utc::now();
    let report = engine.run(&job.options(config.max_new, now), &signals.stop).await?;
    // Releases the ledger, and removes the progress from the screen.
    drop(engine);
    let code = ExitCode::of(&Ended::Run(&report));
    print(report, config, job);
    write_exports(config, job, now)?;
    Ok(if signals.asked().is_some() { ExitCode::Interrupted } else { code })
}

/// Dry runs, again and again. They are no service: each begins with a copy of the ledger.
async fn rehearse(config: &Config, job: &Job, engine: &Engine, signals: &Signals) -> Outcome {
    while !signals.stop.is_cancelled() {
        let report = engine.run(&job.options(config.max_new, Utc::now()), &signals.stop).await?;
        print(report, config, job);
        tokio::select! {
            () = tokio::time::sleep(config.interval) => {}
            () = signals.stop.cancelled() => {}
        }
    }
    Ok(signals.ended())
}

impl Job {
    /// The exports that these flags ask for.
    pub(crate) fn exports(simple: bool, normalized: bool) -> Vec<Export> {
        let all = [(simple, Export::Simple), (normalized, Export::Normalized)];
        all.into_iter().filter_map(|(wanted, export)| wanted.then_some(export)).collect()
    }

    /// Refuses a window that ends before it begins, because nothing would ever be sent.
    fn require_window(&self, now: DateTime<Utc>) -> Result<(), CliError> {
        let Window { since: Some(since), until: Some(until) } = self.window(now) else { return Ok(()) };
        // A wall clock may differ from UTC by so many hours: zones reach from -12 to +14.
        let (since, until, apart) = match (since, until) {
            (Bound::Wall(since), Bound::Wall(until)) => (since, until, 0),
            (Bound::Instant(since), Bound::Instant(until)) => (since.naive_utc(), until.naive_utc(), 0),
            (Bound::Wall(since), Bound::Instant(until)) => (since, until.naive_utc(), 14),
            (Bound::Instant(since), Bound::Wall(until)) => (since.naive_utc(), until, 12),
        };
        if since.signed_duration_since(until) <= TimeDelta::hours(apart) {
            return Ok(());
        }
        Err(CliError::new(ExitCode::Usage, format!("--until {until} is before --since {since}"))
            .hint("exchange the two, or leave one out"))
    }

    fn window(&self, now: DateTime<Utc>) -> Window {
        Window { since: self.since.map(|when| when.since(now)), until: self.until.map(|when| when.until(now)) }
    }

    pub(crate) fn options(&self, max_new: Option<u64>, now: DateTime<Utc>) -> RunOptions {
        RunOptions::default()
            .dry_run(self.dry_run)
            .window(self.window(now))
            .full(self.full)
            .max_new(max_new)
            .force(self.force)
            .replay(self.replay)
            .deliver(self.exports.is_empty())
    }
}

/// Adds the flag or command that helps to the error of a sink. For people, a command has a line of its own, to be
/// copied.
fn add_commands(report: &mut Report, sinks: &[SinkConfig], between: &str) {
    for sink in &mut report.sinks {
        let Some(error) = sink.error.as_mut() else { continue };
        if sink.over_limit {
            error.push_str("; then let them pass once with --force, or raise the limit with --max-new");
        }
        let replay = |more: &str| {
            let config = sinks.iter().find(|config| config.name == sink.name);
            let target = config.map_or_else(|| sink.name.clone(), SinkConfig::as_argument);
            printed::command(&format!("replay --sink {}{more}", printed::quoted(&target)))
        };
        if sink.lost {
            let command = replay("");
            error.push_str(&format!("; to send them again:{between}{command}"));
        } else if sink.rejected > 0 {
            let command = replay(" --set-aside");
            error.push_str(&format!("; once the cause is fixed, to send them again:{between}{command}"));
        }
    }
}

pub(crate) fn print(mut report: Report, config: &Config, job: &Job) {
    add_commands(&mut report, &config.sinks, if job.json { " " } else { "\n" });
    if job.json {
        match serde_json::to_string(&report) {
            Ok(json) => output::line(json),
            Err(error) => tracing::error!("cannot write the report: {error}"),
        }
    } else if !job.quiet || report.run.exit_code != 0 {
        output::line(human::report(&report));
    }
    tracing::info!(
        exit_code = report.run.exit_code,
        new = report.totals.new,
        stored = report.totals.stored,
        pending = report.totals.pending,
        quarantined = report.totals.quarantined,
        "run {} ended",
        report.run.id
    );
}

pub(crate) fn write_exports(config: &Config, job: &Job, now: DateTime<Utc>) -> Result<(), CliError> {
    if job.exports.is_empty() {
        return Ok(());
    }
    let Some(ledger) = Ledger::open_read_only(&config.state_dir)? else { return Ok(()) };
    let dir = config.output.clone().unwrap_or_else(|| PathBuf::from("output"));
    for export in &job.exports {
        let (path, count) = export::write(&ledger, *export, job.window(now), &dir, Local::now().naive_local())?;
        let written = format!("{} records exported to {}", grouped(count), path.display());
        match (job.json, job.quiet) {
            (_, true) => tracing::info!("{written}"),
            // stdout has nothing but the report.
            (true, false) => eprintln!("{written}"),
            (false, false) => output::line(written),
        }
    }
    Ok(())
}
