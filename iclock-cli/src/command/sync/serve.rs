//! `serve`: receive what terminals push, poll those that can be called, show pages and answer programs, until a signal
//! ends it.

// The comments of arguments are the text of `--help`, where brackets are no markup.
#![allow(rustdoc::invalid_html_tags)]

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::carry_out::carry_out;
use crate::config::Config;
use crate::context::{Context, Outcome};
use crate::global::Targets;
use crate::job::Job;

#[derive(Clone, Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    targets: Targets,
    /// Wait for terminals at this address, in their menu the "cloud server" or ADMS
    /// server [default: the configured one]
    #[arg(long, value_name = "ADDR:PORT")]
    push: Option<SocketAddr>,
    /// Show the pages, and answer programs, at this address; "off" for none [default:
    /// the configured one, or 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Hold a session with each terminal that is called: a punch is sent within a
    /// second
    #[arg(long)]
    live: bool,
    /// Print JSON reports on stdout, one on a line (schema: docs/report.schema.json)
    #[arg(long)]
    json: bool,
    /// Keep metrics in this file, as OpenMetrics text
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
}

impl Serve {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let mut flags = context.flags(&self.targets);
        let push = self.push.map(|address| address.to_string());
        let metrics = self.metrics_file.as_ref().map(|file| file.display().to_string());
        let all = [
            ("push.listen", "--push", push),
            ("server.listen", "--listen", self.listen),
            ("metrics_file", "--metrics-file", metrics),
        ];
        flags.settings.extend(all.into_iter().filter_map(|(path, flag, text)| Some((path, flag, text?))));
        let config = Config::load(&flags)?;
        context.start(&config, true)?;
        let job = Job {
            repeat: true,
            live: self.live,
            json: self.json,
            quiet: context.is_quiet(),
            receives: true,
            flags,
            ..Job::default()
        };
        carry_out(context, &config, &job)
    }
}
