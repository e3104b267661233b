//! Odoo: the punches of a person become attendances, which have a way in and a way out.

mod call;
mod plan;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use async_trait::async_trait;
use attendance_model::day::{DayRules, Pairing};
use attendance_model::{
    AttendanceEvent, Capabilities, IdScheme, Instant, Notice, OptionsError, Outcome, Secret, Settings, Sink, SinkError,
    SinkErrorKind, SinkUrl,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};
use url::Url;

use self::call::{Caller, Failed, WORDS};
use self::plan::{Attendance, Plan, Rules, Span, Step};
use crate::client::{Client, Line};
use crate::error::Doing;
use crate::options::{address_of, holds, is_open};

/// Events in a batch: each may need two calls.
const BATCH: usize = 20;
/// The most attendances that are read of one person: those of a day, and some that are later.
const MOST: usize = 200;
/// The number of times that a day is read and written again if somebody else writes to it at the same time.
const TRIES: usize = 4;
/// No zone is further from UTC, whatever its clocks do.
const WIDEST: TimeDelta = TimeDelta::hours(15);
/// The form of a moment, which is in UTC.
const MOMENT: &str = "%Y-%m-%d %H:%M:%S";

const SETTINGS: [&str; 12] = [
    "database",
    "day_begins",
    "employee_field",
    "ids",
    "login",
    "no_proxy",
    "pairing",
    "password",
    "proxy",
    "timeout",
    "tls_ca",
    "zone",
];

const EMPLOYEE: &str = "hr.employee";
const ATTENDANCE: &str = "hr.attendance";

/// The options of [`OdooSink`], made of a URL and settings. Prints without secrets.
#[derive(Clone)]
pub struct OdooOptions {
    name: String,
    site: Url,
    database: String,
    login: String,
    password: Secret,
    employee_field: &'static str,
    zone: Option<Tz>,
    day: DayRules,
    line: Line,
}

impl OdooOptions {
    /// Reads the URL and settings of the sink `name`: `odoo:https://SITE`, or `odoo:http://` within a trusted network.
    /// Contacts nothing.
    ///
    /// Settings: `database`; `login` and `password` of a user, or an API key in the password's place, which does not go
    /// after the URL; `employee_field`, the field of an employee that has the terminal's user id (`barcode`, the
    /// default, or `pin`); `zone`, by which days begin, and by which the time of a terminal without a zone is read (an
    /// IANA name; by default each punch's own); `day_begins` (default `00:00`); `pairing` (`declared`, the default,
    /// `in-turn` or `first-and-last`); `ids` (always `iclock-sync-v1`); `timeout` of one request (default `30s`); and
    /// `proxy`, `no_proxy` and `tls_ca` of [`Outgoing`](attendance_model::Outgoing).
    ///
    /// # Errors
    /// [`OptionsError`] names the key, what is wrong with it and what to write instead; never a secret.
    pub fn parse(name: &str, url: &str, settings: Settings) -> Result<Self, OptionsError> {
        let split = SinkUrl::split(url);
        if holds(split.query, "password") {
            return Err(OptionsError::new("url", "has a password after the question mark")
                .hint("set `password` next to the URL"));
        }
        let mut settings = settings.and_query(split.query)?;
        let mut site = address_of("url", split.path)
            .map_err(|error| OptionsError::new(error.key, error.problem).hint("write odoo:https://SITE"))?;
        if !site.path().ends_with('/') {
            site.set_path(&format!("{}/", site.path()));
        }
        let (database, login) = (settings.take("database"), settings.take("login"));
        let password = settings.take_secret("password");
        if settings.take_ids()? == Some(IdScheme::Full) {
            return Err(OptionsError::new("ids", "cannot be full: Odoo knows a punch by its person and second")
                .hint("leave it out"));
        }
        let employee_field = match settings.take("employee_field").as_deref() {
            None | Some("barcode") => "barcode",
            Some("pin") => "pin",
            Some(other) => {
                return Err(OptionsError::new("employee_field", format!("{other:?} is not barcode or pin"))
                    .hint("write barcode, which is the badge ID, or pin"));
            }
        };
        let zone = settings.take_parsed("zone", "a time zone", "write an IANA name, such as Indian/Maldives")?;
        let day = day_of(&mut settings)?;
        let line = Line::take(&mut settings)?;
        settings.finish(&SETTINGS)?;
        let missing = |key: &str, hint: &str| OptionsError::new(key, "is missing").hint(hint);
        Ok(Self {
            name: name.to_owned(),
            site,
            database: database.ok_or_else(|| missing("database", "write the name of Odoo's database"))?,
            login: login.ok_or_else(|| missing("login", "write the login of a user of Odoo"))?,
            password: password.ok_or_else(|| missing("password", "make an API key: Preferences, Account Security"))?,
            employee_field,
            zone,
            day,
            line,
        })
    }

    fn target(&self) -> String {
        format!("odoo:{}{}", self.site, self.database)
    }
}

fn day_of(settings: &mut Settings) -> Result<DayRules, OptionsError> {
    let mut rules = DayRules::default();
    if let Some(text) = settings.take("day_begins") {
        rules.begins = NaiveTime::parse_from_str(&text, "%H:%M").map_err(|_| {
            OptionsError::new("day_begins", format!("{text:?} is no time of day")).hint("write it like 04:00")
        })?;
    }
    rules.pairing = match settings.take("pairing").as_deref() {
        None | Some("declared") => Pairing::Declared,
        Some("in-turn") => Pairing::InTurn,
        Some("first-and-last") => Pairing::FirstAndLast,
        Some(other) => {
            return Err(OptionsError::new("pairing", format!("{other:?} is no way of pairing"))
                .hint("write declared, in-turn or first-and-last"));
        }
    };
    Ok(rules)
}

impl fmt::Debug for OdooOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OdooOptions").field("name", &self.name).field("target", &self.target()).finish_non_exhaustive()
    }
}

/// Makes attendances of the events of each person and day. A person's punch is known by its second, so the ids are
/// those of [`IdScheme::IclockSyncV1`].
#[derive(Debug)]
pub struct OdooSink {
    options: OdooOptions,
    caller: Caller,
}

/// An event, its place in the batch and its moment.
type Placed<'a> = (usize, &'a AttendanceEvent, DateTime<Utc>);

impl OdooSink {
    /// Contacts nothing: the first probe or write does.
    ///
    /// # Errors
    /// [`OptionsError`] if the file of `tls_ca` cannot be used.
    pub fn open(options: OdooOptions) -> Result<Self, OptionsError> {
        let client = Client::open(options.target(), &options.line, &WORDS)?;
        let caller = Caller::new(client, &options.site);
        Ok(Self { options, caller })
    }

    async fn execute(&self, doing: Doing, on: (&str, &str), arguments: Value, named: Value) -> Result<Value, Failed> {
        self.caller.execute(doing, &self.options, on, arguments, named).await
    }

    /// The employees of these user ids. An archived one is not found.
    async fn employees(&self, batch: &[AttendanceEvent]) -> Result<HashMap<String, Vec<i64>>, Failed> {
        let field = self.options.employee_field;
        let mut ids: Vec<&str> = batch.iter().map(|event| event.user_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = self
            .execute(
                Doing::Write,
                (EMPLOYEE, "search_read"),
                json!([[[field, "in", ids]]]),
                json!({ "fields": ["id", field] }),
            )
            .await?;
        let mut employees: HashMap<String, Vec<i64>> = HashMap::new();
        for row in found.as_array().ok_or_else(|| self.caller.misfit(Doing::Write, &found))? {
            let (Some(id), Some(value)) = (row["id"].as_i64(), row[field].as_str()) else {
                return Err(self.caller.misfit(Doing::Write, row));
            };
            employees.entry(value.to_owned()).or_default().push(id);
        }
        Ok(employees)
    }

    /// The attendances of an employee that matter for a day: those that are open, of that day, or later.
    async fn attendances(&self, employee: i64, date: NaiveDate) -> Result<Vec<Attendance>, Failed> {
        let from = (date.and_time(self.options.day.begins).and_utc() - WIDEST).format(MOMENT).to_string();
        let found = self
            .execute(
                Doing::Write,
                (ATTENDANCE, "search_read"),
                json!([[
                    ["employee_id", "=", employee],
                    "|",
                    ["check_out", "=", false],
                    "|",
                    ["check_out", ">=", from],
                    ["check_in", ">=", from],
                ]]),
                json!({ "fields": ["id", "check_in", "check_out"], "order": "check_in asc, id asc", "limit": MOST }),
            )
            .await?;
        let moment = |value: &Value| {
            let text = value.as_str()?;
            Some(NaiveDateTime::parse_from_str(text.get(..19)?, MOMENT).ok()?.and_utc())
        };
        let read = |row: &Value| {
            let span = Span { r#in: moment(&row["check_in"])?, out: moment(&row["check_out"]) };
            Some(Attendance { id: row["id"].as_i64()?, span })
        };
        let rows = found.as_array().and_then(|rows| rows.iter().map(read).collect());
        rows.ok_or_else(|| self.caller.misfit(Doing::Write, &found))
    }

    /// Makes the changes of a plan in one call, which Odoo does as a whole or not at all. It goes through the employee,
    /// so that two such calls for one person come one after the other.
    async fn carry_out(&self, employee: i64, steps: &[Step]) -> Result<(), Failed> {
        let times = |span: Span| {
            let text = |utc: DateTime<Utc>| utc.format(MOMENT).to_string();
            json!({ "check_in": text(span.r#in), "check_out": span.out.map_or(json!(false), |out| json!(text(out))) })
        };
        let command = |step: &Step| match step {
            Step::Create(span) => json!([0, 0, times(*span)]),
            Step::Change(changed) => json!([1, changed.id, times(changed.span)]),
            Step::Remove(id) => json!([2, id, 0]),
        };
        let commands: Vec<Value> = steps.iter().map(command).collect();
        let arguments = json!([[employee], { "attendance_ids": commands }]);
        let done = self.execute(Doing::Write, (EMPLOYEE, "write"), arguments, json!({})).await?;
        if done == json!(true) { Ok(()) } else { Err(self.caller.misfit(Doing::Write, &done)) }
    }

    /// Writes the events of one employee and day, and says for each if it is stored now.
    async fn write_day(
        &self,
        employee: i64,
        date: NaiveDate,
        rules: &Rules,
        events: &[Placed<'_>],
    ) -> Result<Vec<Outcome>, Failed> {
        let punches: Vec<_> = events.iter().map(|(_, event, utc)| rules.punch(*utc, event.punch_state)).collect();
        let mut tries = 1;
        let Plan { mut before, after, .. } = loop {
            let there = self.attendances(employee, date).await?;
            if there.len() >= MOST && there.iter().all(|known| rules.date_of(known.span.r#in) <= date) {
                let reason = format!("Odoo has {MOST} attendances or more of this person up to that day");
                return Ok(vec![Outcome::Rejected { reason }; events.len()]);
            }
            let plan = plan::plan(&there, &punches, date, rules, Utc::now() + TimeDelta::days(1));
            if plan.steps.is_empty() {
                break plan;
            }
            match self.carry_out(employee, &plan.steps).await {
                Ok(()) => break plan,
                Err(Failed::Refused(_)) if tries < TRIES => tries += 1,
                Err(failed) => return Err(failed),
            }
        };
        let outcome = |(_, _, utc): &Placed<'_>| match after.contains(utc) && before.insert(*utc) {
            true => Outcome::Stored,
            false => Outcome::AlreadyStored,
        };
        Ok(events.iter().map(outcome).collect())
    }

    /// The moment of an event, and the zone of its day.
    fn moment(&self, event: &AttendanceEvent) -> Result<(DateTime<Utc>, Tz), SinkError> {
        match (event.instant, self.options.zone) {
            (Some(instant), zone) => Ok((instant.utc, zone.unwrap_or(instant.zone))),
            (None, Some(zone)) => Ok((Instant::of(event.local_time, zone).utc, zone)),
            (None, None) => {
                let said = format!("the time zone of terminal {} is not known, and Odoo wants UTC", event.device_name);
                let hint = "set `zone` of the terminals, or of this sink";
                Err(self.caller.client.receiver.error(Doing::Write, SinkErrorKind::Schema, hint, said))
            }
        }
    }

    fn nobody(&self, employees: usize, user_id: &str) -> Outcome {
        let field = self.options.employee_field;
        let reason = match employees {
            0 => format!("Odoo has no active employee whose {field} is {user_id}"),
            more => format!("Odoo has {more} employees whose {field} is {user_id}"),
        };
        Outcome::Rejected { reason }
    }
}

#[async_trait]
impl Sink for OdooSink {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn target(&self) -> String {
        self.options.target()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(BATCH, IdScheme::IclockSyncV1).some_fields().without_lookup()
    }

    /// Signs in, and reads an employee's field and an attendance.
    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        let field = self.options.employee_field;
        let people =
            self.execute(Doing::Probe, (EMPLOYEE, "search_count"), json!([[[field, "!=", false]]]), json!({})).await?;
        self.execute(Doing::Probe, (ATTENDANCE, "search_read"), json!([[]]), json!({ "fields": ["id"], "limit": 1 }))
            .await?;
        let mut notices = Vec::new();
        if is_open(&self.options.site) {
            let message = format!("people's data and the password go to {} unencrypted", self.target());
            notices.push(Notice::new(message).hint("let the site speak TLS, and write odoo:https://"));
        }
        if people.as_u64() == Some(0) {
            let message = format!("no employee in {} has a {field}, so every event will be rejected", self.target());
            notices.push(Notice::new(message).hint("write each person's user id at the terminals into that field"));
        }
        Ok(notices)
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        let employees = if batch.is_empty() { HashMap::new() } else { self.employees(batch).await? };
        let mut outcomes = vec![Outcome::AlreadyStored; batch.len()];
        let mut days: BTreeMap<(i64, NaiveDate), (Rules, Vec<Placed<'_>>)> = BTreeMap::new();
        for (place, event) in batch.iter().enumerate() {
            let (utc, zone) = self.moment(event)?;
            let rules = Rules { zone, day: self.options.day.clone() };
            match employees.get(&event.user_id).map(Vec::as_slice).unwrap_or_default() {
                [employee] => {
                    let day = days.entry((*employee, rules.date_of(utc))).or_insert_with(|| (rules, Vec::new()));
                    day.1.push((place, event, utc));
                }
                others => outcomes[place] = self.nobody(others.len(), &event.user_id),
            }
        }
        for ((employee, date), (rules, events)) in days {
            let written = self.write_day(employee, date, &rules, &events).await?;
            for ((place, ..), outcome) in events.iter().zip(written) {
                outcomes[*place] = outcome;
            }
        }
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The usual settings and these. One without a value is left out.
    fn parse(url: &str, settings: &[(&str, &str)]) -> Result<OdooOptions, OptionsError> {
        let usual = [("database", "school"), ("login", "clerk"), ("password", "hunter2")];
        let mut all: BTreeMap<&str, &str> = usual.into_iter().collect();
        all.extend(settings.iter().copied());
        let settings = all.into_iter().filter(|(_, value)| !value.is_empty());
        OdooOptions::parse("erp", url, Settings::new(settings.map(|(key, value)| (key.to_owned(), value.to_owned()))))
    }

    #[test]
    fn a_target_is_a_database_of_a_site() {
        let target = |url: &str| parse(url, &[]).unwrap().target();
        assert_eq!(target("odoo:https://erp.example"), "odoo:https://erp.example/school");
        assert_eq!(target("odoo:https://erp.example/hr?pairing=in-turn"), "odoo:https://erp.example/hr/school");
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_key() {
        for (url, settings, key) in [
            ("odoo:ftp://erp.example", &[][..], "url"),
            ("odoo://erp.example", &[], "url"),
            ("odoo:https://ann:hunter2@erp.example", &[], "url"),
            ("odoo:https://erp.example?password=hunter2", &[], "url"),
            ("odoo:https://erp.example", &[("database", "")], "database"),
            ("odoo:https://erp.example", &[("login", "")], "login"),
            ("odoo:https://erp.example", &[("password", "")], "password"),
            ("odoo:https://erp.example", &[("employee_field", "name")], "employee_field"),
            ("odoo:https://erp.example", &[("zone", "Male")], "zone"),
            ("odoo:https://erp.example", &[("day_begins", "noon")], "day_begins"),
            ("odoo:https://erp.example", &[("pairing", "in_turn")], "pairing"),
            ("odoo:https://erp.example", &[("ids", "full")], "ids"),
            ("odoo:https://erp.example", &[("table", "x")], "table"),
        ] {
            let error = parse(url, settings).unwrap_err();
            assert!(error.key == key && error.hint.is_some(), "{url} {settings:?}: {error:?}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        assert!(!format!("{:?}", parse("odoo:https://erp.example", &[]).unwrap()).contains("hunter"));
    }
}
