//! Requests that a fault sends before another one. Nothing depends on their answers.

use bytes::{Bytes, BytesMut};
use zk_push::record::{KeyedRecord, Photo};
use zk_push::request::{Endpoint, Method};
use zk_push::{Dialect, Fields, Head};

use super::device::{Outgoing, PushDevice};
use super::fault::PushFault;

/// The times that an empty upload is sent.
const FLOOD: usize = 3;
/// Two operations without a line end between them.
const GLUED: &str = "OPLOG 4\t14\t2026-07-30 10:22:34\t0\t0\t0\t0OPLOG 5\t14\t2026-07-30 10:22:35\t0\t0\t0\t0";
const PARAMETERS: &str = "~MaxPvCount=,MAC=00:17:61:00:00:01 ,~OS=Linux,";
/// Base64 that was damaged on its way.
const DAMAGED: &str = "AA*A!=A=";

/// The requests that go before one that this fault strikes. `last` is the last upload.
pub(super) fn before(device: &PushDevice, fault: PushFault, last: Option<&Outgoing>) -> Vec<Outgoing> {
    let upload = |table: &str, body: &str| post(device, table, None, Bytes::from(body.to_owned()));
    let is_access = device.profile().dialect == Dialect::Access;
    match (fault, is_access) {
        (PushFault::Replay, _) => last.into_iter().cloned().collect(),
        (PushFault::Ping, _) => {
            vec![device.request(Method::Get, Endpoint::Ping, |_, head| head, Bytes::new())]
        }
        (PushFault::EmptyUploads, false) => vec![upload("OPERLOG", ""); FLOOD],
        (PushFault::Parameters, _) => vec![upload("options", PARAMETERS)],
        (PushFault::GluedOperations, false) => vec![upload("OPERLOG", GLUED)],
        (PushFault::UnknownTable, _) => vec![upload("NEWTABLE", "NEWTABLE A=1\tB=2\n")],
        (PushFault::BadBase64, false) => {
            let finger = Fields::default().with("PIN", "1").with("FID", "0").with("Size", "8").with("Valid", "1");
            vec![post(device, "OPERLOG", None, row("FP", finger.with("TMP", DAMAGED)))]
        }
        (PushFault::BadBase64, true) => {
            let finger = Fields::default().with("size", "8").with("pin", "1").with("fingerid", "0").with("valid", "1");
            vec![post(device, "tabledata", Some("templatev10"), row("templatev10", finger.with("template", DAMAGED)))]
        }
        (PushFault::WrongSize, _) => vec![post(device, "ATTPHOTO", None, photo(device))],
        (PushFault::Pictures, true) => ["userpic", "biophoto"]
            .map(|table| {
                let picture = Fields::default().with("pin", "1").with("filename", "1.jpg");
                let picture = picture.with("size", "8").with("content", "/9j/4AAQ");
                post(device, "tabledata", Some(table), row(table, picture))
            })
            .into(),
        (PushFault::NobodysEvents, true) => vec![
            upload("rtlog", "time=2026-03-01 07:00:00\tpin=0\tcardno=0\teventaddr=1\tevent=206\tindex=0\n"),
            upload("rtstate", "time=2026-03-01 07:00:00\tsensor=02\trelay=00\talarm=00\tdoor=01\n"),
        ],
        _ => Vec::new(),
    }
}

fn post(device: &PushDevice, table: &str, name: Option<&str>, body: Bytes) -> Outgoing {
    let parameters = |_: &PushDevice, head: Head| match name {
        Some(name) => head.with("table", table).with("tablename", name).with("count", "1"),
        None => head.with("table", table).with("Stamp", "9999"),
    };
    device.request(Method::Post, Endpoint::Cdata, parameters, body)
}

fn row(tag: &str, fields: Fields) -> Bytes {
    let mut out = BytesMut::new();
    KeyedRecord::new(tag, fields).write(&mut out);
    out.freeze()
}

/// A photo of which a part is missing.
fn photo(device: &PushDevice) -> Bytes {
    let photo = Photo {
        name: "20260301070000-1.jpg".into(),
        serial: Some(device.profile().serial.as_str().into()),
        size: 4_096,
        command: Some("uploadphoto".into()),
        data: Bytes::from_static(b"\xFF\xD8\xFF\xE0"),
        size_differs: true,
    };
    let mut out = BytesMut::new();
    photo.write(&mut out);
    out.freeze()
}
