//! Records of `OPERLOG` that a terminal wrote without a line end between them.

/// The beginnings of records.
const TAGS: [&[u8]; 3] = [b"OPLOG ", b"USER PIN=", b"FP PIN="];

/// Fields whose values are numbers or base64, so that a tag in them begins another record. A tag in a name may be part
/// of the name.
const PLAIN: [&[u8]; 16] = [
    b"TMP",
    b"Content",
    b"Card",
    b"ViceCard",
    b"Grp",
    b"TZ",
    b"Verify",
    b"Pri",
    b"Privilege",
    b"Valid",
    b"Size",
    b"FID",
    b"Expires",
    b"StartDatetime",
    b"EndDatetime",
    b"Passwd",
];

/// Returns where the second record of a line begins.
pub(super) fn next_record(line: &[u8]) -> Option<usize> {
    let is_operation = line.starts_with(b"OPLOG ");
    let mut start = 0;
    for (column, piece) in line.split(|byte| *byte == b'\t').enumerate() {
        let found = TAGS.iter().filter_map(|tag| find(piece, tag)).min();
        if let Some(at) = found.filter(|at| start + at > 0 && begins_record(piece, *at, is_operation && column > 2)) {
            return Some(start + at);
        }
        start += piece.len() + 1;
    }
    None
}

/// Returns true if a record begins inside a column, after a value that is complete.
fn begins_record(piece: &[u8], at: usize, is_value: bool) -> bool {
    let Some(before) = piece.get(..at) else { return false };
    let (key, value) = match before.iter().position(|byte| *byte == b'=') {
        Some(equals) => (before.get(..equals), before.get(equals + 1..).unwrap_or_default()),
        None => (None, before),
    };
    match key {
        Some(key) => PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(key)) && value.iter().all(is_base64),
        None => before.is_empty() || (is_value && before.iter().all(u8::is_ascii_digit)),
    }
}

fn is_base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-')
}

fn find(piece: &[u8], tag: &[u8]) -> Option<usize> {
    piece.windows(tag.len()).position(|window| window == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Option<(&str, &str)> {
        next_record(line.as_bytes()).map(|at| line.split_at(at))
    }

    #[test]
    fn a_record_begins_after_a_number_a_tab_or_a_template() {
        let first = "OPLOG 4\t14\t2026-07-30 10:22:34\t0\t0\t0\t0";
        assert_eq!(split(&format!("{first}OPLOG 5\t14")), Some((first, "OPLOG 5\t14")));
        assert_eq!(split(&format!("{first}\tUSER PIN=2\tName=x")).unwrap().1, "USER PIN=2\tName=x");
        assert_eq!(split("FP PIN=2\tFID=6\tTMP=AAEC==FP PIN=3\tFID=1").unwrap().1, "FP PIN=3\tFID=1");
        assert_eq!(split("USER PIN=2\tViceCard=OPLOG 4\t0").unwrap().1, "OPLOG 4\t0");
    }

    #[test]
    fn a_tag_in_a_name_is_a_name() {
        for line in
            ["USER PIN=2\tName=USER PIN=3", "USER PIN=2\tName=AOPLOG 5", "OPLOG 4\t1", "USER PIN=2", "", "OPLOG "]
        {
            assert_eq!(split(line), None, "{line}");
        }
    }
}
