//! The Python tool's files: names, and reading what may have been cut short.

use std::collections::HashSet;

use chrono::NaiveDateTime;
use serde_json::Value;

use crate::EventId;

/// The id cache, below the tool's directory: an array of ids, written with [`write_array`](super::write_array).
pub const CACHE_FILE: &str = "cache/uploaded_ids_cache.json";

/// The files that a run leaves below `output/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// `logs_…`: the rows that the run stored.
    Audit,
    /// `simplified_logs_…`.
    Simple,
    /// `normalized_logs_…`.
    Normalized,
}

/// The name of a file of the host's local time; from the second of the same name on, with its number: `logs_…-2.json`.
#[must_use]
pub fn export_file_name(export: Export, host_now: NaiveDateTime, number: u32) -> String {
    let prefix = match export {
        Export::Audit => "logs",
        Export::Simple => "simplified_logs",
        Export::Normalized => "normalized_logs",
    };
    let time = host_now.format("%Y-%m-%d_%H-%M-%S");
    if number < 2 { format!("{prefix}_{time}.json") } else { format!("{prefix}_{time}-{number}.json") }
}

/// Returns true if a name in `output/` is that of a logs file, by the tool's own pattern `logs_*.json`.
#[must_use]
pub fn is_logs_file_name(name: &str) -> bool {
    name.starts_with("logs_") && name.ends_with(".json")
}

/// The content that could be read from an id cache or a logs file.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalvagedIds {
    /// The ids, each once, in the order of the file.
    pub ids: Vec<EventId>,
    /// The file is not a whole JSON array: it was cut short (the tool does not replace it in one step) or damaged.
    pub damaged: bool,
    /// Entries of a whole array without an id, such as an id of which a part is missing.
    pub others: u64,
}

/// Takes every id out of an id cache or a logs file, whole or not: each quoted text of 32 lower-case hex digits.
/// Nothing else in these files is of that length: a user id has at most 24 bytes.
#[must_use]
pub fn salvage_ids(file: &[u8]) -> SalvagedIds {
    let mut seen = HashSet::new();
    // An id and its quotes; the closing quote may open nothing, so every window is looked at.
    let ids = file.windows(34).filter_map(quoted_id).filter(|id| seen.insert(*id)).collect();
    // An editor on Windows may have put a byte order mark in front.
    let text = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let entries = serde_json::from_slice::<Vec<Value>>(text);
    let others = entries.iter().flatten().filter(|entry| !has_id(entry)).count() as u64;
    SalvagedIds { ids, damaged: entries.is_err(), others }
}

/// Returns true for an id, and for a row with one.
fn has_id(entry: &Value) -> bool {
    let id = |value: &Value| value.as_str().is_some_and(|text| quoted_id(format!("\"{text}\"").as_bytes()).is_some());
    match entry {
        Value::Object(row) => row.values().any(id),
        entry => id(entry),
    }
}

fn quoted_id(window: &[u8]) -> Option<EventId> {
    let hex = window.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if !hex.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    std::str::from_utf8(hex).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::legacy::write_array;

    fn ids() -> Vec<EventId> {
        ["0eaead86d919cd0519f09b4980e7e1ae", "5b38900525c147224275a3515cb92588"].map(|id| id.parse().unwrap()).to_vec()
    }

    fn cache() -> Vec<u8> {
        let mut file = Vec::new();
        write_array(&mut file, ids()).unwrap();
        file
    }

    #[test]
    fn a_cache_is_written_as_by_python_and_read_again() {
        let python = "[\n    \"0eaead86d919cd0519f09b4980e7e1ae\",\n    \"5b38900525c147224275a3515cb92588\"\n]";
        assert_eq!(cache(), python.as_bytes());
        assert_eq!(salvage_ids(python.as_bytes()), SalvagedIds { ids: ids(), damaged: false, others: 0 });
    }

    #[test]
    fn a_cache_cut_anywhere_gives_up_every_whole_id_and_is_called_damaged() {
        let cache = cache();
        for length in 0..cache.len() {
            let salvaged = salvage_ids(&cache[..length]);
            let whole = [40, 80].iter().filter(|end| length >= **end).count();
            assert_eq!(
                salvaged,
                SalvagedIds { ids: ids()[..whole].to_vec(), damaged: true, others: 0 },
                "cut to {length}"
            );
        }
    }

    #[test]
    fn ids_are_found_between_bytes_that_are_no_text_and_counted_once() {
        let mut file = cache();
        file.extend([0xff, 0, b'"']);
        file.extend(cache());
        assert_eq!(salvage_ids(&file), SalvagedIds { ids: ids(), damaged: true, others: 0 });
    }

    #[test]
    fn a_logs_file_gives_its_ids_and_nothing_else() {
        let file =
            br#"[{"doc_id": "5b38900525c147224275a3515cb92588", "staffId": "5B38900525C147224275A3515CB92588"}]"#;
        assert_eq!(salvage_ids(file), SalvagedIds { ids: ids()[1..].to_vec(), damaged: false, others: 0 });
    }

    #[test]
    fn entries_without_an_id_are_counted() {
        let file = br#"["5b38900525c147224275a3515cb92588", "0eaead86d919cd0519", {"staffId": "42"}, null,
            {"doc_id": "5b38900525c147224275a3515cb92588"}]"#;
        assert_eq!(salvage_ids(file), SalvagedIds { ids: ids()[1..].to_vec(), damaged: false, others: 3 });
    }

    #[test]
    fn a_byte_order_mark_is_no_damage() {
        let file = [b"\xef\xbb\xbf".as_slice(), &cache()].concat();
        assert!(!salvage_ids(&file).damaged);
    }

    #[test]
    fn json_that_is_no_array_is_damage() {
        assert!(salvage_ids(b"{}").damaged);
        assert!(salvage_ids(b"").damaged);
    }

    #[test]
    fn file_names_carry_the_hosts_time_and_a_number_from_the_second_on() {
        let now = chrono::NaiveDate::from_ymd_opt(2025, 5, 18).unwrap().and_hms_opt(7, 1, 9).unwrap();
        assert_eq!(export_file_name(Export::Audit, now, 1), "logs_2025-05-18_07-01-09.json");
        assert_eq!(export_file_name(Export::Audit, now, 2), "logs_2025-05-18_07-01-09-2.json");
        assert_eq!(export_file_name(Export::Simple, now, 1), "simplified_logs_2025-05-18_07-01-09.json");
        assert_eq!(export_file_name(Export::Normalized, now, 1), "normalized_logs_2025-05-18_07-01-09.json");
    }

    #[test]
    fn only_logs_files_are_read_for_ids() {
        assert!(is_logs_file_name("logs_2025-05-18_07-01-09-2.json"));
        assert!(!is_logs_file_name("normalized_logs_2025-05-18_07-01-09.json"));
        assert!(!is_logs_file_name("logs_2025-05-18_07-01-09.json.bak"));
    }
}
