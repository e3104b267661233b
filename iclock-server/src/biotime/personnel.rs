//! People, as the terminals' user tables have them, and what programs ask for besides.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use iclock_sync::query::Names;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::paging::Listing;
use super::refused::Refused;
use crate::server::Server;

/// The name of the one area.
pub(super) const AREA_NAME: &str = "All";
/// User ids below this are the numbers of their people; other ids have numbers from this on.
const OTHERS: u32 = 1_000_000_000;

/// The area that all terminals and people are in: programs take it for granted that there is one.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Area {
    id: u32,
    area_code: &'static str,
    area_name: &'static str,
    parent_area: Option<u32>,
}

/// A department: the group in the terminals' user tables, whose name nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Department {
    id: u8,
    dept_code: String,
    dept_name: String,
    parent_dept: Option<u32>,
}

/// A person as the vendor's server shows one. Passwords and cards are not kept here.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Employee {
    id: u32,
    emp_code: String,
    first_name: String,
    last_name: &'static str,
    nickname: Option<String>,
    device_password: Option<String>,
    card_no: Option<String>,
    department: Department,
    dept_name: String,
    position: Option<u32>,
    position_name: Option<String>,
    area: [Area; 1],
    area_name: &'static str,
    hire_date: Option<String>,
    gender: Option<String>,
    birthday: Option<String>,
    verify_mode: i32,
    emp_type: Option<u32>,
    contact_tel: Option<String>,
    office_tel: Option<String>,
    mobile: Option<String>,
    national: Option<String>,
    city: Option<String>,
    address: Option<String>,
    postcode: Option<String>,
    email: Option<String>,
    enroll_sn: &'static str,
    ssn: Option<String>,
    religion: Option<String>,
    enable_att: bool,
    enable_overtime: bool,
    enable_holiday: bool,
    dev_privilege: u32,
    app_status: u32,
    app_role: u32,
    update_time: Option<String>,
}

/// Lists the people of the user tables, by number.
pub(super) async fn employees(State(server): State<Arc<Server>>, listing: Listing) -> Result<Response, Refused> {
    let same = ["emp_code", "first_name", "last_name", "department", "area"].map(|name| (name, name));
    listing.answer_of(&everybody(&server).await?, &[&same[..], &[("areas", "area")]].concat())
}

/// Returns one person.
pub(super) async fn employee(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<Employee>, Refused> {
    let is_it = |row: &Employee| id.parse() == Ok(row.id);
    everybody(&server).await?.into_iter().find(is_it).map(Json).ok_or_else(Refused::not_found)
}

/// Lists the departments.
pub(super) async fn departments(State(server): State<Arc<Server>>, listing: Listing) -> Result<Response, Refused> {
    listing.answer_of(&all_departments(&server).await?, &["dept_code", "dept_name"].map(|name| (name, name)))
}

/// Returns one department.
pub(super) async fn department(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<Department>, Refused> {
    let is_it = |row: &Department| id.parse() == Ok(row.id);
    all_departments(&server).await?.into_iter().find(is_it).map(Json).ok_or_else(Refused::not_found)
}

/// Lists the one area.
pub(super) async fn areas(listing: Listing) -> Result<Response, Refused> {
    listing.answer_of(&[Area::ONE], &["area_code", "area_name"].map(|name| (name, name)))
}

/// Returns the one area.
pub(super) async fn area(Path(id): Path<String>) -> Result<Json<Area>, Refused> {
    if id.parse() == Ok(Area::ONE.id) { Ok(Json(Area::ONE)) } else { Err(Refused::not_found()) }
}

/// A list that is always empty: nobody tells the terminals of positions, or who left.
pub(super) async fn nothing(listing: Listing) -> Result<Response, Refused> {
    listing.answer_of::<u32>(&[], &[])
}

async fn everybody(server: &Arc<Server>) -> Result<Vec<Employee>, Refused> {
    Ok(people(&server.ask(|query| query.names()).await?))
}

async fn all_departments(server: &Arc<Server>) -> Result<Vec<Department>, Refused> {
    let names = server.ask(|query| query.names()).await?;
    let mut rows: Vec<_> = names.iter().map(|(_, _, number)| Department::of(number)).collect();
    rows.sort_unstable();
    rows.dedup();
    Ok(rows)
}

fn people(names: &Names) -> Vec<Employee> {
    let mut rows: Vec<_> = names.iter().map(|(user_id, name, number)| Employee::of(user_id, name, number)).collect();
    rows.sort_by(|one, other| (one.id, &one.emp_code).cmp(&(other.id, &other.emp_code)));
    rows
}

/// The number of a person: it has to stay the same, and to fit into 31 bits. A user id that is such a number is its
/// own.
fn number_of(user_id: &str) -> u32 {
    let as_it_is = user_id.parse().ok().filter(|id: &u32| (1..OTHERS).contains(id) && id.to_string() == user_id);
    as_it_is.unwrap_or_else(|| {
        let digest: [u8; 32] = Sha256::digest(user_id).into();
        let [one, two, three, four, ..] = digest;
        OTHERS + u32::from_be_bytes([one, two, three, four]) % (i32::MAX.unsigned_abs() - OTHERS)
    })
}

impl Area {
    /// The one area.
    pub(super) const ONE: Self = Self { id: 1, area_code: "1", area_name: AREA_NAME, parent_area: None };
}

impl Department {
    fn of(number: u8) -> Self {
        Self { id: number, dept_code: number.to_string(), dept_name: number.to_string(), parent_dept: None }
    }
}

impl Employee {
    fn of(user_id: &str, name: &str, number: u8) -> Self {
        let department = Department::of(number);
        Self {
            id: number_of(user_id),
            emp_code: user_id.to_owned(),
            first_name: name.to_owned(),
            last_name: "",
            nickname: None,
            device_password: None,
            card_no: None,
            dept_name: department.dept_name.clone(),
            department,
            position: None,
            position_name: None,
            area: [Area::ONE],
            area_name: AREA_NAME,
            hire_date: None,
            gender: None,
            birthday: None,
            verify_mode: 0,
            emp_type: None,
            contact_tel: None,
            office_tel: None,
            mobile: None,
            national: None,
            city: None,
            address: None,
            postcode: None,
            email: None,
            enroll_sn: "",
            ssn: None,
            religion: None,
            enable_att: true,
            enable_overtime: false,
            enable_holiday: false,
            dev_privilege: 0,
            app_status: 0,
            app_role: 1,
            update_time: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_one_number_that_fits_and_a_short_user_id_is_its_own() {
        assert_eq!((number_of("1"), number_of("999999999")), (1, 999_999_999));
        let others = ["0", "007", "1000000000", "99999999999", "A7", "", "+7"];
        for user_id in others {
            let number = number_of(user_id);
            assert!((OTHERS..i32::MAX.unsigned_abs()).contains(&number), "{user_id}: {number}");
            assert_eq!(number, number_of(user_id));
        }
        let mut numbers = others.map(number_of);
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|two| two[0] != two[1]));
    }
}
