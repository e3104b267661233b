//! How found terminals are shown.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use chrono::{DateTime, Local, NaiveDateTime, Utc};
use iclock_sync::{TerminalError, chain};
use serde::Serialize;
use zk_proto::client::Found;
use zk_proto::{ClientError, DeviceTime, FreeSizes};

use super::known::{Known, which};
use crate::output::{self, counted, grouped, human};

/// A difference of clocks in seconds that is none: the answer takes a moment.
const SAME: i64 = 2;

/// A found terminal as it is shown; as JSON, `null` for what it did not answer.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    pub(super) address: String,
    #[serde(skip)]
    pub(super) ip: IpAddr,
    #[serde(skip)]
    pub(super) port: u16,
    transport: Option<String>,
    pub(super) serial: Option<String>,
    model: Option<String>,
    firmware: Option<String>,
    platform: Option<String>,
    clock: Option<NaiveDateTime>,
    clock_drift_s: Option<i64>,
    records: Option<u32>,
    users: Option<u32>,
    /// The name of the configured terminal that it is.
    configured: Option<String>,
    /// The configured address of that one, if it was found elsewhere.
    configured_at: Option<String>,
    error: Option<String>,
    #[serde(rename = "try")]
    hint: Option<String>,
}

impl Shown {
    pub(super) fn of(found: Found, known: &[Known]) -> Self {
        let Found { host, port, transport, identity, sizes, time, obstacle, .. } = found;
        // The search tries addresses alone.
        let ip = host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let which = which(known, ip, port, identity.serial.as_deref());
        let clock = time.and_then(DeviceTime::to_naive);
        let here = match which.and_then(|known| known.device.zone) {
            Some(zone) => DateTime::<Utc>::with_timezone(&Utc::now(), &zone).naive_local(),
            None => Local::now().naive_local(),
        };
        let text = |text: Option<String>| text.as_deref().map(output::printable);
        Self {
            address: SocketAddr::new(ip, port).to_string(),
            ip,
            port,
            transport: transport.map(|transport| format!("{transport:?}").to_lowercase()),
            serial: text(identity.serial),
            model: text(identity.device_name),
            firmware: text(identity.firmware),
            platform: text(identity.platform),
            clock,
            clock_drift_s: clock.map(|clock| (clock - here).num_seconds()),
            records: sizes.as_ref().and_then(FreeSizes::records),
            users: sizes.as_ref().and_then(FreeSizes::users),
            configured: which.map(|known| known.device.name.clone()),
            configured_at: which.filter(|known| !known.is_at(ip, port)).map(|known| known.device.address()),
            error: obstacle.as_ref().map(|error| chain(error)),
            hint: obstacle.and_then(hint),
        }
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The serial number, if it gave one.
    pub(crate) fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    /// Why it cannot be used as it is, with the next thing to try; `None` if it can.
    pub(crate) fn obstacle(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(self.hint.as_ref().map_or_else(|| error.clone(), |hint| format!("{error}; {hint}")))
    }

    /// The model, the serial number and the number of records, as far as they are known, or the obstacle.
    pub(crate) fn about(&self) -> String {
        let records = self.records.map(|records| counted(records.into(), "record", "records"));
        let facts: Vec<String> = [self.model.clone(), self.serial.clone(), records].into_iter().flatten().collect();
        match self.error.as_ref().filter(|_| facts.is_empty()) {
            Some(error) => error.clone(),
            None => facts.join(", "),
        }
    }

    fn row(&self) -> Vec<String> {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let clock = match self.clock_drift_s {
            None => "-".to_owned(),
            Some(drift) if drift.abs() <= SAME => "right".to_owned(),
            Some(drift) => format!("{} {}", span(drift.unsigned_abs()), if drift > 0 { "ahead" } else { "behind" }),
        };
        let records = self.records.map_or_else(|| "-".to_owned(), |records| grouped(records.into()));
        let name = match (&self.configured, &self.configured_at) {
            (Some(name), Some(address)) => format!("{name}, at {address}"),
            (Some(name), None) => name.clone(),
            (None, _) => String::new(),
        };
        let (serial, model, firmware) = (text(&self.serial), text(&self.model), text(&self.firmware));
        vec![self.address.clone(), serial, model, firmware, clock, records, name]
    }
}

/// The next thing to try at something that could not be asked.
fn hint(error: ClientError) -> Option<String> {
    match error {
        ClientError::KeyRequired => Some("give its key, with --key ENV:NAME".to_owned()),
        ClientError::WrongKey => Some("look up its key in its menu (Comm), and give it with --key ENV:NAME".to_owned()),
        error => TerminalError::Client(error).hint().map(str::to_owned),
    }
}

/// A difference of clocks in its largest unit.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        // At least two.
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Prints the terminals as a table, and then why the others could not be asked.
pub(super) fn print(found: &[Shown]) {
    let (open, closed): (Vec<&Shown>, Vec<&Shown>) = found.iter().partition(|shown| shown.transport.is_some());
    if found.is_empty() {
        output::line("no terminal answered");
    }
    if !open.is_empty() {
        let header = ["Address", "serial number", "model", "firmware", "clock", "records", "configured as"];
        output::line(human::table(&header, open.iter().map(|shown| shown.row())));
    }
    for shown in closed.iter().chain(open.iter().filter(|shown| shown.error.is_some())) {
        let named = shown.configured.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let error = shown.error.as_deref().unwrap_or_default();
        output::line(human::folded(&format!("{}{named}: {error}", shown.address), 2));
        if let Some(hint) = &shown.hint {
            output::line(format_args!("  {}", human::folded(&format!("try: {hint}"), 7)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_in_its_largest_unit() {
        assert_eq!([5, 300, 18_000, 864_000].map(span), ["5 s", "5 min", "5 h", "10 days"]);
    }
}
