//! The fix that helps against each cause, by words that it must have.

use std::collections::{BTreeMap, BTreeSet};

use iclock_sync::diagnose::Cause;
use serde_json::Value;

/// Each cause, words of its fix, and the commands that are printed with it (without the program's name).
const FIXES: &[(&str, &str, &[&str])] = &[
    ("name_unknown", "spelling of host", &[]),
    ("no_route", "a route to it", &[]),
    ("no_answer", "power and cable", &[]),
    ("port_closed", "check the port", &[]),
    ("not_a_terminal", "another service listens there", &[]),
    ("session_silent", "ADMS", &[]),
    ("session_taken", "end the other program", &[]),
    ("session_contested", "poll at other times", &[]),
    ("hangs_up", "no other program polls it", &[]),
    ("session_pause", "nothing to do", &[]),
    ("secure_firmware", "switch off the secure communication", &[]),
    ("access_panel", "panel's own software", &[]),
    ("key_missing", "set comm_key", &[]),
    ("key_wrong", "correct comm_key", &[]),
    ("session_lost", "the key did not change", &[]),
    ("wrong_terminal", "correct host, or set serial", &[]),
    ("no_serial", "a name that never changes", &[]),
    ("refuses_all", "push or cloud mode", &[]),
    ("terminal_busy", "leave its menu", &[]),
    ("count_missing", "nothing to do", &[]),
    ("count_zero", "nothing to do", &[]),
    ("count_off", "nothing to do", &[]),
    ("clock_missing", "with a watch", &[]),
    ("clock_invalid", "set the clock", &[]),
    ("clock_reset", "backup battery", &[]),
    ("clock_off", "set the clock", &[]),
    ("zone_off", "set zone", &[]),
    ("log_nearly_full", "clear it", &["clear NAME"]),
    ("log_full", "sync now, then clear it", &["sync", "clear NAME"]),
    ("users_unreadable", "restart the terminal", &[]),
    ("users_without_id", "a user id at the terminal", &[]),
    ("users_deleted", "nothing to do", &[]),
    ("no_users", "enrol people", &[]),
    ("line_breaks", "check the cable", &[]),
    ("stalls", "allow more time", &[]),
    ("log_refused", "restart the terminal", &[]),
    ("empty_log", "another program may clear the log", &[]),
    ("bad_bytes", "check the line", &[]),
    ("log_cut_short", "the log that a sync keeps", &["sync", "unproven show NAME"]),
    ("log_misframed", "the log that a sync keeps", &["sync", "unproven show NAME"]),
    ("log_damaged", "accept its good records", &["sync", "unproven show NAME", "unproven accept NAME"]),
    ("log_unknown", "report its model", &["sync", "unproven show NAME"]),
    ("log_ambiguous", "set layout", &["sync", "unproven show NAME"]),
    ("log_disagrees", "the log that a sync keeps", &["sync", "unproven show NAME"]),
    ("log_changes", "no other program reads or clears", &[]),
    ("line_damages", "the cable and the switch", &[]),
    ("log_unproven", "the log that a sync keeps", &["sync", "unproven show NAME"]),
    ("read_again", "check the line", &[]),
    ("stray_bytes", "nothing to do", &[]),
    ("too_slow", "its log cleared", &[]),
    ("empty_user_ids", "give each card and finger a user", &[]),
    ("unknown_slots", "enter missing users again", &["sync --full"]),
    ("letters_in_ids", "non_numeric_user_id = \"accept\"", &[]),
    ("garbled_ids", "correct those users", &[]),
    ("zero_ids", "non_positive_user_id = \"accept\"", &[]),
    ("foreign_ids", "add them to the list", &[]),
    ("impossible_dates", "backup battery", &[]),
    ("reset_dates", "backup battery", &[]),
    ("future_dates", "set the terminal's clock", &[]),
    ("unknown_states", "nothing to do", &[]),
    ("unreadable_records", "in the quarantine", &[]),
    // Of sinks, the driver's own hint goes first: it names the user, the right or the file.
    ("sink_unreachable", "", &[]),
    ("sink_slow", "", &[]),
    ("sink_busy", "", &[]),
    ("sink_full", "", &[]),
    ("sink_read_only", "", &[]),
    ("sink_certificate", "", &[]),
    ("sink_credentials", "", &[]),
    ("sink_rights", "", &[]),
    ("sink_missing", "", &[]),
    ("sink_schema", "", &[]),
    ("sink_refuses", "", &[]),
    ("sink_notice", "", &[]),
    ("state_new", "the first sync makes it", &[]),
    ("state_not_writable", "let the user that runs the service own it", &[]),
    ("state_open", "chmod 700", &[]),
    ("disk_full", "make room", &[]),
    ("ledger_damaged", "", &["state check"]),
    ("ledger_too_new", "", &[]),
    ("ledger_unreadable", "", &[]),
    ("unproven_kept", "accept their good records", &["unproven list"]),
    ("quarantine_waits", "correct what makes the rules refuse them", &["quarantine list"]),
];

/// Checks that a finding has evidence, and the fix and the commands of its cause.
pub(crate) fn check(finding: &Value) -> Result<(), String> {
    if finding["evidence"].as_str().is_none_or(str::is_empty) {
        return Err(format!("no evidence: {finding}"));
    }
    let Some(cause) = finding["cause"].as_str() else {
        return if finding["try"].is_null() && finding["level"] == "ok" {
            Ok(())
        } else {
            Err(format!("a fix without a cause: {finding}"))
        };
    };
    let (_, words, commands) = FIXES.iter().find(|row| row.0 == cause).ok_or(format!("{cause} has no row in FIXES"))?;
    let fix = finding["try"].as_str().unwrap_or_default();
    if fix.len() < 10 || !fix.contains(words) {
        return Err(format!("the fix does not say {words:?}: {finding}"));
    }
    let name = finding["name"].as_str().unwrap();
    let commands: Vec<String> =
        commands.iter().map(|command| format!("iclock-cli {}", command.replace("NAME", name))).collect();
    if finding["commands"] != serde_json::json!(commands) {
        return Err(format!("other commands than {commands:?}: {finding}"));
    }
    Ok(())
}

#[test]
fn each_cause_has_its_fix_in_the_table() {
    let known: BTreeSet<&str> = Cause::ALL.iter().map(|cause| cause.as_str()).collect();
    let rows: BTreeMap<&str, usize> = FIXES.iter().fold(BTreeMap::new(), |mut rows, row| {
        *rows.entry(row.0).or_default() += 1;
        rows
    });
    assert!(rows.values().all(|count| *count == 1), "{rows:?}");
    assert_eq!(rows.into_keys().collect::<BTreeSet<_>>(), known, "FIXES has a row for each cause");
}
