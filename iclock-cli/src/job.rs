//! A job: `sync`, `demo`, `iclock` and `replay` make it of their arguments. It says how reports and exports are shown.

use std::path::PathBuf;

use attendance_model::EventId;
use attendance_model::legacy::Export;
use chrono::{DateTime, Local, TimeDelta, Utc};
use iclock_sync::{Bound, Ledger, Report, RunOptions, Window};

use crate::config::duration::When;
use crate::config::{Config, Flags, SinkConfig};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::export;
use crate::output::{self, counted, human, printed};

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
    /// The file of the transcripts, if they are wanted.
    pub(crate) record: Option<PathBuf>,
    /// Receive what terminals push, at the configured address.
    pub(crate) receives: bool,
    /// The flags of the configuration, with which a service reads it again.
    pub(crate) flags: Flags,
}

impl Job {
    /// The exports that these flags ask for.
    pub(crate) fn exports(simple: bool, normalized: bool) -> Vec<Export> {
        let all = [(simple, Export::Simple), (normalized, Export::Normalized)];
        all.into_iter().filter_map(|(wanted, export)| wanted.then_some(export)).collect()
    }

    /// Refuses a window that ends before it begins, because nothing would ever be sent.
    pub(crate) fn require_window(&self, now: DateTime<Utc>) -> Result<(), CliError> {
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
        let [since, until] = [since, until].map(|time| time.format("%Y-%m-%d %H:%M:%S"));
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
            .new_owners(self.full)
            .max_new(max_new)
            .force(self.force)
            .replay(self.replay)
            .deliver(self.exports.is_empty())
    }
}

/// Adds the flag or command that helps to the error of a sink. For people, a command has a line of its own, to be
/// copied.
pub(crate) fn add_commands(report: &mut Report, sinks: &[SinkConfig], between: &str) {
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
    log(&report);
}

/// Logs the end of a run.
pub(crate) fn log(report: &Report) {
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
        let written = format!("{} exported to {}", counted(count, "record", "records"), path.display());
        match (job.json, job.quiet) {
            (_, true) => tracing::info!("{written}"),
            // stdout has nothing but the report.
            (true, false) => eprintln!("{written}"),
            (false, false) => output::line(written),
        }
    }
    Ok(())
}
