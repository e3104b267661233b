//! An axum router for terminals, over a [`Receiver`] that stores what they send.
//!
//! The router takes raw bodies: no form, no JSON, no typed query, whose errors would answer with a status that a
//! terminal retries forever. Each answer is plain text with a length, never HTML, a redirect or compressed.
//! [`listen()`] runs it with limits on headers and slow terminals, which a router alone cannot have; with the feature
//! `tls`, `listen_tls` does so over TLS.
//!
//! The order is fixed: the serial number is checked, the receiver admits the terminal, then the body is read, the batch
//! is stored, and only then the answer goes out.

mod addresses;
mod body;
mod gate;
mod handle;
mod limits;
mod listen;
mod receiver;
#[cfg(feature = "tls")]
mod tls;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;

use gate::Gate;

pub use axum;
pub use limits::{Limits, Proxies, Refusals};
pub use listen::listen;
#[cfg(feature = "tls")]
pub use listen::listen_tls;
pub use receiver::{Admission, NotStored, OverTls, Peer, Receiver, Refusal, Visitor};
#[cfg(feature = "tls")]
pub use rustls;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};

/// Builds the router. Every path reaches it, so that an operator may choose any prefix; mount it on a port of its own.
pub fn router<R: Receiver>(receiver: Arc<R>, limits: Limits) -> Router {
    let (gate, limits) = (Gate::new(&limits), Arc::new(limits));
    Router::new().fallback(move |request: Request<Body>| {
        let (receiver, limits, gate) = (receiver.clone(), limits.clone(), gate.clone());
        async move { handle::answer(&*receiver, &limits, &gate, request).await }
    })
}
