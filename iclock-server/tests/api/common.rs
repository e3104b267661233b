//! A terminal, a service, and a server at a free port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use attendance_model::MemorySink;
use chrono::Utc;
use iclock_server::access::{Access, Role};
use iclock_server::{ServerOptions, router};
use iclock_sync::{CancellationToken, DeviceOptions, Engine, EngineOptions, Schedule, Service, ServiceOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use zk_push::server::{Limits, listen};
use zk_sim::{Terminal, TerminalBuilder};

/// The longest that anything in these tests takes, on a machine that has other work.
pub(crate) const AT_MOST: Duration = Duration::from_secs(60);

pub(crate) struct Scene {
    pub(crate) service: Arc<Service>,
    pub(crate) terminal: zk_sim::Server,
    pub(crate) address: SocketAddr,
    pub(crate) access: Access,
    viewer: String,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    _dir: TempDir,
}

/// The status, the kind of content, and the body of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A terminal with eight people and 60 punches, some of which wait in the quarantine.
pub(crate) fn terminal() -> TerminalBuilder {
    let fault = zk_sim::Fault::parse("empty-user-ids=20").unwrap();
    Terminal::builder().records(60).users(8).seed(7).fault(fault)
}

/// Options that are as usual.
pub(crate) fn usual() -> ServerOptions {
    ServerOptions::default()
}

impl Scene {
    /// Once the terminal has been read.
    pub(crate) async fn start() -> Self {
        Self::with(terminal(), usual()).await
    }

    pub(crate) async fn with(terminal: TerminalBuilder, options: ServerOptions) -> Self {
        Self::beside(terminal, options, &[]).await
    }

    /// With terminals that push.
    pub(crate) async fn beside(terminal: TerminalBuilder, options: ServerOptions, pushing: &[DeviceOptions]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let terminal = zk_sim::Server::start(terminal.build(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let mut device = DeviceOptions::new("gate", terminal.addr().ip().to_string());
        device.port = terminal.addr().port();
        let sink = Arc::new(MemorySink::new("school"));
        let mut of_engine = EngineOptions::default();
        of_engine.names = options.biotime;
        let builder = Engine::builder(dir.path()).options(of_engine).device(device).sink(sink);
        let engine = pushing.iter().cloned().fold(builder, |builder, device| builder.device(device)).build().unwrap();
        let stop = CancellationToken::new();
        let schedule = ServiceOptions::new(Schedule::fixed(Duration::from_secs(3_600)));
        let service = Arc::new(engine.start(schedule, &stop).await.unwrap());
        until("the terminal was polled", || service.status().terminals["gate"].polls > 0).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = router(&service, options).unwrap();
        let serving = tokio::spawn(listen(listener, router, Limits::default(), stop.clone().cancelled_owned()));
        let access = Access::open(dir.path()).unwrap();
        let viewer = access.create("viewer", Role::Viewer, None, Utc::now()).unwrap().reveal().to_owned();
        Self { service, terminal, address, access, viewer, stop, serving, _dir: dir }
    }

    pub(crate) fn token(&self, name: &str, role: Role) -> String {
        self.access.create(name, role, None, Utc::now()).unwrap().reveal().to_owned()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks as a viewer, and is answered with 200.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let answer = self.ask(reqwest::Method::GET, path, Some(&self.viewer)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer
    }

    /// Asks for `/api/v1` and a path as a viewer.
    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(&format!("/api/v1{path}")).await.json()
    }

    /// The request of a viewer, which is not sent yet.
    pub(crate) fn request(&self, path: &str) -> reqwest::RequestBuilder {
        reqwest::Client::new().get(self.url(path)).bearer_auth(&self.viewer)
    }

    pub(crate) async fn ask(&self, method: reqwest::Method, path: &str, token: Option<&str>) -> Answer {
        self.send(method, path, token, None).await
    }

    /// Asks with a body.
    pub(crate) async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let request = reqwest::Client::new().request(method, self.url(path));
        let request = body.into_iter().fold(request, reqwest::RequestBuilder::json);
        let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        answer(request).await
    }

    /// Ends the server and the service.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        timeout(AT_MOST, self.serving).await.expect("the server ends").unwrap();
        let service = Arc::into_inner(self.service).expect("the server keeps no service alive");
        service.shutdown(AT_MOST).await.unwrap();
    }
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = timeout(AT_MOST, request.send()).await.expect("it answers").unwrap();
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let (status, kind) = (response.status().as_u16(), kind.unwrap_or_default());
    let bytes = response.bytes().await.unwrap().to_vec();
    Answer { status, kind, text: String::from_utf8_lossy(&bytes).into_owned(), bytes }
}

pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(AT_MOST, wait).await.unwrap_or_else(|_| panic!("not within {AT_MOST:?}: {what}"));
}
