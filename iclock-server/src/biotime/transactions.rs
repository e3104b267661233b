//! Punches, by page and by number.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use iclock_sync::LedgerError;
use iclock_sync::query::{Filter, Names, NumberedEvent, NumberedPage, PageOrder, Query};
use serde::Serialize;

use super::paging::Listing;
use super::personnel::AREA_NAME;
use super::refused::Refused;
use super::{FORMAT, local};
use crate::server::Server;

/// A punch as the vendor's server shows it.
#[derive(Debug, Serialize)]
pub(super) struct Transaction {
    /// The number of the event in the ledger.
    id: i64,
    emp: Option<i64>,
    emp_code: String,
    first_name: String,
    last_name: &'static str,
    department: Option<String>,
    position: Option<String>,
    punch_time: String,
    punch_state: String,
    punch_state_display: &'static str,
    verify_type: u8,
    verify_type_display: String,
    work_code: String,
    gps_location: &'static str,
    area_alias: &'static str,
    terminal_sn: String,
    temperature: f64,
    is_mask: &'static str,
    terminal_alias: String,
    /// The time at which it was read.
    upload_time: String,
    longitude: Option<f64>,
    latitude: Option<f64>,
}

/// Which punches, and in which order.
#[derive(Clone, Debug)]
struct Selection {
    filter: Filter,
    /// The terminal has to have this name, too.
    alias: Option<String>,
    order: PageOrder,
}

/// Lists punches: by default in the order in which they entered, so that pages do not move.
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    listing: Listing,
) -> Result<axum::response::Response, Refused> {
    let selection = Selection::of(&listing)?;
    let asked = listing.clone();
    let (page, names) = server.ask(move |query| selection.page(query, &asked)).await?;
    let rows: Vec<Transaction> = page.events.iter().map(|event| Transaction::of(event, &names)).collect();
    listing.answer(page.count, &rows)
}

/// Returns one punch.
pub(super) async fn one(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<Transaction>, Refused> {
    let id: i64 = id.parse().map_err(|_| Refused::not_found())?;
    let (event, names) = server.ask(move |query| Ok((query.numbered_event(id)?, query.names()?))).await?;
    let event = event.ok_or_else(Refused::not_found)?;
    Ok(Json(Transaction::of(&event, &names)))
}

impl Selection {
    fn of(listing: &Listing) -> Result<Self, Refused> {
        let asked = &listing.asked;
        let text = |name| asked.get(name).map(str::to_owned);
        let (serial, alias) = (text("terminal_sn"), text("terminal_alias"));
        let mut filter = Filter::default();
        filter.user = text("emp_code");
        filter.terminal = serial.clone().or_else(|| alias.clone());
        filter.state = match asked.get("punch_state").map(str::parse) {
            None => None,
            Some(Ok(state)) => Some(state),
            Some(Err(_)) => return Err(Refused::field("punch_state", "Enter a number.")),
        };
        (filter.from, filter.to) = (asked.begins("start_time")?, asked.ends("end_time")?);
        let order = match asked.get("ordering") {
            Some("-upload_time") => PageOrder::LastEntered,
            Some("punch_time") => PageOrder::Time,
            Some("-punch_time") => PageOrder::LatestTime,
            // What entered later came later.
            _ => PageOrder::Entered,
        };
        Ok(Self { filter, alias: alias.filter(|_| serial.is_some()), order })
    }

    fn page(&self, query: &Query, listing: &Listing) -> Result<(NumberedPage, Names), LedgerError> {
        if let (Some(serial), Some(alias)) = (&self.filter.terminal, &self.alias) {
            let terminal = query.ask(|ledger| ledger.terminal(serial))?;
            if terminal.is_none_or(|terminal| terminal.name != *alias) {
                return Ok((NumberedPage::default(), Names::default()));
            }
        }
        let read = |skip, most| query.numbered(&self.filter, self.order, skip, most);
        let count = if listing.is_last() { read(0, 0)?.count } else { 0 };
        let (skip, most) = listing.rows(|| count);
        let page = read(skip, most)?;
        let names = if page.events.is_empty() { Names::default() } else { query.names()? };
        Ok((page, names))
    }
}

impl Transaction {
    fn of(NumberedEvent { number, event, read_at, .. }: &NumberedEvent, names: &Names) -> Self {
        let state = event.punch_state.0;
        Self {
            id: *number,
            emp: None,
            first_name: names.at(&event.device_serial, &event.user_id).unwrap_or_default().to_owned(),
            last_name: "",
            department: names.department(&event.user_id).map(|number| number.to_string()),
            position: None,
            emp_code: event.user_id.clone(),
            punch_time: event.local_time.format(FORMAT).to_string(),
            punch_state: state.to_string(),
            punch_state_display: state_word(state),
            verify_type: event.verify_mode.0,
            verify_type_display: mode_word(event.verify_mode.word(event.source.protocol())),
            work_code: event.work_code.map(|code| code.to_string()).unwrap_or_default(),
            gps_location: "",
            area_alias: AREA_NAME,
            terminal_sn: event.device_serial.clone(),
            temperature: 0.0,
            is_mask: "",
            terminal_alias: event.device_name.clone(),
            upload_time: local(*read_at),
            longitude: None,
            latitude: None,
        }
    }
}

/// The vendor's words. Programs decide by them if somebody came or went.
const fn state_word(state: u8) -> &'static str {
    match state {
        0 => "Check In",
        1 => "Check Out",
        2 => "Break Out",
        3 => "Break In",
        4 => "Overtime In",
        5 => "Overtime Out",
        _ => "Unknown",
    }
}

/// A word of ours as the vendor writes it: with a capital.
fn mode_word(word: Option<&str>) -> String {
    let word = word.unwrap_or("unknown");
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use attendance_model::{Protocol, VerifyMode};

    use super::*;

    #[test]
    fn a_code_has_the_word_of_the_protocol_by_which_it_came() {
        let word = |code, protocol| mode_word(VerifyMode(code).word(protocol));
        assert_eq!(word(0, Protocol::Push), "Any");
        assert_eq!([0, 1, 2, 15].map(|code| word(code, Protocol::Binary)), ["Password", "Fingerprint", "Card", "Face"]);
        assert_eq!(
            (word(5, Protocol::Push), word(7, Protocol::Binary)),
            ("Fingerprint or password".to_owned(), "Unknown".to_owned())
        );
    }
}
