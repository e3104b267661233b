//! `access list`: accounts and tokens, without passwords and without the tokens themselves.

use chrono::{DateTime, Local, Utc};
use iclock_server::access::{AccountInfo, TokenInfo};
use serde::Serialize;

use super::{open, refused};
use crate::config::Config;
use crate::context::Outcome;
use crate::exit_code::ExitCode;
use crate::output::{self, human};

/// A line of the list.
#[derive(Serialize)]
struct Entry {
    kind: &'static str,
    name: String,
    role: &'static str,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    used_at: Option<DateTime<Utc>>,
    /// Of an account: false until its owner has set one.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_password: Option<bool>,
}

pub(super) fn list(config: &Config, json: bool) -> Outcome {
    let access = open(config)?;
    let accounts = access.accounts().map_err(|error| refused(&error))?.into_iter().map(Entry::from);
    let tokens = access.tokens().map_err(|error| refused(&error))?.into_iter().map(Entry::from);
    let entries: Vec<Entry> = accounts.chain(tokens).collect();
    if json {
        entries.iter().for_each(output::json);
        return Ok(ExitCode::Done);
    }
    if entries.is_empty() {
        output::line("nobody has an account, and no program has a token");
        return Ok(ExitCode::Done);
    }
    let time = |time: Option<DateTime<Utc>>| {
        time.map_or_else(|| "-".to_owned(), |time| time.with_timezone(&Local).format("%Y-%m-%d %H:%M").to_string())
    };
    let header = ["name", "kind", "role", "made", "ends", "used last"];
    output::line(human::table(
        &header,
        entries.iter().map(|entry| {
            let kind = if entry.has_password == Some(false) { "account, no password yet" } else { entry.kind };
            let name = output::printable(&entry.name).to_string();
            let role = entry.role.to_owned();
            vec![name, kind.to_owned(), role, time(Some(entry.created_at)), time(entry.expires_at), time(entry.used_at)]
        }),
    ));
    Ok(ExitCode::Done)
}

impl From<AccountInfo> for Entry {
    fn from(account: AccountInfo) -> Self {
        let AccountInfo { name, role, created_at, used_at, has_password, .. } = account;
        let role = role.as_str();
        Self { kind: "account", name, role, created_at, expires_at: None, used_at, has_password: Some(has_password) }
    }
}

impl From<TokenInfo> for Entry {
    fn from(token: TokenInfo) -> Self {
        let TokenInfo { name, role, created_at, expires_at, used_at, .. } = token;
        Self { kind: "token", name, role: role.as_str(), created_at, expires_at, used_at, has_password: None }
    }
}
