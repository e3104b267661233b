#![allow(dead_code, reason = "each test file uses a part")]
//! The rows that readers of a table find: the same on every database.

use attendance_model::conformance::sample_punch;
use attendance_model::{AttendanceEvent, Context, PunchState, Rules, normalize};
use chrono::{NaiveDate, NaiveDateTime};

fn at(day: u32, hour: u32, minute: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2024, 2, day).unwrap().and_hms_opt(hour, minute, 0).unwrap()
}

/// Three people on two days, one of them the leap day: two punches, one, and three at two terminals, in no order.
pub(crate) fn events() -> Vec<AttendanceEvent> {
    let punches = [
        ("7", at(28, 16, 30), 1, "back"),
        ("7", at(28, 8, 0), 0, "front"),
        ("42", at(28, 9, 15), 255, "front"),
        ("7", at(29, 12, 0), 0, "front"),
        ("7", at(29, 23, 59), 0, "front"),
        ("7", at(29, 0, 0), 1, "back"),
        ("0042", at(29, 10, 0), 0, "back"),
    ];
    let rules = Rules::default();
    let host_now = at(29, 23, 59);
    let event = |(user_id, time, state, name): (&str, NaiveDateTime, u8, &str)| {
        let mut punch = sample_punch(0);
        punch.user_id = user_id.to_owned();
        punch.local_time = time.into();
        punch.punch_state = PunchState(state);
        punch.device_name = name.to_owned();
        normalize(punch, &Context { zone: None, rules: &rules, host_now }).unwrap()
    };
    punches.map(event).into()
}

/// `daily_attendance`, in its order of person and day: as text, an absent last punch empty.
pub(crate) const DAILY: [[&str; 5]; 4] = [
    ["0042", "2024-02-29", "2024-02-29 10:00:00", "", "1"],
    ["42", "2024-02-28", "2024-02-28 09:15:00", "", "1"],
    ["7", "2024-02-28", "2024-02-28 08:00:00", "2024-02-28 16:30:00", "2"],
    ["7", "2024-02-29", "2024-02-29 00:00:00", "2024-02-29 23:59:00", "3"],
];

/// `latest_punch`: person, time, terminal.
pub(crate) const LATEST: [[&str; 3]; 3] = [
    ["0042", "2024-02-29 10:00:00", "back"],
    ["42", "2024-02-28 09:15:00", "front"],
    ["7", "2024-02-29 23:59:00", "front"],
];

/// The statements of a fenced block of the README, `sql KIND`.
pub(crate) fn of_the_readme(kind: &str) -> String {
    let readme = include_str!("../../README.md");
    let begin = format!("```sql {kind}\n");
    readme.split(&begin).nth(1).unwrap().split("```").next().unwrap().to_owned()
}
