//! A server for the router: HTTP/1 with limits on heads, slow terminals and connections.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::addresses::Addresses;
use super::{Limits, Peer, Refusal};

/// Serves a router until `stops` is ready. Then it takes no more connections, and gives those that are open
/// [`Limits::answer_time`] to finish.
///
/// It speaks HTTP/1.0 and 1.1 without TLS. The header `Date` comes from the clock of this machine, and terminals set
/// their clocks by it.
pub async fn listen(listener: TcpListener, router: Router, limits: Limits, stops: impl Future<Output = ()>) {
    accept(listener, router, limits, Line::Plain, stops).await;
}

/// Serves a router over TLS, as [`listen`] does without.
#[cfg(feature = "tls")]
pub async fn listen_tls(
    listener: TcpListener,
    tls: super::Tls,
    router: Router,
    limits: Limits,
    stops: impl Future<Output = ()>,
) {
    accept(listener, router, limits, Line::Tls(tls), stops).await;
}

/// The way in which terminals speak.
#[derive(Clone, Debug)]
enum Line {
    Plain,
    #[cfg(feature = "tls")]
    Tls(super::Tls),
}

async fn accept(listener: TcpListener, router: Router, limits: Limits, line: Line, stops: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let addresses = Addresses::default();
    let mut connections = JoinSet::new();
    tokio::pin!(stops);
    loop {
        // Finished tasks leave the set here, so that it does not grow.
        while connections.try_join_next().is_some() {}
        let place = tokio::select! {
            () = &mut stops => break,
            place = places.clone().acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = &mut stops => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // No file descriptor is left, or the terminal is gone already.
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Behind a proxy, the requests of each terminal's address count instead.
        let from = match address.ip() {
            ip if limits.proxies.have(ip) => None,
            ip => match addresses.enter(ip, limits.connections_per_address) {
                Some(from) => Some(from),
                None => {
                    tracing::warn!(%address, "too many connections from one address");
                    limits.refusals.tell(Refusal::Connections);
                    continue;
                }
            },
        };
        let (router, limits, line) = (router.clone(), limits.clone(), line.clone());
        connections.spawn(async move {
            let router = router.layer(axum::Extension(Peer(address)));
            match line {
                Line::Plain => serve(stream, router, &limits).await,
                #[cfg(feature = "tls")]
                Line::Tls(tls) => match timeout(limits.head_time, tls.accept(stream)).await {
                    Ok(Ok(stream)) => serve(stream, router.layer(axum::Extension(super::OverTls)), &limits).await,
                    Ok(Err(error)) => {
                        tracing::debug!(%address, %error, "no TLS handshake");
                        limits.refusals.tell(Refusal::Tls);
                    }
                    Err(_) => {
                        tracing::debug!(%address, "the TLS handshake takes too long");
                        limits.refusals.tell(Refusal::Tls);
                    }
                },
            }
            drop((place, from));
        });
    }
    drop(listener);
    let finish = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.answer_time, finish).await.is_err() {
        connections.shutdown().await;
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router, limits: &Limits) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_headers(Limits::HEADERS)
        .max_buf_size(Limits::HEAD)
        // Small clients compare names of headers to the letter.
        .title_case_headers(true)
        .half_close(false);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = match timeout(limits.connection_time, connection.as_mut()).await {
        Ok(ended) => ended,
        Err(_) => {
            // The request at hand still gets its answer.
            connection.as_mut().graceful_shutdown();
            timeout(limits.longest() + limits.answer_time, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
