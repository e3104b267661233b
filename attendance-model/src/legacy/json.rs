//! JSON to the byte as Python's `json.dump(…, indent=4)` writes it.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::ser::{Formatter, PrettyFormatter};

/// Writes an array: four spaces of indent, line feeds, none at the end, everything outside ASCII as `\uXXXX`.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_array<T: Serialize>(out: impl Write, items: impl IntoIterator<Item = T>) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Python(PrettyFormatter::with_indent(b"    ")));
    Ok(serializer.collect_seq(items)?)
}

struct Python(PrettyFormatter<'static>);

impl Formatter for Python {
    /// Called with what serde_json does not escape by itself: all but quotes, backslashes and what is below a space.
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        for run in fragment.split_inclusive(|c| !matches!(c, ' '..='~')) {
            let plain = run.trim_end_matches(|c| !matches!(c, ' '..='~'));
            out.write_all(plain.as_bytes())?;
            for unit in run.strip_prefix(plain).unwrap_or_default().encode_utf16() {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventId;
    use crate::legacy::{LegacyDocument, SimpleLog};

    fn written<T: Serialize>(items: impl IntoIterator<Item = T>) -> String {
        let mut out = Vec::new();
        write_array(&mut out, items).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn document(user_id: &str, status: u8, work_code: u8) -> LegacyDocument {
        let timestamp = chrono::NaiveDate::from_ymd_opt(2025, 5, 18).unwrap().and_hms_opt(7, 1, 9).unwrap();
        let doc_id = EventId::iclock_sync_v1(user_id, timestamp);
        LegacyDocument { doc_id, staff_id: user_id.to_owned(), timestamp, status, work_code }
    }

    // The expected texts are what CPython 3.11 printed for `json.dumps(rows, indent=4, default=str)`.

    #[test]
    fn the_logs_file_is_pythons_to_the_byte() {
        let python = r#"[
    {
        "doc_id": "5b38900525c147224275a3515cb92588",
        "staffId": "42",
        "timestamp": "2025-05-18 07:01:09",
        "status": 1,
        "workCode": 0
    },
    {
        "doc_id": "8c751489f07fa907180bb3bdb216541d",
        "staffId": "\u0664\u0662",
        "timestamp": "2025-05-18 07:01:09",
        "status": 15,
        "workCode": 255
    }
]"#;
        assert_eq!(written([document("42", 1, 0), document("\u{664}\u{662}", 15, 255)]), python);
    }

    #[test]
    fn the_simplified_export_is_pythons_to_the_byte() {
        let python = r#"[
    {
        "user_id": "A12",
        "date": "2025-05-18",
        "time": "07:01:09",
        "punch_status": 0,
        "log_status": 1
    }
]"#;
        let row = SimpleLog {
            user_id: "A12".to_owned(),
            date: "2025-05-18".to_owned(),
            time: "07:01:09".to_owned(),
            punch_status: 0,
            log_status: 1,
        };
        assert_eq!(written([row]), python);
    }

    #[test]
    fn text_is_escaped_as_by_python() {
        let text = "a\"b\\c/\n\t\r\u{8}\u{c}\u{1}\u{1f}\u{7f}\u{e9}\u{2028}\u{1f600}~ \u{e9}";
        let python = r#"[
    "a\"b\\c/\n\t\r\b\f\u0001\u001f\u007f\u00e9\u2028\ud83d\ude00~ \u00e9",
    ""
]"#;
        assert_eq!(written([text, ""]), python);
    }

    #[test]
    fn an_empty_array_has_no_line_breaks() {
        assert_eq!(written(std::iter::empty::<&str>()), "[]");
        assert_eq!(written(["x"].iter().filter(|_| false)), "[]");
    }
}
