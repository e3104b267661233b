//! Does a job: one run of the engine, dry runs again and again, or a service.

use chrono::Utc;
use iclock_sync::Engine;

use crate::config::{Config, ConfigErrors};
use crate::context::{Context, Outcome};
use crate::exit_code::{Ended, ExitCode};
use crate::job::{Job, print, write_exports};
use crate::output::progress;
use crate::resident::Resident;
use crate::signal::Signals;
use crate::{sinks, wiring};

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
