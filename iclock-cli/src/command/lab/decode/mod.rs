//! `decode`: reads the raw bytes of a log, without a terminal, and proves them as a sync does.

mod input;
mod rows;

use std::path::PathBuf;

use chrono::Local;
use clap::Args;
use zk_proto::proof::{Begin, Counts, Evidence, Forced, Tally, forced, possible, prove};
use zk_proto::record::AttendanceLayout;
use zk_proto::{DeviceTime, Spool};

use crate::command::ledger::unproven::LAYOUTS;
use crate::config::number;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::sheet::Format;
use crate::output::{self, grouped, human};
use rows::COLUMNS;

/// Records that are decoded at once.
const BATCH: usize = 1_000;

/// Decodes the raw bytes of a terminal's log.
///
/// They are a data set as a terminal sends it: a length word of four bytes, then the records. The verdict is on stderr.
/// Bytes that are not proven are shown only in the layout that --layout names, and the command exits with 40.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli decode attlog.bin
  iclock-cli decode attlog.hex --count 1250 --csv
  iclock-cli decode - --layout 40")]
pub(crate) struct Decode {
    /// The bytes, as they are or in hex; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The layout: 40, 49 or another width from 40 to 512, 16, 8b, 8a [default: found
    /// out from the bytes]
    #[arg(long, value_name = "L", value_parser = LAYOUTS, hide_possible_values = true)]
    layout: Option<AttendanceLayout>,
    /// The number of records that the terminal counts: further evidence
    #[arg(long, value_name = "N", value_parser = number::any::<u32>)]
    count: Option<u32>,
    #[command(flatten)]
    format: Format,
}

impl Decode {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        context.log(None)?;
        let bytes = input::read(&self.file)?;
        let is_text = input::is_text(&bytes);
        let mut spool = Spool::in_memory(bytes.len());
        spool.write_at(0, &bytes)?;
        let counts = self.count.map_or_else(Counts::default, Counts::steady);
        let now = DeviceTime::from_naive(Local::now().naive_local()).unwrap_or(DeviceTime::RESET);
        let evidence = Evidence::new(bytes.len() as u64, counts, now).pinned(self.layout);
        match prove(spool, &evidence) {
            Ok(mut proven) => {
                let layout = proven.layout().map(|layout| format!(" {layout:#}")).unwrap_or_default();
                let noun = if proven.records() == 1 { "record" } else { "records" };
                let records = grouped(proven.records());
                verdict(context, &format!("PROVEN: {records}{layout} {noun}: {}", proven.witnesses()));
                let mut sheet = self.format.begin("Log", &COLUMNS)?;
                let mut number = 0;
                loop {
                    let batch = proven.next_batch(BATCH)?;
                    for record in &batch {
                        number += 1;
                        if !sheet.row(rows::row(number, "proven", record))? {
                            return Ok(ExitCode::Done);
                        }
                    }
                    if batch.is_empty() {
                        sheet.finish("the log is empty")?;
                        return Ok(ExitCode::Done);
                    }
                }
            }
            Err(unproven) => {
                let doubts: Vec<String> = unproven.doubts().iter().map(ToString::to_string).collect();
                verdict(context, &format!("UNPROVEN: {}", doubts.join("; ")));
                if is_text {
                    verdict(context, "  try: name a file with the bytes of a log or their hex digits; this is text");
                } else if self.count.is_none() {
                    verdict(context, "  try: --count with the number of records that the terminal shows");
                }
                let begin = unproven.begin();
                self.look(&mut unproven.into_spool(), begin, &evidence)
            }
        }
    }

    /// Shows the records of the named layout, or which layouts are possible.
    fn look(&self, spool: &mut Spool, begin: Begin, evidence: &Evidence) -> Outcome {
        let Some(layout) = self.layout else {
            let all = possible(spool, begin, evidence)?;
            if all.is_empty() {
                eprintln!("no layout makes more good records than bad ones");
            } else {
                eprintln!("to see the records all the same, name a layout with --layout; possible are:");
                eprintln!(
                    "{}",
                    human::table(&["Layout", "records", "good", "neutral", "bad"], all.iter().map(summary))
                );
            }
            return Ok(ExitCode::Unproven);
        };
        let Some(mut reading) = forced(spool, layout, begin, evidence)? else {
            return Err(CliError::new(ExitCode::Usage, format!("not one {layout:#} record fits into it"))
                .hint("leave --layout out to see which layouts are possible"));
        };
        let mut sheet = self.format.begin("Log", &COLUMNS)?;
        loop {
            let first = reading.first_index() + reading.place() + 1;
            let batch = reading.next_batch(spool, BATCH)?;
            for (number, (grade, record)) in (first..).zip(&batch) {
                if !sheet.row(rows::row(number, rows::word(*grade), record))? {
                    return Ok(ExitCode::Unproven);
                }
            }
            if batch.is_empty() {
                sheet.finish("no record")?;
                return Ok(ExitCode::Unproven);
            }
        }
    }
}

fn summary(reading: &Forced) -> Vec<String> {
    let Tally { good, neutral, bad } = reading.tally();
    let counts = [reading.records(), good, neutral, bad].map(grouped);
    std::iter::once(reading.layout().to_string()).chain(counts).collect()
}

fn verdict(context: &Context, text: &str) {
    if !context.is_quiet() {
        eprintln!("{}", human::folded(&output::printable(text), 2));
    }
}
