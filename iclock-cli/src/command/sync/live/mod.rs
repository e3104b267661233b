//! `live`: shows punches as they happen, with people's names. Keeps and delivers nothing.

mod people;
mod show;

use clap::Args;
use futures::future::join_all;
use iclock_sync::{CancellationToken, chain};
use zk_proto::client::{Gap, LiveCapture, LiveItem, LiveOptions};
use zk_proto::record::LiveEvent;

use crate::command::terminal::base::{Failure, Named, Otherwise, Terminal};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;
use people::People;
use show::Show;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli live
  iclock-cli live 192.0.2.10
  iclock-cli live --all --json")]
pub(crate) struct Live {
    #[command(flatten)]
    terminals: Named,
    /// Print JSON: a line for each punch
    #[arg(long)]
    json: bool,
}

impl Live {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let terminals = self.terminals.choose(context, Otherwise::All, "live")?;
        let show = Show::new(self.json, terminals.iter().map(Terminal::name));
        let quiet = context.is_quiet();
        context.block_on(async |signals| {
            let listeners = terminals.iter().map(|terminal| async {
                let ended = Listener { terminal, show: &show, quiet, stop: &signals.stop }.listen().await;
                ended.err().map(|failure| complain(terminal.name(), failure)).unwrap_or(ExitCode::Done)
            });
            let codes = join_all(listeners).await;
            Ok(codes.into_iter().find(|code| *code != ExitCode::Done).unwrap_or_else(|| signals.ended()))
        })
    }
}

fn complain(name: &str, failure: Failure) -> ExitCode {
    let error = CliError::new(failure.code, format!("{name}: {}", failure.error));
    match failure.hint {
        Some(hint) => error.hint(hint).print(),
        None => error.print(),
    }
    failure.code
}

/// Listens to one terminal.
struct Listener<'a> {
    terminal: &'a Terminal,
    show: &'a Show,
    quiet: bool,
    stop: &'a CancellationToken,
}

impl Listener<'_> {
    /// Listens until Ctrl-C. A terminal that is lost is tried again, after pauses of up to 10 s.
    async fn listen(&self) -> Result<(), Failure> {
        let mut capture = LiveCapture::new(self.terminal.connect_options().clone(), LiveOptions::default());
        let mut people = People::default();
        let done = tokio::select! {
            biased;
            () = self.stop.cancelled() => Ok(()),
            done = self.hear(&mut capture, &mut people) => done,
        };
        capture.end().await;
        done
    }

    /// Returns only when a retry would not help.
    async fn hear(&self, capture: &mut LiveCapture, people: &mut People) -> Result<(), Failure> {
        let mut was_heard = false;
        loop {
            match capture.next().await? {
                LiveItem::Event(LiveEvent::Punch(punch)) => self.show.punch(self.terminal, &punch, people),
                LiveItem::Event(event) if event.is_attendance() => {
                    self.remark(true, &format!("a punch in an unknown form: {event:?}"));
                }
                LiveItem::Lost { why } => {
                    let what = if was_heard { "not heard any more" } else { "cannot be reached" };
                    self.remark(true, &format!("{what}, trying again: {}", chain(&why)));
                }
                LiveItem::Gap(gap) => {
                    was_heard = true;
                    self.remark(false, &listening(&gap));
                    self.meet(capture, people).await?;
                }
                _ => {}
            }
        }
    }

    /// Checks that it is the configured terminal, and reads the names of its people, on the session that listens.
    async fn meet(&self, capture: &mut LiveCapture, people: &mut People) -> Result<(), Failure> {
        let Some(client) = capture.client() else { return Ok(()) };
        let expected = self.terminal.device().serial.as_ref();
        if let Some(expected) = expected.filter(|_| !people.are_of_the_right_terminal()) {
            let found = match client.option("~SerialNumber").await {
                Ok(found) => found,
                // The session is lost, and the question comes again.
                Err(why) => {
                    self.remark(true, &format!("its serial number is unknown: {}", chain(&why)));
                    return Ok(());
                }
            };
            if found.as_ref() != Some(expected) {
                let found = output::printable(found.as_deref().unwrap_or("none"));
                let what = format!("wrong terminal at this address: its serial number is {found}, not {expected}");
                return Err(Failure::new(what).hint("correct the address or the serial number in the configuration"));
            }
        }
        if let Some(problem) = people.read(client, self.terminal.device().encoding).await {
            self.remark(true, &format!("its people's names are unknown: {problem}"));
        }
        Ok(())
    }

    fn remark(&self, is_trouble: bool, text: &str) {
        if is_trouble || !self.quiet {
            eprintln!("{}: {text}", self.terminal.name());
        }
    }
}

fn listening(gap: &Gap) -> String {
    match gap.lasted {
        None => "listening".to_owned(),
        Some(lasted) => {
            let lasted = output::spoken(u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX));
            format!("listening again; punches of the last {lasted} are only in its log")
        }
    }
}
