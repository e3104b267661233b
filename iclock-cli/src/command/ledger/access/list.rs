//! `access list`: the tokens, without the tokens themselves.

use chrono::{DateTime, Local, Utc};
use iclock_server::access::TokenInfo;

use super::{open, refused};
use crate::config::Config;
use crate::context::Outcome;
use crate::exit_code::ExitCode;
use crate::output::{self, human};

pub(super) fn list(config: &Config, json: bool) -> Outcome {
    let tokens = open(config)?.tokens().map_err(|error| refused(&error))?;
    if json {
        tokens.iter().for_each(|token| output::json(as_json(token)));
        return Ok(ExitCode::Done);
    }
    if tokens.is_empty() {
        output::line("no program has a token");
        return Ok(ExitCode::Done);
    }
    let time = |time: Option<DateTime<Utc>>| {
        time.map_or_else(|| "-".to_owned(), |time| time.with_timezone(&Local).format("%Y-%m-%d %H:%M").to_string())
    };
    let header = ["name", "role", "made", "ends", "used last"];
    output::line(human::table(
        &header,
        tokens.iter().map(|token| {
            let TokenInfo { name, role, created_at, expires_at, used_at, .. } = token;
            let name = output::printable(name);
            vec![name, role.as_str().to_owned(), time(Some(*created_at)), time(*expires_at), time(*used_at)]
        }),
    ));
    Ok(ExitCode::Done)
}

fn as_json(token: &TokenInfo) -> serde_json::Value {
    serde_json::json!({
        "name": token.name,
        "role": token.role.as_str(),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "used_at": token.used_at,
    })
}
