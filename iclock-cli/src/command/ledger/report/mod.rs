//! `report daily|monthly`: first in, last out, hours, lateness, missing punches and absences, from the ledger. Works
//! while a service runs.

mod chart;
mod columns;
mod html;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{Days, Local, Months, NaiveDate};
use clap::{Args, Subcommand};
use iclock_sync::query::Filter;
use iclock_sync::timesheet::{Period, Rules, Timesheet};

use super::known::require_terminal;
use crate::config::Config;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;
use crate::output::sheet::Format;

/// The days before a day report in which somebody must have punched to be missed.
const ROSTER_DAYS: u64 = 28;

#[derive(Debug, Subcommand)]
pub(crate) enum Report {
    /// One day: when each person came and went, and who is missing
    #[command(after_help = "Examples:\n  iclock-cli report daily\n  \
                            iclock-cli report daily --day 2026-11-30 --html day.html")]
    Daily {
        /// The day [default: today]
        #[arg(long, value_name = "DATE", value_parser = day)]
        day: Option<NaiveDate>,
        #[command(flatten)]
        only: Only,
    },
    /// One month: days, hours, lateness and absences of each person
    #[command(after_help = "Examples:\n  iclock-cli report monthly --month 2026-11\n  \
                            iclock-cli report monthly --month 2026-11 --html november.html\n  \
                            iclock-cli report monthly --days --xlsx november.xlsx")]
    Monthly {
        /// The month, such as 2026-11 [default: this month]
        #[arg(long, value_name = "MONTH", value_parser = month)]
        month: Option<NaiveDate>,
        /// A row for each person and day
        #[arg(long, conflicts_with = "departments")]
        days: bool,
        #[command(flatten)]
        only: Only,
    },
}

/// The people of a report, and its format.
#[derive(Debug, Args)]
pub(crate) struct Only {
    /// Only the person with this user id
    #[arg(long, value_name = "ID")]
    person: Option<String>,
    /// Only punches at this terminal: its name or serial number
    #[arg(long, visible_alias = "device", value_name = "NAME")]
    terminal: Option<String>,
    /// A row for each department instead of each person
    #[arg(long)]
    departments: bool,
    /// Write a page for a browser, with charts, that prints well
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "departments"])]
    html: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// A timesheet with what people call it.
struct Sheet {
    title: String,
    timesheet: Timesheet,
    rules: Rules,
    departments: Departments,
    /// The terminal, if it is one only.
    terminal: Option<String>,
}

impl Sheet {
    /// Returns true for a working day that is not over.
    fn is_today(&self, date: NaiveDate) -> bool {
        date == self.timesheet.period.today && self.rules.is_working_day(date)
    }
}

/// The names of departments.
struct Departments {
    names: BTreeMap<u8, String>,
    /// Everybody is in the same one, which has no name.
    are_unused: bool,
}

/// The rows of a report.
enum Rows {
    People,
    Days,
    Departments,
}

impl Report {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let config = context.quiet_config()?;
        let today = config.shifts.day.date_of(Local::now().naive_local());
        let (title, period, only, rows) = match self {
            Self::Daily { day, only } => {
                let day = day.unwrap_or(today);
                let since = day.checked_sub_days(Days::new(ROSTER_DAYS)).unwrap_or(day);
                let period = Period::new(day, day).roster_since(since);
                (day.format("%A, %-d %B %Y").to_string(), period, only, Rows::Days)
            }
            Self::Monthly { month, days, only } => {
                let first = month.unwrap_or_else(|| first_of(today));
                let last = first.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt()).unwrap_or(first);
                let rows = if days { Rows::Days } else { Rows::People };
                (first.format("%B %Y").to_string(), Period::new(first, last), only, rows)
            }
        };
        let period = period.today(today);
        let sheet = read(context, &config, title, period, &only)?;
        match (&only.html, only.departments) {
            (Some(path), _) => write(path, &page::page(&sheet, Local::now().naive_local()))?,
            (None, true) => columns::print(&sheet, &Rows::Departments, &only.format)?,
            (None, false) => columns::print(&sheet, &rows, &only.format)?,
        }
        Ok(ExitCode::Done)
    }
}

fn read(context: &Context, config: &Config, title: String, period: Period, only: &Only) -> Result<Sheet, CliError> {
    let query = context.query(config)?;
    require_terminal(&context.ledger(config)?, only.terminal.as_deref())?;
    let mut filter = Filter::default();
    (filter.user, filter.terminal) = (only.person.clone(), only.terminal.clone());
    let rules = config.shifts.rules();
    let timesheet = Timesheet::read(&query, &filter, period, &rules)?;
    let mut numbers = timesheet.people.iter().map(|person| person.department);
    let first = numbers.next();
    let names = config.shifts.departments.clone();
    let are_unused = names.is_empty() && numbers.all(|number| Some(number) == first);
    let departments = Departments { names, are_unused };
    Ok(Sheet { title, timesheet, rules, departments, terminal: only.terminal.clone() })
}

impl Departments {
    /// The name of a department, or its number.
    fn name(&self, department: Option<u8>) -> String {
        match department {
            Some(number) if !self.are_unused => self.names.get(&number).cloned().unwrap_or_else(|| number.to_string()),
            _ => String::new(),
        }
    }
}

/// Writes a page, whole or not at all.
fn write(path: &Path, page: &str) -> Result<(), CliError> {
    let part = path.with_extension("html.part");
    fs::write(&part, page).and_then(|()| fs::rename(&part, path)).map_err(|error| {
        let _ = fs::remove_file(&part);
        CliError::because(ExitCode::Fault, format!("cannot write {}", path.display()), &error)
            .hint("check that the directory exists and has room")
    })?;
    output::line(format_args!("written to {}", path.display()));
    Ok(())
}

fn first_of(date: NaiveDate) -> NaiveDate {
    use chrono::Datelike as _;
    date.with_day(1).unwrap_or(date)
}

/// Reads a day: `2026-11-30`.
fn day(text: &str) -> Result<NaiveDate, String> {
    text.trim().parse().map_err(|_| "there is no such day; write it like 2026-11-30".to_owned())
}

/// Reads a month: `2026-11`.
fn month(text: &str) -> Result<NaiveDate, String> {
    format!("{}-01", text.trim()).parse().map_err(|_| "write it like 2026-11".to_owned())
}
