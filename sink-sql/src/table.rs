//! The name of the events' table.

use attendance_model::{NamedPerson, OptionsError};

/// A table's name, in a schema or not. Only plain identifiers, so that it fits into any statement, quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    schema: Option<String>,
    name: String,
}

/// PostgreSQL cuts names at 63 bytes; this leaves room for the longest suffix.
const LONGEST: usize = 46;

/// The table's name if none is set.
pub(crate) const DEFAULT: &str = "attendance_events";

/// First and last punch of each person and day.
pub(crate) const DAILY: &str = "daily_attendance";
/// The latest punch of each person.
pub(crate) const LATEST: &str = "latest_punch";

impl Table {
    /// The table of this name; `SCHEMA.TABLE` names the schema too.
    pub(crate) fn parse(text: &str) -> Result<Self, OptionsError> {
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) => (Some(identifier("table", schema)?), name),
            None => (None, text),
        };
        Ok(Self { schema, name: identifier("table", name)? })
    }

    /// In this schema; naming another one too is an error.
    pub(crate) fn in_schema(self, schema: &str) -> Result<Self, OptionsError> {
        let schema = identifier("schema", schema)?;
        match self.schema {
            Some(other) if other != schema => {
                let problem = format!("the table is said to be in {other}, and in {schema}");
                Err(OptionsError::new("schema", problem).hint("name the schema once"))
            }
            _ => Ok(Self { schema: Some(schema), ..self }),
        }
    }

    /// The schema, if one was named.
    pub(crate) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// For use in a statement, between `quote` characters.
    pub(crate) fn quoted(&self, quote: char) -> String {
        self.with_suffix(quote, "")
    }

    /// The table that holds the schema's version, for use in a statement.
    pub(crate) fn version_table(&self, quote: char) -> String {
        self.with_suffix(quote, "_schema")
    }

    /// The table of people next to this one.
    pub(crate) fn people(&self) -> Self {
        Self { schema: self.schema.clone(), name: NamedPerson::table_of(&self.name) }
    }

    /// A view of the table's, without its schema: by its own name for the default table, else after the table's.
    pub(crate) fn view_name(&self, view: &str) -> String {
        if self.name == DEFAULT { view.to_owned() } else { format!("{}_{view}", self.name) }
    }

    /// The values of a migration's placeholders, between `quote` characters. Indexes are named without the schema,
    /// which is that of their table.
    pub(crate) fn names(&self, quote: char) -> [(&'static str, String); 5] {
        let bare = |name: String| format!("{quote}{name}{quote}");
        let in_schema = |name: String| match &self.schema {
            Some(schema) => format!("{quote}{schema}{quote}.{}", bare(name)),
            None => bare(name),
        };
        [
            ("{table}", self.quoted(quote)),
            ("{daily}", in_schema(self.view_name(DAILY))),
            ("{latest}", in_schema(self.view_name(LATEST))),
            ("{by_user}", bare(format!("{}_by_user", self.name))),
            ("{by_device}", bare(format!("{}_by_device", self.name))),
        ]
    }

    fn with_suffix(&self, quote: char, suffix: &str) -> String {
        let name = &self.name;
        match &self.schema {
            Some(schema) => format!("{quote}{schema}{quote}.{quote}{name}{suffix}{quote}"),
            None => format!("{quote}{name}{suffix}{quote}"),
        }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The text when it is a plain identifier.
fn identifier(key: &str, text: &str) -> Result<String, OptionsError> {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if plain && starts_well && text.len() <= LONGEST && !text.to_ascii_lowercase().starts_with("sqlite_") {
        return Ok(text.to_owned());
    }
    let hint = format!("use letters, digits and _, not a digit first, at most {LONGEST}, such as attendance_events");
    Err(OptionsError::new(key, format!("{text:?} is not a name that every database takes")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_plain_identifier_are_refused() {
        for name in ["", "1st", "a b", "a\"b", "a;drop", "a.b.c", "sqlite_master", "é", &"x".repeat(47)] {
            assert!(Table::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_schema_is_quoted_on_its_own() {
        let table = Table::parse("hr.punches").unwrap();
        assert_eq!(table.quoted('"'), "\"hr\".\"punches\"");
        assert_eq!(table.version_table('"'), "\"hr\".\"punches_schema\"");
        assert_eq!(table.to_string(), "hr.punches");
    }

    #[test]
    fn views_have_names_of_their_own_beside_the_default_table_alone() {
        let names = |table: &str| Table::parse(table).unwrap().names('"').map(|(_, name)| name);
        let [_, daily, latest, by_user, _] = names("attendance_events");
        assert_eq!(
            [daily, latest, by_user],
            ["\"daily_attendance\"", "\"latest_punch\"", "\"attendance_events_by_user\""]
        );
        let [table, daily, ..] = names("hr.punches");
        assert_eq!([table, daily], ["\"hr\".\"punches\"", "\"hr\".\"punches_daily_attendance\""]);
        let longest = Table::parse(&"x".repeat(LONGEST)).unwrap().people();
        assert!(longest.version_table('"').len() <= 63 + 2);
        assert_eq!(Table::parse("hr.punches").unwrap().people().to_string(), "hr.punches_people");
        assert_eq!(Table::parse(DEFAULT).unwrap().people().to_string(), "attendance_people");
        assert!(names(&"x".repeat(LONGEST)).iter().all(|name| name.len() <= 63 + 2));
    }
}
