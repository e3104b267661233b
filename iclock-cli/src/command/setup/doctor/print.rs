//! Prints findings: for people under a heading for each subject, or one JSON object a line.

use iclock_sync::diagnose::{Finding, Level};
use serde_json::json;

use super::next;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::output::{self, human};

/// The column at which the text of a finding begins.
const INDENT: u16 = 21;

/// The terminal, sink or directory that was examined.
pub(super) struct Subject {
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// The heading, for people.
    pub(super) title: String,
}

/// Prints and counts findings.
pub(super) struct Print {
    json: bool,
    /// Only what somebody has to do something about.
    quiet: bool,
    problems: u32,
    notes: u32,
}

impl Print {
    pub(super) fn new(context: &Context, json: bool) -> Self {
        Self { json, quiet: context.is_quiet(), problems: 0, notes: 0 }
    }

    pub(super) fn findings(&mut self, subject: &Subject, found: &[Finding]) {
        let count = |level: Level| found.iter().filter(|finding| finding.level == level).count() as u32;
        self.problems += count(Level::Problem);
        self.notes += count(Level::Note);
        let shown = found.iter().filter(|finding| !self.quiet || finding.is_problem());
        if self.json {
            for finding in shown {
                output::line(as_json(subject, finding));
            }
            return;
        }
        output::line(human::folded(&format!("{} {}", subject.kind, subject.title), 4));
        for finding in shown {
            output::line(as_text(subject, finding));
        }
    }

    /// Prints the sum, and returns the exit code for it.
    pub(super) fn end(self) -> ExitCode {
        let of = |count: u32, what: &str| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        if !self.json {
            output::line(match (self.problems, self.notes) {
                (0, 0) => "\nNothing is wrong.".to_owned(),
                (0, notes) => format!("\nNothing is wrong; {}.", of(notes, "note")),
                (problems, notes) => format!("\n{}, {}.", of(problems, "problem"), of(notes, "note")),
            });
        }
        if self.problems > 0 { ExitCode::Found } else { ExitCode::Done }
    }
}

fn as_text(subject: &Subject, finding: &Finding) -> String {
    let word = match finding.level {
        Level::Ok => "ok",
        Level::Note => "note",
        Level::Problem => "PROBLEM",
    };
    let text = match finding.cause {
        Some(cause) => format!("{cause}: {}", finding.evidence),
        None => finding.evidence.clone(),
    };
    let mut lines = format!("  {word:7} {:10} {}", finding.check, human::folded(&text, INDENT));
    if let Some(fix) = &finding.fix {
        lines.push_str(&format!(
            "\n{:width$}{}",
            "",
            human::folded(&format!("try: {fix}"), INDENT + 5),
            width = INDENT.into()
        ));
    }
    // Each has a line of its own, to be copied.
    for command in next::commands(finding.cause, &subject.name) {
        lines.push_str(&format!("\n{:width$}{command}", "", width = (INDENT + 5).into()));
    }
    lines
}

fn as_json(subject: &Subject, finding: &Finding) -> serde_json::Value {
    json!({
        "about": subject.kind,
        "name": subject.name,
        "check": finding.check,
        "level": finding.level,
        "cause": finding.cause,
        "evidence": finding.evidence,
        "try": finding.fix,
        "commands": next::commands(finding.cause, &subject.name),
    })
}
