//! What a report says beside its numbers: problems, refused records, hints and notes.

use iclock_sync::Report;
use iclock_sync::report::{DeviceReport, ErrorKind, Hint, KeptLog};

use super::VERBATIM;
use crate::output::{counted, grouped, printed};

/// The most characters of a verdict. With the terminal's name of at most 128 and the command, it makes six lines.
const VERDICT: usize = 200;
/// The most terminals of a hint that are named.
const NAMED: usize = 4;

/// What a report says beside the results at terminals and sinks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remarks {
    /// What happened: it is news each time.
    pub(crate) each_time: Vec<String>,
    /// Hints, with all the lines of each: they come again and again until somebody follows them.
    pub(crate) once: Vec<Vec<String>>,
}

/// Returns the remarks of a report.
pub(crate) fn remarks(report: &Report) -> Remarks {
    let mut each_time = quarantine(&report.devices);
    each_time.extend(report.devices.iter().flat_map(events));
    each_time
        .extend(report.sinks.iter().flat_map(|sink| sink.notes.iter().map(|note| format!("{}: {note}", sink.name))));
    let of = |device: &DeviceReport| device.hints.iter().map(|hint| of_hint(&device.name, hint)).collect::<Vec<_>>();
    Remarks { each_time, once: report.devices.iter().flat_map(of).collect() }
}

/// The result of a poll in a few words.
pub(crate) fn outcome(device: &DeviceReport) -> String {
    match (&device.unproven, &device.error) {
        (Some(kept), _) => {
            let [verdict, next] = verdict(kept);
            format!("UNPROVEN: {verdict} {next}")
        }
        (None, Some(error)) => format!("FAILED: {error}"),
        (None, None) => {
            let new = if device.new == 0 { "nothing new".to_owned() } else { format!("{} new", grouped(device.new)) };
            let refused = match device.quarantined {
                0 => String::new(),
                count => format!(", {} refused", grouped(count)),
            };
            let held = device.records_on_device.map(|count| counted(count, "record", "records"));
            let held = held.map(|held| format!(", {held} on the terminal")).unwrap_or_default();
            format!("{new}{refused}{held}")
        }
    }
}

/// Returns true if a person stopped the run before the terminal was read. That is no failure.
pub(super) fn is_stopped(device: &DeviceReport) -> bool {
    device.error_kind == Some(ErrorKind::Stopped)
}

pub(super) fn problems(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for device in &report.devices {
        match (&device.unproven, &device.error) {
            (Some(kept), _) => lines.extend(unproven(&device.name, kept)),
            (None, Some(error)) if !is_stopped(device) => lines.push(format!("{}: {error}", device.name)),
            (None, _) => {}
        }
    }
    let of_sinks = report.sinks.iter().filter_map(|sink| Some((&sink.name, sink.error.as_ref()?)));
    for (name, error) in of_sinks {
        lines.extend(format!("{name}: {error}").lines().map(str::to_owned));
    }
    lines.extend(hints(&report.devices, true));
    lines
}

/// A log that could not be verified: the verdict in one sentence, and the command that shows more.
fn unproven(name: &str, kept: &KeptLog) -> [String; 2] {
    let [verdict, next] = verdict(kept);
    [format!("{name}: {verdict}"), format!("{VERBATIM}{next}")]
}

fn verdict(kept: &KeptLog) -> [String; 2] {
    let next = match kept.id {
        Some(id) => printed::command(&format!("unproven show {id}")),
        None => "run it again; a dry run keeps nothing".to_owned(),
    };
    [format!("{}. Nothing of it was used.", shortened(&kept.verdict, VERDICT)), format!("Look closer: {next}")]
}

/// Shortens a text to a number of characters.
fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// One line for each terminal and reason, only for records that are new in the quarantine.
pub(super) fn quarantine(devices: &[DeviceReport]) -> Vec<String> {
    let mut lines = Vec::new();
    for device in devices.iter().filter(|device| device.quarantined > 0) {
        for (reason, count) in &device.rejected {
            lines.push(format!("{}: {} refused, {reason}", device.name, grouped(*count)));
        }
    }
    if !lines.is_empty() {
        lines.push("their bytes are kept; to list them:".to_owned());
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

/// The hints that are problems, or those that are not. A hint that many terminals have is one line.
fn hints(devices: &[DeviceReport], problems: bool) -> Vec<String> {
    // By their texts: those of two clocks differ in milliseconds that nobody sees.
    let mut grouped: Vec<(Vec<&str>, &Hint, String)> = Vec::new();
    for device in devices {
        for hint in device.hints.iter().filter(|hint| hint.is_problem() == problems) {
            let text = hint.to_string();
            match grouped.iter_mut().find(|(_, _, known)| *known == text) {
                Some((names, ..)) => names.push(&device.name),
                None => grouped.push((vec![&device.name], hint, text)),
            }
        }
    }
    grouped.iter().flat_map(|(names, hint, _)| of_hint(&all_of(names), hint)).collect()
}

/// Terminals by name; of many, the first ones and the number of the others.
fn all_of(names: &[&str]) -> String {
    match names {
        [first, .., _] if names.len() > NAMED => {
            let named = names.iter().take(NAMED).skip(1).fold((*first).to_owned(), |all, name| all + ", " + name);
            format!("{named} and {} more", names.len() - NAMED)
        }
        names => names.join(", "),
    }
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

pub(super) fn notes(report: &Report) -> Vec<String> {
    let mut lines = hints(&report.devices, false);
    lines.extend(report.devices.iter().flat_map(events));
    for sink in &report.sinks {
        lines.extend(sink.notes.iter().map(|note| format!("{}: {note}", sink.name)));
    }
    lines
}

/// What happened at a terminal, apart from its counts.
fn events(device: &DeviceReport) -> Vec<String> {
    let name = &device.name;
    let flagged = device.flagged.iter();
    let flagged = flagged.map(|(reason, count)| format!("{name}: {} sent with the flag {reason}", grouped(*count)));
    let again = device.rereads.reasons.iter().map(|reason| format!("{name}: its log was read again: {reason}"));
    let notes = device.notes.iter().map(|note| format!("{name}: {note}"));
    flagged.chain(again).chain(notes).collect()
}
