//! A wire between the sink and the emulator that a test can cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections until it is cut; then it drops them, and new ones at once, until it is mended.
pub(crate) struct Relay {
    address: String,
    /// Whether what comes is thrown away, on connections that stay open.
    silent: Arc<AtomicBool>,
    cut: watch::Sender<bool>,
    /// Bytes that still go towards the emulator before the wire is cut.
    budget: Arc<AtomicI64>,
}

impl Relay {
    pub(crate) async fn start(emulator: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (cut, budget) = (watch::Sender::new(false), Arc::new(AtomicI64::new(i64::MAX)));
        let silent = Arc::new(AtomicBool::new(false));
        let relay = Self { address, silent: Arc::clone(&silent), cut: cut.clone(), budget: Arc::clone(&budget) };
        let emulator = emulator.to_owned();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if !*cut.borrow() {
                    let far = TcpStream::connect(&emulator).await.unwrap();
                    tokio::spawn(forward(near, far, Arc::clone(&silent), cut.clone(), Arc::clone(&budget)));
                }
            }
        });
        relay
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Cuts the wire in the middle of what is sent, once so many more bytes went towards the emulator.
    pub(crate) fn cut_after(&self, bytes: i64) {
        self.budget.store(bytes, Ordering::SeqCst);
    }

    /// Connections stay open, and nothing gets through: a server that was stopped.
    pub(crate) fn silence(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.silent.store(false, Ordering::SeqCst);
        self.budget.store(i64::MAX, Ordering::SeqCst);
        self.cut.send_replace(false);
    }
}

async fn forward(
    near: TcpStream,
    far: TcpStream,
    silent: Arc<AtomicBool>,
    cut: watch::Sender<bool>,
    budget: Arc<AtomicI64>,
) {
    let ((mut from_sink, mut to_sink), (mut from_emulator, mut to_emulator)) = (near.into_split(), far.into_split());
    let upward = async {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from_sink.read(&mut buffer).await {
            if budget.fetch_sub(length as i64, Ordering::SeqCst) < length as i64 {
                cut.send_replace(true);
                return;
            }
            if silent.load(Ordering::SeqCst) {
                continue;
            }
            if to_emulator.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    let mut watched = cut.subscribe();
    tokio::select! {
        () = upward => {}
        _ = tokio::io::copy(&mut from_emulator, &mut to_sink) => {}
        _ = watched.wait_for(|cut| *cut) => {}
    }
}
