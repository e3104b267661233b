//! Receivers that show a certificate.

use std::path::Path;
use std::sync::Arc;

use attendance_model::conformance::sample;
use attendance_model::{Outcome, Settings, Sink, SinkErrorKind};
use sink_http::{HttpOptions, HttpSink};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A receiver that shows a certificate for this name, valid until the end of this year, and answers 200. Its
/// certificate is in `server.pem`; yields its URL.
pub(crate) async fn with_certificate(directory: &Path, name: &str, until_year: i32) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(until_year, 12, 31);
    let certificate = parameters.self_signed(&key).unwrap();
    // With a byte-order mark, as some editors on Windows write it.
    std::fs::write(directory.join("server.pem"), format!("\u{FEFF}{}", certificate.pem())).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            stream.read_u8().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await.unwrap();
            let _ = stream.shutdown().await;
        }
    });
    format!("https://127.0.0.1:{port}/in")
}

fn trusting(url: &str, file: Option<&Path>) -> HttpSink {
    let file = file.map(|file| ("tls_ca".to_owned(), file.display().to_string()));
    let settings = [("timeout".to_owned(), "20s".to_owned())].into_iter().chain(file);
    HttpSink::open(HttpOptions::parse("hook", url, Settings::new(settings)).unwrap()).unwrap()
}

#[tokio::test]
async fn a_certificate_that_is_named_is_trusted_and_others_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("server.pem");
    let url = with_certificate(directory.path(), "127.0.0.1", 2099).await;
    assert_eq!(trusting(&url, Some(&file)).write(&sample(1)).await.unwrap(), [Outcome::Stored]);
    let error = trusting(&url, None).write(&sample(1)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Certificate, "{error:?}");
    for (name, year) in [("127.0.0.1", 2021), ("school.example", 2099)] {
        let url = with_certificate(directory.path(), name, year).await;
        let error = trusting(&url, Some(&file)).write(&sample(1)).await.unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Certificate, "{name} {year}: {error:?}");
        assert!(error.hint.unwrap().contains("tls_ca"));
    }
}

#[tokio::test]
async fn a_file_without_a_certificate_is_named_before_anything_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("missing.pem", None),
        ("empty.pem", Some("")),
        ("text.pem", Some("hello")),
        ("other.pem", Some("-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n")),
    ] {
        let file = directory.path().join(name);
        text.iter().for_each(|text| std::fs::write(&file, text).unwrap());
        let settings = Settings::new([("tls_ca".to_owned(), file.display().to_string())]);
        let options = HttpOptions::parse("hook", "https://127.0.0.1/in", settings).unwrap();
        let error = HttpSink::open(options).unwrap_err();
        assert!(error.key == "tls_ca" && error.problem.contains(name), "{error:?}");
    }
}
