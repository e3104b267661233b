//! Attendances of Odoo: the suite against a double, and what becomes of punches that come late, twice, or of nobody.

use attendance_model::conformance::{Harness, View, sample, sample_with};
use attendance_model::{AttendanceEvent, EventId, Instant, Outcome, PunchState, Settings, Sink, SinkErrorKind};
use chrono::{NaiveDateTime, TimeDelta};
use sink_http::{OdooOptions, OdooSink};

use crate::odoo_double::{Site, at};

struct Erp {
    site: Site,
    sink: OdooSink,
}

fn view(user_id: &str, utc: NaiveDateTime, direction: &str) -> View {
    View::new(EventId::iclock_sync_v1(user_id, utc))
        .with("user_id", user_id.to_owned())
        .with("utc_time", utc.to_string())
        .with("punch_state", direction.to_owned())
}

impl Harness for Erp {
    const BIG_LOG: usize = 800;

    async fn fresh() -> Self {
        let site = Site::start().await;
        let sink = site.sink(&[]);
        Self { site, sink }
    }

    fn sink(&self) -> &dyn Sink {
        &self.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        Box::new(self.site.sink(&[]))
    }

    async fn stored(&self) -> Vec<View> {
        self.site.inside(|inside| {
            let punches = inside.rows.iter().flat_map(|row| {
                let badge = inside.badge_of(row.employee);
                match row.out {
                    Some(out) if out - row.r#in == TimeDelta::seconds(1) => vec![view(&badge, out, "1")],
                    Some(out) if out > row.r#in => vec![view(&badge, row.r#in, "0"), view(&badge, out, "1")],
                    _ => vec![view(&badge, row.r#in, "0")],
                }
            });
            punches.collect()
        })
    }

    fn view(&self, event: &AttendanceEvent) -> View {
        let zone = event.instant.map_or(chrono_tz::Tz::Indian__Maldives, |instant| instant.zone);
        let utc = Instant::of(event.local_time, zone).utc.naive_utc();
        // What does not say is a way in, if there is nothing before it.
        view(&event.user_id, utc, if event.punch_state == PunchState(1) { "1" } else { "0" })
    }
}

attendance_model::sink_conformance!(Erp);

/// A punch of person 7, in UTC.
fn punch(utc: &str, state: u8) -> AttendanceEvent {
    sample_with(|event| {
        event.user_id = "7".to_owned();
        event.local_time = at(utc) + TimeDelta::hours(5);
        event.punch_state = PunchState(state);
    })
}

async fn write(sink: &OdooSink, punches: &[(&str, u8)]) -> Vec<Outcome> {
    let batch: Vec<AttendanceEvent> = punches.iter().map(|(utc, state)| punch(utc, *state)).collect();
    sink.write(&batch).await.unwrap()
}

#[tokio::test]
async fn a_late_punch_changes_its_day_and_the_next_day_stays() {
    let site = Site::start().await;
    let sink = site.sink(&[]);
    let days = [("2026-03-02 03:00:00", 0), ("2026-03-02 12:00:00", 1), ("2026-03-03 03:00:00", 0)];
    assert_eq!(write(&sink, &days).await, vec![Outcome::Stored; 3]);
    let expected = ["2026-03-02 03:00:00 2026-03-02 12:00:00", "2026-03-03 03:00:00 -"];
    assert_eq!(site.spans("7"), expected);
    let late = [("2026-03-02 07:00:00", 1), ("2026-03-02 08:00:00", 0)];
    assert_eq!(write(&sink, &late).await, vec![Outcome::Stored; 2]);
    let expected =
        ["2026-03-02 03:00:00 2026-03-02 07:00:00", "2026-03-02 08:00:00 2026-03-02 12:00:00", "2026-03-03 03:00:00 -"];
    assert_eq!(site.spans("7"), expected);
    // Everything again, by a program that knows nothing.
    let all = [&days[..], &late].concat();
    assert_eq!(write(&site.sink(&[]), &all).await, vec![Outcome::AlreadyStored; 5]);
    assert_eq!(site.spans("7"), expected);
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_is_found_and_not_repeated() {
    let site = Site::start().await;
    let sink = site.sink(&[]);
    let day = [("2026-03-02 03:00:00", 0), ("2026-03-02 12:00:00", 1)].map(|(utc, state)| punch(utc, state));
    sink.write(&day[..1]).await.unwrap();
    site.inside(|inside| inside.loses_answer = true);
    assert!(sink.write(&day).await.unwrap_err().is_transient());
    assert_eq!(site.sink(&[]).write(&day).await.unwrap(), vec![Outcome::AlreadyStored; 2]);
    assert_eq!(site.spans("7"), ["2026-03-02 03:00:00 2026-03-02 12:00:00"]);
}

#[tokio::test]
async fn what_somebody_else_writes_at_the_same_time_is_read_again() {
    let site = Site::start().await;
    let employee = site.inside(|inside| inside.employee("7").unwrap());
    site.inside(|inside| inside.meanwhile = vec![(employee, "2026-03-02 03:00:00", None)]);
    let stored = write(&site.sink(&[]), &[("2026-03-02 04:00:00", 0)]).await;
    assert_eq!(stored, [Outcome::Stored]);
    assert_eq!(site.spans("7"), ["2026-03-02 03:00:00 2026-03-02 03:00:00", "2026-03-02 04:00:00 -"]);
}

#[tokio::test]
async fn a_day_that_odoo_refuses_is_an_error_with_its_words() {
    let site = Site::start().await;
    let employee = site.inside(|inside| inside.employee("7").unwrap());
    // Somebody entered a night by hand, and the terminal says that the person came within it.
    site.inside(|inside| inside.add(employee, "2026-03-02 15:00:00", Some("2026-03-03 01:00:00")));
    let error = site.sink(&[]).write(&[punch("2026-03-02 20:00:00", 0)]).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Invalid);
    assert!(format!("{:?}", error.source).contains("was already checked in"), "{error:?}");
    assert_eq!(site.spans("7"), ["2026-03-02 15:00:00 2026-03-03 01:00:00"]);
}

#[tokio::test]
async fn an_end_of_a_long_attendance_that_somebody_entered_is_known() {
    let site = Site::start().await;
    let employee = site.inside(|inside| inside.employee("7").unwrap());
    site.inside(|inside| inside.add(employee, "2026-03-01 00:00:00", Some("2026-03-03 12:00:00")));
    assert_eq!(write(&site.sink(&[]), &[("2026-03-03 12:00:00", 1)]).await, [Outcome::AlreadyStored]);
}

#[tokio::test]
async fn a_person_whom_odoo_does_not_know_or_knows_twice_is_rejected_alone() {
    let site = Site::start().await;
    site.inside(|inside| {
        inside.nobody.insert("2".to_owned());
        inside.badges.insert("4".to_owned(), vec![1, 2]);
    });
    let outcomes = site.sink(&[("employee_field", "pin")]).write(&sample(5)).await.unwrap();
    let rejected = |reason: &str| Outcome::Rejected { reason: reason.to_owned() };
    let expected = [
        Outcome::Stored,
        rejected("Odoo has no active employee whose pin is 2"),
        Outcome::Stored,
        rejected("Odoo has 2 employees whose pin is 4"),
        Outcome::Stored,
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(site.inside(|inside| inside.rows.len()), 3);
}

#[tokio::test]
async fn the_moment_is_that_of_the_terminals_zone_and_the_day_that_of_the_sinks() {
    let site = Site::start().await;
    let zoned = |utc: &str, state| {
        let mut event = punch(utc, state);
        event.local_time = at(utc) + TimeDelta::hours(9);
        event.instant = Some(Instant::of(event.local_time, chrono_tz::Tz::Asia__Tokyo));
        event
    };
    // In Tokyo it is midnight between these, and on the Maldives it is not.
    let evening = [zoned("2026-03-02 14:00:00", 0), zoned("2026-03-02 16:00:00", 1)];
    site.sink(&[]).write(&evening).await.unwrap();
    assert_eq!(site.spans("7"), ["2026-03-02 14:00:00 2026-03-02 16:00:00"]);
    let site = Site::start().await;
    site.sink(&[("zone", "")]).write(&evening).await.unwrap();
    assert_eq!(site.spans("7"), ["2026-03-02 14:00:00 2026-03-02 14:00:00", "2026-03-02 15:59:59 2026-03-02 16:00:00"]);
    // Without any zone nothing is sent, and nothing is lost.
    let error = site.sink(&[("zone", "")]).write(&[punch("2026-03-02 04:00:00", 0)]).await.unwrap_err();
    assert!(error.kind == SinkErrorKind::Schema && error.hint.unwrap().contains("zone"));
}

#[tokio::test]
async fn night_shifts_and_people_who_press_no_key_have_their_settings() {
    let site = Site::start().await;
    let night = [("2026-03-02 17:00:00", 0), ("2026-03-03 01:00:00", 1)];
    write(&site.sink(&[("day_begins", "12:00")]), &night).await;
    assert_eq!(site.spans("7"), ["2026-03-02 17:00:00 2026-03-03 01:00:00"]);
    let site = Site::start().await;
    let sink = site.sink(&[("pairing", "in-turn")]);
    write(&sink, &[("2026-03-02 04:00:00", 0), ("2026-03-02 08:00:00", 0)]).await;
    write(&sink, &[("2026-03-02 03:00:00", 0), ("2026-03-02 09:00:00", 0)]).await;
    assert_eq!(site.spans("7"), ["2026-03-02 03:00:00 2026-03-02 04:00:00", "2026-03-02 08:00:00 2026-03-02 09:00:00"]);
}

#[tokio::test]
async fn a_usual_punch_is_three_calls() {
    let site = Site::start().await;
    let sink = site.sink(&[]);
    write(&sink, &[("2026-03-02 03:00:00", 0)]).await;
    write(&sink, &[("2026-03-02 12:00:00", 1)]).await;
    let calls: Vec<String> = site.inside(|inside| inside.calls.iter().map(|(name, _)| name.clone()).collect());
    assert_eq!(calls, ["hr.employee.search_read", "hr.attendance.search_read", "hr.employee.write"].repeat(2));
}

#[tokio::test]
async fn wrong_credentials_and_a_wrong_place_are_found_before_anything_is_sent() {
    let site = Site::start().await;
    let probe = async |settings: &[(&str, &str)]| site.sink(settings).probe().await;
    let notices = probe(&[]).await.unwrap();
    assert!(notices.len() == 1 && notices[0].message.contains("no employee"), "{notices:?}");
    site.inside(|inside| inside.employee("7"));
    assert_eq!(probe(&[]).await.unwrap(), []);
    let error = probe(&[("password", "hunter2")]).await.unwrap_err();
    assert!(error.kind == SinkErrorKind::Credentials && error.hint.as_deref().unwrap().contains("password"));
    assert!(!format!("{error:?}").contains("hunter2"));
    let error = probe(&[("database", "other")]).await.unwrap_err();
    assert!(error.kind == SinkErrorKind::Missing && error.hint.unwrap().contains("database"));
    let settings = [("database", "school"), ("login", "clerk"), ("password", "k3y")];
    let settings = Settings::new(settings.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let elsewhere = format!("odoo:http://{}/web", site.address);
    let sink = OdooSink::open(OdooOptions::parse("erp", &elsewhere, settings).unwrap()).unwrap();
    assert_eq!(sink.probe().await.unwrap_err().kind, SinkErrorKind::Missing);
}

#[tokio::test]
async fn an_error_says_by_its_class_what_to_do() {
    use SinkErrorKind::{Busy, Credentials, Invalid, Missing, Rights, Schema};
    let fault = |name: &str, words: &str| {
        let data = serde_json::json!({ "name": name, "message": words, "debug": "Traceback", "arguments": [] });
        serde_json::json!({ "error": { "code": 200, "message": "Odoo Server Error", "data": data } }).to_string()
    };
    let cases = [
        (200, fault("odoo.exceptions.AccessDenied", "Access Denied"), Credentials),
        (200, fault("odoo.exceptions.AccessError", "You are not allowed to access 'Employee'"), Rights),
        (200, fault("odoo.exceptions.UserError", "Object hr.attendance doesn't exist"), Missing),
        (200, fault("odoo.exceptions.ValidationError", "This period is locked."), Invalid),
        (200, fault("psycopg2.errors.SerializationFailure", "could not serialize access"), Busy),
        (200, fault("psycopg2.OperationalError", "connection to server failed"), Busy),
        (200, fault("builtins.ValueError", "Invalid field 'barcode' on model 'hr.employee'"), Schema),
        (200, "<html>Login</html>".to_owned(), Schema),
        (200, "{}".to_owned(), Schema),
        (429, String::new(), Busy),
        (502, String::new(), Busy),
        (303, String::new(), Missing),
    ];
    for (status, body, kind) in cases {
        let site = Site::start().await;
        let sink = site.sink(&[]);
        write(&sink, &[("2026-03-02 03:00:00", 0)]).await;
        site.inside(|inside| inside.instead = Some((status, body.clone())));
        let error = sink.write(&[punch("2026-03-02 12:00:00", 1)]).await.unwrap_err();
        assert_eq!(error.kind, kind, "{status} {body}");
        assert!(error.hint.is_some());
        site.inside(|inside| inside.instead = None);
        assert_eq!(write(&sink, &[("2026-03-02 12:00:00", 1)]).await, [Outcome::Stored], "{status} {body}");
    }
}
