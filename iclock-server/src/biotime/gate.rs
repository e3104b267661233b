//! Who may read: a token of ours, one that was given for a password, or the name and password themselves.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use zk_push::server::Peer;

use super::login::{self, Unknown};
use super::refused::Refused;
use crate::access::{Caller, Role};
use crate::guard;
use crate::server::Server;

/// Who asks, as the request says it.
#[derive(Debug, PartialEq, Eq)]
enum Sent {
    Token(String),
    Password(String, String),
}

/// Lets a request pass whose caller may read.
pub(super) async fn allow(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let address = request.extensions().get::<Peer>().map(|Peer(address)| address.ip());
    let caller = match Sent::of(request.headers()).ok_or_else(Refused::nobody)? {
        Sent::Token(token) => by_token(&server, token).await?,
        Sent::Password(name, password) => by_password(&server, name, password, address).await?,
    };
    server.rates.pass(&caller.to_string(), Instant::now()).map_err(Refused::too_many)?;
    if caller.role < Role::Viewer {
        let what = "You do not have permission to perform this action.";
        return Err(Refused::new(StatusCode::FORBIDDEN, what));
    }
    Ok(next.run(request).await)
}

impl Sent {
    /// Programs write the scheme in capitals or not.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
        let rest = rest.trim();
        match scheme.to_ascii_lowercase().as_str() {
            "jwt" | "token" | "bearer" => Some(Self::Token(rest.to_owned())),
            "basic" => {
                let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
                let (name, password) = text.split_once(':')?;
                Some(Self::Password(name.to_owned(), password.to_owned()))
            }
            _ => None,
        }
    }
}

async fn by_token(server: &Arc<Server>, token: String) -> Result<Caller, Refused> {
    let access = Arc::clone(&server.access);
    let caller = server.blocking(move || {
        let now = Utc::now();
        access.caller(&token, now)?.map_or_else(|| access.granted(&token, now), |caller| Ok(Some(caller)))
    });
    let caller = caller.await?.map_err(|error| guard::unreadable(&error))?;
    caller.ok_or_else(|| Refused::new(StatusCode::UNAUTHORIZED, "Invalid token."))
}

async fn by_password(
    server: &Arc<Server>,
    name: String,
    password: String,
    address: Option<IpAddr>,
) -> Result<Caller, Refused> {
    login::known(server, name, password, address).await.map_err(|unknown| match unknown {
        Unknown::Wrong => Refused::new(StatusCode::UNAUTHORIZED, "Invalid username/password."),
        Unknown::Wait(wait) => Refused::too_many(wait),
        Unknown::Unreadable(problem) => problem.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_say_who_asks_is_understood() {
        let sent = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, text.parse().unwrap());
            Sent::of(&headers)
        };
        for text in ["JWT t", "jwt t", "Token t", "token  t ", "Bearer t"] {
            assert_eq!(sent(text), Some(Sent::Token("t".to_owned())), "{text}");
        }
        let password = |name: &str, password: &str| Some(Sent::Password(name.to_owned(), password.to_owned()));
        assert_eq!(sent(&format!("Basic {}", STANDARD.encode("office:a:b"))), password("office", "a:b"));
        assert_eq!(sent(&format!("basic {}", STANDARD.encode("office:"))), password("office", ""));
        for text in ["", "t", "Digest t", "Basic !", "Basic b2ZmaWNl"] {
            assert_eq!(sent(text), None, "{text}");
        }
        assert_eq!(Sent::of(&HeaderMap::new()), None);
    }
}
