//! Terminals that call over TLS: a certificate of files, which is read again when they change.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::common::World;
use crate::serving::{SERIAL, Serving, configure, until, upload};

const LISTEN: &str =
    "[push]\nlisten_tls = \"127.0.0.1:0\"\ncertificate = \"server.pem\"\ncertificate_key = \"server.key\"";

/// Writes a new certificate of its own, and returns it.
fn certify(world: &World) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    // The files do not fit together for a moment.
    world.write("server.pem", made.cert.pem());
    world.write("server.key", made.signing_key.serialize_pem());
    made.cert.pem()
}

/// Uploads a row by a client that trusts one certificate alone. `None` if the handshake fails.
fn upload_over_tls(world: &World, serving: &Serving, certificate: &str, row: &str) -> Option<String> {
    upload_to(world, serving.address, certificate, row)
}

fn upload_to(world: &World, address: SocketAddr, certificate: &str, row: &str) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let connector = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
    world.runtime.block_on(async {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.ok()?;
        let (target, length) = (format!("/iclock/cdata?SN={SERIAL}&table=ATTLOG&Stamp=9999"), row.len());
        let head = format!("POST {target} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(format!("{head}{row}").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A server need not say goodbye.
        let _ = stream.read_to_end(&mut answer).await;
        Some(String::from_utf8(answer).unwrap())
    })
}

#[test]
fn a_terminal_is_answered_over_tls_and_a_new_certificate_is_taken_while_serve_runs() {
    let world = World::new();
    configure(&world, LISTEN);
    let first = certify(&world);
    let serving = Serving::start_with(&world, &["serve"]);
    let answer = upload_over_tls(&world, &serving, &first, "7\t2026-03-01 08:00:00\t0\t1\n").unwrap();
    assert!(answer.ends_with("\r\n\r\nOK: 1"), "{answer}");
    assert_eq!(
        upload(serving.address, SERIAL, "8\t2026-03-01 08:00:00\t0\t1\n"),
        None,
        "nobody speaks plain HTTP here"
    );
    let health = || world.cli(&["health", "--json"]).stdout;
    until("it is counted", || health().contains("\"refused\":{\"tls\":1}"));

    let second = certify(&world);
    let row = "9\t2026-03-01 08:00:00\t0\t1\n";
    until("the new one is in use", || upload_over_tls(&world, &serving, &second, row).is_some());
    assert_eq!(upload_over_tls(&world, &serving, &first, row), None);
    // Files that cannot be used change nothing.
    world.write("server.pem", "garbage");
    world.write("state/reload", "");
    until("it was read again", || !world.path().join("state/reload").exists());
    assert!(upload_over_tls(&world, &serving, &second, row).unwrap().ends_with("OK: 1"));
    assert_eq!(serving.ends("-TERM"), 0);
}

#[test]
fn a_terminal_that_falls_back_from_tls_is_named_once_for_each_change_until_somebody_approves_it() {
    let world = World::new();
    configure(&world, &LISTEN.replace("[push]", "[push]\nlisten = \"127.0.0.1:0\""));
    let certificate = certify(&world);
    let mut minute = 0;
    let mut row = || {
        minute += 1;
        format!("7\t2026-03-01 08:{minute:02}:00\t0\t1\n")
    };
    let secure = |serving: &Serving| {
        let prefix = "terminals may call https://";
        until("it listens for both", || serving.said().contains(prefix));
        let said = serving.said();
        let line = said.lines().find_map(|line| line.strip_prefix(prefix));
        line.unwrap().parse::<SocketAddr>().unwrap()
    };
    let complaint = || {
        let status: Value = serde_json::from_str(&world.cli(&["status", "--json"]).stdout).unwrap();
        let is_said = status["attention"].to_string().contains("it spoke TLS before");
        assert_eq!(status["terminals"][0]["fell_back"], is_said, "{status}");
        is_said
    };
    let named = |serving: &Serving| serving.said().matches("terminal branch spoke TLS before").count();

    let serving = Serving::start_with(&world, &["serve"]);
    let tls = secure(&serving);
    for over_tls in [false, true, true, false, false, true, false] {
        let answer = match over_tls {
            true => upload_to(&world, tls, &certificate, &row()),
            false => serving.upload(SERIAL, &row()),
        };
        assert!(answer.unwrap().ends_with("OK: 1"));
    }
    until("both times are named", || named(&serving) == 2);
    until("the ledger has it", complaint);
    assert_eq!(serving.ends("-TERM"), 0);

    // A restart is no change.
    let serving = Serving::start_with(&world, &["serve"]);
    secure(&serving);
    serving.upload(SERIAL, &row()).unwrap();
    assert!(complaint());
    let approved = world.cli(&["push", "approve", SERIAL]).ended(0);
    assert!(!complaint(), "{approved:?}");
    serving.upload(SERIAL, &row()).unwrap();
    assert!(!complaint());
    assert_eq!((named(&serving), serving.ends("-TERM")), (0, 0));
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_before_anything_happens() {
    let world = World::new();
    configure(&world, LISTEN);
    let refused = world.cli(&["serve"]).ended(10);
    assert!(refused.stderr.contains("cannot read") && refused.stderr.contains("server.pem"), "{refused:?}");
    let _ = certify(&world);
    let key = world.read("server.key");
    let _ = certify(&world);
    world.write("server.key", key);
    let refused = world.cli(&["serve"]).ended(10);
    assert!(refused.stderr.contains("cannot use") && !refused.stderr.contains("PRIVATE KEY"), "{refused:?}");
    assert!(!world.path().join("state").exists());
    configure(&world, "[push]\nlisten_tls = \"127.0.0.1:0\"");
    let refused = world.cli(&["config", "check"]).ended(10);
    assert!(refused.stderr.contains("push.certificate is missing"), "{refused:?}");
}
