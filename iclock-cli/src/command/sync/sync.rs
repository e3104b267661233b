//! `sync`: read the terminals, deliver what is new; once, in a loop, or live.

// The comments of arguments are the text of `--help`, where brackets are no markup.
#![allow(rustdoc::invalid_html_tags)]

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::carry_out::carry_out;
use crate::config::Config;
use crate::config::duration::{self, When};
use crate::config::number;
use crate::context::{Context, Outcome};
use crate::global::Targets;
use crate::job::Job;

#[derive(Clone, Debug, Args)]
pub(crate) struct Sync {
    #[command(flatten)]
    targets: Targets,
    /// Read the terminals, show what would be sent, change nothing anywhere
    #[arg(long)]
    dry_run: bool,
    /// Send only punches since then: days (2), a span (36h), a date, a time.
    /// Without a zone, a time is the terminal's wall clock
    #[arg(long, value_name = "WHEN", value_parser = When::parse, allow_negative_numbers = true)]
    since: Option<When>,
    /// Send only punches until then
    #[arg(long, value_name = "WHEN", value_parser = When::parse, allow_negative_numbers = true)]
    until: Option<When>,
    /// Run again and again; a bare number counts seconds [default: the configured
    /// interval, else 5m]
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, default_missing_value = "", value_parser = interval)]
    r#loop: Option<String>,
    /// Like --loop, but hold a session with each terminal: a punch is sent within
    /// a second
    #[arg(long, conflicts_with = "dry_run")]
    live: bool,
    /// Read every log from its first record
    #[arg(long)]
    full: bool,
    /// Refuse to send more new events than this to a sink
    #[arg(long, value_name = "N", value_parser = number::any::<u64>)]
    max_new: Option<u64>,
    /// Send more than --max-new
    #[arg(long)]
    force: bool,
    /// Write simplified_logs_<time>.json instead of sending
    #[arg(long, conflicts_with = "dry_run")]
    export_simple: bool,
    /// Write normalized_logs_<time>.json instead of sending
    #[arg(long, conflicts_with = "dry_run")]
    export_normalized: bool,
    /// Directory of exports [default: ./output], and of one logs_<time>.json for each
    /// run that stored something [default: none]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print JSON reports on stdout, one on a line (schema: docs/report.schema.json)
    #[arg(long)]
    json: bool,
    /// With --loop or --live: keep metrics in this file, as OpenMetrics text
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
    /// Write what is sent to the terminals and received to a file, without secrets, for
    /// a report of a problem. Several have a file each: wire.zkt is wire-NAME.zkt
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl Sync {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let mut flags = context.flags(&self.targets);
        flags.settings.extend(self.settings());
        let config = Config::load(&flags)?;
        // A dry run changes no file, so it writes no log either.
        let repeat = self.r#loop.is_some() || self.live;
        if repeat {
            context.start_loop(&config, !self.dry_run)?;
        } else {
            context.start(&config, !self.dry_run)?;
        }
        let job = Job {
            dry_run: self.dry_run,
            full: self.full,
            force: self.force,
            replay: false,
            since: self.since,
            until: self.until,
            repeat,
            live: self.live,
            exports: Job::exports(self.export_simple, self.export_normalized),
            json: self.json,
            quiet: context.is_quiet(),
            presumed: Vec::new(),
            record: self.record,
            receives: false,
            flags,
        };
        carry_out(context, &config, &job)
    }

    /// The settings that the flags set.
    fn settings(&self) -> Vec<(&'static str, &'static str, String)> {
        let interval = self.r#loop.clone().filter(|text| !text.is_empty());
        let max_new = self.max_new.map(|most| most.to_string());
        let output = self.output.as_ref().map(|dir| dir.display().to_string());
        let metrics = self.metrics_file.as_ref().map(|file| file.display().to_string());
        let all = [
            ("interval", "--loop", interval),
            ("max_new", "--max-new", max_new),
            ("output", "--output", output),
            ("metrics_file", "--metrics-file", metrics),
        ];
        all.into_iter().filter_map(|(path, flag, text)| Some((path, flag, text?))).collect()
    }
}

/// Checks an interval, which the configuration reads; empty for the configured one.
fn interval(text: &str) -> Result<String, String> {
    let span = duration::parse(text, Duration::from_secs(1));
    match span {
        _ if text.is_empty() => Ok(String::new()),
        Some(span) if !span.is_zero() => Ok(text.to_owned()),
        _ => Err("write a time above 0, like 30s, 5m or 1h 30m; a bare number counts seconds".to_owned()),
    }
}
