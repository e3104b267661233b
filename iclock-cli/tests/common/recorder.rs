//! A recorder between the program and the Firestore emulator: it forwards every request and counts it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hyper::body::Incoming;
use hyper::client::conn::http2 as client;
use hyper::server::conn::http2 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

use super::World;

/// The number of requests by the path of their method, such as `/google.firestore.v1.Firestore/BatchWrite`.
pub(crate) type Requests = BTreeMap<String, u64>;

pub(crate) struct Recorder {
    address: String,
    seen: Arc<Mutex<Requests>>,
}

impl Recorder {
    /// In front of the emulator at this address.
    pub(crate) fn start(world: &World, emulator: &str) -> Self {
        let listener = world.runtime.block_on(TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (emulator, seen) = (emulator.to_owned(), Arc::<Mutex<Requests>>::default());
        let noted = Arc::clone(&seen);
        world.runtime.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&emulator).await.unwrap();
                tokio::spawn(pass_on(near, far, Arc::clone(&noted)));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the requests since the last call.
    pub(crate) fn take(&self) -> Requests {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn pass_on(near: TcpStream, far: TcpStream, seen: Arc<Mutex<Requests>>) {
    let (emulator, connection) = client::handshake(TokioExecutor::new(), TokioIo::new(far)).await.unwrap();
    tokio::spawn(connection);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut emulator: client::SendRequest<Incoming> = emulator.clone();
        *seen.lock().unwrap().entry(request.uri().path().to_owned()).or_default() += 1;
        async move { emulator.send_request(request).await as hyper::Result<Response<Incoming>> }
    });
    // A client that goes away ends it with an error that does not matter.
    let _ = server::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(near), service).await;
}
