//! The files that a user deploys name the fields that the sink writes, and their README says the same.

use attendance_model::legacy::{COLLECTION, field};
use serde_json::{Value, json};

const INDEXES: &str = include_str!("../deploy/firestore.indexes.json");
const README: &str = include_str!("../deploy/README.md");

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_index_is_that_of_schoolsync_s_query_and_what_nobody_queries_is_exempt() {
    let ascending = |field: &str| json!({ "fieldPath": field, "order": "ASCENDING" });
    let exempt = |field: &str| json!({ "collectionGroup": COLLECTION, "fieldPath": field, "indexes": [] });
    let expected = json!({
        "indexes": [{
            "collectionGroup": COLLECTION,
            "queryScope": "COLLECTION",
            "fields": [ascending(field::STAFF_ID), ascending(field::TIMESTAMP)],
        }],
        "fieldOverrides": [exempt(field::UPLOADED_AT), exempt("_src")],
    });
    assert_eq!(parse(INDEXES), expected);
}

#[test]
fn the_project_file_points_to_the_index_file() {
    let project = parse(include_str!("../deploy/firebase.json"));
    assert_eq!(project, json!({ "firestore": { "indexes": "firestore.indexes.json" } }));
}

#[test]
fn the_readme_shows_the_index_file_to_the_letter() {
    assert!(README.contains(&format!("```json\n{INDEXES}```\n")));
}

#[test]
fn the_commands_of_the_readme_make_the_same_index_and_exemptions() {
    let indexes = parse(INDEXES);
    let commands: Vec<String> =
        README.replace("\\\n", " ").lines().filter(|line| line.starts_with("gcloud ")).map(str::to_owned).collect();
    let words = |command: &str| command.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let made: Vec<Vec<String>> = commands.iter().map(|command| words(command)).collect();
    let mut expected = Vec::new();
    for index in indexes["indexes"].as_array().unwrap() {
        let mut command = format!(
            "gcloud firestore indexes composite create --collection-group={} --query-scope={}",
            index["collectionGroup"].as_str().unwrap(),
            index["queryScope"].as_str().unwrap()
        );
        for field in index["fields"].as_array().unwrap() {
            let (path, order) = (field["fieldPath"].as_str().unwrap(), field["order"].as_str().unwrap());
            command += &format!(" --field-config=field-path={path},order={}", order.to_lowercase());
        }
        expected.push(words(&command));
    }
    for exemption in indexes["fieldOverrides"].as_array().unwrap() {
        let (field, group) = (&exemption["fieldPath"], &exemption["collectionGroup"]);
        expected.push(words(&format!(
            "gcloud firestore indexes fields update {} --collection-group={} --disable-indexes",
            field.as_str().unwrap(),
            group.as_str().unwrap()
        )));
    }
    assert_eq!(made, expected);
}
