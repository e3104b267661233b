//! The columns of the table of people, and the people that it can hold.

use attendance_model::NamedPerson;

use crate::mapping::Limits;

/// The columns, in the order in which rows are bound.
pub(crate) const COLUMNS: [&str; 5] = ["device_serial", "user_id", "device_name", "name", "seen_at"];

/// The most characters of a name.
const NAME: usize = NamedPerson::LONGEST;

/// The people that the columns hold, in the order in which every writer locks their rows. The others have no events
/// there either, since these are refused for the same reason.
pub(crate) fn held(people: &[NamedPerson], limits: &Limits) -> Vec<NamedPerson> {
    let fits = |person: &&NamedPerson| {
        let fields = [
            (&person.device_serial, limits.device_serial),
            (&person.device_name, limits.device_name),
            (&person.user_id, limits.user_id),
            (&person.name, NAME),
        ];
        fields
            .into_iter()
            .all(|(text, most)| !text.contains('\0') && (text.len() <= most || text.chars().count() <= most))
    };
    let mut held: Vec<NamedPerson> = people.iter().filter(fits).cloned().collect();
    held.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
    held
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn those_who_do_not_fit_are_left_out_and_the_rest_is_in_order() {
        let person =
            |serial: &str, user: &str, name: &str| NamedPerson::new((serial, "gate"), user, name, DateTime::UNIX_EPOCH);
        let limits = Limits { user_id: 3, ..Limits::NONE };
        let people = [
            person("B", "7", "Zoe"),
            person("A", "1234", "Eva"),
            person("A", "éé9", "Ali"),
            person("A", "8", "a\0b"),
            person("A", "9", &"x".repeat(NAME + 1)),
        ];
        assert_eq!(held(&people, &limits), [person("A", "éé9", "Ali"), person("B", "7", "Zoe")]);
    }
}
