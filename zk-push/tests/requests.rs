//! Request lines against the vectors, in both directions.

mod push;

use serde_json::Value;
use zk_push::exchange::Exchange;
use zk_push::request::{Endpoint, Head, Info, RequestError};
use zk_push::{Dialect, Field, Reply, Text};

use push::{cases, requests};

#[test]
fn a_target_that_is_written_reads_the_same() {
    for (id, request) in requests() {
        let method = if request.body.is_empty() { "GET" } else { "POST" };
        let head = Head { method: zk_push::request::Method::parse(method), ..request.head };
        assert_eq!(Head::parse(method, &head.target()).as_ref(), Ok(&head), "{id}");
    }
}

#[test]
fn parameters_are_what_the_vectors_say() {
    let mut compared = 0;
    for case in ["handshake", "commands", "att_uploads", "acc_uploads"].iter().flat_map(|set| cases(set)) {
        if !case["request"].is_object() {
            continue;
        }
        let head = push::request(&case["request"]).head;
        let parse = &case["expect"]["parse"];
        for (key, name) in [
            ("sn", "SN"),
            ("options", "options"),
            ("pushver", "pushver"),
            ("language", "language"),
            ("pushcommkey", "pushcommkey"),
            ("device_type", "DeviceType"),
            ("table", "table"),
            ("tablename", "tablename"),
            ("cmdid", "cmdid"),
        ] {
            if let Some(expected) = parse[key].as_str() {
                assert_eq!(head.query.get(name), Some(&expected.into()), "{} {key}", case["id"]);
                compared += 1;
            }
        }
        if let Some(stamp) = parse["stamp"].as_str() {
            assert_eq!(head.stamp(), Some(&stamp.into()), "{}", case["id"]);
        }
        if parse["info"].is_object() {
            compare_info(&parse["info"], &Info::parse(head.query.get("INFO").unwrap()));
        }
    }
    assert!(compared >= 16, "{compared}");
}

fn compare_info(expected: &Value, info: &Info) {
    let number = |value: Option<u32>| value.map_or(Value::Null, Value::from);
    let string = |value: &Option<Text>| value.as_ref().map_or(Value::Null, |value| value.to_string().into());
    for (key, value) in expected.as_object().unwrap() {
        let found = match key.as_str() {
            "firmware" => string(&info.firmware),
            "users" => number(info.users),
            "fingerprints" => number(info.fingerprints),
            "attlogs" => number(info.records),
            "ip" => string(&info.address),
            "fp_version" => string(&info.fingerprint_version),
            "face_version" => string(&info.face_version),
            "faces_required" => number(info.faces_needed),
            "faces" => number(info.faces),
            "flags" => string(&info.functions),
            other => panic!("unknown fact {other}"),
        };
        assert_eq!(&found, value, "{key}");
    }
}

#[test]
fn the_dialect_is_what_the_request_shows() {
    for case in cases("handshake") {
        let Some(expected) = case["expect"]["effects"]["device"]["dialect"].as_str() else { continue };
        let shown = Dialect::evidence(&push::request(&case["request"]).head).unwrap_or(Dialect::Attendance);
        assert_eq!(shown.to_string(), expected, "{}", case["id"]);
    }
    let shown = |target| Dialect::evidence(&Head::parse("POST", target).unwrap());
    assert_eq!(shown("/iclock/cdata?SN=1&table=rtlog"), Some(Dialect::Access));
    assert_eq!(shown("/iclock/registry?SN=1"), Some(Dialect::Access));
    assert_eq!(shown("/iclock/cdata?SN=1&table=OPERLOG"), Some(Dialect::Attendance));
    // The version of the protocol shows nothing: terminals with 3.1.2 speak either dialect.
    assert_eq!(shown("/iclock/cdata?SN=1&pushver=3.1.2"), None);
}

#[test]
fn a_serial_number_that_could_forge_a_log_line_is_refused() {
    let long = format!("/iclock/ping?SN={}", "9".repeat(65));
    for target in [
        "/iclock/cdata?SN=../../etc/passwd%0aX",
        "/iclock/ping?SN=",
        "/iclock/ping?SN=a%20b",
        "/iclock/ping?SN=%FF",
        &long,
    ] {
        assert_eq!(Head::parse("GET", target), Err(RequestError::BadSerial), "{target}");
    }
    assert_eq!(Head::parse("GET", "/iclock/getrequest"), Err(RequestError::NoSerial));
    assert_eq!(Head::parse("GET", "/favicon.ico"), Err(RequestError::NotPush));
    assert_eq!(Head::parse("GET", &format!("/iclock/ping?SN=1&INFO={}", "x".repeat(9000))), Err(RequestError::TooLong));
}

#[test]
fn an_unknown_path_is_kept() {
    let head = Head::parse("GET", "/iclock/FileName=options.cfg?SN=1").unwrap();
    assert_eq!(head.endpoint, Endpoint::Other("filename=options.cfg".into()));
}

/// The secrets in a text, by their keys, and the names and cards of people.
fn private(text: &[u8]) -> Vec<Vec<u8>> {
    let pieces = text.split(|byte| b"\t\r\n\0&".contains(byte));
    let of_piece = |piece: &[u8]| {
        let (key, value) = piece.split_at_checked(piece.iter().position(|byte| *byte == b'=')?)?;
        let key = key.rsplit(|byte| *byte == b' ').next()?.to_ascii_lowercase();
        let field = Field { key: String::from_utf8_lossy(&key).into_owned().as_str().into(), value: None };
        let is_private = field.is_secret() || ["name", "card", "cardno", "vicecard"].contains(&&*field.key.to_string());
        // A short value may be anywhere else, too.
        (is_private && value.len() > 4).then(|| value[1..].to_vec())
    };
    pieces.filter_map(of_piece).collect()
}

#[test]
fn nothing_private_of_the_vectors_is_in_what_may_be_kept() {
    let mut looked = 0;
    for (id, request) in requests() {
        let echo = Reply::text(request.body.clone());
        let exchange = Exchange::new(&request.head, &request.body, &echo);
        let kept = [exchange.line(), exchange.body(), exchange.answer()].concat().into_bytes();
        for value in private(&request.body) {
            let found = kept.windows(value.len()).any(|part| part == value);
            assert!(!found, "{id}: {}\n{}", String::from_utf8_lossy(&value), String::from_utf8_lossy(&kept));
            looked += 1;
        }
    }
    assert!(looked >= 10, "{looked} secrets");
}
