//! The report as a page for a browser and for paper.

use std::fmt::Write as _;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, Timelike as _};
use iclock_sync::timesheet::{Person, Totals};

use super::Sheet;
use super::chart::{self, Bar};
use super::columns::remark;
use super::html::{document, text};
use crate::output::sheet::hours;
use crate::output::{counted, grouped};

/// The page of a report that was made at this time.
pub(super) fn page(sheet: &Sheet, made: NaiveDateTime) -> String {
    let period = sheet.timesheet.period;
    let mut body = format!("<h1>{}</h1>\n", text(&sheet.title));
    let at = sheet.terminal.as_ref().map(|terminal| format!(" at {terminal}")).unwrap_or_default();
    let people = counted(sheet.timesheet.people.len() as u64, "person", "people");
    let about = format!("Attendance of {people}{at}. Made on {}.", made.format("%Y-%m-%d %H:%M"));
    let _ = writeln!(body, "<p class=\"about\">{}</p>", text(&about));
    if period.from == period.to {
        daily(sheet, period.from, &mut body)
    } else {
        monthly(sheet, &mut body)
    }
    document(&format!("Attendance: {}", sheet.title), &body)
}

fn monthly(sheet: &Sheet, body: &mut String) {
    let mut totals = Totals::default();
    sheet.timesheet.people.iter().for_each(|person| totals += person.totals());
    tiles(
        &[
            ("people", grouped(totals.people)),
            ("days present", grouped(totals.days)),
            ("hours", hours(totals.worked)),
            ("late", grouped(totals.late)),
            ("absent", grouped(totals.absent)),
            ("missing punches", grouped(totals.missing_in + totals.missing_out)),
        ],
        body,
    );
    body.push_str("<div class=\"charts\">\n");
    let bar = |date: NaiveDate| Bar { label: date.day().to_string(), parts: presence(sheet, date) };
    let bars: Vec<Bar> = sheet.timesheet.period.dates().map(bar).collect();
    section("People per day", &chart::bars("People per day", &bars), body);
    body.push_str("<p class=\"legend\"><b class=\"good\"></b>on time <b class=\"late\"></b>late ");
    body.push_str("<b class=\"away\"></b>absent</p>\n</section>\n");
    let departments = sheet.timesheet.departments();
    if departments.len() > 1 && !sheet.departments.are_unused {
        let rows: Vec<_> = departments
            .into_iter()
            .map(|(number, totals)| {
                let days = totals.days.max(1) as f64;
                let average = totals.worked.num_minutes() as f64 / days;
                let told = format!("{}:{:02}", average as u64 / 60, average as u64 % 60);
                (name_or(&sheet.departments.name(number), "none"), average, told)
            })
            .collect();
        section("Hours per person and day", &chart::rows("Hours per person and day by department", &rows), body);
        body.push_str("</section>\n");
    }
    body.push_str("</div>\n");
    month_table(sheet, &totals, body);
}

/// The people of a day: on time, late, absent.
fn presence(sheet: &Sheet, date: NaiveDate) -> Vec<(&'static str, u64)> {
    let (mut on_time, mut late, mut absent) = (0, 0, 0);
    for person in &sheet.timesheet.people {
        match person.on(date) {
            Some(day) if day.late.is_some() => late += 1,
            Some(_) => on_time += 1,
            None => absent += u64::from(person.absent.binary_search(&date).is_ok()),
        }
    }
    vec![("good", on_time), ("late", late), ("away", absent)]
}

fn month_table(sheet: &Sheet, all: &Totals, body: &mut String) {
    let dates: Vec<NaiveDate> = sheet.timesheet.period.dates().collect();
    let with_departments = !sheet.departments.are_unused;
    let free = |date: &NaiveDate| {
        let rules = &sheet.rules;
        if !rules.working_days.is_empty() && !rules.is_working_day(*date) { " free" } else { "" }
    };
    body.push_str(
        "<h2>People</h2>\n<div class=\"scroll\"><table class=\"month\">\n<thead><tr><th>id</th><th>name</th>",
    );
    body.push_str(if with_departments { "<th>department</th>" } else { "" });
    for date in &dates {
        let letter = date.format("%a").to_string().chars().take(2).collect::<String>();
        let _ = write!(body, "<th class=\"d{}\">{letter}<br>{}</th>", free(date), date.day());
    }
    for label in ["days", "hours", "late", "absent", "missing"] {
        let _ = write!(body, "<th class=\"number\">{label}</th>");
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for person in &sheet.timesheet.people {
        let _ = write!(body, "<tr><td>{}</td>{}", text(&person.user_id), name_cell(person));
        if with_departments {
            let _ = write!(body, "<td>{}</td>", text(&sheet.departments.name(person.department)));
        }
        for date in &dates {
            let (class, mark) = mark(person, *date);
            let title = day_in_words(sheet, person, *date);
            let _ = write!(body, "<td class=\"d {class}{}\" title=\"{}\">{mark}</td>", free(date), text(&title));
        }
        sums(&person.totals(), body);
        body.push_str("</tr>\n");
    }
    let width = 2 + usize::from(with_departments) + dates.len();
    let _ = write!(body, "</tbody>\n<tfoot><tr><td colspan=\"{width}\">all</td>");
    sums(all, body);
    body.push_str("</tr></tfoot>\n</table></div>\n");
    body.push_str("<p class=\"legend\">P present, L late, M a punch is missing, A absent</p>\n");
}

fn sums(totals: &Totals, body: &mut String) {
    let missing = totals.missing_in + totals.missing_out;
    for value in
        [grouped(totals.days), hours(totals.worked), grouped(totals.late), grouped(totals.absent), grouped(missing)]
    {
        let _ = write!(body, "<td class=\"number\">{value}</td>");
    }
}

fn mark(person: &Person, date: NaiveDate) -> (&'static str, &'static str) {
    match person.on(date) {
        Some(day) if day.missing_in + day.missing_out > 0 => ("M", "M"),
        Some(day) if day.late.is_some() => ("L", "L"),
        Some(_) => ("P", "P"),
        None if person.absent.binary_search(&date).is_ok() => ("A", "A"),
        None => ("", ""),
    }
}

/// A day for a pointer that rests on it: `2026-11-02 08:01 to 16:00, late by 0:01`.
fn day_in_words(sheet: &Sheet, person: &Person, date: NaiveDate) -> String {
    let mut words = date.to_string();
    if let Some(day) = person.on(date) {
        let _ = write!(words, " {} to {}", day.day.first.local.format("%H:%M"), day.day.last.local.format("%H:%M"));
        if let Some(late) = day.late {
            let _ = write!(words, ", late by {}", hours(late));
        }
    }
    let remark = remark(sheet, person, date);
    if remark.is_empty() { words } else { format!("{words}, {remark}") }
}

fn daily(sheet: &Sheet, date: NaiveDate, body: &mut String) {
    let people = &sheet.timesheet.people;
    let here = people.iter().filter(|person| person.on(date).is_some());
    let count = |remarks: &[&str]| {
        grouped(people.iter().filter(|person| remarks.contains(&remark(sheet, person, date))).count() as u64)
    };
    let late = here.clone().filter(|person| person.on(date).is_some_and(|day| day.late.is_some())).count();
    tiles(
        &[
            ("present", grouped(here.clone().count() as u64)),
            ("late", grouped(late as u64)),
            ("absent", count(&["absent", "not here yet"])),
            ("still in", count(&["still in"])),
            ("missing a punch", count(&["no punch in", "no punch out", "no punch in and out"])),
        ],
        body,
    );
    let days: Vec<_> = here.filter_map(|person| person.on(date)).collect();
    let by_hour = |of: &dyn Fn(&iclock_sync::timesheet::WorkDay) -> Option<u32>| {
        let hour = |hour: u32| days.iter().filter(|day| of(day) == Some(hour)).count() as u64;
        let bar = |at: u32| Bar { label: at.to_string(), parts: vec![("bar", hour(at))] };
        (0..24).map(bar).collect::<Vec<_>>()
    };
    body.push_str("<div class=\"charts\">\n");
    let came = by_hour(&|day| day.day.first_in().map(|punch| punch.local.hour()));
    section("First in, by hour", &chart::bars("People by the hour of their first punch in", &came), body);
    body.push_str("</section>\n");
    let left = by_hour(&|day| day.day.last_out().map(|punch| punch.local.hour()));
    section("Last out, by hour", &chart::bars("People by the hour of their last punch out", &left), body);
    body.push_str("</section>\n</div>\n<h2>People</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    let with_departments = !sheet.departments.are_unused;
    let labels = ["id", "name"].into_iter().chain(with_departments.then_some("department"));
    for label in labels {
        let _ = write!(body, "<th>{label}</th>");
    }
    for label in ["in", "out", "hours", "late by", "left early by", "overtime"] {
        let _ = write!(body, "<th class=\"number\">{label}</th>");
    }
    body.push_str("<th></th></tr></thead>\n<tbody>\n");
    for person in people {
        let (day, said) = (person.on(date), remark(sheet, person, date));
        if day.is_none() && said.is_empty() {
            continue;
        }
        let _ = write!(body, "<tr><td>{}</td>{}", text(&person.user_id), name_cell(person));
        if with_departments {
            let _ = write!(body, "<td>{}</td>", text(&sheet.departments.name(person.department)));
        }
        let clock = |punch: Option<attendance_model::day::Punch>| {
            punch.map(|punch| punch.local.format("%H:%M").to_string()).unwrap_or_default()
        };
        let span = |span: Option<chrono::TimeDelta>| {
            span.filter(|span| span.num_minutes() != 0).map(hours).unwrap_or_default()
        };
        let cells = day.map_or_else(Default::default, |day| {
            [
                clock(day.day.first_in()),
                clock(day.day.last_out()),
                hours(day.day.worked()),
                span(day.late),
                span(day.left_early),
                span(day.overtime),
            ]
        });
        for cell in &cells {
            let _ = write!(body, "<td class=\"number\">{cell}</td>");
        }
        let _ = writeln!(body, "<td class=\"remark\">{said}</td></tr>");
    }
    body.push_str("</tbody>\n</table></div>\n");
}

fn name_cell(person: &Person) -> String {
    format!("<td class=\"name\" dir=\"auto\">{}</td>", text(&person.name))
}

fn name_or(name: &str, otherwise: &str) -> String {
    if name.is_empty() { otherwise.to_owned() } else { name.to_owned() }
}

fn tiles(tiles: &[(&str, String)], body: &mut String) {
    body.push_str("<dl class=\"tiles\">\n");
    for (label, value) in tiles {
        let _ = writeln!(body, "<div><dt>{label}</dt><dd>{value}</dd></div>");
    }
    body.push_str("</dl>\n");
}

/// Begins a section with a heading and a chart.
fn section(title: &str, chart: &str, body: &mut String) {
    let _ = write!(body, "<section><h2>{}</h2>\n{chart}", text(title));
}
