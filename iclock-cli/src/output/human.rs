//! The report of a run for people, in 80 columns.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use iclock_sync::Report;
use iclock_sync::report::{DeviceReport, DeviceStatus, Hint, KeptLog, ReadMode, SinkReport, SinkStatus};

use super::{grouped, printed, spoken};

/// The columns of a screen.
pub(crate) const WIDTH: u16 = 80;
/// The most characters of a verdict. With the terminal's name of at most 128 and the command, it makes six lines.
const VERDICT: usize = 200;
/// The start of a line that is not folded, so that a command can be copied.
const VERBATIM: &str = "    ";

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

/// A table without lines, indented, as wide as a terminal.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for (n, name) in header.iter().enumerate() {
        // Align counts.
        if NUMBERS.contains(name)
            && let Some(column) = table.column_mut(n)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

const NUMBERS: [&str; 21] = [
    "on device",
    "read",
    "new",
    "known",
    "stored",
    "there already",
    "merged",
    "pending",
    "held",
    "time",
    "records",
    "not read yet",
    "refused",
    "missing here",
    "delivered",
    "imported",
    "set aside",
    "not from here",
    "missing there",
    "expected",
    "missing",
];

fn devices(devices: &[DeviceReport]) -> String {
    let header = ["Terminal", "", "read how", "on device", "read", "new", "known", "time"];
    table(
        &header,
        devices.iter().map(|device| {
            let status = match device.status {
                DeviceStatus::Ok => "ok",
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
    let header = ["Sink", "", "stored", "there already", "merged", "pending", "held", "time"];
    table(
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

fn problems(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for device in &report.devices {
        match (&device.unproven, &device.error) {
            (Some(kept), _) => lines.extend(unproven(&device.name, kept)),
            (None, Some(error)) => lines.push(format!("{}: {error}", device.name)),
            (None, None) => {}
        }
    }
    let of_sinks = report.sinks.iter().filter_map(|sink| Some((&sink.name, sink.error.as_ref()?)));
    for (name, error) in of_sinks {
        lines.extend(format!("{name}: {error}").lines().map(str::to_owned));
    }
    lines.extend(report.devices.iter().flat_map(|device| hints(device, true)));
    lines
}

/// A log that could not be verified: the verdict in one sentence, and the command that shows more.
fn unproven(name: &str, kept: &KeptLog) -> [String; 2] {
    let verdict = format!("{name}: {}. Nothing of it was used.", shortened(&kept.verdict, VERDICT));
    let next = match kept.id {
        Some(id) => printed::command(&format!("unproven show {id}")),
        None => "run it again; a dry run keeps nothing".to_owned(),
    };
    [verdict, format!("{VERBATIM}Look closer: {next}")]
}

/// Shortens a text to a number of characters.
fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// One line for each terminal and reason, only for records that are new in the quarantine.
fn quarantine(devices: &[DeviceReport]) -> Vec<String> {
    let mut lines = Vec::new();
    for device in devices.iter().filter(|device| device.quarantined > 0) {
        for (reason, count) in &device.rejected {
            lines.push(format!("{}: {} refused, {reason}", device.name, grouped(*count)));
        }
    }
    if !lines.is_empty() {
        lines.push("each is kept once, with its bytes; to list them:".to_owned());
        lines.push(printed::command("quarantine list"));
    }
    for device in devices {
        for (reason, count) in &device.counted_only {
            let count = grouped(*count);
            lines.push(format!(
                "{}: {count} more refused, {reason}, were only counted: so many wait that no more are kept",
                device.name
            ));
        }
    }
    for device in devices.iter().filter(|device| device.released > 0) {
        let count = grouped(device.released);
        lines.push(format!("{}: {count} refused before pass now, and were released", device.name));
    }
    lines
}

/// The hints of a terminal that are problems, or those that are not.
fn hints(device: &DeviceReport, problems: bool) -> Vec<String> {
    let chosen = device.hints.iter().filter(|hint| hint.is_problem() == problems);
    chosen.flat_map(|hint| of_hint(&device.name, hint)).collect()
}

/// The lines of a hint. A setting has a line of its own, to be copied.
fn of_hint(name: &str, hint: &Hint) -> Vec<String> {
    let Hint::Rule { rule, refused, of, example, setting: Some(setting) } = hint else {
        return vec![format!("{name}: {hint}")];
    };
    let (refused, of) = (grouped(*refused), grouped(*of));
    let example = if example.is_empty() { String::new() } else { format!(", for example user id {example:?}") };
    let variable = setting.replace(" = ", "=").replace('"', "");
    let (key, value) = variable.split_once('=').unwrap_or((&variable, ""));
    vec![
        format!("{name}: the rule {rule} refused {refused} of {of} new records{example}"),
        "to let such records pass, write in iclock.toml:".to_owned(),
        "[rules]".to_owned(),
        setting.clone(),
        format!("or in .env: ICLOCK_RULES_{}={value}", key.to_ascii_uppercase()),
    ]
}

fn notes(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for device in &report.devices {
        for (reason, count) in &device.flagged {
            lines.push(format!("{}: {} sent with the flag {reason}", device.name, grouped(*count)));
        }
        lines.extend(hints(device, false));
        for reason in &device.rereads.reasons {
            lines.push(format!("{}: its log was read again: {reason}", device.name));
        }
        lines.extend(device.notes.iter().map(|note| format!("{}: {note}", device.name)));
    }
    for sink in &report.sinks {
        lines.extend(sink.notes.iter().map(|note| format!("{}: {note}", sink.name)));
    }
    lines
}

fn part(title: &str, lines: Vec<String>) -> Option<String> {
    // Do not fold a command.
    let shown = |line: &String| match line {
        line if line.starts_with("iclock-cli ") => format!("{VERBATIM}{line}"),
        line if line.starts_with(VERBATIM) => line.clone(),
        line => wrap(line),
    };
    let wrapped: Vec<String> = lines.iter().map(shown).collect();
    (!lines.is_empty()).then(|| format!("{title}\n{}", wrapped.join("\n")))
}

/// A line indented by two columns, its continuations by four.
pub(crate) fn wrap(line: &str) -> String {
    wrap_from(line, 2)
}

/// A line that begins in this column, its continuations two columns further.
pub(crate) fn wrap_from(line: &str, column: u16) -> String {
    format!("{}{}", " ".repeat(column.into()), folded(line, column + 2))
}

/// Folds a text; all lines but the first are indented by this number of columns.
pub(crate) fn folded(text: &str, indent: u16) -> String {
    let mut table = Table::new();
    // The table leaves a column free on each side.
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH + 1 - indent);
    table.add_row([text]);
    let lines: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
    lines.join(&format!("\n{}", " ".repeat(indent.into())))
}

fn summary(report: &Report) -> String {
    let totals = &report.totals;
    let what = if report.run.dry_run { "Dry run, nothing was changed" } else { "Done" };
    let line = format!(
        "{what} in {}: {} new, {} stored, {} pending, {} quarantined.",
        spoken(report.run.duration_ms),
        grouped(totals.new),
        grouped(totals.stored),
        grouped(totals.pending),
        grouped(totals.quarantined)
    );
    folded(&line, 2)
}

#[cfg(test)]
mod tests {
    use attendance_model::Reason;
    use iclock_sync::report::RunReport;

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
        assert!(text.contains("Dry run, nothing was changed in 1.2 s: 1,000,000 new,"), "{text}");
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
    fn records_that_were_refused_before_add_no_line() {
        let mut again = sample();
        again.devices[0].quarantined = 0;
        assert!(!report(&again).contains("empty_user_id"));
    }
}
