//! A service with its receiver, at which terminals call over loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use attendance_model::Sink;
use iclock_sync::receive::{PushAccess, PushReceiver};
use iclock_sync::{CancellationToken, DeviceOptions, Engine, Schedule, Service, ServiceOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zk_push::server::Limits;

use crate::common::State;

pub(crate) const AT_MOST: Duration = Duration::from_secs(60);
pub(crate) const SERIAL: &str = "SN1";

/// A service with its receiver, and the way to end both.
pub(crate) struct Server {
    pub(crate) service: Service,
    pub(crate) receiver: Arc<PushReceiver>,
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(engine: &Engine, devices: &[DeviceOptions], token: Option<&str>) -> Self {
        Self::limited(engine, devices, token, Limits::default()).await
    }

    pub(crate) async fn limited(
        engine: &Engine,
        devices: &[DeviceOptions],
        token: Option<&str>,
        mut limits: Limits,
    ) -> Self {
        let every = ServiceOptions::new(Schedule::fixed(Duration::from_secs(3_600)));
        let service = engine.start(every, &CancellationToken::new()).await.unwrap();
        let receiver = Arc::new(PushReceiver::open(&service, devices, &access(token)).await.unwrap());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        // Simulated time passes faster.
        limits.requests_per_second = 100_000;
        let task = tokio::spawn(Arc::clone(&receiver).serve(listener, limits, stop.clone()));
        Self { service, receiver, address, stop, task }
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        timeout(AT_MOST, self.task).await.unwrap().unwrap();
        drop(self.receiver);
        self.service.shutdown(AT_MOST).await.unwrap();
    }

    /// Sends a request, and returns the answer without its date.
    pub(crate) async fn send(&self, method: &str, target: &str, body: &str) -> String {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may close before it has read everything.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = timeout(AT_MOST, stream.read_to_end(&mut answer)).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        answer.split_inclusive("\r\n").filter(|line| !line.starts_with("Date:")).collect()
    }

    pub(crate) async fn upload(&self, serial: &str, rows: &str) -> String {
        self.send("POST", &format!("/iclock/cdata?SN={serial}&table=ATTLOG&Stamp=9999"), rows).await
    }
}

/// Limits for terminals that stop in the middle of a request.
pub(crate) fn impatient() -> Limits {
    let mut limits = Limits::default();
    (limits.head_time, limits.body_time) = (Duration::from_secs(1), Duration::from_secs(1));
    limits
}

pub(crate) fn access(token: Option<&str>) -> PushAccess {
    let mut access = PushAccess::default();
    access.token = token.map(ToOwned::to_owned);
    access
}

/// The terminal that pushes, as it is configured.
pub(crate) fn pushing() -> DeviceOptions {
    DeviceOptions::push("gate", SERIAL)
}

pub(crate) fn engine(state: &State, sink: &Arc<dyn Sink>) -> Engine {
    state.builder().device(pushing()).sink(Arc::clone(sink)).build().unwrap()
}

pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(AT_MOST, wait).await.unwrap_or_else(|_| panic!("{what}"));
}
