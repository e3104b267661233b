//! The collection that is written to: its project and database, on the service or on an emulator.

use attendance_model::OptionsError;

/// The database that a project has without naming one.
const DEFAULT_DATABASE: &str = "(default)";
const SHAPE: &str = "write firestore://PROJECT/COLLECTION, or firestore:///COLLECTION with the project of the key file \
                     in `credentials`";

/// A collection of a service. Its parts are checked: names made of them are well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    project: String,
    database: String,
    collection: String,
    emulator: Option<String>,
}

impl Endpoint {
    /// A collection in the default database of the real service.
    pub(crate) fn new(project: &str, collection: &str) -> Result<Self, OptionsError> {
        check_project(project)?;
        check_collection(collection)?;
        Ok(Self {
            project: project.to_owned(),
            database: DEFAULT_DATABASE.to_owned(),
            collection: collection.to_owned(),
            emulator: None,
        })
    }

    pub(crate) fn use_database(&mut self, database: &str) -> Result<(), OptionsError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if database != DEFAULT_DATABASE && (database.is_empty() || !database.chars().all(plain)) {
            return Err(OptionsError::new("database", format!("{database:?} is not the name of a database"))
                .hint("leave it out for the default database; names have a-z, 0-9 and -"));
        }
        self.database = database.to_owned();
        Ok(())
    }

    /// Takes an emulator's `HOST:PORT`, also with the `http://` that some write before it.
    pub(crate) fn use_emulator(&mut self, address: &str) -> Result<(), OptionsError> {
        let bare = address.trim().trim_start_matches("http://").trim_end_matches('/');
        let sound = bare.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:[]".contains(c))
                && port.parse::<u16>().is_ok_and(|port| port != 0)
        });
        if !sound {
            return Err(OptionsError::new("emulator", format!("{address:?} is not the address of an emulator"))
                .hint("write HOST:PORT, as in 127.0.0.1:8080"));
        }
        self.emulator = Some(bare.to_owned());
        Ok(())
    }

    pub(crate) fn project(&self) -> &str {
        &self.project
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn is_emulator(&self) -> bool {
        self.emulator.is_some()
    }

    /// `projects/P/databases/D`
    pub(crate) fn database_path(&self) -> String {
        format!("projects/{}/databases/{}", self.project, self.database)
    }

    /// The beginning of the collection's document names.
    pub(crate) fn documents(&self) -> String {
        format!("{}/documents/{}", self.database_path(), self.collection)
    }

    /// The collections of this name, as indexes are made for.
    pub(crate) fn collection_group(&self) -> String {
        format!("{}/collectionGroups/{}", self.database_path(), self.parent_and_collection().1)
    }

    /// The collection's parent, and its own name.
    pub(crate) fn parent_and_collection(&self) -> (String, String) {
        let documents = format!("{}/documents", self.database_path());
        match self.collection.rsplit_once('/') {
            None => (documents, self.collection.clone()),
            Some((document, collection)) => (format!("{documents}/{document}"), collection.to_owned()),
        }
    }

    /// The target in the form of [`attendance_model::Sink::target`]. An emulator's differs from the service's, or a
    /// trial would leave events marked as delivered.
    pub(crate) fn target(&self) -> String {
        let place = match self.database.as_str() {
            DEFAULT_DATABASE => format!("{}/{}", self.project, self.collection),
            database => format!("{}/{database}/{}", self.project, self.collection),
        };
        match &self.emulator {
            None => format!("firestore://{place}"),
            Some(address) => format!("firestore-emulator://{address}/{place}"),
        }
    }

    /// The address for the requests.
    pub(crate) fn url(&self) -> String {
        match &self.emulator {
            None => "https://firestore.googleapis.com".to_owned(),
            Some(address) => format!("http://{address}"),
        }
    }
}

/// Project, possibly empty, and collection of a sink's URL.
pub(crate) fn split_url(url: &str) -> Result<(&str, &str), OptionsError> {
    let rest = url
        .strip_prefix("firestore://")
        .ok_or_else(|| invalid_url("the URL does not begin with firestore://", SHAPE))?;
    // Not quoted: the part before an @ may be a secret.
    if rest.contains('@') {
        return Err(invalid_url(
            "the URL of a Firestore sink holds no credentials",
            "leave out the part before the @, and set `credentials` to a service-account key",
        ));
    }
    if rest.contains(['?', '#']) {
        return Err(invalid_url(
            "the URL of a Firestore sink has no ? and no #",
            "give settings next to the URL, not in it",
        ));
    }
    rest.split_once('/').ok_or_else(|| invalid_url("the URL names no collection", SHAPE))
}

pub(crate) fn invalid_url(problem: &str, hint: &str) -> OptionsError {
    OptionsError::new("url", problem).hint(hint)
}

fn check_project(project: &str) -> Result<(), OptionsError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:".contains(c);
    if project.is_empty() || !project.chars().all(plain) {
        return Err(invalid_url(
            &format!("{project:?} is not the id of a project"),
            "write the id that the Firebase console shows under project settings, as in my-project-1a2b3",
        ));
    }
    Ok(())
}

/// A collection's name, or the path of one below a document: an odd number of segments.
fn check_collection(collection: &str) -> Result<(), OptionsError> {
    let reserved = |segment: &str| segment.len() >= 4 && segment.starts_with("__") && segment.ends_with("__");
    let unsound = |segment: &str| {
        segment.is_empty() || segment.len() > 1500 || segment == "." || segment == ".." || reserved(segment)
    };
    if collection.split('/').any(unsound) {
        return Err(invalid_url(&format!("{collection:?} cannot be the name of a collection"), SHAPE));
    }
    if collection.split('/').count().is_multiple_of(2) {
        return Err(invalid_url(&format!("{collection:?} is the path of a document, not of a collection"), SHAPE));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_tells_the_service_the_emulator_and_the_databases_apart() {
        let mut endpoint = Endpoint::new("my-project", "logs").unwrap();
        assert_eq!(endpoint.target(), "firestore://my-project/logs");
        endpoint.use_database("second").unwrap();
        assert_eq!(endpoint.target(), "firestore://my-project/second/logs");
        endpoint.use_emulator("[::1]:8080").unwrap();
        assert_eq!(endpoint.target(), "firestore-emulator://[::1]:8080/my-project/second/logs");
    }

    #[test]
    fn documents_are_named_below_their_collection() {
        let endpoint = Endpoint::new("p", "schools/north/logs").unwrap();
        assert_eq!(endpoint.documents(), "projects/p/databases/(default)/documents/schools/north/logs");
        let (parent, collection) = endpoint.parent_and_collection();
        assert_eq!(parent, "projects/p/databases/(default)/documents/schools/north");
        assert_eq!(collection, "logs");
        assert_eq!(endpoint.collection_group(), "projects/p/databases/(default)/collectionGroups/logs");
    }
}
