//! The probe: the rights of the user, the version of the layout, the indexes.

use attendance_model::{Notice, SinkError, SinkErrorKind};
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Error;
use mongodb::options::IndexOptions;
use mongodb::{Collection, Database, IndexModel};

use crate::error::{from_driver, is_duplicate, is_unauthorized, is_unknown_command, no_right};

/// The version of the layout that this program writes.
const VERSION: i64 = 1;

/// The indexes that readers need: a person's punches, and a terminal's, in the order of time.
const INDEXES: [(&str, [&str; 2]); 2] = [
    ("user_id_1_local_time_1", ["user_id", "local_time"]),
    ("device_serial_1_local_time_1", ["device_serial", "local_time"]),
];

/// The failure of a step of the probe.
pub(crate) enum Fault {
    /// The driver or the server says so.
    Driver(Error),
    /// We say so.
    Refused(SinkError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

impl Fault {
    pub(crate) fn into_sink_error(self, target: &str) -> SinkError {
        match self {
            Self::Driver(error) => from_driver("prepare", target, &error),
            Self::Refused(error) => error,
        }
    }
}

/// Checks that the collection can be written to, and makes what is missing.
pub(crate) async fn prepare(database: &Database, collection: &str, target: &str) -> Result<Vec<Notice>, Fault> {
    check_primary(database, target).await?;
    check_rights(database, collection, target).await?;
    let mut notices = Vec::new();
    notices.extend(check_version(database, collection, target).await?);
    notices.extend(make_indexes(&database.collection(collection), target).await?);
    Ok(notices)
}

/// Checks that the collection of people can be written to, and notes its version.
pub(crate) async fn prepare_people(database: &Database, collection: &str, target: &str) -> Result<(), Fault> {
    check_rights(database, collection, target).await?;
    check_version(database, collection, target).await.map(|_| ())
}

/// A secondary that is named directly answers everything but a write.
async fn check_primary(database: &Database, target: &str) -> Result<(), Fault> {
    let hello = match database.run_command(doc! { "hello": 1 }).await {
        Ok(hello) => hello,
        // Before 4.4.2 it had another name. There the first write shows it.
        Err(error) if is_unknown_command(&error) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if hello.get_bool("isWritablePrimary").unwrap_or(true) {
        return Ok(());
    }
    let what = format!("cannot write to {target}: the server is not the primary of its replica set");
    Err(Fault::Refused(
        SinkError::new(SinkErrorKind::ReadOnly, what)
            .hint("name every member of the replica set in the URL, and leave out directConnection"),
    ))
}

/// Asks for the rights themselves: a write that would show a missing one would have to store something.
async fn check_rights(database: &Database, collection: &str, target: &str) -> Result<(), Fault> {
    let status = match database.run_command(doc! { "connectionStatus": 1, "showPrivileges": true }).await {
        Ok(status) => status,
        // Where it cannot be asked, the first write shows it.
        Err(error) if is_unknown_command(&error) || is_unauthorized(&error) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let Ok(info) = status.get_document("authInfo") else { return Ok(()) };
    let users = info.get_array("authenticatedUsers").map_or(0, Vec::len);
    let Ok(privileges) = info.get_array("authenticatedUserPrivileges") else { return Ok(()) };
    // Without users, the server asks nobody who they are.
    if users == 0 || privileges.iter().any(|privilege| lets_insert(privilege, database.name(), collection)) {
        return Ok(());
    }
    Err(Fault::Refused(no_right("insert into", target)))
}

fn lets_insert(privilege: &Bson, database: &str, collection: &str) -> bool {
    let Some(privilege) = privilege.as_document() else { return false };
    let inserts = privilege
        .get_array("actions")
        .is_ok_and(|actions| actions.iter().any(|action| action.as_str() == Some("insert")));
    let Ok(resource) = privilege.get_document("resource") else { return false };
    // An empty name means all of them.
    let covers = |key, name| resource.get_str(key).is_ok_and(|covered| covered.is_empty() || covered == name);
    inserts
        && (resource.get_bool("anyResource").unwrap_or(false)
            || covers("db", database) && covers("collection", collection))
}

/// The version is noted next to the collection; the layout of a newer program is left alone.
async fn check_version(database: &Database, collection: &str, target: &str) -> Result<Option<Notice>, Fault> {
    let notes: Collection<Document> = database.collection(&format!("{collection}_schema"));
    let found = match notes.find_one(doc! { "_id": "version" }).await {
        Err(error) if is_unauthorized(&error) => return Ok(Some(unnoted(collection))),
        found => found?,
    };
    let Some(note) = found else {
        return match notes.insert_one(doc! { "_id": "version", "version": VERSION }).await {
            Ok(_) => Ok(None),
            // Somebody who started at the same moment.
            Err(error) if is_duplicate(&error) => Ok(None),
            Err(error) if is_unauthorized(&error) => Ok(Some(unnoted(collection))),
            Err(error) => Err(error.into()),
        };
    };
    let version = note.get("version").and_then(|version| version.as_i64().or(version.as_i32().map(i64::from)));
    match version {
        Some(version) if version <= VERSION => Ok(None),
        version => {
            let found = version.map_or("an unknown version".to_owned(), |version| format!("version {version}"));
            let what = format!("{target} has {found} of the layout, newer than this program's {VERSION}");
            let error = SinkError::new(SinkErrorKind::Schema, what);
            Err(Fault::Refused(error.hint("update this program, or set another `collection`")))
        }
    }
}

fn unnoted(collection: &str) -> Notice {
    Notice::new(format!("the version of the layout cannot be read or noted in {collection}_schema"))
        .hint(format!("grant this user find and insert on {collection}_schema"))
}

async fn make_indexes(collection: &Collection<Document>, target: &str) -> Result<Option<Notice>, Fault> {
    // A collection that is not there has none.
    let there = collection.list_index_names().await.unwrap_or_default();
    let missing: Vec<IndexModel> = INDEXES
        .into_iter()
        .filter(|(name, _)| !there.iter().any(|there| there == name))
        .map(|(name, [first, second])| {
            let options = IndexOptions::builder().name(name.to_owned()).build();
            IndexModel::builder().keys(doc! { first: 1, second: 1 }).options(options).build()
        })
        .collect();
    if missing.is_empty() {
        return Ok(None);
    }
    match collection.create_indexes(missing).await {
        Ok(_) => Ok(None),
        Err(error) if is_unauthorized(&error) => {
            let what = format!("{target} lacks indexes that readers need, and this user may not make them");
            let statements = INDEXES.map(|(_, [first, second])| {
                format!("db.{}.createIndex({{{first}: 1, {second}: 1}})", collection.name())
            });
            Ok(Some(Notice::new(what).hint(format!("let an administrator run {}", statements.join("; ")))))
        }
        Err(error) => Err(error.into()),
    }
}
