//! What faults change in a request before it is written: its path, its parameters, its records.

use bytes::Bytes;
use zk_push::request::{Endpoint, Method, Query};
use zk_push::table::Table;
use zk_push::{Dialect, Head, MAX_RECORDS};

use super::device::Outgoing;
use super::fault::PushFault;

/// The column after the work code: it is reserved, and nobody reads it.
const RESERVED: usize = 5;
const WORK_CODE: usize = 4;
/// A time in the place of a stamp.
const STAMP: &str = "2026-03-01T08:00:00";
/// An `INFO` as a terminal sent it: no firmware, and nothing after the address.
const SHORT_INFO: &str = ",1,,1,192.0.2.101";
const NO_TEXT: &[u8] = b"\xFF\xFE";
const WITH_NUL: &[u8] = b"A\0B";

/// Changes a request as the fault says. Most faults leave most requests as they are.
pub(super) fn strike(dialect: Dialect, outgoing: Outgoing, fault: PushFault) -> Outgoing {
    let Outgoing { mut head, body } = outgoing;
    match fault {
        PushFault::Aspx => head.endpoint = Endpoint::Other(format!("{}.aspx", head.endpoint)),
        PushFault::DoubledPrefix => head.endpoint = Endpoint::Other(format!("iclock/{}", head.endpoint)),
        PushFault::ServiceControl if dialect == Dialect::Access => {
            if matches!(head.endpoint, Endpoint::GetRequest | Endpoint::DeviceCommand) {
                head.endpoint = Endpoint::ServiceControl;
            }
        }
        PushFault::MarketingType if dialect == Dialect::Attendance => {
            head.query = replaced(&head.query, "DeviceType", "DeviceType", "middle east");
        }
        PushFault::OtherStamp => head.query = replaced(&head.query, "Stamp", "OpStamp", STAMP),
        PushFault::ShortInfo if head.endpoint == Endpoint::GetRequest => {
            head.query = replaced(&head.query.clone().with("INFO", ""), "INFO", "INFO", SHORT_INFO);
        }
        _ => {}
    }
    let body = if is_upload(&head) { records(&head, &body, fault) } else { body };
    Outgoing { head, body }
}

/// Gives a parameter another name and value, if it is there.
fn replaced(query: &Query, name: &str, other: &str, value: &str) -> Query {
    query.iter().fold(Query::default(), |query, parameter| match parameter.name.is(name) {
        true => query.with(other, value),
        false => query.with(&parameter.name.to_string(), parameter.value.clone()),
    })
}

/// Returns true for a request with records in lines.
fn is_upload(head: &Head) -> bool {
    let is_of_lines = |table| !matches!(table, Table::AttPhoto | Table::Options);
    head.method == Method::Post && head.table().is_some_and(is_of_lines)
}

fn records(head: &Head, body: &Bytes, fault: PushFault) -> Bytes {
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let is_in_columns = head.table() == Some(Table::AttLog);
    let each = |change: &dyn Fn(&[u8]) -> Vec<u8>| lines.iter().map(|line| [&*change(line), b"\n"].concat()).collect();
    let changed: Vec<Vec<u8>> = match fault {
        _ if lines.is_empty() => return body.clone(),
        PushFault::TrailingNuls => vec![body.to_vec(), vec![0; 3]],
        PushFault::CarriageReturns => each(&|line| [line, b"\r"].concat()),
        PushFault::MixedEnds => {
            let ends = [&b"\n"[..], b"\r\n", b"\r"];
            let end = |at: usize| if at + 1 == lines.len() { &b""[..] } else { ends[at % ends.len()] };
            lines.iter().enumerate().map(|(at, line)| [*line, end(at)].concat()).collect()
        }
        PushFault::Reversed => lines.iter().rev().map(|line| [*line, &b"\n"[..]].concat()).collect(),
        PushFault::Oversize => vec![body.to_vec(); MAX_RECORDS / lines.len() + 1],
        PushFault::BadText => each(&|line| with_text(is_in_columns, line, NO_TEXT)),
        PushFault::NulInText => each(&|line| with_text(is_in_columns, line, WITH_NUL)),
        PushFault::EmptyWorkCode if is_in_columns => each(&|line| with_column(line, WORK_CODE, b"")),
        PushFault::UnknownKeys if !is_in_columns => each(&|line| [line, b"\tBrandNew=7"].concat()),
        _ => return body.clone(),
    };
    changed.concat().into()
}

/// Puts a text where no meaning is lost: into a reserved column, into a name, or into one more field.
fn with_text(is_in_columns: bool, line: &[u8], text: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"\tName=";
    if is_in_columns {
        return with_column(line, RESERVED, text);
    }
    match line.windows(NAME.len()).position(|window| window.eq_ignore_ascii_case(NAME)) {
        Some(at) => {
            let (before, after) = line.split_at(at + NAME.len());
            [before, text, after].concat()
        }
        None => [line, b"\tsitecode=", text].concat(),
    }
}

/// Sets a column. Lines that end before it stay as they are.
fn with_column(line: &[u8], column: usize, value: &[u8]) -> Vec<u8> {
    let mut columns: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
    if let Some(place) = columns.get_mut(column) {
        *place = value;
    }
    columns.join(&b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use zk_push::SerialNumber;

    fn struck(fault: PushFault) -> (String, Bytes) {
        let serial = SerialNumber::new("A1").unwrap();
        let head = Head::new(Method::Post, Endpoint::Cdata, serial).with("table", "ATTLOG").with("Stamp", "9999");
        let body = Bytes::from_static(b"1\t2026-03-01 08:00:00\t0\t1\t7\t0\t0\n2\t2026-03-01 08:00:01\t0\t1\n");
        let outgoing = strike(Dialect::Attendance, Outgoing { head, body }, fault);
        (outgoing.head.target(), outgoing.body)
    }

    #[test]
    fn a_fault_changes_what_it_says_and_no_more() {
        let (target, body) = struck(PushFault::Ping);
        assert_eq!(target, "/iclock/cdata?SN=A1&table=ATTLOG&Stamp=9999");
        assert_eq!(
            struck(PushFault::DoubledPrefix),
            ("/iclock/iclock/cdata?SN=A1&table=ATTLOG&Stamp=9999".into(), body)
        );
        assert_eq!(struck(PushFault::Aspx).0, "/iclock/cdata.aspx?SN=A1&table=ATTLOG&Stamp=9999");
        assert_eq!(struck(PushFault::OtherStamp).0, format!("/iclock/cdata?SN=A1&table=ATTLOG&OpStamp={STAMP}"));
        let text = |fault| String::from_utf8_lossy(&struck(fault).1).into_owned();
        assert_eq!(text(PushFault::Reversed), "2\t2026-03-01 08:00:01\t0\t1\n1\t2026-03-01 08:00:00\t0\t1\t7\t0\t0\n");
        assert!(text(PushFault::EmptyWorkCode).starts_with("1\t2026-03-01 08:00:00\t0\t1\t\t0\t0\n2\t"));
        assert!(text(PushFault::MixedEnds).ends_with("\t0\n2\t2026-03-01 08:00:01\t0\t1"));
        assert!(text(PushFault::NulInText).contains("\t7\tA\0B\t0\n2\t2026-03-01 08:00:01\t0\t1\n"));
        assert_eq!(struck(PushFault::Oversize).1.split(|byte| *byte == b'\n').count(), MAX_RECORDS + 2 + 1);
    }
}
