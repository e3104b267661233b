//! The report of a run for people.

use iclock_sync::Report;
use iclock_sync::report::{DeviceReport, DeviceStatus, ReadMode, SinkReport, SinkStatus};

use super::remarks::{is_stopped, notes, problems, quarantine};
use super::{folded, indented, table};
use crate::output::screen::{Tone, folds, toned};
use crate::output::{counted, grouped, spoken};

/// The whole report, without a line break at its end.
pub(crate) fn report(report: &Report) -> String {
    let mut parts = Vec::new();
    if !report.devices.is_empty() {
        parts.push(devices(&report.devices));
    }
    if !report.sinks.is_empty() {
        parts.push(sinks(&report.sinks, report.run.dry_run));
    }
    parts.extend(part("Problems", problems(report)));
    parts.extend(part("Quarantine", quarantine(&report.devices)));
    parts.extend(part("Notes", notes(report)));
    parts.push(summary(report));
    parts.join("\n\n")
}

/// The words of results, with what they say.
const RESULTS: [(&str, Tone); 6] = [
    ("ok", Tone::Good),
    ("FAILED", Tone::Bad),
    ("UNPROVEN", Tone::Bad),
    ("STOPPED", Tone::Odd),
    ("stopped", Tone::Odd),
    ("not asked", Tone::Odd),
];

/// A table whose second column has the words of results, in their colours.
fn table_of_results(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let text = table(header, rows);
    let (heading, rows) = text.split_once('\n').unwrap_or((&text, ""));
    let painted = rows.lines().map(|line| {
        // Between the columns there are two spaces.
        let found = RESULTS.iter().find(|(word, _)| line.contains(&format!("  {word}  ")));
        match found {
            Some((word, tone)) => line.replacen(&format!("  {word}  "), &format!("  {}  ", toned(word, *tone)), 1),
            None => line.to_owned(),
        }
    });
    std::iter::once(toned(heading, Tone::Heading)).chain(painted).collect::<Vec<_>>().join("\n")
}

fn devices(devices: &[DeviceReport]) -> String {
    let header = ["Terminal", "", "mode", "on device", "read", "new", "known", "time"];
    table_of_results(
        &header,
        devices.iter().map(|device| {
            let status = match device.status {
                DeviceStatus::Ok => "ok",
                DeviceStatus::Failed if is_stopped(device) => "stopped",
                DeviceStatus::Failed => "FAILED",
                DeviceStatus::Unproven => "UNPROVEN",
            };
            let mode = match device.mode {
                None => "-",
                Some(ReadMode::Full) => "full",
                Some(ReadMode::Tail) => "tail",
                Some(ReadMode::Unchanged) => "unchanged",
            };
            vec![
                device.name.clone(),
                status.to_owned(),
                mode.to_owned(),
                device.records_on_device.map_or_else(|| "-".to_owned(), grouped),
                grouped(device.records_read),
                grouped(device.new),
                grouped(device.duplicate),
                spoken(device.duration_ms),
            ]
        }),
    )
}

fn sinks(sinks: &[SinkReport], dry_run: bool) -> String {
    let header = ["Sink", "", "stored", "existing", "merged", "pending", "held", "time"];
    table_of_results(
        &header,
        sinks.iter().map(|sink| {
            let status = match sink.status {
                SinkStatus::Ok => "ok",
                SinkStatus::Failed => "FAILED",
                SinkStatus::Idle if sink.over_limit => "STOPPED",
                SinkStatus::Idle if dry_run => "not asked",
                SinkStatus::Idle => "idle",
            };
            vec![
                sink.name.clone(),
                status.to_owned(),
                grouped(sink.stored),
                grouped(sink.already_stored),
                grouped(sink.merged),
                grouped(sink.pending),
                grouped(sink.held),
                spoken(sink.duration_ms),
            ]
        }),
    )
}

fn part(title: &str, lines: Vec<String>) -> Option<String> {
    (!lines.is_empty()).then(|| format!("{}\n{}", toned(title, Tone::Heading), indented(&lines)))
}

fn summary(report: &Report) -> String {
    let totals = &report.totals;
    let (took, stopped) = (spoken(report.run.duration_ms), report.devices.iter().any(is_stopped));
    let line = if report.run.dry_run {
        let (would, refused) = (counted(totals.pending, "event", "events"), grouped(totals.quarantined));
        let stopped = if stopped { ", interrupted" } else { "" };
        format!("Dry run ({took}{stopped}): {would} would be sent, {refused} quarantined. Nothing was changed.")
    } else {
        let numbers = [totals.new, totals.stored, totals.pending, totals.quarantined].map(grouped);
        let [new, stored, pending, quarantined] = numbers;
        let what = if stopped { "Interrupted after" } else { "Done in" };
        format!("{what} {took}: {new} new, {stored} stored, {pending} pending, {quarantined} quarantined.")
    };
    let tone = if report.run.exit_code == 0 && !stopped { Tone::Good } else { Tone::Odd };
    if folds() { toned(&folded(&line, 2), tone) } else { line }
}

#[cfg(test)]
mod tests {
    use attendance_model::Reason;
    use iclock_sync::report::{ErrorKind, Hint, KeptLog, RunReport};

    use super::*;

    fn sample() -> Report {
        let mut gate = DeviceReport::new("front-gate-of-the-northern-school", "192.0.2.10:4370");
        (gate.records_on_device, gate.records_read, gate.new, gate.quarantined) = (Some(26_036), 26_036, 26_000, 36);
        gate.rejected.insert(Reason::EmptyUserId, 36);
        gate.hints = vec![
            Hint::Zone { drift_ms: -18_000_000, zone: None },
            Hint::Full { records: 26_036, capacity: 26_036 },
            Hint::Rule {
                rule: Reason::NonNumericUserId,
                refused: 36,
                of: 26_036,
                example: "NB2401004".to_owned(),
                setting: Some("non_numeric_user_id = \"accept\"".to_owned()),
            },
        ];
        let mut dead = DeviceReport::new("back", "192.0.2.11:4370");
        dead.status = DeviceStatus::Failed;
        dead.error = Some("cannot connect to 192.0.2.11:4370: connection refused; check that it is switched on".into());
        let devices = vec![gate, dead];
        let mut school = SinkReport::new("school");
        (school.stored, school.status) = (26_000, SinkStatus::Ok);
        let mut run = RunReport::new("1", chrono::DateTime::default());
        (run.duration_ms, run.exit_code) = (1234, 20);
        Report::new(run, devices, vec![school])
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let text = report(&sample());
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn a_summary_of_millions_is_not_wider_either() {
        let mut large = sample();
        large.run.dry_run = true;
        let totals = &mut large.totals;
        (totals.new, totals.stored, totals.pending) = (1_000_000, 1_000_000, 1_000_000);
        let text = report(&large);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("Dry run (1.2 s): 1,000,000 events would be sent, 36 quarantined."), "{text}");
    }

    #[test]
    fn a_log_that_could_not_be_verified_takes_six_lines_at_most() {
        for (name, verdict) in [("gate", "its log ends early".to_owned()), (&*"n".repeat(128), "because ".repeat(90))] {
            let mut refused = sample();
            refused.devices.truncate(1);
            refused.devices[0] = DeviceReport::new(name, "192.0.2.10:4370");
            refused.devices[0].error = Some("a long reason ".repeat(90));
            refused.devices[0].unproven = Some(KeptLog::new(Some(7), verdict));
            let text = report(&refused);
            let problem = text.split("\n\n").find(|part| part.starts_with("Problems")).unwrap();
            let lines: Vec<&str> = problem.lines().skip(1).collect();
            assert!(lines.len() <= 6 && lines.iter().all(|line| line.chars().count() <= 80), "{problem}");
            assert_eq!(lines.last(), Some(&"    Look closer: iclock-cli unproven show 7"));
            assert!(!text.contains("a long reason"), "the reasons are in the JSON and in `unproven show`");
        }
    }

    #[test]
    fn what_a_person_stopped_is_no_failure() {
        let mut stopped = sample();
        stopped.devices[1].error_kind = Some(ErrorKind::Stopped);
        let text = report(&stopped);
        assert!(!text.contains("FAILED") && !text.contains("back: "), "{text}");
        assert!(text.contains("back") && text.contains("stopped"), "{text}");
        assert!(text.contains("Interrupted after 1.2 s: 26,000 new, 26,000 stored"), "{text}");
    }

    #[test]
    fn each_terminal_and_reason_has_one_line() {
        let text = report(&sample());
        assert_eq!(text.matches("empty_user_id").count(), 1, "{text}");
        assert!(text.contains("front-gate-of-the-northern-school: 36 refused, empty_user_id"), "{text}");
    }

    #[test]
    fn a_hint_prints_the_line_that_helps_and_a_full_log_is_a_problem() {
        let text = report(&sample());
        let whole =
            "\n  [rules]\n  non_numeric_user_id = \"accept\"\n  or in .env: ICLOCK_RULES_NON_NUMERIC_USER_ID=accept\n";
        assert!(text.contains(whole), "{text}");
        assert!(text.contains("its clock is 5 h behind") && !text.contains("set the clock"), "{text}");
        let (problems, notes) = text.split_once("\nNotes\n").unwrap();
        assert!(problems.contains("its log is full") && !notes.contains("its log is full"), "{text}");
    }

    #[test]
    fn a_hint_that_many_terminals_have_is_one_line() {
        let mut many = sample();
        let hint = Hint::Zone { drift_ms: -18_000_000, zone: None };
        many.devices = (0..30).map(|n| DeviceReport::new(format!("t{n}"), "192.0.2.10:4370")).collect();
        many.devices.iter_mut().for_each(|device| device.hints = vec![hint.clone()]);
        let text = report(&many);
        assert_eq!(text.matches("5 h behind").count(), 1, "{text}");
        assert!(text.contains("t0, t1, t2, t3 and 26 more: its clock is 5 h behind"), "{text}");
    }

    #[test]
    fn records_that_were_refused_before_add_no_line() {
        let mut again = sample();
        again.devices[0].quarantined = 0;
        assert!(!report(&again).contains("empty_user_id"));
    }
}
