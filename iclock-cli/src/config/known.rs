//! The names of all settings: for the environment, which other programs write to as well, and for messages.

use attendance_model::Reason;

const TOP: [&str; 11] = [
    "state_dir",
    "interval",
    "max_new",
    "output",
    "overlap",
    "verify_every",
    "concurrency",
    "device_deadline",
    "attempts",
    "backoff",
    "sink_timeout",
];
const DEVICE: [&str; 11] = [
    "name",
    "host",
    "port",
    "comm_key",
    "transport",
    "timeout",
    "zone",
    "serial",
    "encoding",
    "layout",
    "sixteen_mode_first",
];
/// What any of the sinks takes; its own crate knows which of them are for it.
const SINK: [&str; 18] = [
    "name",
    "url",
    "ids",
    "timeout",
    "table",
    "schema",
    "password",
    "tls",
    "tls_ca",
    "pool",
    "collection",
    "credentials",
    "database",
    "emulator",
    "layout",
    "time",
    "daily_writes",
    "rotate",
];
const SCHEDULE: [&str; 11] = [
    "kind",
    "factor",
    "rest",
    "nap",
    "sleep",
    "dream",
    "rest_from",
    "nap_from",
    "sleep_from",
    "dream_from",
    "day_start",
];
const LOG: [&str; 4] = ["dir", "format", "size", "keep"];
/// Tables and lists as a message names them.
const HEADS: [&str; 5] = ["[[device]]", "[[sink]]", "[schedule]", "[rules]", "[log]"];

fn rules() -> Vec<&'static str> {
    ["allow_list", "earliest"].into_iter().chain(Reason::ALL.iter().map(|reason| reason.as_str())).collect()
}

/// The keys of the table that a path lies in: all of a terminal for `device.0.hots`.
fn siblings(path: &str) -> Vec<&'static str> {
    match path.split_once('.').map(|(table, _)| table) {
        Some("device") => DEVICE.to_vec(),
        Some("sink") => SINK.to_vec(),
        Some("schedule") => SCHEDULE.to_vec(),
        Some("rules") => rules(),
        Some("log") => LOG.to_vec(),
        _ => TOP.to_vec(),
    }
}

/// Returns true if a setting has this path.
pub(crate) fn is_known(path: &str) -> bool {
    let key = path.rsplit('.').next().unwrap_or(path);
    let depth = if path.starts_with("device.") || path.starts_with("sink.") { 2 } else { 1 };
    let is_top = !path.contains('.');
    (is_top || path.matches('.').count() == depth) && siblings(path).contains(&key)
}

/// The known keys of the table that a path lies in, for a message.
pub(super) fn listed(path: &str) -> String {
    let mut keys = siblings(path);
    if !path.contains('.') {
        keys.extend(HEADS);
    }
    keys.join(", ")
}

/// The known key of the same table that is spelt most alike.
pub(super) fn nearest(path: &str) -> Option<&'static str> {
    let key = path.rsplit('.').next().unwrap_or(path);
    most_alike(key, siblings(path), |known| known)
}

/// The variable of a setting that is spelt most like `name`, which begins with `ICLOCK_`.
pub(super) fn nearest_variable(name: &str) -> String {
    let index = name.split('_').find(|part| part.parse::<usize>().is_ok()).unwrap_or("0");
    let under = |table: &str, keys: &[&str]| keys.iter().map(|key| format!("{table}_{key}")).collect::<Vec<_>>();
    let mut all = vec!["config".to_owned()];
    all.extend(TOP.map(str::to_owned));
    all.extend(under(&format!("device_{index}"), &DEVICE));
    all.extend(under(&format!("sink_{index}"), &SINK));
    all.extend(under("schedule", &SCHEDULE));
    all.extend(under("rules", &rules()));
    all.extend(under("log", &LOG));
    let rest = name.strip_prefix("ICLOCK_").unwrap_or(name).to_ascii_lowercase();
    let nearest = most_alike(&rest, all, String::as_str).unwrap_or_default();
    format!("ICLOCK_{}", nearest.to_ascii_uppercase())
}

fn most_alike<T>(word: &str, known: Vec<T>, text: impl Fn(&T) -> &str) -> Option<T> {
    let likeness = |known: &T| strsim::normalized_damerau_levenshtein(word, text(known));
    known.into_iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_by_its_table_and_key() {
        for path in ["interval", "device.0.host", "sink.12.url", "schedule.factor", "rules.empty_user_id", "log.dir"] {
            assert!(is_known(path), "{path}");
        }
        for path in ["host", "device.0.hots", "device.host", "sink.0.url.x", "log.x.dir", "service_host", "device"] {
            assert!(!is_known(path), "{path}");
        }
    }

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        assert_eq!(nearest("device.0.hots"), Some("host"));
        assert_eq!(nearest("intervall"), Some("interval"));
        assert_eq!(nearest_variable("ICLOCK_INTERVALL"), "ICLOCK_INTERVAL");
        assert_eq!(nearest_variable("ICLOCK_DEVICE_1_HOTS"), "ICLOCK_DEVICE_1_HOST");
        assert_eq!(nearest_variable("ICLOCK_SINK_0_URI"), "ICLOCK_SINK_0_URL");
    }

    #[test]
    fn every_setting_of_the_example_is_known() {
        let example = include_str!("../../../docs/iclock.example.toml");
        let (mut table, mut seen) = (String::new(), 0);
        for line in example.lines() {
            let line = line.trim_start_matches("# ");
            let head = line.split([' ', '#']).next().unwrap_or_default();
            if let Some(list) = head.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")) {
                table = format!("{list}.0.");
            } else if let Some(name) = head.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                table = format!("{name}.");
            } else if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains([' ', '`'])) {
                assert!(is_known(&format!("{table}{key}")), "{table}{key} is in the example alone");
                seen += 1;
            }
        }
        assert!(seen > 50, "the example was not understood: {seen} settings");
    }
}
