//! Who gives an order, for the audit.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use zk_push::server::Peer;

use crate::access::{Caller, Role};
use crate::problem::Problem;

/// Who gives an order, and the address from which it comes.
#[derive(Clone, Debug)]
pub(crate) struct By {
    pub(crate) name: String,
    caller: Caller,
    pub(crate) from: Option<IpAddr>,
}

/// The role is not enough.
pub(crate) fn too_little(caller: &Caller, needs: Role) -> Problem {
    let what = format!("{caller} has the role {}; this needs {}", caller.role.as_str(), needs.as_str());
    let hint = format!("ask the administrator of this server for the role {}", needs.as_str());
    Problem::new(StatusCode::FORBIDDEN, what).hint(hint)
}

impl By {
    /// Refuses those who may not do as much as this role.
    pub(crate) fn require(&self, role: Role) -> Result<(), Problem> {
        if self.caller.role >= role { Ok(()) } else { Err(too_little(&self.caller, role)) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The guard has put it there.
        let caller = parts.extensions.get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "nobody looked up who gives this order")
                .hint("the log of the server says more")
        })?;
        let name = caller.to_string();
        let from = parts.extensions.get::<Peer>().map(|Peer(address)| address.ip().to_canonical());
        Ok(Self { name, caller, from })
    }
}
