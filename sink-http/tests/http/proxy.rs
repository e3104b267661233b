//! A proxy, by which receivers are called that speak TLS.

use std::path::Path;
use std::sync::{Arc, Mutex};

use attendance_model::conformance::sample;
use attendance_model::{Outcome, Settings, Sink, SinkErrorKind};
use sink_http::{HttpOptions, HttpSink};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::tls::with_certificate;

/// A proxy that makes tunnels to this computer, whatever host is asked for, and keeps the heads of what it is asked.
struct Proxy {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// One that answers with this status; `200` makes a tunnel.
    async fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).await.unwrap() > 0 {}
                let port = head.split_whitespace().nth(1).and_then(|to| to.rsplit(':').next()?.parse::<u16>().ok());
                kept.lock().unwrap().push(head);
                stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await.unwrap();
                if status.starts_with("200") {
                    let mut to = TcpStream::connect(("127.0.0.1", port.unwrap())).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut to).await;
                }
            }
        });
        Self { url, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn sink(url: &str, file: &Path, settings: &[(&str, &str)]) -> HttpSink {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let file = [("tls_ca".to_owned(), file.display().to_string()), ("timeout".to_owned(), "20s".to_owned())];
    HttpSink::open(HttpOptions::parse("hook", url, Settings::new(file.into_iter().chain(settings))).unwrap()).unwrap()
}

#[tokio::test]
async fn a_receiver_that_speaks_tls_is_called_through_the_proxy_which_sees_its_name_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("server.pem");
    let (url, proxy) = (with_certificate(directory.path(), "school.example", 2099).await, Proxy::start("200 OK").await);
    let url = url.replace("127.0.0.1", "school.example");
    let with_password = proxy.url.replace("http://", "http://office:p%40ss@");
    let stored = sink(&url, &file, &[("proxy", &with_password)]).write(&sample(1)).await;
    assert_eq!(stored.unwrap(), [Outcome::Stored]);
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1, "{heads:?}");
    let head = heads[0].to_lowercase();
    assert!(head.starts_with("connect school.example:") && !head.contains("/in"), "{head}");
    // office:p@ss
    assert!(heads[0].contains("Basic b2ZmaWNlOnBAc3M="), "{heads:?}");
}

#[tokio::test]
async fn a_host_of_no_proxy_is_called_directly() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("server.pem");
    let (url, proxy) = (with_certificate(directory.path(), "127.0.0.1", 2099).await, Proxy::start("200 OK").await);
    for direct in ["127.0.0.1", ".school.example, 127.0.0.0/8", "*"] {
        let sink = sink(&url, &file, &[("proxy", &proxy.url), ("no_proxy", direct)]);
        assert_eq!(sink.write(&sample(1)).await.unwrap(), [Outcome::Stored], "{direct}");
    }
    let none = sink(&url, &file, &[("proxy", "none")]);
    assert_eq!(none.write(&sample(1)).await.unwrap(), [Outcome::Stored]);
    assert_eq!(proxy.heads(), Vec::<String>::new());
    let through = sink(&url, &file, &[("proxy", &proxy.url), ("no_proxy", "192.0.2.0/24")]);
    assert_eq!(through.write(&sample(1)).await.unwrap(), [Outcome::Stored]);
    assert_eq!(proxy.heads().len(), 1);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("server.pem");
    with_certificate(directory.path(), "school.example", 2099).await;
    for status in ["407 Proxy Authentication Required", "403 Forbidden"] {
        let proxy = Proxy::start(status).await;
        let with_password = proxy.url.replace("http://", "http://office:hunter2@");
        let sink = sink("https://school.example/in", &file, &[("proxy", &with_password)]);
        let error = sink.write(&sample(1)).await.unwrap_err();
        let shown = format!("{error:?}");
        assert_eq!(error.kind, SinkErrorKind::Unreachable, "{shown}");
        assert!(error.hint.unwrap().contains(proxy.url.trim_start_matches("http://")), "{shown}");
        assert!(!shown.contains("hunter2") && !format!("{sink:?}").contains("hunter2"), "{shown}");
        assert_eq!(proxy.heads().len(), 1);
    }
}

#[tokio::test]
async fn a_receiver_that_speaks_no_tls_is_called_directly_and_no_proxy_is_blamed() {
    let proxy = Proxy::start("200 OK").await;
    // Nobody listens there.
    let url = format!("http://{}/in", TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap());
    let settings = Settings::new([("proxy".to_owned(), proxy.url.clone())]);
    let sink = HttpSink::open(HttpOptions::parse("hook", &url, settings).unwrap()).unwrap();
    let error = sink.write(&sample(1)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Unreachable, "{error:?}");
    assert!(!error.hint.unwrap().contains("proxy"));
    assert_eq!(proxy.heads(), Vec::<String>::new());
}

#[tokio::test]
async fn variables_of_the_environment_are_no_settings_of_the_library() {
    // A test may not set them; that they are not read shows in the child.
    let directory = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "proxy::calls_directly", "--ignored", "--nocapture"])
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .current_dir(directory.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "started by the test before it, with a variable"]
async fn calls_directly() {
    let directory = tempfile::tempdir().unwrap();
    let url = with_certificate(directory.path(), "127.0.0.1", 2099).await;
    let sink = sink(&url, &directory.path().join("server.pem"), &[]);
    assert_eq!(sink.write(&sample(1)).await.unwrap(), [Outcome::Stored]);
}
