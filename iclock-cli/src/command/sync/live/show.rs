//! How a punch is shown.

use attendance_model::{Protocol, PunchState, VerifyMode};
use serde::Serialize;
use zk_proto::record::{LivePunch, Who};

use super::people::People;
use crate::command::ledger::attendance::direction;
use crate::command::terminal::base::Terminal;
use crate::output;
use crate::output::punch::{self, Columns};

/// Prints punches, a line for each.
#[derive(Debug)]
pub(super) struct Show {
    json: bool,
    columns: Columns,
}

/// A punch as a line of JSON; `null` for what is not known.
#[derive(Debug, Serialize)]
struct Line<'a> {
    terminal: &'a str,
    address: String,
    local_time: Option<String>,
    user_id: Option<&'a str>,
    /// The slot in the terminal's user table, if the punch names that.
    uid: Option<u16>,
    name: Option<&'a str>,
    punch_state: u8,
    direction: String,
    verify_mode: u8,
    verified_by: Option<&'static str>,
}

impl Show {
    pub(super) fn new<'a>(json: bool, names: impl Iterator<Item = &'a str>) -> Self {
        Self { json, columns: Columns::of(names) }
    }

    pub(super) fn punch(&self, terminal: &Terminal, punch: &LivePunch, people: &People) {
        let line = Line {
            terminal: terminal.name(),
            address: terminal.device().address(),
            local_time: punch.time.map(|time| time.to_string()),
            user_id: people.id(&punch.who).map(|id| id.as_str()),
            uid: match &punch.who {
                Who::Uid(uid) => Some(uid.0),
                Who::UserId(_) => None,
            },
            name: people.name(&punch.who),
            punch_state: punch.punch_state.0,
            direction: direction(PunchState(punch.punch_state.0)),
            verify_mode: punch.verify_mode.0,
            verified_by: VerifyMode(punch.verify_mode.0).word(Protocol::Binary),
        };
        match self.json {
            true => output::json(&line),
            false => output::line(self.text(&line)),
        }
    }

    fn text(&self, line: &Line<'_>) -> String {
        let id = match (line.user_id, line.uid) {
            (Some(id), _) => id.to_owned(),
            (None, Some(uid)) => format!("slot {uid}"),
            (None, None) => String::new(),
        };
        let how = line.verified_by.map_or_else(|| line.verify_mode.to_string(), str::to_owned);
        self.columns.punch(punch::Line {
            time: line.local_time.as_deref().unwrap_or("no date"),
            terminal: line.terminal,
            id: &id,
            name: line.name.unwrap_or_default(),
            direction: &line.direction,
            verified_by: &how,
        })
    }
}
