//! The URL of a MongoDB sink.

use attendance_model::{OptionsError, Settings};

/// Which servers, and which database. Credentials in the URL are checked for their place and not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MongoOptions {
    pub(crate) name: String,
    pub(crate) hosts: String,
    pub(crate) database: String,
}

impl MongoOptions {
    /// From `mongodb://[USER:PASSWORD@]HOST[:PORT][,HOST…]/DB` (or `mongodb+srv://`). There are no settings yet.
    ///
    /// # Errors
    /// [`OptionsError`] that names what cannot be used, without credentials.
    pub fn parse(name: &str, url: &str, settings: Settings) -> Result<Self, OptionsError> {
        let refused = |problem: &str| OptionsError::new("url", problem).mend("write mongodb://HOST/DB");
        let rest = url
            .strip_prefix("mongodb://")
            .or_else(|| url.strip_prefix("mongodb+srv://"))
            .ok_or_else(|| refused("not a URL of MongoDB"))?;
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A password may hold an @, or a slash: what is behind the last @ is the place.
        let place = address.rsplit_once('@').map_or(address, |(_, place)| place);
        let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
        if query.contains('@') {
            return Err(refused("an @ behind the question mark: percent-encode the password"));
        }
        if hosts.split(',').any(str::is_empty) {
            return Err(refused("the URL names no host"));
        }
        if database.is_empty() {
            return Err(refused("the URL names no database"));
        }
        settings.finish(&[])?;
        Ok(Self { name: name.to_owned(), hosts: hosts.to_owned(), database: database.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<MongoOptions, OptionsError> {
        MongoOptions::parse("school", url, Settings::default())
    }

    #[test]
    fn hosts_and_database_are_read_and_credentials_are_not_kept() {
        let options = parse("mongodb://ann:hunter2@192.0.2.1:27017,192.0.2.2/attendance?w=majority").unwrap();
        assert_eq!((options.hosts.as_str(), options.database.as_str()), ("192.0.2.1:27017,192.0.2.2", "attendance"));
        assert!(!format!("{options:?}").contains("hunter2"));
    }

    #[test]
    fn what_names_no_host_or_no_database_is_refused_without_its_password() {
        for url in [
            "mongodb://",
            "mongodb://ann:hunter2@/db",
            "mongodb://192.0.2.1",
            "mongodb://ann:hunter2@192.0.2.1/",
            "mongodb://a,,b/db",
            "mongodb://ann:hunter2?x@192.0.2.1/db",
            "mongo://ann:hunter2@192.0.2.1/db",
        ] {
            let error = parse(url).unwrap_err();
            assert_eq!(error.key, "url", "{url}");
            assert!(!format!("{error:?}").contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn a_setting_is_unknown() {
        let settings = Settings::new([("collection".to_owned(), "x".to_owned())]);
        let error = MongoOptions::parse("school", "mongodb://192.0.2.1/db", settings).unwrap_err();
        assert_eq!(error.key, "collection");
    }
}
