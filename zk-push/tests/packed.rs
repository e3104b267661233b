//! Packed uploads: a log in a `tgz` is counted, read and acknowledged like lines.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use zk_push::chrono::DateTime;
use zk_push::record::Record;
use zk_push::terminal::{Content, Step, Terminal};
use zk_push::{Dialect, Head, Reply, Request};

fn tgz(content: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_cksum();
    tar.append_data(&mut header, "transaction.txt", content.as_bytes()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&tar.into_inner().unwrap()).unwrap();
    gzip.finish().unwrap()
}

/// The content of a request, and its answer once it is stored.
fn accepted(target: &str, body: impl Into<Bytes>) -> (Content, Reply) {
    let head = Head::parse("POST", &format!("/iclock/{target}")).unwrap();
    let mut terminal = Terminal::new(head.serial.clone()).pinned(Dialect::Access);
    match terminal.handle_request(DateTime::UNIX_EPOCH, Request { head, body: body.into() }) {
        Step::Accept(accept) => (accept.batch().content.clone(), accept.stored()),
        other => panic!("{other:?}"),
    }
}

const ROWS: &str = "transaction pin=7\teventtype=0\ttime_second=857920849\tindex=5\n\
                    transaction pin=8\teventtype=0\ttime_second=857920850\tindex=6\n";

#[test]
fn a_packed_log_is_read_by_whatever_way_it_comes() {
    let packed = tgz(ROWS);
    let head = format!("name=transaction.tgz\nsize={}\ndatacode=base64\ndatatype=tgz\0", packed.len());
    let framed = [head.as_bytes(), BASE64_STANDARD.encode(&packed).as_bytes()].concat();
    for (target, body, expected) in [
        (
            "querydata?SN=A1&type=tabledata&cmdid=1&tablename=transaction&count=41&packcnt=1&packidx=1&datafmt=3",
            framed,
            "transaction=2",
        ),
        ("file?SN=A1&cmdid=1&fileseq=1&contenttype=tgz", packed.clone(), "OK"),
        ("cdata?SN=A1&table=tabledata&tablename=transaction&ContentType=tgz", packed, "transaction=2"),
    ] {
        let (content, reply) = accepted(target, body);
        let records: Vec<_> = content.upload().unwrap().records().map(|line| line.record.unwrap()).collect();
        assert!(matches!(records[..], [Record::Keyed(_), Record::Keyed(_)]), "{target}: {records:?}");
        assert_eq!(reply.body, expected, "{target}");
    }
}

#[test]
fn a_packed_file_that_is_damaged_is_handed_on_as_it_came() {
    let body = &tgz(ROWS)[..40];
    let (content, _) = accepted("cdata?SN=A1&table=OPERLOG&ContentType=tgz", body.to_vec());
    assert_eq!(content, Content::Archive(Bytes::copy_from_slice(body)));
}
